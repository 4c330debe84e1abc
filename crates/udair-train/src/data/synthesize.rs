//! Pairs written to disk: what the trainer sees on the fly, as files to look at or to train others on.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::{DataError, Entry, Manifest, Rgb8, save_png};
use crate::degrade::{Kind, Recipe, Transmission};
use crate::rng::Stream;

/// How to make pairs from clean photos.
#[derive(Debug, Clone)]
pub struct Synthesis {
    /// What to do to them.
    pub kind: Kind,
    /// Ranges to draw from.
    pub recipe: Recipe,
    /// Depths of real scenes, possibly none.
    pub scenes: Vec<Transmission>,
    /// Factor on the strength that the recipe draws; 0 leaves the photos as they are.
    pub strength: f32,
    /// Degraded versions of each photo.
    pub versions: usize,
    /// Seed of all draws.
    pub seed: u64,
}

impl Synthesis {
    /// Writes `gt/NNNN-<name>.png`, `lq/NNNN-<name>-<version>.png` and `manifest.tsv` into `out`.
    ///
    /// `after_each` hears how many photos are done and may stop the work; what was written until then
    /// stands in the manifest. Version v of photo n is drawn from (seed, v, n).
    pub fn write(
        &self,
        photos: &[PathBuf],
        out: &Path,
        mut after_each: impl FnMut(usize) -> ControlFlow<()>,
    ) -> Result<Manifest, DataError> {
        for folder in ["lq", "gt"].map(|side| out.join(side)) {
            fs::create_dir_all(&folder).map_err(DataError::io(&folder))?;
        }
        let mut manifest = Manifest::default();
        for (index, path) in photos.iter().enumerate() {
            let clean = Rgb8::open(path)?.photo();
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let gt = out.join(format!("gt/{:04}-{name}.png", index + 1));
            save_png(&gt, &clean)?;
            for version in 0..self.versions {
                let mut stream = Stream::new(self.seed, version as u64, index as u64);
                let mut degraded = clean.clone();
                let plan = self.recipe.draw(self.kind, &self.scenes, &mut stream).at(self.strength);
                plan.apply(&mut degraded, &mut stream);
                let lq = out.join(format!("lq/{:04}-{name}-{}.png", index + 1, version + 1));
                save_png(&lq, &degraded)?;
                manifest.entries.push(Entry {
                    task: self.kind.id().into(),
                    source: "synthetic".into(),
                    lq: Some(lq),
                    gt: Some(gt.clone()),
                });
            }
            if after_each(index + 1).is_break() {
                break;
            }
        }
        manifest.write(out)?;
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::pictures;

    #[test]
    fn pairs_are_written_listed_and_repeatable() {
        let folder = pictures(&[("a.png", 24, 20), ("b.png", 24, 20)]);
        let photos: Vec<PathBuf> = ["a.png", "b.png"].map(|name| folder.path().join(name)).into();
        let synthesis = Synthesis {
            kind: Kind::Rain,
            recipe: Recipe::default(),
            scenes: Vec::new(),
            strength: 1.0,
            versions: 2,
            seed: 1,
        };
        let write = |out: &str| {
            let out = folder.path().join(out);
            synthesis.write(&photos, &out, |_| ControlFlow::Continue(())).expect("written")
        };
        let (first, second) = (write("first"), write("second"));
        assert_eq!(first.entries.len(), 4);
        assert_eq!(Manifest::read(&folder.path().join("first/manifest.tsv")).expect("readable"), first);
        for (first, second) in first.entries.iter().zip(&second.entries) {
            let open = |path: &Option<PathBuf>| Rgb8::open(path.as_deref().expect("a pair")).expect("a PNG");
            assert_eq!(open(&first.lq), open(&second.lq));
            assert_ne!(open(&first.lq), open(&first.gt));
        }
        let out = folder.path().join("third");
        let stopped = synthesis.write(&photos, &out, |_| ControlFlow::Break(())).expect("written");
        assert_eq!(stopped.entries.len(), 2);
    }
}
