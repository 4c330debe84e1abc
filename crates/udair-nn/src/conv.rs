//! Convolutions with the kernel sizes and strides that the network has.
//!
//! Parameters start at zero: values always come from a weights file or from
//! [`initial_weights`](crate::initial_weights), so that one seeded stream decides all of them.

use burn::module::{Module, Param};
use burn::tensor::{Device, Shape, Tensor};

use crate::ops;

/// Shape of a [`Conv`]; the padding keeps the size for odd kernels and halves it exactly for 4x4
/// kernels of stride 2.
#[derive(Debug, Clone, Copy)]
pub struct ConvConfig {
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    groups: usize,
    bias: bool,
}

/// A 2-D convolution.
#[derive(Module, Debug)]
pub struct Conv {
    /// `[outputs, inputs / groups, kernel, kernel]`.
    pub weight: Param<Tensor<4>>,
    /// `[outputs]`.
    pub bias: Option<Param<Tensor<1>>>,
    stride: usize,
    groups: usize,
}

impl ConvConfig {
    /// A convolution without bias, of stride 1.
    pub fn new(inputs: usize, outputs: usize, kernel: usize) -> Self {
        Self { inputs, outputs, kernel, stride: 1, groups: 1, bias: false }
    }

    /// One filter a channel.
    pub fn depthwise(channels: usize, kernel: usize) -> Self {
        Self { groups: channels, ..Self::new(channels, channels, kernel) }
    }

    /// Adds a bias.
    #[must_use]
    pub fn with_bias(self) -> Self {
        Self { bias: true, ..self }
    }

    /// Keeps one output of `stride` x `stride`.
    #[must_use]
    pub fn with_stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// Makes the layer, filled with zeros.
    pub fn init(self, device: &Device) -> Conv {
        let shape = [self.outputs, self.inputs / self.groups, self.kernel, self.kernel];
        Conv {
            weight: zeros(shape, device),
            bias: self.bias.then(|| zeros([self.outputs], device)),
            stride: self.stride,
            groups: self.groups,
        }
    }
}

impl Conv {
    /// `[n, inputs, h, w]` to `[n, outputs, h / stride, w / stride]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let bias = self.bias.as_ref().map(Param::val);
        ops::convolution(x, self.weight.val(), bias, self.stride, self.groups)
    }
}

/// A learned tensor of zeros.
pub(crate) fn zeros<const D: usize>(shape: impl Into<Shape>, device: &Device) -> Param<Tensor<D>> {
    Param::from_tensor(Tensor::zeros(shape, device))
}

/// `new` as the value of a parameter that was `old`: learned or not, under the same strategy.
pub(crate) fn replace<const D: usize>(old: &Tensor<D>, new: Tensor<D>) -> Tensor<D> {
    match old.gradient_checkpointing_strategy() {
        Some(strategy) => Tensor::from_inner(new)
            .with_gradient_checkpointing_strategy(strategy)
            .set_require_grad(old.is_require_grad()),
        None => new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_stride_and_groups() {
        let device = Device::flex();
        for (config, weight, output) in [
            (ConvConfig::new(6, 4, 3), [4, 6, 3, 3], [2, 4, 8, 12]),
            (ConvConfig::new(6, 4, 4).with_stride(2).with_bias(), [4, 6, 4, 4], [2, 4, 4, 6]),
            (ConvConfig::depthwise(6, 3), [6, 1, 3, 3], [2, 6, 8, 12]),
            (ConvConfig::new(6, 4, 1), [4, 6, 1, 1], [2, 4, 8, 12]),
        ] {
            let conv = config.init(&device);
            assert_eq!(conv.weight.dims(), weight);
            assert_eq!(conv.forward(Tensor::ones([2, 6, 8, 12], &device)).dims(), output);
        }
    }
}
