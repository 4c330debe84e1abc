//! The residual block (He et al., "Deep residual learning for image recognition", CVPR 2016), with layer
//! norm in place of batch norm, see [`Blocks::Resnet`](udair_engine::Blocks::Resnet).

use burn::module::Module;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use crate::{Conv, ConvConfig, LayerNorm};

/// x + LN(conv3x3(ReLU(LN(conv3x3(x))))).
#[derive(Module, Debug)]
pub struct Resnet {
    norm1: LayerNorm,
    norm2: LayerNorm,
    conv1: Conv,
    conv2: Conv,
}

impl Resnet {
    /// A block over `channels`.
    pub fn init(channels: usize, device: &Device) -> Self {
        let conv = || ConvConfig::new(channels, channels, 3).init(device);
        let norm = || LayerNorm::init(channels, device);
        Self { norm1: norm(), norm2: norm(), conv1: conv(), conv2: conv() }
    }

    /// `[n, c, h, w]` to the same shape.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let inner = relu(self.norm1.forward(self.conv1.forward(x.clone())));
        x + self.norm2.forward(self.conv2.forward(inner))
    }
}
