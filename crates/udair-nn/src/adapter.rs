//! The domain adaptation module: a small residual network on each condition, the only part that
//! test-time adaptation moves.

use burn::module::Module;
use burn::tensor::activation::{gelu, sigmoid};
use burn::tensor::{Device, Tensor};

use crate::{Conv, ConvConfig};

/// f(x) = 1x1(SE(GELU(dw3x3(GELU(1x1(x)))))), where SE scales every channel by
/// sigmoid(1x1(GELU(1x1(mean over positions)))).
#[derive(Module, Debug)]
pub struct Adapter {
    widen: Conv,
    depthwise: Conv,
    squeeze: Conv,
    excite: Conv,
    narrow: Conv,
}

impl Adapter {
    /// An adapter over `channels` d, with 2d inside.
    pub fn init(channels: usize, device: &Device) -> Self {
        let d = channels;
        let pointwise = |inputs, outputs| ConvConfig::new(inputs, outputs, 1).with_bias().init(device);
        Self {
            widen: pointwise(d, 2 * d),
            depthwise: ConvConfig::depthwise(2 * d, 3).with_bias().init(device),
            squeeze: pointwise(2 * d, d / 2),
            excite: pointwise(d / 2, 2 * d),
            narrow: pointwise(2 * d, d),
        }
    }

    /// f(x), the reference's form: `[n, d, h, w]` to the same shape.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = gelu(self.depthwise.forward(gelu(self.widen.forward(x))));
        let pooled = x.clone().mean_dims(&[2, 3]); // [n, 2d, 1, 1]
        let scale = sigmoid(self.excite.forward(gelu(self.squeeze.forward(pooled))));
        self.narrow.forward(x * scale)
    }

    /// x + f(x), ours: the identity as long as the last layer is zero.
    pub fn residual(&self, x: Tensor<4>) -> Tensor<4> {
        x.clone() + self.forward(x)
    }
}
