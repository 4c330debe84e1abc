//! Layer norm over the channels of every pixel: y = (x - mean) / sqrt(var + 1e-5) · w + b, with the
//! biased variance.
//!
//! Pixels go in blocks of 64, so that a block's channels stay in the cache through all passes.

use crate::kernels::isa::{Isa, dispatch};
use crate::kernels::simd::Simd;

const EPSILON: f32 = 1e-5;
/// Pixels of a block.
const BLOCK: usize = 64;

/// Normalises the pixels of an image, `plane` values a channel, into `out`; `weight` and `bias` hold
/// one value a channel.
pub(super) fn normalise(isa: Isa, x: &[f32], weight: &[f32], bias: &[f32], plane: usize, out: &mut [f32]) {
    assert_eq!((x.len(), out.len()), (weight.len() * plane, x.len()), "slices differ in their sizes");
    assert_eq!(weight.len(), bias.len(), "one value a channel");
    dispatch!(isa, forward_with(x: &[f32], weight: &[f32], bias: &[f32], plane: usize, out: &mut [f32]));
}

/// Adds the gradients of [`normalise`], from that of its output, to those of its input, weight and
/// bias.
pub(super) fn normalise_gradient(
    isa: Isa,
    x: &[f32],
    weight: &[f32],
    gradient: &[f32],
    dx: &mut [f32],
    dweight: &mut [f32],
    dbias: &mut [f32],
) {
    assert_eq!((x.len(), x.len()), (gradient.len(), dx.len()), "slices differ in their sizes");
    assert_eq!((weight.len(), weight.len()), (dweight.len(), dbias.len()), "one value a channel");
    let plane = x.len() / weight.len();
    dispatch!(isa, backward_with(
        x: &[f32], weight: &[f32], gradient: &[f32], plane: usize, dx: &mut [f32], dweight: &mut [f32],
        dbias: &mut [f32]
    ));
}

/// Mean and 1 / sqrt(var + eps) of the pixels of a block.
#[inline(always)]
fn statistics(x: &[f32], plane: usize, at: usize, n: usize) -> ([f32; BLOCK], [f32; BLOCK]) {
    let share = plane as f32 / x.len() as f32;
    let mut mean = [0.0; BLOCK];
    for row in x.chunks_exact(plane) {
        for (mean, x) in mean.iter_mut().zip(&row[at..at + n]) {
            *mean += x;
        }
    }
    mean.iter_mut().for_each(|mean| *mean *= share);
    let mut scale = [0.0; BLOCK];
    for row in x.chunks_exact(plane) {
        for ((square, x), mean) in scale.iter_mut().zip(&row[at..at + n]).zip(&mean) {
            *square += (x - mean) * (x - mean);
        }
    }
    scale.iter_mut().for_each(|scale| *scale = 1.0 / (*scale * share + EPSILON).sqrt());
    (mean, scale)
}

#[inline(always)]
unsafe fn forward_with<S: Simd>(x: &[f32], weight: &[f32], bias: &[f32], plane: usize, out: &mut [f32]) {
    for at in (0..plane).step_by(BLOCK) {
        let n = BLOCK.min(plane - at);
        let (mean, scale) = statistics(x, plane, at, n);
        let rows = x.chunks_exact(plane).zip(out.chunks_exact_mut(plane));
        for ((x, out), (weight, bias)) in rows.zip(weight.iter().zip(bias)) {
            let values = x[at..at + n].iter().zip(&mut out[at..at + n]);
            for ((x, out), (mean, scale)) in values.zip(mean.iter().zip(&scale)) {
                *out = (x - mean) * scale * weight + bias;
            }
        }
    }
}

