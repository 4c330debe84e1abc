//! The engine's planar layers as Burn operations of the CPU back end, with their own backward
//! passes.
//!
//! Each keeps its inputs and nothing else: what the backward pass needs beyond them it computes
//! again.
#![expect(clippy::too_many_arguments, reason = "Burn's dispatch takes one tensor an argument")]

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Shape, Tensor, TensorData};
use udair_engine::planar::{Arithmetic, Attention, Convolution, FeedForward, Layer, Shape as Planes};

/// Dense convolution: `x` `[n, inputs, h, w]`, `weight` `[outputs, inputs, k, k]`.
pub(super) fn convolution(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    stride: usize,
    on: Arithmetic,
) -> Tensor<4> {
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Kernels>::convolution(x, weight, bias, stride, on))
}

/// x + GDFN(LN(x)); parameters in the order of [`FeedForward`].
pub(super) fn feed_forward(
    x: Tensor<4>,
    norm: [Tensor<1>; 2],
    [expand, taps, project]: [Tensor<4>; 3],
    on: Arithmetic,
) -> Tensor<4> {
    let [weight, bias] = norm.map(Tensor::into_dispatch);
    let (expand, taps, project) = (expand.into_dispatch(), taps.into_dispatch(), project.into_dispatch());
    let x = x.into_dispatch();
    Tensor::from_dispatch(<Dispatch as Kernels>::feed_forward(x, weight, bias, expand, taps, project, on))
}

/// x + MDTA(LN(x)); parameters in the order of [`Attention`].
pub(super) fn attention(
    x: Tensor<4>,
    norm: [Tensor<1>; 2],
    temperature: Tensor<3>,
    [qkv, taps, project]: [Tensor<4>; 3],
    on: Arithmetic,
) -> Tensor<4> {
    let [weight, bias] = norm.map(Tensor::into_dispatch);
    let (qkv, taps, project) = (qkv.into_dispatch(), taps.into_dispatch(), project.into_dispatch());
    let (x, temperature) = (x.into_dispatch(), temperature.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Kernels>::attention(
        x,
        weight,
        bias,
        temperature,
        qkv,
        taps,
        project,
        on,
    ))
}

/// The operations, for Burn's dispatch.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait Kernels: Backend {
    fn convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: usize,
        on: Arithmetic,
    ) -> FloatTensor<Self>;
    fn feed_forward(
        x: FloatTensor<Self>,
        norm_weight: FloatTensor<Self>,
        norm_bias: FloatTensor<Self>,
        expand: FloatTensor<Self>,
        taps: FloatTensor<Self>,
        project: FloatTensor<Self>,
        on: Arithmetic,
    ) -> FloatTensor<Self>;
    fn attention(
        x: FloatTensor<Self>,
        norm_weight: FloatTensor<Self>,
        norm_bias: FloatTensor<Self>,
        temperature: FloatTensor<Self>,
        qkv: FloatTensor<Self>,
        taps: FloatTensor<Self>,
        project: FloatTensor<Self>,
        on: Arithmetic,
    ) -> FloatTensor<Self>;
}

type Primitive = FloatTensor<Flex>;

impl Kernels for Flex {
    fn convolution(
        x: Primitive,
        weight: Primitive,
        bias: Primitive,
        stride: usize,
        on: Arithmetic,
    ) -> Primitive {
        let parameters = [weight, bias].map(|p| p.to_contiguous());
        forward(&convolution_of(&parameters, stride), x, on)
    }

    fn feed_forward(
        x: Primitive,
        norm_weight: Primitive,
        norm_bias: Primitive,
        expand: Primitive,
        taps: Primitive,
        project: Primitive,
        on: Arithmetic,
    ) -> Primitive {
        let parameters = [norm_weight, norm_bias, expand, taps, project].map(|p| p.to_contiguous());
        forward(&feed_forward_of(&parameters), x, on)
    }

    fn attention(
        x: Primitive,
        norm_weight: Primitive,
        norm_bias: Primitive,
        temperature: Primitive,
        qkv: Primitive,
        taps: Primitive,
        project: Primitive,
        on: Arithmetic,
    ) -> Primitive {
        let parameters = [norm_weight, norm_bias, temperature, qkv, taps, project].map(|p| p.to_contiguous());
        forward(&attention_of(&parameters), x, on)
    }
}

impl<C: CheckpointStrategy> Kernels for Autodiff<Flex, C> {
    fn convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: usize,
        on: Arithmetic,
    ) -> FloatTensor<Self> {
        let (state, parents) = parted::<C, _>([x, weight, bias]);
        let [x, weight, bias] = state.clone();
        let output = Flex::convolution(x, weight, bias, stride, on);
        record::<C, _, 3>(ConvolutionStep { stride, on }, parents, state, output)
    }

    fn feed_forward(
        x: FloatTensor<Self>,
        norm_weight: FloatTensor<Self>,
        norm_bias: FloatTensor<Self>,
        expand: FloatTensor<Self>,
        taps: FloatTensor<Self>,
        project: FloatTensor<Self>,
        on: Arithmetic,
    ) -> FloatTensor<Self> {
        let (state, parents) = parted::<C, _>([x, norm_weight, norm_bias, expand, taps, project]);
        let [x, weight, bias, expand, taps, project] = state.clone();
        let output = Flex::feed_forward(x, weight, bias, expand, taps, project, on);
        record::<C, _, 6>(FeedForwardStep { on }, parents, state, output)
    }

    fn attention(
        x: FloatTensor<Self>,
        norm_weight: FloatTensor<Self>,
        norm_bias: FloatTensor<Self>,
        temperature: FloatTensor<Self>,
        qkv: FloatTensor<Self>,
        taps: FloatTensor<Self>,
        project: FloatTensor<Self>,
        on: Arithmetic,
    ) -> FloatTensor<Self> {
        let (state, parents) = parted::<C, _>([x, norm_weight, norm_bias, temperature, qkv, taps, project]);
        let [x, weight, bias, temperature, qkv, taps, project] = state.clone();
        let output = Flex::attention(x, weight, bias, temperature, qkv, taps, project, on);
        record::<C, _, 7>(AttentionStep { on }, parents, state, output)
    }
}

