//! Test-time adaptation: three small networks on the conditions, trained for a few steps on one
//! picture to bring its conditions back to those that the decoder was trained with.
//!
//! The loss depends on the conditions alone, so the analysis and the decoder run once. The steps see
//! windows of the conditions, whatever the size of the picture; the adapters they end with are then
//! applied to the whole maps. Depthwise convolutions take the cells outside a window as zero.
//!
//! ```no_run
//! # use udair_engine::{Adaptation, Adapters, Anchor, Engine, Silent, Weights};
//! # fn example(weights: &Weights, engine: &Engine, anchor: &Anchor, rgb: &[f32]) -> Result<(), udair_engine::EngineError> {
//! let adapters = Adapters::from_weights(weights)?;
//! let conditions = engine.conditions(rgb, 640, 480, &Silent)?;
//! let adapted = engine.adapt(&adapters, conditions, anchor, &Adaptation::default(), &Silent)?;
//! println!("loss {:?}, {:?}", adapted.losses, adapted.verdict);
//! let restored = engine.restore(rgb.to_vec(), 640, 480, adapted.conditions, &Silent)?;
//! # Ok(()) }
//! ```

mod apply;
mod cells;
mod coral;
mod depthwise;
mod excitation;
mod layer;
mod optimiser;
mod products;
mod steps;

use std::collections::BTreeMap;

pub(crate) use cells::Cells;
pub use coral::Alignment;
pub(crate) use coral::moments;

use crate::engine::on_the_pool;
use crate::{Anchor, Conditions, Config, Engine, EngineError, Map, Tensor, Watch, Weights};

/// How to adapt.
#[derive(Debug, Clone, PartialEq)]
pub struct Adaptation {
    /// The loss.
    pub alignment: Alignment,
    /// Whether an adapter's result is added to the condition, or replaces it.
    pub residual: bool,
    /// What the steps see of the conditions.
    pub view: View,
    /// Updates of the adapters.
    pub steps: usize,
    /// Learning rate of `AdamW`.
    pub rate: f32,
    /// Weight decay of `AdamW`.
    pub decay: f32,
    /// Which adapters make the result.
    pub outcome: Outcome,
    /// What keeps adaptation from doing harm; `None` always adapts.
    pub guard: Option<Guard>,
}

/// What the steps see of the conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Up to four windows, of 8x8, 16x16 and 16x16 cells of D4, D3 and D2.
    Windows,
    /// All cells, average-pooled to the anchor's size where it is a map.
    Whole,
}

/// Which adapters make the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Those that the last loss was computed with, before the last update: the reference's.
    BeforeLastUpdate,
    /// Those after all updates.
    AfterLastUpdate,
}

/// Bounds beyond which adaptation is dropped for a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guard {
    /// Largest root mean square change of a condition, relative to its root mean square. The default
    /// 0.7 is what 99 % of 80 training pictures stay below.
    pub change: f64,
}

/// What became of an adaptation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The conditions are adapted.
    Adapted,
    /// The conditions are as they were: the steps did not lower the loss.
    LossDidNotFall,
    /// The conditions are as they were: they would have changed by more than the bound.
    ChangedTooMuch,
}

/// The result of an adaptation.
#[derive(Debug, Clone)]
pub struct Adapted {
    /// The conditions to restore with; D2 is always there.
    pub conditions: Conditions,
    /// The loss before every update and after the last, for D4, D3 and D2. Their sum is what the
    /// steps lower.
    pub losses: Vec<[f64; 3]>,
    /// Root mean square change of D4, D3 and D2, each relative to its root mean square.
    pub change: [f64; 3],
    /// Whether the conditions are adapted.
    pub verdict: Verdict,
    /// The adapters that the steps led to.
    pub adapters: Adapters,
}

impl Adaptation {
    /// As the reference computes: root norm, averaged maps, no residual, the result of the adapters
    /// before the last update. (It also leaves dropout on and the codebooks drifting; this does not.)
    pub fn released() -> Self {
        Self {
            alignment: Alignment::Root,
            residual: false,
            view: View::Whole,
            steps: 5,
            rate: 1e-3,
            decay: 0.01,
            outcome: Outcome::BeforeLastUpdate,
            guard: None,
        }
    }

    /// As the paper's text says: squared norm, the result of the adapters after all updates.
    pub fn paper() -> Self {
        Self { alignment: Alignment::Squared, outcome: Outcome::AfterLastUpdate, ..Self::released() }
    }
}

impl Default for Adaptation {
    /// Ours: residual adapters, windows, a loss free of scale that sees means too, longer steps, and a
    /// guard.
    fn default() -> Self {
        Self {
            alignment: Alignment::Relative { mean: 1.0 },
            residual: true,
            view: View::Windows,
            rate: 3e-3,
            guard: Some(Guard { change: 0.7 }),
            ..Self::paper()
        }
    }
}

