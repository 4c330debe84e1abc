//! Single layers of the plain form against the numbers of the authors' program.

use std::collections::BTreeMap;

use udair_engine::{Map, Padding, Tensor};

use crate::golden::codes;
use crate::plain::{Layer, Padded, analysis, block, ops};
use crate::reference::{Golden, assert_close};

/// Checks `out = layer(input)` of `golden/layers/<name>` for every image.
fn check(name: &str, forward: impl Fn(&Map, &Layer<'_>) -> Map) {
    let Some(golden) = Golden::open(&format!("layers/{name}")) else { return };
    let parameters: BTreeMap<String, Tensor> = golden.under("param.");
    for n in 0..golden.images("input") {
        golden.assert_map("out", n, &forward(&golden.map("input", n), &Layer::root(&parameters)));
    }
}

#[test]
fn layers_equal_the_reference() {
    check("layernorm", |x, p| {
        let body = p.at("body");
        ops::layer_norm(x, body.tensor("weight"), body.tensor("bias"))
    });
    check("mdta", block::attention);
    check("mdta_zero_channel", block::attention);
    check("gdfn", block::feed_forward);
    check("transformer_block", block::block);
    check("downsample", |x, p| ops::pixel_unshuffle(&ops::conv(x, &p.at("body.0"), 1)));
    check("upsample", |x, p| ops::pixel_shuffle(&ops::conv(x, &p.at("body.0"), 1)));
    check("gct", analysis::gate);
    check("gct_init", analysis::gate);
    check("gct_small_values", analysis::gate);
    check("convmlp_head", |x, p| ops::each(&analysis::head_before_gelu(x, &p.at(0)), ops::gelu));
    check("vq_resblock", |x, p| ops::each(&analysis::residual_blocks(x, p, 0, 1), ops::relu));
    check("vq_encoder_b", |x, p| analysis::encoder_b(x, &p.at("blocks"), 2));
    check("vq_decoder_t", |x, p| analysis::decoder_t(x, &p.at("blocks"), 2));
}

#[test]
fn quantiser_equals_the_reference() {
    let Some(golden) = Golden::open("layers/vq") else { return };
    let [images, height, width, channels] = golden.tensors["z1"].shape[..] else { panic!() };
    let data = golden.tensors["z1"].data.clone();
    // Already one row of channels a pixel: two images on top of each other.
    let z = Map { channels, height: images * height, width, data };
    let (quantised, numbers) = analysis::quantise(&z, &golden.tensors["embed"]);
    let expected: Vec<u32> = (0..images).flat_map(|n| codes(&golden, "eval.index", n)).collect();
    assert_eq!(numbers, expected);
    let name = "eval.quantized";
    assert_close(name, &quantised.data, &golden.tensors[name].data, golden.tolerance(name));
}

#[test]
fn resampling_equals_the_reference() {
    let Some(golden) = Golden::open("layers/resampling") else { return };
    let map = |name| golden.map(name, 0);
    golden.assert_map("adaptive_avg_10x12_to_16x16", 0, &ops::average_pool(&map("x_10x12"), 16, 16));
    golden.assert_map("adaptive_avg_10x12_to_4x5", 0, &ops::average_pool(&map("x_10x12"), 4, 5));
    golden.assert_map("adaptive_avg_24x16_to_16x16", 0, &ops::average_pool(&map("x_24x16"), 16, 16));
    golden.assert_map("nearest_5x7_to_10x14", 0, &ops::nearest(&map("x_5x7"), 10, 14));
    golden.assert_map("nearest_5x7_to_11x13", 0, &ops::nearest(&map("x_5x7"), 11, 13));
    let padded = Padded::new(Padding::Sixteen, &map("img_21x35")).map;
    let zero =
        Padded::new(Padding::Sixteen, &Map { channels: 3, height: 16, width: 16, data: vec![0.0; 768] });
    let mean = &zero.map.data[..3];
    let data = padded.data.iter().enumerate().map(|(i, v)| v - mean[i % 3]).collect();
    golden.assert_map("reflect_pad16_img", 0, &Map { data, ..padded });
}