#[derive(Debug)]
struct ConvolutionStep {
    stride: usize,
    on: Arithmetic,
}

impl Backward<Flex, 3> for ConvolutionStep {
    type State = [Primitive; 3];

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x, parameters @ ..] = ops.state;
        let parameters = parameters.map(|p| p.to_contiguous());
        let gradient = grads.consume::<Flex>(&ops.node);
        let found = backward(&convolution_of(&parameters, self.stride), x, gradient, &parameters, self.on);
        register(grads, ops.parents.map(|parent| parent.map(|node| node.id)), found);
    }
}

#[derive(Debug)]
struct FeedForwardStep {
    on: Arithmetic,
}

impl Backward<Flex, 6> for FeedForwardStep {
    type State = [Primitive; 6];

    fn backward(self, ops: Ops<Self::State, 6>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x, parameters @ ..] = ops.state;
        let parameters = parameters.map(|p| p.to_contiguous());
        let gradient = grads.consume::<Flex>(&ops.node);
        let found = backward(&feed_forward_of(&parameters), x, gradient, &parameters, self.on);
        register(grads, ops.parents.map(|parent| parent.map(|node| node.id)), found);
    }
}

#[derive(Debug)]
struct AttentionStep {
    on: Arithmetic,
}

impl Backward<Flex, 7> for AttentionStep {
    type State = [Primitive; 7];

    fn backward(self, ops: Ops<Self::State, 7>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x, parameters @ ..] = ops.state;
        let parameters = parameters.map(|p| p.to_contiguous());
        let gradient = grads.consume::<Flex>(&ops.node);
        let found = backward(&attention_of(&parameters), x, gradient, &parameters, self.on);
        register(grads, ops.parents.map(|parent| parent.map(|node| node.id)), found);
    }
}

fn convolution_of(parameters: &[Primitive; 2], stride: usize) -> Convolution<'_> {
    let shape = parameters[0].shape();
    let [weight, bias] = parameters.each_ref().map(values);
    Convolution { weight, bias, kernel: shape[2], stride, outputs: shape[0] }
}

fn feed_forward_of(parameters: &[Primitive; 5]) -> FeedForward<'_> {
    let [norm_weight, norm_bias, expand, taps, project] = parameters.each_ref().map(values);
    FeedForward { norm_weight, norm_bias, expand, taps, project }
}

fn attention_of(parameters: &[Primitive; 6]) -> Attention<'_> {
    let [norm_weight, norm_bias, temperature, qkv, taps, project] = parameters.each_ref().map(values);
    Attention { norm_weight, norm_bias, temperature, qkv, taps, project }
}

fn forward<const N: usize>(layer: &impl Layer<N>, x: Primitive, on: Arithmetic) -> Primitive {
    let x = x.to_contiguous();
    let to = layer.output(planes(&x));
    let mut out = vec![0.0; to.len()];
    layer.forward(on, values(&x), planes(&x), &mut out);
    tensor(out, Shape::from([to.images, to.channels, to.height, to.width]))
}

/// The gradients with respect to `x` and to the parameters.
fn backward<const N: usize>(
    layer: &impl Layer<N>,
    x: Primitive,
    gradient: Primitive,
    parameters: &[Primitive; N],
    on: Arithmetic,
) -> Vec<Primitive> {
    let (x, gradient) = (x.to_contiguous(), gradient.to_contiguous());
    let mut dx = vec![0.0; values(&x).len()];
    let found = layer.backward(on, values(&x), values(&gradient), planes(&x), &mut dx);
    let found = found.into_iter().zip(parameters).map(|(values, like)| tensor(values, like.shape()));
    [tensor(dx, x.shape())].into_iter().chain(found).collect()
}

fn register<const N: usize>(grads: &mut Gradients, parents: [Option<NodeId>; N], gradients: Vec<Primitive>) {
    for (parent, gradient) in parents.into_iter().zip(gradients) {
        if let Some(id) = parent {
            grads.register::<Flex>(id, gradient);
        }
    }
}

/// Tensors of the graph as plain ones and their nodes.
fn parted<C: CheckpointStrategy, const N: usize>(
    tensors: [FloatTensor<Autodiff<Flex, C>>; N],
) -> ([Primitive; N], [NodeGuard; N]) {
    let mut nodes = Vec::with_capacity(N);
    let plain = tensors.map(|tensor| {
        let (plain, node) = tensor.into_parts();
        nodes.push(node);
        plain
    });
    (plain, nodes.try_into().expect("there is one node a tensor"))
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

fn tensor(values: Vec<f32>, shape: Shape) -> Primitive {
    Primitive::from_data(TensorData::new(values, shape))
}

fn values(tensor: &Primitive) -> &[f32] {
    tensor.as_slice().expect("callers pass contiguous f32 tensors")
}

fn planes(tensor: &Primitive) -> Planes {
    let shape = tensor.shape();
    Planes { images: shape[0], channels: shape[1], height: shape[2], width: shape[3] }
}
