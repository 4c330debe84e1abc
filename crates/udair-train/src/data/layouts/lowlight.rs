//! Low light: LOL v1, its 1,500-picture mix, LIME.

use super::{Layout, by_folder, folders, split_by_folder, unpaired};

/// LOL v1: `our485/{low,high}/<n>.png` to train, `eval15/{low,high}/<n>.png` to test (`LOLdataset.zip`; Wei
/// et al., "Deep Retinex decomposition for low-light enhancement", BMVC 2018).
pub(super) const LOL_V1: Layout = Layout {
    name: "lol-v1",
    task: "lowlight",
    described: "{our485,eval15}/{low,high}/<n>.png (LOLdataset.zip, Wei et al. 2018)",
    role: |path| if folders(path).contains(&"syn") { None } else { by_folder(path, "low", "high") },
    split: Some(|path| split_by_folder(path, &["our485"], &["eval15"])),
    paired: true,
};

/// The 1,500-picture mix: LOL v1 and, in `syn/{low,high}`, the 1,000 pairs made from RAISE raw files (the
/// folders that `main.py` of weichen582/RetinexNet trains on). The paper's 1,300 and 200 are not listed
/// anywhere; `eval15` is what can be held out by folder.
pub(super) const LOL_1500: Layout = Layout {
    name: "lol-1500",
    task: "lowlight",
    described: "{our485,syn,eval15}/{low,high}/<n>.png (main.py of weichen582/RetinexNet)",
    role: |path| by_folder(path, "low", "high"),
    split: Some(|path| split_by_folder(path, &["our485", "syn"], &["eval15"])),
    paired: true,
};

/// LIME: ten dark pictures without references in one folder (Guo, Li and Ling, IEEE TIP 2017).
pub(super) const LIME: Layout = Layout {
    name: "lime",
    task: "lowlight",
    described: "LIME/*.bmp, no references (Guo et al. 2017)",
    role: unpaired,
    split: None,
    paired: false,
};

#[cfg(test)]
mod tests {
    use super::super::tests::{pair, read};
    use crate::data::Split;

    #[test]
    fn lol_by_folder() {
        let files = [
            "our485/low/2.png",
            "our485/high/2.png",
            "eval15/low/1.png",
            "eval15/high/1.png",
            "syn/low/r0001.png",
            "syn/high/r0001.png",
        ];
        let count = |name, split| read(name, &files, split).expect("the layout").len();
        assert_eq!([Split::All, Split::Train, Split::Test].map(|split| count("lol-v1", split)), [2, 1, 1]);
        assert_eq!([Split::All, Split::Train, Split::Test].map(|split| count("lol-1500", split)), [3, 2, 1]);
        let test = read("lol-v1", &files, Split::Test).expect("the layout");
        assert_eq!(test, [pair(files[2], files[3])]);
    }

    #[test]
    fn lime_has_no_references() {
        assert_eq!(read("lime", &["1.bmp"], Split::All).expect("the layout"), [pair("1.bmp", "-")]);
    }
}
