//! The configuration of a run: one TOML file, every key with a default, unknown keys refused.
//!
//! Sections are named as in `BasicSR`. A file and any number of `key=value` overrides are laid over
//! the defaults of [`Config::default`]; what is not among the defaults is an error that names the
//! nearest key that is.

mod layer;

use serde::{Deserialize, Serialize};
use toml::Table;
use udair_engine::planar::Arithmetic;

use layer::lay;

use crate::TrainError;
use crate::cscl::Similarity;
use crate::data::Mix;
use crate::degrade::Recipe;
use crate::optimiser::Optim;
use crate::schedule::{Schedule, Shape};

/// Everything that decides a run, but for the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of the run and of its folder.
    pub name: String,
    /// Seed of every random draw.
    pub seed: u64,
    /// Steps of the optimiser.
    pub steps: u64,
    /// Weights file to start from; empty to start fresh.
    pub init: String,
    /// What the backbone's products are computed in on the CPU: `f32`, or `bf16` on machines with AMX.
    pub precision: String,
    /// `[data]`.
    pub data: Data,
    /// `[model]`: shape of the network.
    pub model: udair_engine::Config,
    /// `[optim]`.
    pub optim: Optim,
    /// `[schedule]`.
    pub schedule: Schedule,
    /// `[loss]`: weights of the terms.
    pub loss: Loss,
    /// `[codebook]`.
    pub codebook: Codebook,
    /// `[ema]`.
    pub ema: Ema,
    /// `[val]`.
    pub val: Val,
    /// `[log]`.
    pub log: Log,
}

/// What is trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// A `manifest.tsv`.
    pub manifest: String,
    /// Leave out of training the tenth of the pictures that `udair study anchors` calibrates identification
    /// with ([`udair_engine::kept_out`]): what was trained on looks too well known.
    pub keep_out: bool,
    /// Patterns, in the order of the batches and of the anchors.
    pub patterns: Vec<String>,
    /// Side of the crops in pixels, a multiple of 8.
    pub size: usize,
    /// Crops of every pattern in a batch.
    pub per_pattern: usize,
    /// Later stages with other crops.
    pub stages: Vec<Stage>,
    /// Threads that make batches ahead.
    pub threads: usize,
    /// Memory for decoded pictures, in MiB.
    pub cache: usize,
    /// Depths of real hazy pairs for synthetic haze.
    pub scenes: bool,
    /// Shares of real and synthetic pictures.
    pub mix: Mix,
    /// Ranges of the synthetic degradations.
    pub recipe: Recipe,
}

/// Crops from step `from` on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// First step.
    pub from: u64,
    /// Side of the crops in pixels, a multiple of 8.
    pub size: usize,
    /// Crops of every pattern in a batch.
    pub per_pattern: usize,
}

/// Weights of the losses; 0 leaves a term out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loss {
    /// Mean absolute error.
    pub l1: f64,
    /// ln(mean squared error).
    pub log_mse: f64,
    /// Mean absolute error of the spectrum.
    pub fft: f64,
    /// Contrast between patterns.
    pub cscl: f64,
    /// How the contrast compares features.
    pub similarity: Similarity,
    /// Contrast over pooled moments.
    pub moments: f64,
    /// Commitment to the codes.
    pub commit: f64,
}

/// How the codebooks start and stay alive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Codebook {
    /// Steps in which features pass unquantised.
    pub bypass: u64,
    /// Batches that the codes are seeded from after that; 0 keeps the random codes.
    pub seed_batches: u64,
    /// Rounds of k-means over them.
    pub rounds: usize,
    /// Steps between re-seedings of dead codes; 0 never re-seeds.
    pub revive_every: u64,
    /// A code is dead when its count is below this share of the mean count.
    pub dead: f32,
    /// Counts that the moving averages start from; the reference has 0, which lets all codes but
    /// one or two die.
    pub start_count: f32,
}

/// Weight average.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ema {
    /// Share that the average keeps in a step, at most.
    pub decay: f64,
}

/// Validation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Val {
    /// A `manifest.tsv`; empty for no validation.
    pub manifest: String,
    /// Steps between validations.
    pub every: u64,
    /// Pairs of each source.
    pub most: usize,
    /// Side of the centre crops in pixels.
    pub crop: usize,
    /// Training crops of each pattern that anchors are made from, at the end.
    pub anchors: usize,
    /// Sides of these crops, in turn.
    pub anchor_sizes: Vec<usize>,
}

/// Logs and checkpoints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Steps between lines.
    pub every: u64,
    /// Steps between checkpoints.
    pub save_every: u64,
    /// Checkpoints that are kept, the best one not counted.
    pub keep: usize,
}

