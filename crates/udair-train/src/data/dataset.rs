//! Manifests, clean photos and recipes become balanced batches.
//!
//! A batch is a function of the seed and the step alone. Every pattern runs through its own lists in
//! shuffled passes; an epoch is as long as the longest, the shorter ones are repeated. The same clean photos
//! are degraded by all patterns, so that a network learns the pattern and not the data set.

mod draw;
mod pool;

use std::path::{Path, PathBuf};

use super::batch::{Batch, Flip};
use super::picture::{Cache, Rgb8};
use super::{DataError, Entry, Manifest, Mix};
use crate::degrade::{Recipe, Transmission};
use crate::rng::Stream;
use draw::Turn;
use pool::{Pool, pools};

/// Scenes whose depth is read off real hazy pairs, at most; each takes four bytes a pixel.
const MOST_SCENES: usize = 64;

/// The epoch of the draws of made-up photos, one that no training run reaches.
const GENERATED: u64 = u64::MAX;

/// Everything a run trains on.
#[derive(Debug)]
pub struct Dataset {
    patterns: Vec<String>,
    pools: Vec<Pool>,
    photos: Vec<PathBuf>,
    references: Vec<PathBuf>,
    scenes: Vec<Transmission>,
    recipe: Recipe,
    mix: Mix,
    cache: Cache,
    seed: u64,
    longest: usize,
}

impl Dataset {
    /// From the entries of `manifest` whose task is one of `patterns`.
    ///
    /// Pictures are decoded when they are first needed and kept within `memory` bytes. Fails where a
    /// pattern has neither pictures nor a degradation to make them, or clean photos are needed and there
    /// are none.
    pub fn new(
        manifest: &Manifest,
        patterns: &[String],
        mix: Mix,
        recipe: Recipe,
        seed: u64,
        memory: usize,
    ) -> Result<Self, DataError> {
        let photos: Vec<PathBuf> = manifest
            .entries
            .iter()
            .filter(|entry| entry.task == "clean" && mix.weight_of(&entry.source) > 0.0)
            .filter_map(|entry| entry.gt.clone().or(entry.lq.clone()))
            .collect();
        let shown = |entry: &&Entry| entry.lq.is_some() && mix.references.contains(&entry.source);
        let references = manifest.entries.iter().filter(shown).filter_map(|entry| entry.gt.clone()).collect();
        if photos.is_empty() && mix.mixed > 0 {
            return Err(DataError::insufficient(
                "mixed pictures are made from clean photos, and there are none",
                "add photos of the task clean to the manifest, or set mixed = 0",
            ));
        }
        let pools = pools(manifest, patterns, &mix, !photos.is_empty())?;
        let longest = pools.iter().map(Pool::len).chain([photos.len(), 1]).max().unwrap_or(1);
        Ok(Self {
            patterns: patterns.to_vec(),
            pools,
            photos,
            references,
            scenes: Vec::new(),
            recipe,
            mix,
            cache: Cache::new(memory),
            seed,
            longest,
        })
    }

    /// From `count` made-up photos of `side` x `side` pixels ([`super::dead_leaves`]) instead of files: a
    /// run to try things out. All patterns are synthetic.
    pub fn generated(
        count: usize,
        side: usize,
        patterns: &[String],
        mix: Mix,
        recipe: Recipe,
        seed: u64,
    ) -> Result<Self, DataError> {
        let names: Vec<PathBuf> = (0..count).map(|index| format!("dead leaves {index}").into()).collect();
        let photo = |name: &PathBuf| Entry {
            task: "clean".into(),
            source: "generated".into(),
            lq: None,
            gt: Some(name.clone()),
        };
        let manifest = Manifest { entries: names.iter().map(photo).collect() };
        let mut dataset = Self::new(&manifest, patterns, mix, recipe, seed, 0)?;
        for (index, name) in names.iter().enumerate() {
            let leaves = super::dead_leaves(side, &mut Stream::new(seed, GENERATED, index as u64));
            dataset.cache.keep(name, Rgb8 { width: side, height: side, samples: leaves.to_rgb8() });
        }
        Ok(dataset)
    }

