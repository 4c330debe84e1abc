//! Layer norm over the channels of every pixel.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use crate::conv::zeros;

/// y = (x - mean) / sqrt(var + 1e-5) · weight + bias, per pixel over channels, biased variance.
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// `[channels]`.
    pub weight: Param<Tensor<1>>,
    /// `[channels]`.
    pub bias: Param<Tensor<1>>,
}

impl LayerNorm {
    /// A layer over `channels`, filled with zeros.
    pub fn init(channels: usize, device: &Device) -> Self {
        Self { weight: zeros([channels], device), bias: zeros([channels], device) }
    }

    /// `[n, c, h, w]` to the same shape.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let c = self.weight.dims()[0];
        let centred = x.clone() - x.mean_dim(1);
        let variance = centred.clone().square().mean_dim(1);
        let scale = (variance + 1e-5).sqrt().recip();
        centred * scale * self.weight.val().reshape([1, c, 1, 1]) + self.bias.val().reshape([1, c, 1, 1])
    }
}
