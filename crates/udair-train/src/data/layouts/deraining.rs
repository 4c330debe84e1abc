//! Rain: RealRain-1k, LHP-Rain, `Rain100L` and `Rain100H`.

use std::path::Path;

use super::{Layout, Role, by_folder, folders, split_by_folder, stem};

/// RealRain-1k: `RealRain-1k-{L,H}/{train,val,test}/{input,target}/<n>.png` (the release of
/// hiker-lw/RealRain-1k as loaded by the field, e.g. in `ConvIR` and NDR-Restore; Li et al., 2022). The
/// validation part belongs to training, as in the paper's 1,568 and 448.
pub(super) const REALRAIN_1K: Layout = Layout {
    name: "realrain-1k",
    task: "derain",
    described: "RealRain-1k-{L,H}/{train,val,test}/{input,target}/<n>.png (hiker-lw/RealRain-1k)",
    role: |path| by_folder(path, "input", "target"),
    split: Some(|path| split_by_folder(path, &["train", "training", "val", "validation"], &["test"])),
    paired: true,
};

/// LHP-Rain, simple version: `<split>/{input,gt}/<name>.png` (`SCD-Former/dataset/dataset_derain.py` of
/// yunguo224/LHP-Rain; Guo et al., ICCV 2023).
pub(super) const LHP_RAIN: Layout = Layout {
    name: "lhp-rain",
    task: "derain",
    described: "{input,gt}/<name>.png (SCD-Former of yunguo224/LHP-Rain)",
    role: |path| by_folder(path, "input", "gt"),
    split: Some(|path| split_by_folder(path, &["train"], &["test"])),
    paired: true,
};

/// `Rain100L`: `rain_data_train_Light/{rain/norain-<n>x2.png,norain/norain-<n>.png}` and
/// `rain_data_test_Light/{rain/X2/norain-<n>x2.png,norain/norain-<n>.png}` (release of Yang et al., CVPR
/// 2017), or `Rain100L/{rainy/rain-<n>.png,norain-<n>.png}` (csdwren/PReNet).
pub(super) const RAIN100L: Layout = Layout {
    name: "rain100l",
    task: "derain",
    described: "rain_data_{train,test}_Light/{rain,norain} (Yang et al. 2017) or Rain100L/ (csdwren/PReNet)",
    role: |path| streaks(path, "Heavy", "Rain100H"),
    split: Some(yang_split),
    paired: true,
};

/// `Rain100H`: as `Rain100L` with `Heavy` for `Light` (same sources).
pub(super) const RAIN100H: Layout = Layout {
    name: "rain100h",
    task: "derain",
    described: "rain_data_{train,test}_Heavy/{rain,norain} (Yang et al. 2017) or Rain100H/ (csdwren/PReNet)",
    role: |path| streaks(path, "Light", "Rain100L"),
    split: Some(yang_split),
    paired: true,
};

/// Role by a folder `rain` or `rainy`, key by the number in the name; the set of the `other` strength is
/// left out where both lie side by side.
fn streaks(path: &Path, other: &str, other_too: &str) -> Option<(Role, String)> {
    let folders = folders(path);
    if folders.iter().any(|folder| folder.ends_with(other) || *folder == other_too) {
        return None;
    }
    let (name, number) = stem(path)?.rsplit_once('-')?;
    let number = number.trim_end_matches("x2").trim_start_matches('0');
    let set = folders.iter().find(|folder| folder.starts_with("rain_data_")).unwrap_or(&"");
    let key = format!("{set}/{number}");
    if folders.iter().any(|folder| ["rain", "rainy"].contains(folder)) {
        return Some((Role::Degraded, key));
    }
    (name == "norain").then_some((Role::Clean, key))
}

/// Yang et al. name the split in the folder; the archives of others hold the test pictures.
#[expect(clippy::unnecessary_wraps, reason = "the signature of all splits")]
fn yang_split(path: &Path) -> Option<super::Split> {
    let train = folders(path).iter().any(|folder| folder.starts_with("rain_data_train"));
    Some(if train { super::Split::Train } else { super::Split::Test })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{pair, read};
    use crate::data::Split;

    #[test]
    fn realrain_has_two_densities_and_three_parts() {
        let mut files = Vec::new();
        for part in ["RealRain-1k-L/train", "RealRain-1k-L/val", "RealRain-1k-H/test"] {
            files.extend([format!("{part}/input/7.png"), format!("{part}/target/7.png")]);
        }
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        assert_eq!(read("realrain-1k", &files, Split::All).expect("the layout").len(), 3);
        assert_eq!(read("realrain-1k", &files, Split::Train).expect("the layout").len(), 2);
        let test = read("realrain-1k", &files, Split::Test).expect("the layout");
        assert_eq!(test, [pair(files[4], files[5])]);
    }

    #[test]
    fn lhp_rain_pairs_by_name() {
        let files = ["train/input/0001.png", "train/gt/0001.png", "test/input/0001.png", "test/gt/0001.png"];
        let test = read("lhp-rain", &files, Split::Test).expect("the layout");
        assert_eq!(test, [pair(files[2], files[3])]);
        assert_eq!(read("lhp-rain", &files, Split::All).expect("the layout").len(), 2);
    }

    #[test]
    fn rain100_in_both_layouts() {
        let files = [
            "rain_data_train_Light/rain/norain-1x2.png",
            "rain_data_train_Light/norain/norain-1.png",
            "rain_data_test_Light/rain/X2/norain-001x2.png",
            "rain_data_test_Light/norain/norain-001.png",
            "rain_data_test_Heavy/rain/X2/norain-001x2.png",
            "rain_data_test_Heavy/norain/norain-001.png",
        ];
        let test = |name| read(name, &files, Split::Test).expect("the layout");
        assert_eq!(test("rain100l"), [pair(files[2], files[3])]);
        assert_eq!(test("rain100h"), [pair(files[4], files[5])]);
        let train = read("rain100l", &files, Split::Train).expect("the layout");
        assert_eq!(train, [pair(files[0], files[1])]);

        let files = ["Rain100L/rainy/rain-001.png", "Rain100L/norain-001.png"];
        let test = read("rain100l", &files, Split::Test).expect("the layout");
        assert_eq!(test, [pair(files[0], files[1])]);
    }
}
