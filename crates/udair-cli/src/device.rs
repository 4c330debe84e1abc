//! A network whose restoration runs on another device than the CPU.
//!
//! The engine analyses, identifies and adapts, which takes little; encoder and decoder, which take the
//! rest, run on the device over the whole picture, in f32.

use udair::{AnchorDistance, Conditions, Coral, EngineError, Identification, Network, Watch, Weights};
use udair_engine::{Adapted, Engine};
use udair_nn::{Udair, device};

use crate::probe;

/// The engine, and the same network elsewhere.
pub(crate) struct OnDevice {
    engine: Engine,
    net: Udair,
}

impl OnDevice {
    /// # Errors
    /// What is wrong with the device of this name.
    pub(crate) fn new(engine: Engine, weights: &Weights, name: &str) -> Result<Self, String> {
        let device = probe::named(name)?;
        let net = device::guarded(|| Udair::from_weights(weights, &device))?;
        Ok(Self { engine, net })
    }
}

impl Network for OnDevice {
    fn conditions(
        &self,
        rgb: &[f32],
        width: usize,
        height: usize,
        watch: &dyn Watch,
    ) -> Result<Conditions, EngineError> {
        self.engine.conditions(rgb, width, height, watch)
    }

    fn identify(&self, conditions: &Conditions) -> Option<Identification> {
        self.engine.identify(conditions)
    }

    fn can_adapt(&self, width: usize, height: usize) -> bool {
        Network::can_adapt(&self.engine, width, height)
    }

    fn anchor_distances(
        &self,
        conditions: &mut Conditions,
        settings: &Coral,
        watch: &dyn Watch,
    ) -> Result<Vec<AnchorDistance>, EngineError> {
        Network::anchor_distances(&self.engine, conditions, settings, watch)
    }

    fn adapt(
        &self,
        conditions: Conditions,
        pattern: &str,
        settings: &Coral,
        watch: &dyn Watch,
    ) -> Result<Adapted, EngineError> {
        Network::adapt(&self.engine, conditions, pattern, settings, watch)
    }

    fn restore(
        &self,
        rgb: Vec<f32>,
        width: usize,
        height: usize,
        conditions: Conditions,
        watch: &dyn Watch,
    ) -> Result<Vec<f32>, EngineError> {
        let d2 = match conditions.d2 {
            Some(d2) => d2,
            None => self.engine.d2(&conditions, watch)?,
        };
        let conditions = Conditions { d2: Some(d2), ..conditions };
        device::guarded(|| self.net.restored(&rgb, width, height, conditions)).map_err(EngineError::Device)?
    }

    fn memory(&self, width: usize, height: usize) -> Result<usize, EngineError> {
        self.engine.memory(width, height)
    }

    fn with_memory(self: Box<Self>, bytes: usize) -> Box<dyn Network> {
        Box::new(Self { engine: self.engine.with_memory(bytes), ..*self })
    }
}
