//! The operations that cost most of a training step, behind one function each.
//!
//! On the CPU they run on the kernels of `udair-engine` with backward passes of their own
//! ([`cpu`]); on other devices they are ordinary Burn operations.

mod cpu;

use burn::backend::DispatchDevice;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, activation};

/// Convolution of `x` `[n, inputs, h, w]` with `weight` `[outputs, inputs / groups, k, k]`, padded
/// by `(k - 1) / 2` zeros on every side. `groups` is 1, or the number of channels.
pub fn convolution(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    stride: usize,
    groups: usize,
) -> Tensor<4> {
    let [outputs, _, k, _] = weight.dims();
    if !on_cpu(&x) {
        let padding = (k - 1) / 2;
        let options = ConvOptions::new([stride, stride], [padding, padding], [1, 1], groups);
        return conv2d(x, weight, bias, options);
    }
    let y = match (k, groups) {
        (1, 1) => pointwise(x, weight),
        (3, groups) if groups > 1 => cpu::depthwise(x, weight),
        _ => cpu::convolution(x, weight, stride),
    };
    match bias {
        Some(bias) => y + bias.reshape([1, outputs, 1, 1]),
        None => y,
    }
}

/// A 1x1 convolution as the matrix product that it is.
fn pointwise(x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
    let [n, inputs, h, w] = x.dims();
    let outputs = weight.dims()[0];
    let y = weight.reshape([1, outputs, inputs]).matmul(x.reshape([n, inputs, h * w]));
    y.reshape([n, outputs, h, w])
}

/// Normalises every pixel of `x` `[n, c, h, w]` over its channels: mean 0, variance 1, then
/// `weight` and `bias` `[c]`. The variance is the biased one, eps is 1e-5.
pub fn layer_norm(x: Tensor<4>, weight: Tensor<1>, bias: Tensor<1>) -> Tensor<4> {
    if on_cpu(&x) {
        return cpu::layer_norm(x, weight, bias);
    }
    let c = weight.dims()[0];
    let centred = x.clone() - x.mean_dim(1);
    let variance = centred.clone().square().mean_dim(1);
    let scale = (variance + 1e-5).sqrt().recip();
    centred * scale * weight.reshape([1, c, 1, 1]) + bias.reshape([1, c, 1, 1])
}

/// GELU(a) · b, where a and b are the halves of `x` `[n, 2h, height, width]` along the channels.
pub fn gated_gelu(x: Tensor<4>) -> Tensor<4> {
    if on_cpu(&x) {
        return cpu::gated_gelu(x);
    }
    let hidden = x.dims()[1] / 2;
    let [a, b]: [Tensor<4>; 2] =
        x.split(hidden, 1).try_into().expect("an even number of channels splits into two halves");
    activation::gelu(a) * b
}

fn on_cpu(x: &Tensor<4>) -> bool {
    matches!(x.device().inner().as_dispatch(), DispatchDevice::Flex(_))
}
