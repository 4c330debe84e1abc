//! Validation: the averaged weights, run by the engine that users run.

use std::collections::BTreeMap;

use udair_engine::{Engine, Silent, Weights};
use udair_metrics::{Rgb8, psnr};

use crate::TrainError;
use crate::batches::Pair;

/// What a validation found.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// Mean PSNR in dB of every pattern: of the input, and of the output.
    pub psnr: BTreeMap<String, [f32; 2]>,
    /// Share of the pairs whose pattern was recognised; `None` without anchors.
    pub identified: Option<f32>,
}

impl Validation {
    /// Restores every pair and compares 8-bit pictures, clipped.
    pub fn run(weights: &Weights, pairs: &[Pair]) -> Result<Self, TrainError> {
        let engine = Engine::new(weights)?;
        let mut scores = BTreeMap::<&str, Vec<[f64; 2]>>::new();
        let mut right = 0;
        for pair in pairs {
            let (width, height) = (pair.width, pair.height);
            let conditions = engine.conditions(&pair.degraded, width, height, &Silent)?;
            let found = engine.identify(&conditions);
            right += usize::from(found.is_some_and(|found| found.best().pattern == pair.pattern));
            let restored = engine.restore(pair.degraded.clone(), width, height, conditions, &Silent)?;
            let [clean, before, after] = [&pair.clean, &pair.degraded, &restored].map(|rgb| bytes(rgb));
            let compare = |picture: &[u8]| score(picture, &clean, width, height);
            scores.entry(&pair.pattern).or_default().push([compare(&before), compare(&after)]);
        }
        let mean = |scores: &[[f64; 2]]| {
            [0, 1].map(|side| (scores.iter().map(|s| s[side]).sum::<f64>() / scores.len() as f64) as f32)
        };
        Ok(Self {
            psnr: scores.iter().map(|(pattern, scores)| ((*pattern).to_string(), mean(scores))).collect(),
            identified: weights.identifier.as_ref().map(|_| right as f32 / pairs.len().max(1) as f32),
        })
    }

    /// Mean over patterns of the output's PSNR in dB.
    pub fn mean(&self) -> f32 {
        self.psnr.values().map(|[_, after]| after).sum::<f32>() / self.psnr.len().max(1) as f32
    }
}

/// PSNR in dB; 60 where the pictures are equal, so that a mean exists.
fn score(picture: &[u8], reference: &[u8], width: usize, height: usize) -> f64 {
    let view = |bytes| Rgb8::new(width, height, bytes).expect("both pictures have this size");
    psnr(&view(picture), &view(reference)).min(60.0)
}

fn bytes(rgb: &[f32]) -> Vec<u8> {
    rgb.iter().map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8).collect()
}
