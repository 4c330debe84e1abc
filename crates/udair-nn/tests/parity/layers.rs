//! Every layer alone: output, gradient of the input and of each parameter.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::module::adaptive_avg_pool2d;
use burn::tensor::{Device, Gradients, Tensor};
use udair_engine::Config;
use udair_nn::adapter::Adapter;
use udair_nn::attention::Mdta;
use udair_nn::block::{Block, Down, Up};
use udair_nn::codebook::Codebook;
use udair_nn::feed_forward::Gdfn;
use udair_nn::gate::Gate;
use udair_nn::trunk::{Decoder, Encoder, Residual};
use udair_nn::{Conv, ConvConfig, LayerNorm};

use crate::golden::{self, Golden, open};

fn device() -> Device {
    golden::device().autodiff()
}

/// Gives a module the stored parameters, in the order of `names`.
struct Load<'a, 'n>(&'a Golden, std::slice::Iter<'n, &'n str>);

impl ModuleMapper for Load<'_, '_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = format!("param.{}", self.1.next().unwrap());
        assert_eq!(self.0.shape(&name), &param.dims()[..], "{name}");
        Param::from_tensor(self.0.tensor(&name, &device()))
    }
}

/// Compares the gradients of a module's parameters, in the same order.
struct Compare<'a, 'n>(&'a Golden, std::slice::Iter<'n, &'n str>, Gradients);

impl ModuleVisitor for Compare<'_, '_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = format!("grad.{}", self.1.next().unwrap());
        self.0.check(&name, param.val().grad_remove(&mut self.2).unwrap());
    }
}

/// Checks output and gradients of one layer, whose parameters are called `names` in declared order.
fn check<M: Module>(file: &str, module: M, names: &[&str], forward: impl Fn(&M, Tensor<4>) -> Tensor<4>) {
    let Some(golden) = open(&format!("layers/{file}")) else { return };
    let module = module.map(&mut Load(&golden, names.iter()));
    let input = golden.tensor::<4>("input", &device()).require_grad();
    let output = forward(&module, input.clone());
    golden.check("out", output.clone());
    if golden.names().all(|name| name != "grad_out") {
        return;
    }
    let mut gradients = (output * golden.tensor("grad_out", &device())).sum().backward();
    golden.check("grad.input", input.grad_remove(&mut gradients).unwrap());
    let mut compare = Compare(&golden, names.iter(), gradients);
    module.visit(&mut compare);
    assert!(compare.1.next().is_none(), "{file} has parameters that were not compared");
}

#[test]
fn layer_norm() {
    let names = ["body.weight", "body.bias"];
    check("layernorm", LayerNorm::init(6, &device()), &names, LayerNorm::forward);
}

#[test]
fn attention_also_of_a_zero_row() {
    let names = ["temperature", "qkv.weight", "qkv_dwconv.weight", "project_out.weight"];
    for file in ["mdta", "mdta_zero_channel"] {
        check(file, Mdta::init(8, 2, &device()), &names, Mdta::forward);
    }
}

#[test]
fn feed_forward() {
    let names = ["project_in.weight", "dwconv.weight", "project_out.weight"];
    check("gdfn", Gdfn::init(6, 15, &device()), &names, Gdfn::forward);
}

#[test]
fn block() {
    let names = [
        "norm1.body.weight",
        "norm1.body.bias",
        "norm2.body.weight",
        "norm2.body.bias",
        "attn.temperature",
        "attn.qkv.weight",
        "attn.qkv_dwconv.weight",
        "attn.project_out.weight",
        "ffn.project_in.weight",
        "ffn.dwconv.weight",
        "ffn.project_out.weight",
    ];
    check("transformer_block", Block::init(&Config::base(), 0, 8, 4, &device()), &names, Block::forward);
}

#[test]
fn changes_of_scale() {
    check("downsample", Down::init(6, &device()), &["body.0.weight"], Down::forward);
    check("upsample", Up::init(6, &device()), &["body.0.weight"], Up::forward);
}

#[test]
fn gate_also_where_its_epsilon_shows() {
    for file in ["gct", "gct_init", "gct_small_values"] {
        check(file, Gate::init(6, &device()), &["alpha", "gamma", "beta"], Gate::forward);
    }
}

#[test]
fn head() {
    let pointwise = |inputs, outputs| ConvConfig::new(inputs, outputs, 1).with_bias().init(&device());
    let names = ["0.fc1.weight", "0.fc1.bias", "0.fc2.weight", "0.fc2.bias"];
    check("convmlp_head", [pointwise(6, 10), pointwise(10, 8)], &names, |convs: &[Conv; 2], x| {
        convs.iter().fold(x, |x, conv| burn::tensor::activation::gelu(conv.forward(x)))
    });
}

