//! Haze: the outdoor parts of RESIDE (Li et al., "Benchmarking single-image dehazing and beyond", IEEE TIP
//! 2019).

use super::{Layout, Role, folders, stem, unpaired};

/// Folders of hazy pictures, some releases in numbered parts below, and of clear ones.
fn hazy_or_clear(path: &std::path::Path) -> Option<(Role, String)> {
    let folders = folders(path);
    let role = folders.iter().rev().find_map(|folder| match *folder {
        "hazy" => Some(Role::Degraded),
        "clear" | "gt" => Some(Role::Clean),
        _ => None,
    })?;
    // Hazy pictures are named <scene>_<A>_<beta>.
    let scene = stem(path)?.split('_').next()?;
    Some((role, scene.into()))
}

/// OTS: `clear/<scene>.jpg` and, per scene, 35 pictures `hazy/[partN/]<scene>_<A>_<beta>.jpg` (RESIDE-beta;
/// `OTS/{hazy,clear}` as in `docs/zh-CN/dataset/RESIDE.md` of PaddlePaddle/PaddleVideo). The paper takes
/// one of each scene: [`crate::data::Manifest::one_per_reference`].
pub(super) const OTS: Layout = Layout {
    name: "ots",
    task: "dehaze",
    described: "hazy/[partN/]<scene>_<A>_<beta>.jpg and clear/<scene>.jpg (RESIDE-beta OTS)",
    role: hazy_or_clear,
    split: None,
    paired: true,
};

/// SOTS outdoor: `outdoor/hazy/<scene>_<A>_<beta>.jpg` and `outdoor/clear/<scene>.png`, `gt` in later
/// releases (RESIDE-standard; same source). A test set.
pub(super) const SOTS: Layout = Layout {
    name: "sots-outdoor",
    task: "dehaze",
    described: "outdoor/hazy/<scene>_<A>_<beta>.jpg and outdoor/{clear,gt}/<scene>.png (RESIDE SOTS)",
    role: |path| if folders(path).contains(&"indoor") { None } else { hazy_or_clear(path) },
    split: None,
    paired: true,
};

/// URHI: real hazy pictures without references in one folder (RESIDE-beta, `URHI/*`).
pub(super) const URHI: Layout = Layout {
    name: "urhi",
    task: "dehaze",
    described: "URHI/*, no references (RESIDE-beta)",
    role: unpaired,
    split: None,
    paired: false,
};

#[cfg(test)]
mod tests {
    use super::super::tests::{pair, read};
    use crate::data::Split;

    #[test]
    fn many_hazy_pictures_share_a_clear_one() {
        let files = [
            "clear/0005.jpg",
            "clear/0008.jpg",
            "hazy/part1/0005_0.8_0.04.jpg",
            "hazy/part2/0005_1_0.2.jpg",
            "hazy/part1/0008_0.85_0.1.jpg",
        ];
        let pairs = read("ots", &files, Split::All).expect("the layout");
        let expected = [pair(files[2], files[0]), pair(files[4], files[1]), pair(files[3], files[0])];
        assert_eq!(pairs, expected);
    }

    #[test]
    fn sots_outdoor_leaves_the_indoor_part_out() {
        let files = [
            "outdoor/clear/0001.png",
            "outdoor/hazy/0001_0.8_0.2.jpg",
            "indoor/hazy/1400_1.png",
            "indoor/clear/1400.png",
        ];
        assert_eq!(read("sots-outdoor", &files, Split::All).expect("the layout"), [pair(files[1], files[0])]);
        let files = ["outdoor/gt/0001.png", "outdoor/hazy/0001_0.8_0.2.jpg"];
        assert_eq!(read("sots-outdoor", &files, Split::All).expect("the layout"), [pair(files[1], files[0])]);
    }

    #[test]
    fn urhi_has_no_references() {
        assert_eq!(read("urhi", &["a.jpeg"], Split::All).expect("the layout"), [pair("a.jpeg", "-")]);
    }
}
