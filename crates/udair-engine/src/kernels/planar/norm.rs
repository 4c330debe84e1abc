//! Layer norm over the channels of every pixel: y = (x - mean) / sqrt(var + 1e-5) · w + b, with the
//! biased variance.
//!
//! Pixels go in blocks of 64, so that a block's channels stay in the cache through all passes.

use rayon::prelude::*;

use super::Shape;
use crate::kernels::isa::{Isa, dispatch};
use crate::kernels::simd::Simd;

const EPSILON: f32 = 1e-5;
/// Pixels of a block.
const BLOCK: usize = 64;

/// Normalises `x` into `out`; `weight` and `bias` hold one value a channel.
pub fn layer_norm(isa: Isa, x: &[f32], weight: &[f32], bias: &[f32], shape: Shape, out: &mut [f32]) {
    assert_eq!((x.len(), out.len()), (shape.len(), shape.len()), "slices differ from the shape");
    assert_eq!((weight.len(), bias.len()), (shape.channels, shape.channels), "one value a channel");
    let (image, plane) = (shape.channels * shape.plane(), shape.plane());
    out.par_chunks_exact_mut(image).zip(x.par_chunks_exact(image)).for_each(|(out, x)| {
        dispatch!(isa, forward_with(x: &[f32], weight: &[f32], bias: &[f32], plane: usize, out: &mut [f32]));
    });
}

/// The gradients of [`layer_norm`] with respect to its input, weight and bias, from that of its
/// output; all three are replaced.
pub fn layer_norm_gradient(
    isa: Isa,
    x: &[f32],
    weight: &[f32],
    gradient: &[f32],
    shape: Shape,
    dx: &mut [f32],
    dweight: &mut [f32],
    dbias: &mut [f32],
) {
    assert!([x.len(), gradient.len(), dx.len()].iter().all(|&len| len == shape.len()), "slices differ");
    assert!([weight.len(), dweight.len(), dbias.len()].iter().all(|&len| len == shape.channels));
    let (image, plane) = (shape.channels * shape.plane(), shape.plane());
    let one = |((dx, x), g): ((&mut [f32], &[f32]), &[f32])| {
        let mut sums = vec![0.0; 2 * shape.channels];
        let to = &mut sums[..];
        dispatch!(isa, backward_with(x: &[f32], weight: &[f32], g: &[f32], plane: usize, dx: &mut [f32], to: &mut [f32]));
        sums
    };
    let planes = dx.par_chunks_exact_mut(image).zip(x.par_chunks_exact(image));
    let parts: Vec<Vec<f32>> = planes.zip(gradient.par_chunks_exact(image)).map(one).collect();
    for (channel, (dweight, dbias)) in dweight.iter_mut().zip(dbias).enumerate() {
        *dweight = parts.iter().map(|part| part[2 * channel]).sum();
        *dbias = parts.iter().map(|part| part[2 * channel + 1]).sum();
    }
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
/// means go over channels. `sums` gets dw and db of every channel by turns.
#[inline(always)]
unsafe fn backward_with<S: Simd>(
    x: &[f32],
    weight: &[f32],
    gradient: &[f32],
    plane: usize,
    dx: &mut [f32],
    sums: &mut [f32],
) {
    let share = plane as f32 / x.len() as f32;
    for at in (0..plane).step_by(BLOCK) {
        let n = BLOCK.min(plane - at);
        let (mean, scale) = statistics(x, plane, at, n);
        let (mut plain, mut along) = ([0.0; BLOCK], [0.0; BLOCK]);
        let rows = || x.chunks_exact(plane).zip(gradient.chunks_exact(plane)).zip(weight);
        for (((x, g), weight), sums) in rows().zip(sums.chunks_exact_mut(2)) {
            let (mut dweight, mut dbias) = ([0.0; BLOCK], [0.0; BLOCK]);
            let (x, g) = (&x[at..at + n], &g[at..at + n]);
            for i in 0..n {
                let normal = (x[i] - mean[i]) * scale[i];
                plain[i] += g[i] * weight;
                along[i] += g[i] * weight * normal;
                dweight[i] = g[i] * normal;
                dbias[i] = g[i];
            }
            sums[0] += total(dweight);
            sums[1] += total(dbias);
        }
        for ((x, g), (weight, dx)) in x
            .chunks_exact(plane)
            .zip(gradient.chunks_exact(plane))
            .zip(weight.iter().zip(dx.chunks_exact_mut(plane)))
        {
            let (x, g, dx) = (&x[at..at + n], &g[at..at + n], &mut dx[at..at + n]);
            for i in 0..n {
                let normal = (x[i] - mean[i]) * scale[i];
                dx[i] = scale[i] * (g[i] * weight - share * (plain[i] + normal * along[i]));
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
    use crate::kernels::tests::{noise, same};

    #[test]
    fn every_instruction_set_normalises_and_has_the_gradient() {
        for (channels, height, width) in [(2, 1, 3), (6, 5, 13), (16, 9, 15)] {
            let shape = Shape { images: 2, channels, height, width };
            let (x, g) = (noise(shape.len(), 1), noise(shape.len(), 2));
            let (weight, bias) = (noise(channels, 3), noise(channels, 4));
            for isa in Isa::available() {
                let run = |x: &[f32], weight: &[f32]| {
                    let mut out = vec![0.0; shape.len()];
                    layer_norm(isa, x, weight, &bias, shape, &mut out);
                    out
                };
                let out = run(&x, &weight);
                let plane = shape.plane();
                for image in 0..2 {
                    for p in 0..plane {
                        let pixel = |c: usize| f64::from(x[(image * channels + c) * plane + p]);
                        let mean = (0..channels).map(pixel).sum::<f64>() / channels as f64;
                        let variance = (0..channels).map(|c| (pixel(c) - mean).powi(2)).sum::<f64>();
                        let scale = (variance / channels as f64 + f64::from(EPSILON)).sqrt();
                        for c in 0..channels {
                            let expected =
                                (pixel(c) - mean) / scale * f64::from(weight[c]) + f64::from(bias[c]);
                            same(out[(image * channels + c) * plane + p], expected, isa);
                        }
                    }
                }
                let (mut dx, mut dw, mut db) =
                    (vec![0.0; shape.len()], vec![0.0; channels], vec![0.0; channels]);
                layer_norm_gradient(isa, &x, &weight, &g, shape, &mut dx, &mut dw, &mut db);
                if channels > 2 {
                    check_gradient(&x, &dx, |x| weighted(&run(x, &weight), &g));
                }
                check_gradient(&weight, &dw, |weight| weighted(&run(&x, weight), &g));
                for (c, db) in db.iter().enumerate() {
                    let of = |n: usize| n / plane % channels == c;
                    let expected = g.iter().enumerate().filter(|(n, _)| of(*n)).map(|(_, g)| f64::from(*g));
                    same(*db, expected.sum(), isa);
                }
            }
        }
    }
}