#[test]
fn adapter() {
    let names = [
        "adapt.0.weight",
        "adapt.0.bias",
        "adapt.2.weight",
        "adapt.2.bias",
        "adapt.4.gate.1.weight",
        "adapt.4.gate.1.bias",
        "adapt.4.gate.3.weight",
        "adapt.4.gate.3.bias",
        "adapt.5.weight",
        "adapt.5.bias",
    ];
    check("adapter", Adapter::init(6, &device()), &names, Adapter::forward);
}

#[test]
fn trunk() {
    let config = Config { trunk: 8, res: 4, res_blocks: 2, code_dim: 6, ..Config::base() };
    let residual = |at: usize| {
        ["conv.1.weight", "conv.1.bias", "conv.3.weight", "conv.3.bias"]
            .map(|part| format!("blocks.{at}.{part}"))
    };
    let conv = |at: usize| ["weight", "bias"].map(|part| format!("blocks.{at}.{part}"));

    let names = residual(0).map(|name| name.replace("blocks.", ""));
    let names = names.each_ref().map(String::as_str);
    let relu = burn::tensor::activation::relu;
    check("vq_resblock", Residual::init(8, 4, &device()), &names, |layer, x| relu(layer.forward(x)));

    let names = [0, 2, 4].into_iter().flat_map(conv).chain([5, 6].into_iter().flat_map(residual));
    let names: Vec<String> = names.collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    check("vq_encoder_b", Encoder::bottom(&config, &device()), &names, Encoder::forward);

    let names = conv(0).into_iter().chain([1, 2].into_iter().flat_map(residual)).chain(conv(4));
    let names: Vec<String> = names.collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    check("vq_decoder_t", Decoder::init(&config, &device()), &names, Decoder::forward);
}

/// A codebook with the stored state, or with the official start: counts of zero.
fn codebook(golden: &Golden, official_start: bool) -> Codebook {
    let device = device();
    let fixed = |name| Param::from_tensor(golden.tensor(name, &device)).set_require_grad(false);
    let count = golden.shape("cluster_size")[0];
    let counts =
        if official_start { Tensor::zeros([count], &device) } else { golden.tensor("cluster_size", &device) };
    Codebook {
        embed: fixed("embed"),
        cluster_size: Param::from_tensor(counts).set_require_grad(false),
        embed_avg: fixed(if official_start { "embed" } else { "embed_avg" }),
    }
}

#[test]
fn codebook_quantises_straight_through() {
    let Some(golden) = open("layers/vq") else { return };
    let book = codebook(&golden, false);
    // The golden file keeps channels last.
    let input = golden.tensor::<4>("z1", &device()).require_grad();
    let seen = book.forward(input.clone().permute([0, 3, 1, 2]));
    assert_eq!(golden.differing("eval.index", seen.indices.clone()), 0);
    let codes = seen.codes.permute([0, 2, 3, 1]);
    golden.check("eval.quantized", codes.clone());
    golden.check("eval.commit_mse", seen.commitment);
    let mut gradients = (codes * golden.tensor("grad_out", &device())).sum().backward();
    golden.check("eval.grad_z", input.grad_remove(&mut gradients).unwrap());

    let seen = book.forward(input.clone().permute([0, 3, 1, 2]));
    let mut gradients = seen.commitment.backward();
    golden.check("eval.grad_z_of_commit_mse", input.grad_remove(&mut gradients).unwrap());
}

#[test]
fn codebook_follows_the_data() {
    let Some(golden) = open("layers/vq") else { return };
    for (kind, official_start) in [("healthy", false), ("official", true)] {
        let mut book = codebook(&golden, official_start);
        for step in 1..=3 {
            let z = golden.tensor::<4>(&format!("z{step}"), &device()).permute([0, 3, 1, 2]);
            let seen = book.forward(z);
            assert_eq!(golden.differing(&format!("{kind}.step{step}.index"), seen.indices.clone()), 0);
            golden.check(&format!("{kind}.step{step}.quantized"), seen.codes.clone().permute([0, 2, 3, 1]));
            book = book.update(&seen);
            golden.check(&format!("{kind}.after{step}.embed"), book.embed.val());
            golden.check(&format!("{kind}.after{step}.cluster_size"), book.cluster_size.val());
            golden.check(&format!("{kind}.after{step}.embed_avg"), book.embed_avg.val());
        }
    }
}

#[test]
fn pooling_with_uneven_windows() {
    let Some(golden) = open("layers/resampling") else { return };
    for (input, output, size) in [
        ("x_10x12", "adaptive_avg_10x12_to_4x5", [4, 5]),
        ("x_10x12", "adaptive_avg_10x12_to_16x16", [16, 16]),
        ("x_24x16", "adaptive_avg_24x16_to_16x16", [16, 16]),
    ] {
        golden.check(output, adaptive_avg_pool2d(golden.tensor(input, &device()), size));
    }
}
