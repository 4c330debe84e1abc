//! UDAIR in its plain form: the equations as loops, with every intermediate kept.
//!
//! Readable first; parallel over rows only so that a test takes seconds. Names of intermediates are
//! those of the reference data.

pub(crate) mod analysis;
pub(crate) mod block;
pub(crate) mod ops;
mod padding;

use std::collections::BTreeMap;

use udair_engine::{Conditions, Map, Tensor, Weights};

use analysis::Analysis;
use block::stage;
use ops::{add, concat, conv, pixel_shuffle, pixel_unshuffle};
pub(crate) use padding::Padded;

/// The tensors of one layer: those whose names start with a prefix.
#[derive(Clone)]
pub(crate) struct Layer<'a> {
    tensors: &'a BTreeMap<String, Tensor>,
    prefix: String,
}

impl<'a> Layer<'a> {
    /// All tensors.
    pub(crate) fn root(tensors: &'a BTreeMap<String, Tensor>) -> Self {
        Self { tensors, prefix: String::new() }
    }

    /// The layer `name` within this one.
    pub(crate) fn at(&self, name: impl std::fmt::Display) -> Self {
        Self { tensors: self.tensors, prefix: format!("{}{name}.", self.prefix) }
    }

    /// A tensor of this layer.
    pub(crate) fn tensor(&self, name: &str) -> &'a Tensor {
        self.get(name).unwrap_or_else(|| panic!("{}{name} is missing", self.prefix))
    }

    /// A tensor that the layer may lack.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Tensor> {
        self.tensors.get(&format!("{}{name}", self.prefix))
    }
}

/// What a forward pass computes, by the names of the reference data.
pub(crate) struct Trace {
    pub(crate) maps: BTreeMap<&'static str, Map>,
    pub(crate) codes_t: Vec<u32>,
    pub(crate) codes_b: Vec<u32>,
}

impl Trace {
    pub(crate) fn conditions(&self) -> Conditions {
        let map = |name| self.maps[name].clone();
        Conditions {
            d4: map("D4"),
            d3: map("D3"),
            d2: Some(map("D2")),
            codes_t: self.codes_t.clone(),
            codes_b: self.codes_b.clone(),
            feature: ["D4", "D3", "D2"].into_iter().flat_map(|name| moments(&self.maps[name])).collect(),
            parts: Vec::new(),
        }
    }
}

/// Channel means over all positions, then ln(v + 1e-8) of the population variances v.
fn moments(map: &Map) -> Vec<f64> {
    let positions = (map.height * map.width) as f64;
    let channel = |c: usize| map.data.iter().skip(c).step_by(map.channels).map(|&v| f64::from(v));
    let mut moments: Vec<f64> = (0..map.channels).map(|c| channel(c).sum::<f64>() / positions).collect();
    for c in 0..map.channels {
        let variance = channel(c).map(|v| (v - moments[c]).powi(2)).sum::<f64>() / positions;
        moments.push((variance + 1e-8).ln());
    }
    moments
}

/// Restores a picture of `height * width * 3` values in [0, 1].
pub(crate) fn forward(weights: &Weights, picture: &Map) -> Trace {
    let padded = Padded::new(weights.config.pad, picture);
    let Analysis { mut maps, codes_t, codes_b } = analysis::forward(weights, &padded.map);
    decode(weights, &padded, &mut maps);
    Trace { maps, codes_t, codes_b }
}

/// The U-Net, given the conditions in `maps`; adds its own intermediates to them.
fn decode(weights: &Weights, padded: &Padded, maps: &mut BTreeMap<&'static str, Map>) {
    let root = Layer::root(&weights.tensors);
    let plain = |x: &Map, name: &str| conv(x, &root.at(name), 1);
    let down = |x: &Map, name: &str| pixel_unshuffle(&conv(x, &root.at(name).at("body.0"), 1));
    let up = |x: &Map, name: &str| pixel_shuffle(&conv(x, &root.at(name).at("body.0"), 1));
    let blocks = |x: &Map, name: &str, count| stage(x, &root.at(name), count);

    let (enc, dec) = (weights.config.enc, weights.config.dec);
    let patch_embed = plain(&padded.map, "patch_embed.proj");
    let enc1 = blocks(&patch_embed, "encoder_level1", enc[0]);
    let enc2 = blocks(&down(&enc1, "down1_2"), "encoder_level2", enc[1]);
    let enc3 = blocks(&down(&enc2, "down2_3"), "encoder_level3", enc[2]);
    let latent = blocks(&down(&enc3, "down3_4"), "latent", enc[3]);

    let fuse = |x: &Map, condition: &Map, level: usize| {
        let fused = block::block(&concat(x, condition), &root.at(format!("dpm_level{level}")));
        plain(&fused, &format!("reduce_dpm_level{level}"))
    };
    let dpm3 = fuse(&latent, &maps["D4"], 3);
    let joined = plain(&concat(&up(&dpm3, "up4_3"), &enc3), "reduce_chan_level3");
    let dec3 = blocks(&joined, "decoder_level3", dec[0]);
    let dpm2 = fuse(&dec3, &maps["D3"], 2);
    let joined = plain(&concat(&up(&dpm2, "up3_2"), &enc2), "reduce_chan_level2");
    let dec2 = blocks(&joined, "decoder_level2", dec[1]);
    let dpm1 = fuse(&dec2, &maps["D2"], 1);
    let dec1 = blocks(&concat(&up(&dpm1, "up2_1"), &enc1), "decoder_level1", dec[2]);
    let refine = blocks(&dec1, "refinement", weights.config.refine);
    let residual = plain(&refine, "output");
    let out = padded.restored(&add(&residual, &padded.map));

    maps.extend([("patch_embed", patch_embed), ("enc1", enc1), ("enc2", enc2), ("enc3", enc3)]);
    maps.extend([("latent", latent), ("dpm3", dpm3), ("dec3", dec3), ("dpm2", dpm2), ("dec2", dec2)]);
    maps.extend([("dpm1", dpm1), ("dec1", dec1), ("refine", refine), ("residual", residual), ("out", out)]);
}
