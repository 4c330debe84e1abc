//! The transformer block: attention over channels, then a gated feed-forward network.

use rayon::prelude::*;
use udair_engine::Map;

use super::Layer;
use super::ops::{add, at, build, conv, gelu, layer_norm};

/// `count` blocks one after the other.
pub(crate) fn stage(map: &Map, layer: &Layer<'_>, count: usize) -> Map {
    (0..count).fold(map.clone(), |map, i| block(&map, &layer.at(i)))
}

/// u = u + MDTA(LN(u)); u = u + GDFN(LN(u)).
pub(crate) fn block(map: &Map, layer: &Layer<'_>) -> Map {
    let norm = |x: &Map, name: &str| {
        let body = layer.at(name).at("body");
        layer_norm(x, body.tensor("weight"), body.tensor("bias"))
    };
    let map = add(map, &attention(&norm(map, "norm1"), &layer.at("attn")));
    add(&map, &feed_forward(&norm(&map, "norm2"), &layer.at("ffn")))
}

/// MDTA: per head softmax(q k^T * temperature) v, where q and k are channels x pixels, each row of
/// norm one.
pub(crate) fn attention(map: &Map, layer: &Layer<'_>) -> Map {
    let qkv = conv(&conv(map, &layer.at("qkv"), 1), &layer.at("qkv_dwconv"), 1);
    let temperature = &layer.tensor("temperature").data;
    let (c, channels) = (map.channels, map.channels / temperature.len());
    let norm = |channel: usize| {
        let squares = qkv.data.iter().skip(channel).step_by(3 * c).map(|&v| f64::from(v).powi(2));
        squares.sum::<f64>().sqrt().max(1e-12)
    };
    let norms: Vec<f64> = (0..2 * c).into_par_iter().map(norm).collect();
    // Row i holds the weights of the value channels of its head.
    let weights: Vec<Vec<f32>> = (0..c)
        .into_par_iter()
        .map(|i| {
            let head = i / channels;
            let mut row = vec![0.0_f64; channels];
            for pixel in qkv.data.chunks_exact(3 * c) {
                let keys = &pixel[c + head * channels..][..channels];
                row.iter_mut().zip(keys).for_each(|(sum, &k)| *sum += f64::from(pixel[i]) * f64::from(k));
            }
            for (j, v) in row.iter_mut().enumerate() {
                *v *= f64::from(temperature[head]) / (norms[i] * norms[c + head * channels + j]);
            }
            softmax(&row)
        })
        .collect();
    let mixed = build([c, map.height, map.width], |y, x, out| {
        let values = &at(&qkv, y as isize, x as isize).unwrap()[2 * c..];
        for (i, out) in out.iter_mut().enumerate() {
            let values = &values[i / channels * channels..][..channels];
            *out = weights[i].iter().zip(values).map(|(w, v)| w * v).sum();
        }
    });
    conv(&mixed, &layer.at("project_out"), 1)
}

fn softmax(row: &[f64]) -> Vec<f32> {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = row.iter().map(|v| (v - largest).exp()).sum();
    row.iter().map(|v| ((v - largest).exp() / total) as f32).collect()
}

/// GDFN: [a, b] = dw3x3(1x1(x)); 1x1(GELU(a) * b).
pub(crate) fn feed_forward(map: &Map, layer: &Layer<'_>) -> Map {
    let both = conv(&conv(map, &layer.at("project_in"), 1), &layer.at("dwconv"), 1);
    let hidden = both.channels / 2;
    let gated = build([hidden, map.height, map.width], |y, x, out| {
        let (a, b) = at(&both, y as isize, x as isize).unwrap().split_at(hidden);
        out.iter_mut().zip(a.iter().zip(b)).for_each(|(out, (&a, b))| *out = gelu(a) * b);
    });
    conv(&gated, &layer.at("project_out"), 1)
}
