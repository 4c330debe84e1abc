//! `UIConM`: the entropy-like measure `-1/n sum m ln m` of the Michelson contrasts `m` of blocks.

use super::blocks::{Extremes, mean_over_blocks};
use crate::colour;
use crate::image::Rgb8;

/// What the contrast of a block is taken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contrast {
    /// Greatest and least value over all three channels.
    AllChannels,
    /// BT.601 intensity.
    Intensity,
    /// BT.601 intensity, with the operators of parameterised logarithmic image processing.
    Plip,
}

/// The gamma of PLIP, in the unit of 8-bit pixels.
const GAMMA: f64 = 1026.0;

pub(super) fn contrast(image: &Rgb8, block: usize, kind: Contrast) -> f64 {
    let size = (image.width(), image.height());
    let all_channels = |first: usize, extremes: &mut Extremes| {
        let mut values = vec![0.0; size.0];
        for y in first..first + block {
            for channel in 0..3 {
                values.iter_mut().zip(image.row(y)).for_each(|(out, rgb)| *out = f64::from(rgb[channel]));
                extremes.add(&values);
            }
        }
    };
    let intensity = |first: usize, extremes: &mut Extremes| {
        let mut values = vec![0.0; size.0];
        for y in first..first + block {
            values.iter_mut().zip(image.row(y)).for_each(|(out, &rgb)| *out = colour::luma_full(rgb));
            extremes.add(&values);
        }
    };
    match kind {
        Contrast::AllChannels => -mean_over_blocks(size, block, all_channels, michelson),
        Contrast::Intensity => -mean_over_blocks(size, block, intensity, michelson),
        Contrast::Plip => {
            let n = ((size.0 / block) * (size.1 / block)) as f64;
            let sum = n * mean_over_blocks(size, block, intensity, plip);
            -(GAMMA - GAMMA * (1.0 - sum / GAMMA).powf(1.0 / n))
        }
    }
}

fn michelson(most: f64, least: f64) -> f64 {
    entropy(most - least, most + least)
}

fn plip(most: f64, least: f64) -> f64 {
    let difference = GAMMA * (most - least) / (GAMMA - least);
    entropy(difference, most + least - most * least / GAMMA)
}

/// `m ln m` of the quotient, 0 for blocks of one colour.
fn entropy(difference: f64, sum: f64) -> f64 {
    let m = difference / sum;
    if difference == 0.0 || sum == 0.0 { 0.0 } else { m * m.ln() }
}
