//! Where the trainer's batches and validation pairs come from.

use std::path::Path;
use std::sync::Arc;

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
}

impl Batches for Dataset {
    fn patterns(&self) -> &[String] {
        self.patterns()
    }

    fn batch(&self, number: u64, size: usize, per_pattern: usize) -> Result<Batch, DataError> {
        self.batch(number, size, per_pattern)
    }
}

/// Opens what `[data]` and `[val]` name.
pub fn open(config: &Config) -> Result<(Arc<dyn Batches>, Vec<Pair>), TrainError> {
    let data = &config.data;
    if data.manifest.is_empty() {
        return Err(TrainError::Config("data.manifest is empty\nhint: name a manifest.tsv".into()));
    }
    let manifest = Manifest::read(Path::new(&data.manifest))?;
    let (mix, recipe) = (data.mix.clone(), data.recipe.clone());
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
}

/// A pair for validation.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Its pattern.
    pub pattern: String,
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
                let pattern = entry.task.clone();
                pairs.push(Self {
                    pattern,
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
