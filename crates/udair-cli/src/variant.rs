//! Variants of the network, which the engine does not run: the trainer's network restores by itself.
//!
//! For those who compare variants. It is several times slower than the engine and knows no bounds of
//! memory beyond refusing what will not fit; test-time adaptation of pictures needs the engine.

use udair::{Conditions, EngineError, Identification, Network, Watch, Weights};
use udair_engine::{Blocks, Config, Identifier};
use udair_nn::{Udair, device};

use crate::probe;

/// A network of any shape.
pub(crate) struct Variant {
    net: Udair,
    identifier: Option<Identifier>,
    budget: usize,
}

impl Variant {
    /// # Errors
    /// What is wrong with the device of this name.
    pub(crate) fn new(weights: &Weights, name: &str) -> Result<Self, String> {
        let device = probe::named(name)?;
        let net = device::guarded(|| Udair::from_weights(weights, &device))?;
        Ok(Self { net, identifier: weights.identifier.clone(), budget: usize::MAX })
    }
}

impl Network for Variant {
    fn conditions(
        &self,
        rgb: &[f32],
        width: usize,
        height: usize,
        _watch: &dyn Watch,
    ) -> Result<Conditions, EngineError> {
        device::guarded(|| self.net.conditions_of(rgb, width, height)).map_err(EngineError::Device)?
    }

    fn identify(&self, conditions: &Conditions) -> Option<Identification> {
        self.identifier.as_ref().map(|identifier| identifier.identify(&conditions.feature, &conditions.parts))
    }

    fn restore(
        &self,
        rgb: Vec<f32>,
        width: usize,
        height: usize,
        conditions: Conditions,
        _watch: &dyn Watch,
    ) -> Result<Vec<f32>, EngineError> {
        device::guarded(|| self.net.restored(&rgb, width, height, conditions)).map_err(EngineError::Device)?
    }

    fn memory(&self, width: usize, height: usize) -> Result<usize, EngineError> {
        let least = width.saturating_mul(height).saturating_mul(4 * widest(self.net.config()));
        if least > self.budget {
            return Err(EngineError::Budget { width, height, least, budget: self.budget });
        }
        Ok(least)
    }

    fn with_memory(self: Box<Self>, bytes: usize) -> Box<dyn Network> {
        Box::new(Self { budget: bytes, ..*self })
    }
}

/// Values that are held for a pixel at the widest place, the feed-forward network at full size: its input,
/// both sides of its hidden map before and after a layer, and the maps that wait for the decoder.
fn widest(config: &Config) -> usize {
    let channels = 2 * config.width;
    4 * channels + 4 * config.hidden(channels).max(Blocks::MLP * channels)
}
