//! The shape of a network from the shapes of its tensors.

use std::collections::BTreeMap;

use super::{ImportError, Stored};
use crate::{Config, Padding};

/// The configuration of a network with these tensors. Padding, which leaves no trace in tensors, is
/// the reference's.
pub(super) fn config(tensors: &BTreeMap<String, Stored<'_>>) -> Result<Config, ImportError> {
    let axis = |name: &str, axis: usize| match tensors.get(name) {
        None => Err(ImportError::NotUdair(format!("{name} is missing"))),
        Some(stored) => stored
            .shape
            .get(axis)
            .copied()
            .ok_or_else(|| ImportError::NotUdair(format!("{name} has shape {:?}", stored.shape))),
    };
    let count = |first: usize, stage: &str, part: &str| {
        let is_there = |i: &usize| tensors.contains_key(&format!("{stage}.{i}.{part}"));
        (first..first + tensors.len()).take_while(is_there).count()
    };
    let blocks = |stage: &str| count(0, stage, "norm1.body.weight");
    let heads = |block: &str| axis(&format!("{block}.attn.temperature"), 0);
    Ok(Config {
        width: axis("patch_embed.proj.weight", 0)?,
        enc: [blocks("encoder_level1"), blocks("encoder_level2"), blocks("encoder_level3"), blocks("latent")],
        dec: [blocks("decoder_level3"), blocks("decoder_level2"), blocks("decoder_level1")],
        refine: blocks("refinement"),
        heads: [
            heads("encoder_level1.0")?,
            heads("encoder_level2.0")?,
            heads("encoder_level3.0")?,
            heads("latent.0")?,
        ],
        fusion_heads: heads("dpm_level3")?,
        expansion: expansion(tensors)?,
        trunk: axis("dam.codebook.enc_b.blocks.4.weight", 0)?,
        res: axis("dam.codebook.enc_b.blocks.5.conv.1.weight", 0)?,
        res_blocks: count(5, "dam.codebook.enc_b.blocks", "conv.1.weight"),
        code_dim: axis("dam.codebook.quantize_t.embed", 0)?,
        codes: axis("dam.codebook.quantize_t.embed", 1)?,
        head: axis("dam.dim.fc1.weight", 0)?,
        pad: Padding::Sixteen,
        ..Config::base()
    })
}

/// The roundest number e with floor(e c) = h for every feed-forward network of c to h channels.
fn expansion(tensors: &BTreeMap<String, Stored<'_>>) -> Result<f64, ImportError> {
    let pairs: Vec<(f64, f64)> = tensors
        .iter()
        .filter(|(name, stored)| name.ends_with(".ffn.project_in.weight") && stored.shape.len() == 4)
        .map(|(_, stored)| (stored.shape[1] as f64, (stored.shape[0] / 2) as f64))
        .collect();
    let fits = |e: f64| pairs.iter().all(|&(c, h)| (e * c).floor() == h);
    let least = pairs.iter().map(|(c, h)| h / c).fold(0.0, f64::max);
    let candidates = (0..=6).map(|decimals| (least * 10_f64.powi(decimals)).ceil() / 10_f64.powi(decimals));
    candidates
        .into_iter()
        .find(|&e| fits(e))
        .ok_or_else(|| ImportError::NotUdair("its feed-forward networks widen by different factors".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::Kind;
    use crate::parameters;

    #[test]
    fn shapes_tell_the_configuration() {
        let tiny = Config {
            width: 6,
            enc: [1, 2, 3, 4],
            dec: [3, 2, 1],
            refine: 0,
            heads: [1, 2, 3, 6],
            ..Config::small()
        };
        for expected in [Config::base(), Config::small(), tiny] {
            let tensors = parameters(&expected)
                .into_iter()
                .map(|p| (p.name, Stored::contiguous(Kind::F32, &[], p.shape)))
                .collect();
            let expected = Config { pad: Padding::Sixteen, dropout: 0.3, ..expected };
            assert_eq!(config(&tensors).unwrap(), expected);
        }
    }

    #[test]
    fn other_networks_are_refused() {
        let error = config(&BTreeMap::new()).unwrap_err().to_string();
        assert!(error.contains("patch_embed.proj.weight is missing"), "{error}");
    }
}
