//! Photos of many megapixels cut into windows on disk, once, before training: decoding a whole photo for
//! one small crop would keep the trainer waiting.

use std::fs;
use std::path::{Path, PathBuf};

use super::{DataError, Entry, Manifest, Rgb8, save_png};

/// Cuts every entry of `manifest` into windows of `size` x `size` pixels at a distance of `stride`, writes
/// them below `out` as `<task>/<source>/{lq,gt}/<number>-<name>-<x>-<y>.png`, and returns their manifest.
///
/// What is left at the right and bottom is dropped, and so are pictures smaller than a window. The paper
/// cuts SIDD with `size` and `stride` 512.
pub fn cut(manifest: &Manifest, size: usize, stride: usize, out: &Path) -> Result<Manifest, DataError> {
    let mut entries = Vec::new();
    for (number, entry) in manifest.entries.iter().enumerate() {
        let sides = [("lq", &entry.lq), ("gt", &entry.gt)];
        let mut cuts: [Vec<PathBuf>; 2] = [Vec::new(), Vec::new()];
        for ((side, path), cuts) in sides.into_iter().zip(&mut cuts) {
            let Some(path) = path else { continue };
            let picture = Rgb8::open(path)?;
            let folder = out.join(&entry.task).join(&entry.source).join(side);
            fs::create_dir_all(&folder).map_err(DataError::io(&folder))?;
            for (x, y) in windows(picture.width, picture.height, size, stride) {
                let file = folder.join(format!("{:04}-{}-{x}-{y}.png", number + 1, entry.name()));
                save_png(&file, &picture.crop(x, y, size, size))?;
                cuts.push(file);
            }
        }
        let [lq, gt] = cuts;
        if entry.lq.is_some() && entry.gt.is_some() && lq.len() != gt.len() {
            let path = entry.gt.as_deref().unwrap_or(out);
            return Err(DataError::picture(path, &"differs in size from its degraded picture"));
        }
        entries.extend((0..lq.len().max(gt.len())).map(|at| Entry {
            lq: lq.get(at).cloned(),
            gt: gt.get(at).cloned(),
            ..entry.clone()
        }));
    }
    Ok(Manifest { entries })
}

/// Top left corners of the windows that fit, row by row.
fn windows(width: usize, height: usize, size: usize, stride: usize) -> impl Iterator<Item = (usize, usize)> {
    let starts = move |length: usize| (0..(length + 1).saturating_sub(size)).step_by(stride.max(1));
    starts(height).flat_map(move |y| starts(width).map(move |x| (x, y)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::pictures;
    use crate::data::{Layout, Split};

    #[test]
    fn windows_fit_and_touch() {
        let all: Vec<_> = windows(1100, 512, 512, 512).collect();
        assert_eq!(all, [(0, 0), (512, 0)]);
        assert_eq!(windows(511, 900, 512, 512).count(), 0);
        assert_eq!(windows(10, 10, 4, 3).count(), 9, "overlapping");
    }

    #[test]
    fn sidd_is_cut_into_pairs() {
        let instance = "Data/0001_001_S6_00100_00060_3200_L";
        let [noisy, clean] = ["NOISY", "GT"].map(|side| format!("{instance}/0001_{side}_SRGB_010.PNG"));
        let folder = pictures(&[(&noisy, 40, 20), (&clean, 40, 20)]);
        let sidd = Layout::named("sidd").expect("published").read(folder.path(), Split::All).expect("a pair");
        let out = folder.path().join("cut");
        let cuts = cut(&sidd, 16, 16, &out).expect("cut");
        assert_eq!(cuts.entries.len(), 2);
        let whole = Rgb8::open(&folder.path().join(&clean)).expect("a picture");
        let second = cuts.entries[1].gt.as_deref().expect("a clean side");
        assert_eq!(Rgb8::open(second).expect("a picture").photo(), whole.crop(16, 0, 16, 16));
        let written = cuts.write(&out).expect("a manifest");
        assert_eq!(Manifest::read(&written).expect("readable"), cuts);
    }
}
