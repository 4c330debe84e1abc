//! The degradation analysis (DAAM): two levels of codes, a head and a gate.

use std::collections::BTreeMap;

use rayon::prelude::*;
use udair_engine::{Map, Tensor, Weights};

use super::Layer;
use super::ops::{add, average_pool, concat, conv, conv_transposed, each, gelu, nearest, relu};

/// Conditions and intermediates by the names of the reference data.
pub(crate) struct Analysis {
    pub(crate) maps: BTreeMap<&'static str, Map>,
    pub(crate) codes_t: Vec<u32>,
    pub(crate) codes_b: Vec<u32>,
}

/// Analyses a padded picture from which the mean has been subtracted.
pub(crate) fn forward(weights: &Weights, picture: &Map) -> Analysis {
    let root = Layer::root(&weights.tensors);
    let (dam, book) = (root.at("dam"), root.at("dam.codebook"));
    let residuals = weights.config.res_blocks;

    let daam_enc_b = encoder_b(picture, &book.at("enc_b.blocks"), residuals);
    let daam_enc_t = encoder_t(&daam_enc_b, &book.at("enc_t.blocks"), residuals);
    let z_t = conv(&daam_enc_t, &book.at("quantize_conv_t"), 1);
    let (q_t, codes_t) = quantise(&z_t, book.at("quantize_t").tensor("embed"));
    let dec_t = decoder_t(&q_t, &book.at("dec_t.blocks"), residuals);
    let z_b = conv(&concat(&dec_t, &daam_enc_b), &book.at("quantize_conv_b"), 1);
    let (q_b, codes_b) = quantise(&z_b, book.at("quantize_b").tensor("embed"));
    let head_pre_gelu = head_before_gelu(&q_b, &dam.at("dim"));
    let head = each(&head_pre_gelu, gelu);
    let d3 = gate(&head, &dam.at("gct"));
    let d4 = conv(&average_pool(&d3, d3.height / 2, d3.width / 2), &root.at("dam_level4"), 1);
    let d2 = conv(&nearest(&d3, 2 * d3.height, 2 * d3.width), &root.at("dam_level2"), 1);

    let maps = BTreeMap::from([
        ("daam_enc_b", daam_enc_b),
        ("daam_enc_t", daam_enc_t),
        ("z_t", z_t),
        ("q_t", q_t),
        ("dec_t", dec_t),
        ("z_b", z_b),
        ("q_b", q_b),
        ("head_pre_gelu", head_pre_gelu),
        ("head", head),
        ("D", d3.clone()),
        ("D3", d3),
        ("D4", d4),
        ("D2", d2),
    ]);
    Analysis { maps, codes_t, codes_b }
}

/// `E_b`: two 4x4 convolutions of stride 2, a 3x3, residual blocks.
pub(crate) fn encoder_b(map: &Map, blocks: &Layer<'_>, residuals: usize) -> Map {
    let map = each(&conv(map, &blocks.at(0), 2), relu);
    let map = each(&conv(&map, &blocks.at(2), 2), relu);
    let map = conv(&map, &blocks.at(4), 1);
    each(&residual_blocks(&map, blocks, 5, residuals), relu)
}

/// `E_t`: one 4x4 convolution of stride 2, a 3x3, residual blocks.
pub(crate) fn encoder_t(map: &Map, blocks: &Layer<'_>, residuals: usize) -> Map {
    let map = each(&conv(map, &blocks.at(0), 2), relu);
    let map = conv(&map, &blocks.at(2), 1);
    each(&residual_blocks(&map, blocks, 3, residuals), relu)
}

/// Decoder T: a 3x3, residual blocks, a transposed convolution back to 1/4.
pub(crate) fn decoder_t(map: &Map, blocks: &Layer<'_>, residuals: usize) -> Map {
    let map = conv(map, &blocks.at(0), 1);
    let map = each(&residual_blocks(&map, blocks, 1, residuals), relu);
    conv_transposed(&map, &blocks.at(residuals + 2))
}

/// x + 1x1(ReLU(3x3(ReLU(x)))), repeatedly.
pub(crate) fn residual_blocks(map: &Map, layer: &Layer<'_>, first: usize, count: usize) -> Map {
    (first..first + count).fold(map.clone(), |map, i| {
        let layer = layer.at(i).at("conv");
        let inner = each(&conv(&each(&map, relu), &layer.at(1), 1), relu);
        add(&map, &conv(&inner, &layer.at(3), 1))
    })
}

/// The nearest code of every pixel, as z + (e - z), and its number. `embed` is dimensions x codes.
pub(crate) fn quantise(z: &Map, embed: &Tensor) -> (Map, Vec<u32>) {
    let [dimensions, count] = embed.shape[..] else { panic!("{:?}", embed.shape) };
    let code = |j: usize| (0..dimensions).map(move |d| embed.data[d * count + j]);
    let nearest = |pixel: &[f32]| {
        (0..count).min_by(|&i, &j| distance(pixel, code(i)).total_cmp(&distance(pixel, code(j)))).unwrap()
    };
    let codes: Vec<usize> = z.data.par_chunks_exact(dimensions).map(nearest).collect();
    let pixels = z.data.chunks_exact(dimensions).zip(&codes);
    let data = pixels.flat_map(|(pixel, &j)| pixel.iter().zip(code(j)).map(|(&z, e)| z + (e - z))).collect();
    (Map { data, ..*z }, codes.iter().map(|&j| j as u32).collect())
}

/// ||z - e||² in f64.
pub(crate) fn distance(z: &[f32], e: impl Iterator<Item = f32>) -> f64 {
    z.iter().zip(e).map(|(&z, e)| (f64::from(z) - f64::from(e)).powi(2)).sum()
}

/// Two 1x1 convolutions with a GELU between them.
pub(crate) fn head_before_gelu(map: &Map, layer: &Layer<'_>) -> Map {
    conv(&each(&conv(map, &layer.at("fc1"), 1), gelu), &layer.at("fc2"), 1)
}

/// The gate: e = alpha sqrt(sum x² + eps), n = gamma / sqrt(mean e² + eps),
/// out = x (1 + tanh(e n + beta)).
pub(crate) fn gate(map: &Map, layer: &Layer<'_>) -> Map {
    const EPS: f64 = 1e-5;
    let parameter = |name: &str, c: usize| f64::from(layer.tensor(name).data[c]);
    let channel = |c: usize| map.data.iter().skip(c).step_by(map.channels).map(|&v| f64::from(v));
    let embedding: Vec<f64> = (0..map.channels)
        .map(|c| parameter("alpha", c) * (channel(c).map(|v| v * v).sum::<f64>() + EPS).sqrt())
        .collect();
    let mean = embedding.iter().map(|e| e * e).sum::<f64>() / map.channels as f64;
    let scale: Vec<f32> = (0..map.channels)
        .map(|c| {
            let normalised = parameter("gamma", c) / (mean + EPS).sqrt();
            (1.0 + (embedding[c] * normalised + parameter("beta", c)).tanh()) as f32
        })
        .collect();
    let data = map.data.iter().enumerate().map(|(i, v)| v * scale[i % map.channels]).collect();
    Map { data, ..*map }
}
