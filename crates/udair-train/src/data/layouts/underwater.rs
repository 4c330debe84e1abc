//! Under water: UIEB and UFO-120.

use super::{Layout, Role, folders, photo, split_by_folder, stem};

/// UIEB: `raw-890/<name>.png` and `reference-890/<name>.png` (project page of Li et al., "An underwater
/// image enhancement benchmark dataset and beyond", IEEE TIP 2020). The paper's 700 and 190 are not listed.
pub(super) const UIEB: Layout = Layout {
    name: "uieb",
    task: "underwater",
    described: "raw-890/<name>.png and reference-890/<name>.png (project page, Li et al. 2020)",
    role: |path| {
        let role = match folders(path).pop()? {
            "raw-890" => Role::Degraded,
            "reference-890" => Role::Clean,
            _ => return None,
        };
        Some((role, stem(path)?.into()))
    },
    split: None,
    paired: true,
};

/// UFO-120: `train_val/lrd/*` and `TEST/lrd/*`, the distorted pictures of 320 x 240 (Islam, Luo and Sattar,
/// RSS 2020; folders as in `measure_uiqm.py` of xahidbuffon/Deep-SESR). Their references `hr` have twice the
/// size, so the set has no pairs for restoration; the paper uses it without references as well.
pub(super) const UFO_120: Layout = Layout {
    name: "ufo-120",
    task: "underwater",
    described: "{train_val,TEST}/lrd/*, no references of the same size (xahidbuffon/Deep-SESR)",
    role: |path| (folders(path).pop()? == "lrd").then(|| photo(path))?.map(|(_, key)| (Role::Degraded, key)),
    split: Some(|path| split_by_folder(path, &["train_val"], &["TEST"])),
    paired: false,
};

#[cfg(test)]
mod tests {
    use super::super::tests::{pair, read};
    use crate::data::Split;

    #[test]
    fn uieb_pairs_by_name() {
        let files = ["raw-890/12_img_.png", "reference-890/12_img_.png", "challenging-60/3.png"];
        assert_eq!(read("uieb", &files, Split::All).expect("the layout"), [pair(files[0], files[1])]);
    }

    #[test]
    fn ufo_120_takes_the_distorted_pictures() {
        let files =
            ["TEST/lrd/set_1.jpg", "TEST/hr/set_1.jpg", "train_val/lrd/a.jpg", "train_val/mask/a.jpg"];
        assert_eq!(read("ufo-120", &files, Split::Test).expect("the layout"), [pair(files[0], "-")]);
        assert_eq!(read("ufo-120", &files, Split::All).expect("the layout").len(), 2);
    }
}
