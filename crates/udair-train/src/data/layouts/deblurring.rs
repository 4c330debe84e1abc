//! Motion blur, for the field's five-task protocol: `GoPro`.

use super::{Layout, by_folder, split_by_folder};

/// `GoPro`: `{train,test}/<sequence>/{blur,sharp}/<frame>.png`; `blur_gamma` is left out (`GOPRO_Large`; Nah,
/// Kim and Lee, CVPR 2017, seungjunnah.github.io/Datasets/gopro).
pub(super) const GOPRO: Layout = Layout {
    name: "gopro",
    task: "deblur",
    described: "{train,test}/<sequence>/{blur,sharp}/<frame>.png (GOPRO_Large, Nah et al. 2017)",
    role: |path| by_folder(path, "blur", "sharp"),
    split: Some(|path| split_by_folder(path, &["train"], &["test"])),
    paired: true,
};

#[cfg(test)]
mod tests {
    use super::super::tests::{pair, read};
    use crate::data::Split;

    #[test]
    fn gopro_pairs_within_a_sequence() {
        let files = [
            "train/GOPR0372_07_00/blur/000047.png",
            "train/GOPR0372_07_00/blur_gamma/000047.png",
            "train/GOPR0372_07_00/sharp/000047.png",
            "test/GOPR0384_11_00/blur/000047.png",
            "test/GOPR0384_11_00/sharp/000047.png",
        ];
        let train = read("gopro", &files, Split::Train).expect("the layout");
        assert_eq!(train, [pair(files[0], files[2])]);
        assert_eq!(read("gopro", &files, Split::All).expect("the layout").len(), 2);
    }
}
