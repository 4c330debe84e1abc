//! The exponential moving average of the weights: what is validated and shipped.

use burn::module::Module;
use burn::tensor::Tensor;
use udair_nn::{Scope, Udair};

/// The averaged network, codebooks included.
#[derive(Debug, Clone)]
pub struct Average {
    values: Tensor<1>,
}

impl Average {
    /// Starts at the network itself.
    pub fn new(net: &Udair) -> Self {
        Self { values: net.flat(Scope::Everything) }
    }

    /// One step at `step` (from 0): the average keeps min(`decay`, (1 + step) / (10 + step)).
    pub fn update(&mut self, net: &Udair, step: u64, decay: f64) {
        let keep = decay.min((1 + step) as f64 / (10 + step) as f64);
        let values = self.values.clone();
        self.values = values * keep + net.flat(Scope::Everything) * (1.0 - keep);
    }

    /// The averaged network, ready to evaluate.
    pub fn network(&self, net: &Udair) -> Udair {
        net.clone().valid().with_flat(Scope::Everything, &self.values)
    }

    /// Takes the network's codebooks as they are: after they were seeded anew.
    pub fn adopt_codebooks(&mut self, net: &Udair) {
        let mut average = self.network(net);
        let plain = net.clone().valid();
        average.dam.quantize_t = plain.dam.quantize_t;
        average.dam.quantize_b = plain.dam.quantize_b;
        self.values = average.flat(Scope::Everything);
    }
}
