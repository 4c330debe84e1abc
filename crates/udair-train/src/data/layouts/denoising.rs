//! Noise: SIDD, `PolyU`, and the clean photos that the field adds Gaussian noise to.

use super::{Layout, Role, Split, folders, photo, stem};

/// SIDD, Small or Medium, sRGB: `Data/<instance>_<scene>_<phone>_<iso>_…/[NNNN_]NOISY_SRGB_010.PNG` and
/// `…GT_SRGB_010.PNG` (`ReadMe_sRGB.txt` of the release; Abdelhamed, Lin and Brown, CVPR 2018).
///
/// The ten scenes 001 to 010 are the second number of a folder's name; the first eight in this order are
/// the training split, the last two the test split (the paper trains on eight and tests on two, without
/// naming them). The pictures have 10 to 16 megapixels: cut them with [`crate::data::cut`], 512 pixels at
/// a stride of 512.
pub(super) const SIDD: Layout = Layout {
    name: "sidd",
    task: "denoise",
    described: "Data/<instance>_<scene>_…/*NOISY_SRGB_*.PNG and *GT_SRGB_*.PNG (ReadMe_sRGB.txt of SIDD)",
    role: |path| {
        let stem = stem(path)?.to_ascii_uppercase();
        let (before, shot) = stem.split_once("SRGB_")?;
        let role = if before.ends_with("NOISY_") {
            Role::Degraded
        } else if before.ends_with("GT_") {
            Role::Clean
        } else {
            return None;
        };
        Some((role, format!("{}/{shot}", folders(path).join("/"))))
    },
    split: Some(|path| {
        let instance = folders(path).pop()?;
        let scene: usize = instance.split('_').nth(1)?.parse().ok()?;
        Some(if scene <= 8 { Split::Train } else { Split::Test })
    }),
    paired: true,
};

/// `PolyU`: `CroppedImages/<camera>_…_<scene>_<n>_real.JPG` and `…_mean.JPG`, 512 x 512 (repository
/// csjunxu/PolyU-Real-World-Noisy-Images-Dataset; Xu et al., 2018).
pub(super) const POLYU: Layout = Layout {
    name: "polyu",
    task: "denoise",
    described: "CroppedImages/*_real.JPG and *_mean.JPG (csjunxu/PolyU-Real-World-Noisy-Images-Dataset)",
    role: |path| {
        let stem = stem(path)?;
        if let Some(key) = stem.strip_suffix("_real") {
            return Some((Role::Degraded, key.into()));
        }
        Some((Role::Clean, stem.strip_suffix("_mean")?.into()))
    },
    split: None,
    paired: true,
};

/// BSD400: the training and test pictures of BSDS500, `images/{train,test}/*.jpg`, without its validation
/// pictures (`BSDS500/data/images` of the Berkeley release; Arbelaez et al., TPAMI 2011).
pub(super) const BSD400: Layout = Layout {
    name: "bsd400",
    task: "clean",
    described: "images/{train,test}/*.jpg (BSDS500 of Berkeley, without val)",
    role: |path| match folders(path)[..] {
        [.., "images", "train" | "test"] => photo(path),
        _ => None,
    },
    split: None,
    paired: false,
};

/// WED: `pristine_images/00001.bmp` to `04744.bmp` (`exploration_database_and_code` of the release; Ma et
/// al., "Waterloo exploration database", IEEE TIP 2017).
pub(super) const WED: Layout = Layout {
    name: "wed",
    task: "clean",
    described: "pristine_images/NNNNN.bmp (Waterloo Exploration Database)",
    role: |path| folders(path).last().is_some_and(|own| *own == "pristine_images").then(|| photo(path))?,
    split: None,
    paired: false,
};

/// CBSD68: `original_png/0000.png` to `0067.png`; the folders `noisy5` … `noisy50` are left out, since
/// noise is drawn (repository clausmichele/CBSD68-dataset).
pub(super) const CBSD68: Layout = Layout {
    name: "cbsd68",
    task: "clean",
    described: "original_png/NNNN.png (clausmichele/CBSD68-dataset)",
    role: |path| folders(path).last().is_some_and(|own| *own == "original_png").then(|| photo(path))?,
    split: None,
    paired: false,
};

/// Kodak: `kodim01.png` to `kodim24.png` (r0k.us/graphics/kodak).
pub(super) const KODAK: Layout = Layout {
    name: "kodak",
    task: "clean",
    described: "kodimNN.png (r0k.us/graphics/kodak)",
    role: |path| stem(path)?.starts_with("kodim").then(|| photo(path))?,
    split: None,
    paired: false,
};

#[cfg(test)]
mod tests {
    use super::super::tests::{pair, read};
    use super::*;

    #[test]
    fn sidd_medium_and_small_with_scenes_as_split() {
        let files = [
            "Data/0001_001_S6_00100_00060_3200_L/0001_NOISY_SRGB_010.PNG",
            "Data/0001_001_S6_00100_00060_3200_L/0001_GT_SRGB_010.PNG",
            "Data/0001_001_S6_00100_00060_3200_L/0001_NOISY_SRGB_011.PNG",
            "Data/0001_001_S6_00100_00060_3200_L/0001_GT_SRGB_011.PNG",
            "Data/0200_010_GP_01600_03200_5500_N/NOISY_SRGB_010.PNG",
            "Data/0200_010_GP_01600_03200_5500_N/GT_SRGB_010.PNG",
            "Scene_Instances.txt",
        ];
        let all = read("sidd", &files, Split::All).expect("the layout");
        assert_eq!(all.len(), 3);
        assert!(all.iter().all(|(lq, gt)| lq.replace("NOISY", "GT") == *gt));
        assert_eq!(read("sidd", &files, Split::Train).expect("scene 1").len(), 2);
        assert_eq!(read("sidd", &files, Split::Test).expect("scene 10"), [pair(files[4], files[5])]);
    }

    #[test]
    fn polyu_pairs_by_suffix() {
        let files = [
            "CroppedImages/Canon5D2_5_160_3200_chair_11_mean.JPG",
            "CroppedImages/Canon5D2_5_160_3200_chair_11_real.JPG",
            "OriginalImages/Canon5D2_chair.JPG",
        ];
        assert_eq!(read("polyu", &files, Split::All).expect("the layout"), [pair(files[1], files[0])]);
    }

    #[test]
    fn clean_photos() {
        for (name, files, count) in [
            (
                "bsd400",
                &["data/images/train/1.jpg", "data/images/test/2.jpg", "data/images/val/3.jpg"][..],
                2,
            ),
            ("wed", &["pristine_images/00001.bmp", "support_functions/x.png"], 1),
            ("cbsd68", &["CBSD68/original_png/0000.png", "CBSD68/noisy25/0000.png"], 1),
            ("kodak", &["kodim01.png", "kodim24.png", "thumb.png"], 2),
        ] {
            let read = read(name, files, Split::All).expect(name);
            assert_eq!(read.len(), count, "{name}");
            assert!(read.iter().all(|(lq, gt)| lq == "-" && gt != "-"), "{name}");
        }
    }
}
