//! Where the trainer's batches and validation pairs come from.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use udair_engine::kept_out;
use udair_image::fingerprint;

use crate::TrainError;
use crate::config::Config;
use crate::data::{Batch, DataError, Dataset, Manifest, Rgb8};

/// A source of batches, each a function of its number alone, so that a resumed run sees what an
/// uninterrupted one sees.
pub trait Batches: Send + Sync {
    /// Names of the patterns, in the order of the batches.
    fn patterns(&self) -> &[String];

    /// Batch number `number`: `per_pattern` crops of `size` x `size` pixels of every pattern.
    fn batch(&self, number: u64, size: usize, per_pattern: usize) -> Result<Batch, DataError>;

    /// Fingerprints of all picture files behind the batches; none where they are made up.
    fn fingerprints(&self) -> Result<BTreeSet<String>, DataError> {
        Ok(BTreeSet::new())
    }
}

impl Batches for Dataset {
    fn patterns(&self) -> &[String] {
        self.patterns()
    }

    fn fingerprints(&self) -> Result<BTreeSet<String>, DataError> {
        // Made-up photos have names, but no files.
        let files: BTreeSet<&Path> = self.files().filter(|path| path.exists()).collect();
        let read = |path: &Path| std::fs::read(path).map_err(DataError::io(path));
        files.into_iter().map(|path| Ok(fingerprint(&read(path)?))).collect()
    }

    fn batch(&self, number: u64, size: usize, per_pattern: usize) -> Result<Batch, DataError> {
        self.batch(number, size, per_pattern)
    }
}

/// Made-up photos of a run without files, and their sides in pixels.
const GENERATED: (usize, usize) = (96, 256);

/// Opens what `[data]` and `[val]` name. Without a `data.manifest` photos are made up, and so are the
/// validation pairs, from other photos.
pub fn open(config: &Config) -> Result<(Arc<dyn Batches>, Vec<Pair>), TrainError> {
    let data = &config.data;
    let (mix, recipe) = (data.mix.clone(), data.recipe.clone());
    if data.manifest.is_empty() {
        let (count, side) = GENERATED;
        let generated =
            |seed| Dataset::generated(count, side, &data.patterns, mix.clone(), recipe.clone(), seed);
        let pairs = Pair::drawn(&generated(config.seed + 1)?, config.val.crop, config.val.most)?;
        return Ok((Arc::new(generated(config.seed)?), pairs));
    }
    let mut manifest = Manifest::read(Path::new(&data.manifest))?;
    if data.keep_out {
        manifest.entries.retain(|entry| !kept_out(&entry.name()));
    }
    let mut dataset = Dataset::new(&manifest, &data.patterns, mix, recipe, config.seed, data.cache << 20)?;
    if data.scenes {
        dataset = dataset.with_scenes_of(&manifest)?;
    }
    let pairs = match config.val.manifest.as_str() {
        "" => Vec::new(),
        path => Pair::read(Path::new(path), config.val.crop, config.val.most)?,
    };
    Ok((Arc::new(dataset), pairs))
}

/// The first `count` batches of another source, again and again: a network that cannot learn these
/// by heart has a fault.
pub struct Overfit {
    /// Where the batches come from.
    pub batches: Arc<dyn Batches>,
    /// How many there are.
    pub count: u64,
}

impl Batches for Overfit {
    fn patterns(&self) -> &[String] {
        self.batches.patterns()
    }

    fn batch(&self, number: u64, size: usize, per_pattern: usize) -> Result<Batch, DataError> {
        self.batches.batch(number % self.count.max(1), size, per_pattern)
    }

    fn fingerprints(&self) -> Result<BTreeSet<String>, DataError> {
        self.batches.fingerprints()
    }
}

/// A pair for validation.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Its pattern.
    pub pattern: String,
    /// The data set that it is from.
    pub source: String,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// `height * width * 3` interleaved values in \[0, 1\].
    pub degraded: Vec<f32>,
    /// The reference, of the same shape.
    pub clean: Vec<f32>,
}

impl Pair {
    /// `each` pairs of every pattern, squares of `size` pixels, out of batches.
    pub fn drawn(batches: &dyn Batches, size: usize, each: usize) -> Result<Vec<Self>, DataError> {
        let mut pairs = Vec::new();
        for number in 0..each as u64 {
            let batch = batches.batch(number, size, 1)?;
            for (picture, label) in batch.labels().into_iter().enumerate() {
                let Some(label) = label else { continue };
                pairs.push(Self {
                    pattern: batches.patterns()[label].clone(),
                    source: "drawn".into(),
                    width: size,
                    height: size,
                    degraded: batch.rgb(&batch.degraded, picture),
                    clean: batch.rgb(&batch.clean, picture),
                });
            }
        }
        Ok(pairs)
    }

    /// The first `most` pairs of every source of a manifest, their centres of at most `crop` x
    /// `crop` pixels. Clean pictures are pairs with themselves; pictures without reference are
    /// left out.
    pub fn read(manifest: &Path, crop: usize, most: usize) -> Result<Vec<Self>, DataError> {
        let entries = Manifest::read(manifest)?.entries;
        let mut pairs = Vec::new();
        let mut counts = std::collections::BTreeMap::<_, usize>::new();
        for entry in &entries {
            let Some(gt) = &entry.gt else { continue };
            let Some(lq) = entry.lq.as_ref().or((entry.task == "clean").then_some(gt)) else { continue };
            let count = counts.entry((&entry.task, &entry.source)).or_default();
            *count += 1;
            if *count > most {
                continue;
            }
            let (degraded, clean) = (Rgb8::open(lq)?, Rgb8::open(gt)?);
            let (width, height) = (crop.min(clean.width), crop.min(clean.height));
            let centre = |picture: &Rgb8| {
                let (x, y) = ((picture.width - width) / 2, (picture.height - height) / 2);
                picture.crop(x, y, width, height).pixels
            };
            if (degraded.width, degraded.height) == (clean.width, clean.height) {
                pairs.push(Self {
                    pattern: entry.task.clone(),
                    source: entry.source.clone(),
                    width,
                    height,
                    degraded: centre(&degraded),
                    clean: centre(&clean),
                });
            }
        }
        Ok(pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::pictures;

    #[test]
    fn the_tenth_for_calibration_stays_out_of_training() {
        let names: Vec<String> = (0..60).map(|i| format!("photo{i}.png")).collect();
        let files: Vec<_> = names.iter().map(|name| (name.as_str(), 24, 24)).collect();
        let folder = pictures(&files);
        let lines: Vec<String> = names.iter().map(|name| format!("clean\tphotos\t-\t{name}")).collect();
        let manifest = folder.path().join("manifest.tsv");
        std::fs::write(&manifest, lines.join("\n")).unwrap();
        let seen = |keep_out: bool| {
            let set = [
                format!("data.keep_out={keep_out}"),
                format!("data.manifest={:?}", manifest.display().to_string()),
                "data.patterns=[\"denoise\", \"clean\"]".into(),
            ];
            open(&Config::read("", &set).unwrap()).unwrap().0.fingerprints().unwrap()
        };
        let print = |name: &String| fingerprint(&std::fs::read(folder.path().join(name)).unwrap());
        let rest = names.iter().filter(|name| !kept_out(name.trim_end_matches(".png")));
        let rest: BTreeSet<String> = rest.map(print).collect();
        assert!(rest.len() < names.len());
        assert_eq!(seen(true), rest);
        assert_eq!(seen(false), names.iter().map(print).collect());
    }
}
