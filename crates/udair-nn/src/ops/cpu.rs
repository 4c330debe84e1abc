//! The engine's planar kernels as Burn operations of the CPU back end, with their own backward
//! passes.
//!
//! Each keeps its inputs and nothing else: what the backward pass needs beyond them it computes
//! again.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::ops::{FloatTensorOps, ModuleOps};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Shape, Tensor, TensorData};
use udair_engine::Isa;
use udair_engine::planar::{self, Shape as Planes};

/// Depthwise 3x3: `x` `[n, c, h, w]`, `taps` `[c, 1, 3, 3]`.
pub(super) fn depthwise(x: Tensor<4>, taps: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Kernels>::depthwise(x.into_dispatch(), taps.into_dispatch()))
}

/// Dense convolution without bias: `x` `[n, inputs, h, w]`, `weight` `[outputs, inputs, k, k]`.
pub(super) fn convolution(x: Tensor<4>, weight: Tensor<4>, stride: usize) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Kernels>::convolution(
        x.into_dispatch(),
        weight.into_dispatch(),
        stride,
    ))
}

/// Layer norm over channels: `x` `[n, c, h, w]`, `weight` and `bias` `[c]`.
pub(super) fn layer_norm(x: Tensor<4>, weight: Tensor<1>, bias: Tensor<1>) -> Tensor<4> {
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Kernels>::norm_pixels(x, weight, bias))
}

/// GELU(a) · b of the halves of `x` `[n, 2h, height, width]`.
pub(super) fn gated_gelu(x: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Kernels>::gated_gelu(x.into_dispatch()))
}

/// The operations, for Burn's dispatch.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait Kernels: Backend {
    fn depthwise(x: FloatTensor<Self>, taps: FloatTensor<Self>) -> FloatTensor<Self>;
    fn convolution(x: FloatTensor<Self>, weight: FloatTensor<Self>, stride: usize) -> FloatTensor<Self>;
    fn norm_pixels(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
    fn gated_gelu(x: FloatTensor<Self>) -> FloatTensor<Self>;
}

type Primitive = FloatTensor<Flex>;

impl Kernels for Flex {
    fn depthwise(x: Primitive, taps: Primitive) -> Primitive {
        let (x, taps) = (x.to_contiguous(), taps.to_contiguous());
        let shape = planes(&x);
        tensor(x.shape(), |out| planar::depthwise(Isa::detect(), values(&x), values(&taps), shape, out))
    }

    fn convolution(x: Primitive, weight: Primitive, stride: usize) -> Primitive {
        let padding = (weight.shape()[2] - 1) / 2;
        let options = ConvOptions::new([stride, stride], [padding, padding], [1, 1], 1);
        Flex::conv2d(x, weight, None, options)
    }

    fn norm_pixels(x: Primitive, weight: Primitive, bias: Primitive) -> Primitive {
        let (x, weight, bias) = (x.to_contiguous(), weight.to_contiguous(), bias.to_contiguous());
        let shape = planes(&x);
        let (weight, bias) = (values(&weight), values(&bias));
        tensor(x.shape(), |out| planar::layer_norm(Isa::detect(), values(&x), weight, bias, shape, out))
    }

    fn gated_gelu(x: Primitive) -> Primitive {
        let x = x.to_contiguous();
        let shape = planes(&x);
        let half = Shape::from([shape.images, shape.channels / 2, shape.height, shape.width]);
        tensor(half, |out| planar::gated_gelu(Isa::detect(), values(&x), shape, out))
    }
}

impl<C: CheckpointStrategy> Kernels for Autodiff<Flex, C> {
    fn depthwise(x: FloatTensor<Self>, taps: FloatTensor<Self>) -> FloatTensor<Self> {
        let ((x, to_x), (taps, to_taps)) = (x.into_parts(), taps.into_parts());
        let output = Flex::depthwise(x.clone(), taps.clone());
        record::<C, _, 2>(Depthwise, [to_x, to_taps], [x, taps], output)
    }

    fn convolution(x: FloatTensor<Self>, weight: FloatTensor<Self>, stride: usize) -> FloatTensor<Self> {
        let ((x, to_x), (weight, to_weight)) = (x.into_parts(), weight.into_parts());
        let output = Flex::convolution(x.clone(), weight.clone(), stride);
        record::<C, _, 2>(Convolution { stride }, [to_x, to_weight], [x, weight], output)
    }

    fn norm_pixels(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let ((x, to_x), (weight, to_weight), (bias, to_bias)) =
            (x.into_parts(), weight.into_parts(), bias.into_parts());
        let output = Flex::norm_pixels(x.clone(), weight.clone(), bias);
        record::<C, _, 3>(LayerNorm, [to_x, to_weight, to_bias], [x, weight], output)
    }

    fn gated_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, to_x) = x.into_parts();
        let output = Flex::gated_gelu(x.clone());
        record::<C, _, 1>(GatedGelu, [to_x], x, output)
    }
}

/// Enters an operation with its output into the graph of `parents`.
fn record<C: CheckpointStrategy, Op: Backward<Flex, N>, const N: usize>(
    operation: Op,
    parents: [NodeGuard; N],
    state: Op::State,
    output: Primitive,
) -> FloatTensor<Autodiff<Flex, C>> {
    match operation.prepare::<C>(parents).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(state, output),
        OpsKind::UnTracked(prep) => prep.finish(output),
    }
}

#[derive(Debug)]
struct Depthwise;

