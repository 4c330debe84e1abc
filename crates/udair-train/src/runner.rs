//! What runs the network between steps: the engine that users run, or, for the variants that it does not
//! run, the trainer's own network.

use burn::tensor::Device;
use udair_engine::{Conditions, Engine, EngineError, Silent, Weights};
use udair_nn::Udair;

/// Runs a network without gradients.
pub enum Runner {
    /// The paper's network.
    Engine(Box<Engine>),
    /// A variant.
    Network(Box<Udair>),
}

impl Runner {
    /// Of these weights.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn new(weights: &Weights) -> Result<Self, EngineError> {
        match Engine::new(weights) {
            Err(EngineError::Variant) => {
                Ok(Self::Network(Box::new(Udair::from_weights(weights, &Device::flex()))))
            }
            engine => Ok(Self::Engine(Box::new(engine?))),
        }
    }

    /// Analyses a picture of `height * width * 3` sRGB values in \[0, 1\].
    ///
    /// # Errors
    /// Those of the engine.
    pub fn conditions(&self, rgb: &[f32], width: usize, height: usize) -> Result<Conditions, EngineError> {
        match self {
            Self::Engine(engine) => engine.conditions(rgb, width, height, &Silent),
            Self::Network(net) => net.conditions_of(rgb, width, height),
        }
    }

    /// Restores such a picture; not clipped.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn restore(
        &self,
        rgb: Vec<f32>,
        width: usize,
        height: usize,
        conditions: Conditions,
    ) -> Result<Vec<f32>, EngineError> {
        match self {
            Self::Engine(engine) => engine.restore(rgb, width, height, conditions, &Silent),
            Self::Network(net) => net.restored(&rgb, width, height, conditions),
        }
    }
}