/// The three adapters, for D4, D3 and D2.
#[derive(Debug, Clone, PartialEq)]
pub struct Adapters {
    channels: [usize; 3],
    /// The values of each adapter's tensors, one behind the other.
    values: [Vec<f32>; 3],
}

/// Names of the adapters of D4, D3 and D2 in the weights.
const NAMES: [&str; 3] = ["distrib_adapt4.adapt", "distrib_adapt3.adapt", "distrib_adapt2.adapt"];

impl Adapters {
    /// The adapters of a weights file, or fresh ones where it has none.
    pub fn from_weights(weights: &Weights) -> Result<Self, EngineError> {
        if !weights.tensors.keys().any(|name| name.starts_with("distrib_adapt")) {
            return Ok(Self::fresh(&weights.config));
        }
        Self::from_tensors(&weights.config, &weights.tensors)
    }

    fn from_tensors(config: &Config, tensors: &BTreeMap<String, Tensor>) -> Result<Self, EngineError> {
        let mut adapters = Self::fresh(config);
        for (name, values) in NAMES.iter().zip(&mut adapters.values) {
            values.clear();
            for part in layer::PARTS {
                let name = format!("{name}.{part}");
                let tensor = tensors.get(&name);
                let tensor = tensor.ok_or_else(|| EngineError::weights(format!("{name} is missing")))?;
                values.extend(&tensor.data);
            }
        }
        Ok(adapters)
    }

    /// Untrained adapters: uniform in ±1/sqrt(inputs), the last layer zero, so that residual ones
    /// change nothing before the first step. Always the same.
    pub fn fresh(config: &Config) -> Self {
        let channels = [config.channels(3), config.channels(2), config.channels(1)];
        let values = channels.map(|d| {
            let mut state: u32 = 1;
            let mut uniform = |inputs: usize| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ((state >> 8) as f32 / (1 << 23) as f32 - 1.0) / (inputs as f32).sqrt()
            };
            // Inputs of each part's layer; the last layer's two parts have none.
            let inputs = [d, d, 9, 9, 2 * d, 2 * d, d / 2, d / 2, 0, 0];
            let parts = layer::sizes(d).into_iter().zip(inputs);
            let part = |(len, inputs)| (0..len).map(move |_| inputs);
            parts.flat_map(part).map(|inputs| if inputs == 0 { 0.0 } else { uniform(inputs) }).collect()
        });
        Self { channels, values }
    }

    /// The tensors of the adapters, under the names of [`parameters()`](crate::parameters).
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        let adapters = NAMES.iter().zip(self.channels.iter().zip(&self.values));
        let tensors = adapters.flat_map(|(name, (&d, values))| {
            let shapes = layer::shapes(d);
            let parts = layer::PARTS.iter().zip(layer::parts(d, values)).zip(shapes);
            parts.map(move |((part, data), shape)| {
                (format!("{name}.{part}"), Tensor { shape, data: data.to_vec() })
            })
        });
        tensors.collect()
    }
}

impl Engine {
    /// Adapts the conditions of a picture to an anchor, with fresh copies of the adapters.
    ///
    /// # Errors
    /// [`EngineError::Weights`] where conditions, adapters and anchor belong to different networks,
    /// [`EngineError::Memory`], [`EngineError::Cancelled`].
    pub fn adapt(
        &self,
        adapters: &Adapters,
        mut conditions: Conditions,
        anchor: &Anchor,
        settings: &Adaptation,
        watch: &dyn Watch,
    ) -> Result<Adapted, EngineError> {
        let d2 = match conditions.d2.take() {
            Some(d2) => d2,
            None => self.d2(&conditions, watch)?,
        };
        let maps = [&conditions.d4, &conditions.d3, &d2];
        let run = self.aside(watch);
        let steps::Taken { maps, losses, change, verdict, adapters } =
            on_the_pool(|| steps::take(&run, adapters, maps, anchor, settings))?;
        let [d4, d3, d2] = maps.unwrap_or([conditions.d4, conditions.d3, d2]);
        let conditions = Conditions { d4, d3, d2: Some(d2), ..conditions };
        Ok(Adapted { conditions, losses, change, verdict, adapters })
    }

    /// How far conditions lie from an anchor before any adaptation: the loss of D4, D3 and D2.
    pub fn anchor_distances(
        &self,
        conditions: [&Map; 3],
        anchor: &Anchor,
        settings: &Adaptation,
    ) -> Result<[f64; 3], EngineError> {
        Ok(steps::distances(self.isa(), conditions, &[anchor], settings)?[0])
    }

    /// The same for the anchor of every pattern, in the order of [`aims`](Self::aims).
    pub fn all_distances(
        &self,
        conditions: [&Map; 3],
        settings: &Adaptation,
    ) -> Result<Vec<[f64; 3]>, EngineError> {
        let anchors: Vec<&Anchor> = self.aims().map(|(_, aim)| &aim.anchor).collect();
        steps::distances(self.isa(), conditions, &anchors, settings)
    }
}

#[cfg(test)]
mod tests;
