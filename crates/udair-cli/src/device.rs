//! A network whose restoration runs on another device than the CPU.
//!
//! The engine analyses, identifies and adapts, which takes little; encoder and decoder, which take the
//! rest, run on the device over the whole picture, in f32.

use burn::tensor::{Device, Tensor, TensorData};
use udair::{AnchorDistance, Conditions, Coral, EngineError, Identification, Network, Watch, Weights};
use udair_engine::{Adapted, Engine, Map};
use udair_nn::{Udair, device};

/// The engine, and the same network elsewhere.
pub(crate) struct OnDevice {
    engine: Engine,
    net: Udair,
    device: Device,
}

impl OnDevice {
    /// # Errors
    /// What is wrong with the device of this name.
    pub(crate) fn new(engine: Engine, weights: &Weights, name: &str) -> Result<Self, String> {
        let device = device::named(name)?;
        let net = device::guarded(|| Udair::from_weights(weights, &device))?;
        Ok(Self { engine, net, device })
    }

    fn map(&self, map: Map) -> Tensor<4> {
        let data = TensorData::new(map.data, [1, map.height, map.width, map.channels]);
        Tensor::from_data(data, &self.device).permute([0, 3, 1, 2])
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
        let restored = device::guarded(|| {
            let [d4, d3, d2] = [conditions.d4, conditions.d3, d2].map(|map| self.map(map));
            let picture = TensorData::new(rgb, [1, height, width, 3]);
            let picture = Tensor::from_data(picture, &self.device).permute([0, 3, 1, 2]);
            let restored = self.net.restore(picture, udair_nn::Conditions { d4, d3, d2 });
            restored.permute([0, 2, 3, 1]).into_data().try_into_vec()
        });
        match restored {
            Ok(Ok(rgb)) => Ok(rgb),
            Ok(Err(error)) => Err(EngineError::Device(format!("its result is no picture: {error:?}"))),
            Err(reason) => Err(EngineError::Device(reason)),
        }
    }

    fn memory(&self, width: usize, height: usize) -> Result<usize, EngineError> {
        self.engine.memory(width, height)
    }

    fn with_memory(self: Box<Self>, bytes: usize) -> Box<dyn Network> {
        Box::new(Self { engine: self.engine.with_memory(bytes), ..*self })
    }
}
