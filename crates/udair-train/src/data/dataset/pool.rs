//! What one pattern is drawn from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::data::{DataError, Manifest, Mix};
use crate::degrade::Kind;
use crate::rng::Stream;

/// A real pair.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) lq: PathBuf,
    pub(super) gt: PathBuf,
}

/// The real pairs of one data set.
#[derive(Debug)]
pub(super) struct Source {
    name: String,
    weight: f32,
    pub(super) pairs: Vec<Pair>,
}

/// The pictures of one pattern.
#[derive(Debug)]
pub(super) struct Pool {
    /// How to make more; none for a pattern that cannot be synthesised, such as `clean`.
    pub(super) kind: Option<Kind>,
    pub(super) sources: Vec<Source>,
    pub(super) unpaired: Vec<PathBuf>,
    pub(super) synthetic_share: f32,
    pub(super) unpaired_share: f32,
    pub(super) whole_share: f32,
    pub(super) enlarged_share: f32,
    pub(super) grey_share: f32,
}

impl Pool {
    /// Real pictures, with and without reference.
    pub(super) fn len(&self) -> usize {
        self.sources.iter().map(|source| source.pairs.len()).sum::<usize>() + self.unpaired.len()
    }

    /// Which source the next pair comes from, by weight.
    pub(super) fn draw_source(&self, stream: &mut Stream) -> usize {
        let total: f32 = self.sources.iter().map(|source| source.weight).sum();
        let mut left = stream.unit() * total;
        for (at, source) in self.sources.iter().enumerate() {
            left -= source.weight;
            if left < 0.0 {
                return at;
            }
        }
        self.sources.len() - 1
    }
}

/// The pools of all `patterns`, in their order.
pub(super) fn pools(
    manifest: &Manifest,
    patterns: &[String],
    mix: &Mix,
    photos: bool,
) -> Result<Vec<Pool>, DataError> {
    patterns.iter().map(|pattern| pool(manifest, pattern, mix, photos)).collect()
}

fn pool(manifest: &Manifest, pattern: &str, mix: &Mix, photos: bool) -> Result<Pool, DataError> {
    let named = |shares: &BTreeMap<String, f32>| shares.get(pattern).copied().unwrap_or(0.0);
    let mut pool = Pool {
        kind: pattern.parse().ok().filter(|_| photos),
        sources: Vec::new(),
        unpaired: Vec::new(),
        synthetic_share: mix.synthetic_of(pattern),
        unpaired_share: named(&mix.unpaired),
        whole_share: named(&mix.whole),
        enlarged_share: named(&mix.enlarged),
        grey_share: named(&mix.grey),
    };
    let clean = pattern == "clean";
    for entry in manifest.entries.iter().filter(|entry| entry.task == pattern && !clean) {
        let weight = mix.weight_of(&entry.source);
        match (&entry.lq, &entry.gt) {
            _ if weight <= 0.0 => {}
            (Some(lq), Some(gt)) => {
                let pair = Pair { lq: lq.clone(), gt: gt.clone() };
                match pool.sources.iter_mut().find(|source| source.name == entry.source) {
                    Some(source) => source.pairs.push(pair),
                    None => {
                        pool.sources.push(Source { name: entry.source.clone(), weight, pairs: vec![pair] });
                    }
                }
            }
            (Some(lq), None) => pool.unpaired.push(lq.clone()),
            _ => {}
        }
    }
    if pool.unpaired.is_empty() {
        pool.unpaired_share = 0.0;
    }
    if pool.sources.is_empty() {
        pool.synthetic_share = 1.0;
        if clean && !photos || !clean && pool.kind.is_none() {
            return Err(DataError::insufficient(
                format!("there is nothing to train the pattern {pattern:?} on"),
                "add pairs of this task, or clean photos (task clean) to degrade, to the manifest",
            ));
        }
    }
    Ok(pool)
}