impl Backward<Flex, 2> for Depthwise {
    type State = [Primitive; 2];

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x, taps] = ops.state.map(|tensor| tensor.to_contiguous());
        let gradient = grads.consume::<Flex>(&ops.node).to_contiguous();
        let (shape, gradient, isa) = (planes(&x), values(&gradient), Isa::detect());
        let [to_x, to_taps] = ops.parents;
        if let Some(node) = to_x {
            let fill = |out: &mut [f32]| {
                planar::depthwise_input_gradient(isa, gradient, values(&taps), shape, out);
            };
            grads.register::<Flex>(node.id, tensor(x.shape(), fill));
        }
        if let Some(node) = to_taps {
            let fill =
                |out: &mut [f32]| planar::depthwise_taps_gradient(isa, values(&x), gradient, shape, out);
            grads.register::<Flex>(node.id, tensor(taps.shape(), fill));
        }
    }
}

#[derive(Debug)]
struct Convolution {
    stride: usize,
}

impl Backward<Flex, 2> for Convolution {
    type State = [Primitive; 2];

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let ([x, weight], stride) = (ops.state, self.stride);
        let gradient = grads.consume::<Flex>(&ops.node).to_contiguous();
        let [to_x, to_weight] = ops.parents;
        let k = weight.shape()[2];
        if let Some(node) = to_x {
            let dx = if stride == 1 {
                // The convolution with the turned filters, inputs and outputs exchanged.
                let turned = Flex::float_flip(Flex::float_swap_dims(weight.clone(), 0, 1), &[2, 3]);
                Flex::convolution(gradient.clone(), turned, 1)
            } else {
                let padding = (k - 1) / 2;
                let options = ConvOptions::new([stride, stride], [padding, padding], [1, 1], 1);
                Flex::conv2d_x_backward(x.clone(), weight.clone(), gradient.clone(), options)
            };
            grads.register::<Flex>(node.id, dx);
        }
        if let Some(node) = to_weight {
            let (x, to) = (x.to_contiguous(), gradient.shape());
            let [n, outputs, positions] = [to[0], to[1], to[2] * to[3]];
            let columns = unfold(&x, k, stride, [to[2], to[3]]); // [n, inputs k k, positions]
            let rows = Flex::float_reshape(gradient, Shape::from([n, outputs, positions]));
            let products = Flex::float_matmul(rows, Flex::float_swap_dims(columns, 1, 2));
            let dweight = Flex::float_reshape(Flex::float_sum_dim(products, 0), weight.shape());
            grads.register::<Flex>(node.id, dweight);
        }
    }
}

#[derive(Debug)]
struct LayerNorm;

impl Backward<Flex, 3> for LayerNorm {
    type State = [Primitive; 2];

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x, weight] = ops.state.map(|tensor| tensor.to_contiguous());
        let gradient = grads.consume::<Flex>(&ops.node).to_contiguous();
        let shape = planes(&x);
        let (mut dweight, mut dbias) = (vec![0.0; shape.channels], vec![0.0; shape.channels]);
        let dx = tensor(x.shape(), |dx| {
            let (x, weight, gradient) = (values(&x), values(&weight), values(&gradient));
            planar::layer_norm_gradient(
                Isa::detect(),
                x,
                weight,
                gradient,
                shape,
                dx,
                &mut dweight,
                &mut dbias,
            );
        });
        let channels = |values| Primitive::from_data(TensorData::new(values, [shape.channels]));
        for (node, gradient) in ops.parents.into_iter().zip([dx, channels(dweight), channels(dbias)]) {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct GatedGelu;

impl Backward<Flex, 1> for GatedGelu {
    type State = Primitive;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let x = ops.state.to_contiguous();
        let gradient = grads.consume::<Flex>(&ops.node).to_contiguous();
        let [to_x] = ops.parents;
        if let Some(node) = to_x {
            let fill = |dx: &mut [f32]| {
                planar::gated_gelu_gradient(Isa::detect(), values(&x), values(&gradient), planes(&x), dx);
            };
            grads.register::<Flex>(node.id, tensor(x.shape(), fill));
        }
    }
}

/// The patches under a k x k filter as columns: `[n, c, h, w]` to `[n, c k k, h' w']`.
fn unfold(x: &Primitive, k: usize, stride: usize, [height, width]: [usize; 2]) -> Primitive {
    let (from, padding) = (planes(x), (k - 1) / 2);
    let inside = |at: usize, length: usize| (padding..length + padding).contains(&at).then(|| at - padding);
    let shape = Shape::from([from.images, from.channels * k * k, height * width]);
    tensor(shape, |out| {
        let x = values(x);
        for (number, column) in out.chunks_exact_mut(height * width).enumerate() {
            let plane = &x[number / (k * k) * from.plane()..][..from.plane()];
            let (dy, dx) = (number / k % k, number % k);
            for (y, row) in column.chunks_exact_mut(width).enumerate() {
                let Some(y) = inside(y * stride + dy, from.height) else { continue };
                let line = &plane[y * from.width..][..from.width];
                for (to, value) in row.iter_mut().enumerate() {
                    if let Some(at) = inside(to * stride + dx, from.width) {
                        *value = line[at];
                    }
                }
            }
        }
    })
}

/// A new tensor, filled by `fill`.
fn tensor(shape: Shape, fill: impl FnOnce(&mut [f32])) -> Primitive {
    let mut values = vec![0.0; shape.num_elements()];
    fill(&mut values);
    Primitive::from_data(TensorData::new(values, shape))
}

fn values(tensor: &Primitive) -> &[f32] {
    tensor.as_slice().expect("callers pass contiguous f32 tensors")
}

fn planes(tensor: &Primitive) -> Planes {
    let shape = tensor.shape();
    Planes { images: shape[0], channels: shape[1], height: shape[2], width: shape[3] }
}
