//! The operations that cost most of a training step, behind one function each.
//!
//! On the CPU they run on the kernels of `udair-engine` with backward passes of their own
//! (`cpu`); on other devices they are ordinary Burn operations.

mod cpu;

use std::cell::Cell;

use burn::backend::DispatchDevice;
use burn::tensor::Tensor;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use udair_engine::Isa;
use udair_engine::planar::Arithmetic;

use crate::LayerNorm;
use crate::attention::Mdta;
use crate::feed_forward::Gdfn;

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
    if groups > 1 || !on_cpu(&x) {
        let padding = (k - 1) / 2;
        let options = ConvOptions::new([stride, stride], [padding, padding], [1, 1], groups);
        return conv2d(x, weight, bias, options);
    }
    let bias = bias.unwrap_or_else(|| Tensor::zeros([outputs], &x.device()));
    cpu::convolution(x, weight, bias, stride, ARITHMETIC.get())
}

/// x + MDTA(LN(x)): the first half of a transformer block, `[n, c, h, w]`.
pub fn attention(x: Tensor<4>, norm: &LayerNorm, mdta: &Mdta) -> Tensor<4> {
    if !on_cpu(&x) {
        return x.clone() + mdta.forward(norm.forward(x));
    }
    let layers = [&mdta.qkv, &mdta.qkv_dwconv, &mdta.project_out].map(|layer| layer.weight.val());
    cpu::attention(x, [norm.weight.val(), norm.bias.val()], mdta.temperature.val(), layers, ARITHMETIC.get())
}

/// x + GDFN(LN(x)): the second half of a transformer block, `[n, c, h, w]`.
pub fn feed_forward(x: Tensor<4>, norm: &LayerNorm, gdfn: &Gdfn) -> Tensor<4> {
    if !on_cpu(&x) {
        return x.clone() + gdfn.forward(norm.forward(x));
    }
    let layers = [&gdfn.project_in, &gdfn.dwconv, &gdfn.project_out].map(|layer| layer.weight.val());
    cpu::feed_forward(x, [norm.weight.val(), norm.bias.val()], layers, ARITHMETIC.get())
}

thread_local! {
    static ARITHMETIC: Cell<Arithmetic> = Cell::new(Arithmetic::f32(Isa::detect()));
}

/// Runs `forward` with the operations of this module, and their backward passes whenever they come, in
/// `arithmetic` on the CPU; after it all is as before.
pub fn computed_in<T>(arithmetic: Arithmetic, forward: impl FnOnce() -> T) -> T {
    let before = ARITHMETIC.replace(arithmetic);
    let result = forward();
    ARITHMETIC.set(before);
    result
}

fn on_cpu(x: &Tensor<4>) -> bool {
    matches!(x.device().inner().as_dispatch(), DispatchDevice::Flex(_))
}