/// With x̂ the normalised value and h = g w: dx = scale (h - mean(h) - x̂ mean(h x̂)), where the
/// means go over channels.
#[inline(always)]
unsafe fn backward_with<S: Simd>(
    x: &[f32],
    weight: &[f32],
    gradient: &[f32],
    plane: usize,
    dx: &mut [f32],
    dweight: &mut [f32],
    dbias: &mut [f32],
) {
    let share = plane as f32 / x.len() as f32;
    for at in (0..plane).step_by(BLOCK) {
        let n = BLOCK.min(plane - at);
        let (mean, scale) = statistics(x, plane, at, n);
        let (mut plain, mut along) = ([0.0; BLOCK], [0.0; BLOCK]);
        let rows = || x.chunks_exact(plane).zip(gradient.chunks_exact(plane)).zip(weight);
        for (((x, g), weight), sums) in rows().zip(dweight.iter_mut().zip(&mut *dbias)) {
            let (mut along_channel, mut plain_channel) = ([0.0; BLOCK], [0.0; BLOCK]);
            let (x, g) = (&x[at..at + n], &g[at..at + n]);
            for i in 0..n {
                let normal = (x[i] - mean[i]) * scale[i];
                plain[i] += g[i] * weight;
                along[i] += g[i] * weight * normal;
                along_channel[i] = g[i] * normal;
                plain_channel[i] = g[i];
            }
            *sums.0 += total(along_channel);
            *sums.1 += total(plain_channel);
        }
        for ((x, g), (weight, dx)) in x
            .chunks_exact(plane)
            .zip(gradient.chunks_exact(plane))
            .zip(weight.iter().zip(dx.chunks_exact_mut(plane)))
        {
            let (x, g, dx) = (&x[at..at + n], &g[at..at + n], &mut dx[at..at + n]);
            for i in 0..n {
                let normal = (x[i] - mean[i]) * scale[i];
                dx[i] += scale[i] * (g[i] * weight - share * (plain[i] + normal * along[i]));
            }
        }
    }
}

/// Sum of a block as a tree, which the compiler turns into vectors.
#[inline(always)]
fn total(mut values: [f32; BLOCK]) -> f32 {
    let mut half = BLOCK / 2;
    while half > 0 {
        for i in 0..half {
            values[i] += values[i + half];
        }
        half /= 2;
    }
    values[0]
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_gradient, weighted};
    use super::*;
    use crate::kernels::tests::{few, noise, same};

    #[test]
    fn every_instruction_set_normalises_and_has_the_gradient() {
        for &(channels, plane) in few(&[(2, 3), (6, 65), (16, 135)]) {
            let (x, g) = (noise(channels * plane, 1), noise(channels * plane, 2));
            let (weight, bias) = (noise(channels, 3), noise(channels, 4));
            for isa in Isa::available() {
                let run = |x: &[f32], weight: &[f32]| {
                    let mut out = vec![0.0; x.len()];
                    normalise(isa, x, weight, &bias, plane, &mut out);
                    out
                };
                let out = run(&x, &weight);
                for p in 0..plane {
                    let pixel = |c: usize| f64::from(x[c * plane + p]);
                    let mean = (0..channels).map(pixel).sum::<f64>() / channels as f64;
                    let variance = (0..channels).map(|c| (pixel(c) - mean).powi(2)).sum::<f64>();
                    let scale = (variance / channels as f64 + f64::from(EPSILON)).sqrt();
                    for c in 0..channels {
                        let expected = (pixel(c) - mean) / scale * f64::from(weight[c]) + f64::from(bias[c]);
                        same(out[c * plane + p], expected, isa);
                    }
                }
                let (mut dx, mut dw, mut db) = (vec![0.0; x.len()], vec![0.0; channels], vec![0.0; channels]);
                normalise_gradient(isa, &x, &weight, &g, &mut dx, &mut dw, &mut db);
                if channels > 2 {
                    check_gradient(&x, &dx, |x| weighted(&run(x, &weight), &g));
                }
                check_gradient(&weight, &dw, |weight| weighted(&run(&x, weight), &g));
                for (db, g) in db.iter().zip(g.chunks_exact(plane)) {
                    same(*db, g.iter().map(|g| f64::from(*g)).sum(), isa);
                }
            }
        }
    }
}
