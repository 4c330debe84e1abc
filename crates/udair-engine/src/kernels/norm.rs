//! Layer normalisation over the channels of a pixel, and sums of squares over pixels.

use super::LANES;
use super::isa::{Isa, dispatch};
use super::simd::Simd;

/// Keeps a pixel of equal channels from dividing by zero.
const EPSILON: f32 = 1e-5;

/// `out = (x - mean) / sqrt(variance + 1e-5) * weight + bias` over the channels of every pixel;
/// biased variance. `weight.len()` channels a pixel in and out.
pub(crate) fn layer_norm(isa: Isa, input: &[f32], weight: &[f32], bias: &[f32], out: &mut [f32]) {
    assert_eq!(input.len(), out.len(), "input and output differ in length");
    assert_eq!(weight.len(), bias.len(), "weight and bias differ in length");
    assert_eq!(input.len() % weight.len(), 0, "the input is not a whole number of pixels");
    dispatch!(isa, layer_norm_with(input: &[f32], weight: &[f32], bias: &[f32], out: &mut [f32]));
}

#[inline(always)]
unsafe fn layer_norm_with<S: Simd>(input: &[f32], weight: &[f32], bias: &[f32], out: &mut [f32]) {
    let channels = weight.len();
    // Channel counts that fill whole vectors are the rule; for them no load is masked.
    match (channels % LANES, channels / LANES) {
        // SAFETY: `layer_norm` has checked that all four slices hold whole pixels of `channels`.
        (0, 1) => unsafe { pixels::<S, 1, true>(input, weight, bias, out) },
        (0, 2) => unsafe { pixels::<S, 2, true>(input, weight, bias, out) },
        (0, 3) => unsafe { pixels::<S, 3, true>(input, weight, bias, out) },
        (0, 4) => unsafe { pixels::<S, 4, true>(input, weight, bias, out) },
        (8, 1) => unsafe { pixels::<S, 2, false>(input, weight, bias, out) },
        _ => unsafe { any_width::<S>(input, weight, bias, out) },
    }
}

/// Pixels of `N` vectors, the last one partly filled unless `WHOLE`. Sixteen at a time, so that their
/// sums, roots and quotients are vectors, and no pixel waits for the one before.
#[inline(always)]
unsafe fn pixels<S: Simd, const N: usize, const WHOLE: bool>(
    input: &[f32],
    weight: &[f32],
    bias: &[f32],
    out: &mut [f32],
) {
    let channels = weight.len();
    let tail = channels - (N - 1) * LANES;
    // SAFETY: every pointer stays within a pixel, whose last vector is read and written in part.
    unsafe {
        let weight = pixel::<S, N, WHOLE>(weight.as_ptr(), tail);
        let bias = pixel::<S, N, WHOLE>(bias.as_ptr(), tail);
        let share = S::splat(1.0 / channels as f32);
        let sixteen = channels * LANES;
        for (group, out) in input.chunks(sixteen).zip(out.chunks_mut(sixteen)) {
            let (from, to, count) = (group.as_ptr(), out.as_mut_ptr(), group.len() / channels);
            let mut sums = [S::splat(0.0); LANES];
            for (p, sum) in sums.iter_mut().enumerate().take(count) {
                let x = pixel::<S, N, WHOLE>(from.add(p * channels), tail);
                *sum = x[0];
                for &v in &x[1..] {
                    *sum = S::add(*sum, v);
                }
            }
            let mut means = [0.0_f32; LANES];
            S::store(means.as_mut_ptr(), S::mul(S::sums(sums), share));
            for (p, sum) in sums.iter_mut().enumerate().take(count) {
                *sum = S::splat(0.0);
                for d in centred::<S, N, WHOLE>(from.add(p * channels), means[p], tail) {
                    *sum = S::fma(d, d, *sum);
                }
            }
            let variances = S::fma(S::sums(sums), share, S::splat(EPSILON));
            let mut scales = [0.0_f32; LANES];
            S::store(scales.as_mut_ptr(), S::div(S::splat(1.0), S::sqrt(variances)));
            for p in 0..count {
                let d = centred::<S, N, WHOLE>(from.add(p * channels), means[p], tail);
                for i in 0..N {
                    let to = to.add(p * channels + i * LANES);
                    let y = S::fma(S::mul(d[i], S::splat(scales[p])), weight[i], bias[i]);
                    if WHOLE || i + 1 < N { S::store(to, y) } else { S::store_part(to, y, tail) }
                }
            }
        }
    }
}

/// The vectors of a pixel; lanes behind its last channel are zero.
#[inline(always)]
unsafe fn pixel<S: Simd, const N: usize, const WHOLE: bool>(from: *const f32, tail: usize) -> [S::V; N] {
    // SAFETY: the caller has a pixel there, the last vector of which holds `tail` values.
    unsafe {
        let mut v = [S::splat(0.0); N];
        for (i, v) in v.iter_mut().enumerate() {
            let from = from.add(i * LANES);
            *v = if WHOLE || i + 1 < N { S::load(from) } else { S::load_part(from, tail) };
        }
        v
    }
}

