//! GCT, gated channel transformation (Yang et al., CVPR 2020): channels compete by their energy.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use crate::conv::zeros;

const EPSILON: f64 = 1e-5;

/// `e_c = alpha_c sqrt(sum x_c² + eps)`; `n_c = gamma_c / sqrt(mean e² + eps)`;
/// `y_c = x_c (1 + tanh(e_c n_c + beta_c))`. Gamma and beta of zero make it the identity.
#[derive(Module, Debug)]
pub struct Gate {
    /// `[1, c, 1, 1]`.
    pub alpha: Param<Tensor<4>>,
    /// `[1, c, 1, 1]`.
    pub gamma: Param<Tensor<4>>,
    /// `[1, c, 1, 1]`.
    pub beta: Param<Tensor<4>>,
}

impl Gate {
    /// A gate over `channels`, filled with zeros.
    pub fn init(channels: usize, device: &Device) -> Self {
        let shape = [1, channels, 1, 1];
        Self { alpha: zeros(shape, device), gamma: zeros(shape, device), beta: zeros(shape, device) }
    }

    /// `[n, c, h, w]` to the same shape.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let energy = (x.clone().square().sum_dims(&[2, 3]) + EPSILON).sqrt() * self.alpha.val(); // [n, c, 1, 1]
        let norm = self.gamma.val() / (energy.clone().square().mean_dim(1) + EPSILON).sqrt();
        let gate = (energy * norm + self.beta.val()).tanh();
        x * (gate + 1.0)
    }
}