    /// Reads the depths of real scenes off pairs of the task `dehaze`, for synthetic haze and water over
    /// other photos; returns how many pairs follow the law of haze. At most 64 are kept.
    pub fn with_scenes_of(mut self, manifest: &Manifest) -> Result<Self, DataError> {
        for entry in manifest.entries.iter().filter(|entry| entry.task == "dehaze") {
            if let (Some(lq), Some(gt)) = (&entry.lq, &entry.gt) {
                let (hazy, clear) = (Rgb8::open(lq)?, Rgb8::open(gt)?);
                self.scenes.extend(Transmission::from_pair(&clear.photo(), &hazy.photo()));
            }
            if self.scenes.len() == MOST_SCENES {
                break;
            }
        }
        Ok(self)
    }

    /// Names of the patterns, in the order of the batches.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// Items of the longest list: an epoch is as many pictures of every pattern.
    pub fn epoch_length(&self) -> usize {
        self.longest
    }

    /// Real pairs and real pictures without reference of every pattern, for the table before step one.
    pub fn counts(&self) -> impl Iterator<Item = (&str, usize, usize)> {
        self.patterns.iter().zip(&self.pools).map(|(pattern, pool)| {
            let unpaired = pool.unpaired.len();
            (pattern.as_str(), pool.len() - unpaired, unpaired)
        })
    }

    /// Every picture file that batches are made from.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let pairs = self.pools.iter().flat_map(|pool| &pool.sources).flat_map(|source| &source.pairs);
        let unpaired = self.pools.iter().flat_map(|pool| &pool.unpaired);
        let shown = self.photos.iter().chain(&self.references).chain(unpaired);
        pairs.flat_map(|pair| [&pair.lq, &pair.gt]).chain(shown).map(PathBuf::as_path)
    }

    /// Number of clean photos that all patterns share.
    pub fn photos(&self) -> usize {
        self.photos.len()
    }

    /// Number of real scenes whose depth is at hand.
    pub fn scenes(&self) -> usize {
        self.scenes.len()
    }

    /// The batch of step `step`: `per_pattern` crops of `size` x `size` pixels of every pattern, then the
    /// mixed ones and the extra ones. The same arguments give the same batch, whoever asks and in whatever order.
    pub fn batch(&self, step: u64, size: usize, per_pattern: usize) -> Result<Batch, DataError> {
        let patterns = self.patterns.len();
        let extra: Vec<usize> = self.patterns.iter().map(|name| self.mix.extra_of(name)).collect();
        let count = patterns * per_pattern + self.mix.mixed + extra.iter().sum::<usize>();
        let mut batch = Batch {
            degraded: Vec::with_capacity(count * 3 * size * size),
            clean: Vec::with_capacity(count * 3 * size * size),
            referenced: Vec::with_capacity(count),
            size,
            patterns,
            per_pattern,
        };
        // A pattern's pictures of a step follow each other in its sequence, the extra ones last.
        let of = |pattern: usize| per_pattern + extra[pattern];
        let balanced =
            (0..patterns).flat_map(|pattern| (0..per_pattern).map(move |nth| (pattern, nth, of(pattern))));
        let mixed = (0..self.mix.mixed).map(|nth| (patterns, nth, self.mix.mixed));
        let extra = (0..patterns)
            .flat_map(|pattern| (per_pattern..of(pattern)).map(move |nth| (pattern, nth, of(pattern))));
        for (pattern, nth, of) in balanced.chain(mixed).chain(extra) {
            let turn = Turn { pattern, position: step * of as u64 + nth as u64, size };
            let mut stream = self.stream(turn);
            let sample = if self.mix.same_picture {
                self.window_of_one(Turn { position: step, ..turn }, &mut stream)?
            } else {
                self.sample(turn, &mut stream)?
            };
            let flip = Flip { across: stream.chance(0.5), down: stream.chance(0.5) };
            flip.append(&sample.degraded, &mut batch.degraded);
            flip.append(sample.clean.as_ref().unwrap_or(&sample.degraded), &mut batch.clean);
            batch.referenced.push(sample.clean.is_some());
        }
        Ok(batch)
    }
}

#[cfg(test)]
mod tests;