/// A pixel less its mean; lanes behind its last channel stay zero.
#[inline(always)]
unsafe fn centred<S: Simd, const N: usize, const WHOLE: bool>(
    from: *const f32,
    mean: f32,
    tail: usize,
) -> [S::V; N] {
    // SAFETY: as for `pixel`.
    unsafe {
        let mut d = pixel::<S, N, WHOLE>(from, tail);
        for (i, d) in d.iter_mut().enumerate() {
            let mean =
                if WHOLE || i + 1 < N { S::splat(mean) } else { S::load_part([mean; LANES].as_ptr(), tail) };
            *d = S::sub(*d, mean);
        }
        d
    }
}

/// Pixels of any width, read three times from the nearest cache.
#[inline(always)]
unsafe fn any_width<S: Simd>(input: &[f32], weight: &[f32], bias: &[f32], out: &mut [f32]) {
    let channels = weight.len();
    let (full, tail) = (channels / LANES, channels % LANES);
    let share = 1.0 / channels as f32;
    for (pixel, out) in input.chunks_exact(channels).zip(out.chunks_exact_mut(channels)) {
        // SAFETY: full vectors and the tail together are the pixel, the weight and the bias.
        unsafe {
            let (x, y) = (pixel.as_ptr(), out.as_mut_ptr());
            let (w, b) = (weight.as_ptr(), bias.as_ptr());
            let mut total = S::load_part(x.add(full * LANES), tail);
            for i in 0..full {
                total = S::add(total, S::load(x.add(i * LANES)));
            }
            let mean = S::sum(total) * share;
            let mut squares = S::splat(0.0);
            for i in 0..full {
                let d = S::sub(S::load(x.add(i * LANES)), S::splat(mean));
                squares = S::fma(d, d, squares);
            }
            let mut variance = S::sum(squares);
            for &value in &pixel[full * LANES..] {
                variance += (value - mean) * (value - mean);
            }
            let scale = 1.0 / (variance * share + EPSILON).sqrt();
            for i in 0..full {
                let at = i * LANES;
                let d = S::mul(S::sub(S::load(x.add(at)), S::splat(mean)), S::splat(scale));
                S::store(y.add(at), S::fma(d, S::load(w.add(at)), S::load(b.add(at))));
            }
            for i in full * LANES..channels {
                *y.add(i) = (pixel[i] - mean) * scale * weight[i] + bias[i];
            }
        }
    }
}

/// `sums[c] += sum over p of input[p * stride + c]²` for the `sums.len()` channels of `pixels` pixels.
pub(crate) fn squares(isa: Isa, input: &[f32], stride: usize, pixels: usize, sums: &mut [f32]) {
    if pixels == 0 {
        return;
    }
    assert!(input.len() >= (pixels - 1) * stride + sums.len(), "the input is too short");
    dispatch!(isa, squares_with(input: &[f32], stride: usize, pixels: usize, sums: &mut [f32]));
}

#[inline(always)]
unsafe fn squares_with<S: Simd>(input: &[f32], stride: usize, pixels: usize, sums: &mut [f32]) {
    let channels = sums.len();
    for first in (0..channels).step_by(LANES) {
        let width = LANES.min(channels - first);
        // SAFETY: `squares` has checked `width` channels from `first` on in every pixel.
        unsafe {
            let mut sum = S::splat(0.0);
            for p in 0..pixels {
                let from = input.as_ptr().add(p * stride + first);
                let v = if width == LANES { S::load(from) } else { S::load_part(from, width) };
                sum = S::fma(v, v, sum);
            }
            let to = sums.as_mut_ptr().add(first);
            S::store_part(to, S::add(S::load_part(to, width), sum), width);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::tests::{few, noise, same};

    #[test]
    fn layer_norm_equals_its_formula_at_every_width() {
        for isa in Isa::available() {
            for &channels in few(&[17, 1, 2, 6, 12, 16, 24, 31, 32, 48, 64, 65, 96, 384]) {
                let (input, weight, bias) = (noise(21 * channels, 1), noise(channels, 2), noise(channels, 3));
                let mut out = vec![0.0; input.len()];
                layer_norm(isa, &input, &weight, &bias, &mut out);
                for (x, y) in input.chunks(channels).zip(out.chunks(channels)) {
                    let mean = x.iter().map(|&v| f64::from(v)).sum::<f64>() / channels as f64;
                    let variance =
                        x.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / channels as f64;
                    for c in 0..channels {
                        let d = (f64::from(x[c]) - mean) / (variance + 1e-5).sqrt();
                        same(y[c], d * f64::from(weight[c]) + f64::from(bias[c]), isa);
                    }
                }
            }
        }
    }

    #[test]
    fn squares_add_up() {
        for isa in Isa::available() {
            for (channels, pixels) in [(1, 3), (16, 1), (33, 9)] {
                let stride = channels + 3;
                let input = noise(pixels * stride, 4);
                let mut sums = vec![0.5; channels];
                squares(isa, &input, stride, pixels, &mut sums);
                for (c, &sum) in sums.iter().enumerate() {
                    let expected: f64 = (0..pixels).map(|p| f64::from(input[p * stride + c]).powi(2)).sum();
                    same(sum, 0.5 + expected, isa);
                }
            }
        }
    }
}
