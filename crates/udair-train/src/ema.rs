//! The exponential moving average of the weights: what is validated and shipped.
//!
//! Codebooks are moving averages of their own, and a code that is moved elsewhere must not be averaged
//! with where it was: they are taken as they are.

use burn::module::Module;
use burn::tensor::Tensor;
use udair_engine::Isa;
use udair_engine::planar::Arithmetic;
use udair_nn::Udair;

/// The averaged parameters.
#[derive(Debug, Clone)]
pub struct Average {
    values: Tensor<1>,
}

impl Average {
    /// Starts at the network itself.
    pub fn new(net: &Udair) -> Self {
        Self { values: net.flat().inner() }
    }

    /// One step at `step` (from 0): the average keeps min(`decay`, (1 + step) / (10 + step)).
    pub fn update(&mut self, net: &Udair, step: u64, decay: f64) {
        let keep = decay.min((1 + step) as f64 / (10 + step) as f64);
        let values = self.values.clone();
        self.values = values * keep + net.flat().inner() * (1.0 - keep);
    }

    /// The averaged network with the codebooks of `net`, ready to evaluate: in f32, as its users have it.
    pub fn network(&self, net: &Udair) -> Udair {
        let exact = Arithmetic::f32(Isa::detect());
        net.clone().valid().with_flat(&self.values).with_arithmetic(exact)
    }
}