impl Default for Config {
    /// The recipe of the shipped weights.
    fn default() -> Self {
        let patterns = ["denoise", "dehaze", "derain", "lowlight", "underwater", "clean"];
        Self {
            name: "small".into(),
            seed: 0,
            steps: 100_000,
            init: String::new(),
            precision: "f32".into(),
            data: Data {
                manifest: String::new(),
                keep_out: false,
                patterns: patterns.map(String::from).into(),
                size: 64,
                per_pattern: 2,
                stages: Vec::new(),
                threads: 1,
                cache: 2048,
                scenes: true,
                mix: Mix::default(),
                recipe: Recipe::default(),
            },
            model: udair_engine::Config::small(),
            optim: Optim {
                lr: 1e-3,
                betas: [0.9, 0.99],
                eps: 1e-8,
                weight_decay: 1e-3,
                clip: 1.0,
                accumulate: 1,
                muon: true,
                momentum: 0.95,
                rest: 0.5,
                analysis: true,
            },
            schedule: Schedule {
                shape: Shape::Cosine,
                end: 1e-5,
                warmup: 300,
                period: 13_590,
                decay_from: 0.5,
            },
            loss: Loss {
                l1: 1.0,
                log_mse: 0.02,
                fft: 0.1,
                cscl: 0.1,
                similarity: Similarity::PerImage,
                moments: 0.05,
                commit: 0.05,
            },
            codebook: Codebook {
                bypass: 1200,
                seed_batches: 40,
                rounds: 8,
                revive_every: 25,
                dead: 0.01,
                start_count: 1.0,
            },
            ema: Ema { decay: 0.999 },
            val: Val {
                manifest: String::new(),
                every: 2000,
                most: 6,
                crop: 256,
                anchors: 240,
                anchor_sizes: vec![128, 192],
            },
            log: Log { every: 100, save_every: 1000, keep: 3 },
        }
    }
}

impl Config {
    /// Lays a TOML text and `key=value` overrides (`optim.lr=2e-4`) over the defaults.
    ///
    /// # Errors
    /// [`TrainError::Config`] naming the key: unknown, of the wrong type, or out of range.
    pub fn read(text: &str, overrides: &[String]) -> Result<Self, TrainError> {
        let broken = |error: &dyn std::fmt::Display| TrainError::Config(error.to_string());
        let mut table = Table::try_from(Self::default()).map_err(|e| broken(&e))?;
        lay(&mut table, text.parse::<Table>().map_err(|e| broken(&e))?, "")?;
        for setting in overrides {
            let (key, value) = setting
                .split_once('=')
                .ok_or_else(|| TrainError::Config(format!("{setting:?} is not of the form key=value")))?;
            let bare = format!("{key} = {value}").parse::<Table>();
            let quoted = || format!("{key} = {value:?}").parse::<Table>();
            lay(&mut table, bare.or_else(|_| quoted()).map_err(|e| broken(&e))?, "")?;
        }
        let config: Self = table.try_into().map_err(|e: toml::de::Error| broken(&e))?;
        config.validate()?;
        Ok(config)
    }

    /// The complete effective file.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("the configuration is plain tables")
    }

    /// Side and number per pattern of the crops of `step`.
    pub fn crops(&self, step: u64) -> (usize, usize) {
        let stage = self.data.stages.iter().rev().find(|stage| stage.from <= step);
        stage.map_or((self.data.size, self.data.per_pattern), |stage| (stage.size, stage.per_pattern))
    }

    /// The same run cut down to two steps that touch everything: validation, checkpoint, anchors.
    #[must_use]
    pub fn fast_dev_run(mut self) -> Self {
        self.steps = 2;
        self.log.every = 1;
        self.log.save_every = 1;
        (self.val.every, self.val.most, self.val.anchors) = (2, 1, 3);
        self.codebook.bypass = self.codebook.bypass.min(1);
        self.codebook.seed_batches = self.codebook.seed_batches.min(1);
        self
    }

    /// What the backbone's products are computed in, if this machine can.
    ///
    /// # Errors
    /// [`TrainError::Config`] where it cannot.
    pub fn arithmetic(&self) -> Result<Arithmetic, TrainError> {
        Arithmetic::named(&self.precision).ok_or_else(|| {
            let message = format!("this machine has no instructions for products in {}", self.precision);
            TrainError::Config(format!("{message}\nhint: --set precision=f32 runs everywhere"))
        })
    }

    fn validate(&self) -> Result<(), TrainError> {
        let fail = |message: &str| Err(TrainError::Config(message.to_string()));
        self.model.validate()?;
        if !["f32", "bf16"].contains(&self.precision.as_str()) {
            return fail("precision must be \"f32\" or \"bf16\"");
        }
        let stages = self.data.stages.iter().map(|stage| stage.size);
        let mut sizes = stages.chain([self.data.size]).chain(self.val.anchor_sizes.iter().copied());
        if sizes.any(|size| size == 0 || size % 8 != 0) {
            return fail("data.size and val.anchor_sizes must be positive multiples of 8");
        }
        if self.data.stages.windows(2).any(|pair| pair[0].from >= pair[1].from) {
            return fail("data.stages must be in the order of their first steps");
        }
        let twice = |(at, name): (usize, &String)| self.data.patterns[..at].contains(name);
        if self.data.patterns.iter().enumerate().any(twice) {
            return fail("data.patterns names a pattern twice; data.mix.extra adds pictures of one");
        }
        if let Some(name) = self.data.mix.extra.keys().find(|name| !self.data.patterns.contains(name)) {
            return fail(&format!("data.mix.extra names {name:?}, which is not among data.patterns"));
        }
        if self.data.patterns.len() < 2 || self.data.per_pattern == 0 {
            return fail("data.patterns needs two patterns, and data.per_pattern one picture of each");
        }
        if self.val.anchors < 3 || self.val.anchor_sizes.is_empty() {
            return fail("val.anchors must be at least 3, and val.anchor_sizes needs a size");
        }
        if self.optim.accumulate == 0 || self.steps == 0 {
            return fail("steps and optim.accumulate must be at least 1");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
