//! Passes over interleaved pixels in which every channel goes by itself.

use super::LANES;
use super::isa::{Isa, dispatch};
use super::simd::Simd;

/// `sums[c] += sum over p of x[p][c]` for pixels of `sums.len()` channels.
pub(crate) fn sum_columns(isa: Isa, x: &[f32], sums: &mut [f32]) {
    dispatch!(isa, sum_columns_with(x: &[f32], sums: &mut [f32]));
}

#[inline(always)]
unsafe fn sum_columns_with<S: Simd>(x: &[f32], sums: &mut [f32]) {
    for x in x.chunks_exact(sums.len()) {
        for (sum, x) in sums.iter_mut().zip(x) {
            *sum += x;
        }
    }
}

/// `x[p][c] *= factors[p][c]`, and the sums of the products over p are added to `sums[c]`.
pub(crate) fn multiply_sum(isa: Isa, x: &mut [f32], factors: &[f32], sums: &mut [f32]) {
    assert_eq!(x.len(), factors.len(), "values and factors differ in number");
    dispatch!(isa, multiply_sum_with(x: &mut [f32], factors: &[f32], sums: &mut [f32]));
}

#[inline(always)]
unsafe fn multiply_sum_with<S: Simd>(x: &mut [f32], factors: &[f32], sums: &mut [f32]) {
    for (x, factors) in x.chunks_exact_mut(sums.len()).zip(factors.chunks_exact(sums.len())) {
        for ((sum, x), factor) in sums.iter_mut().zip(x).zip(factors) {
            *x *= factor;
            *sum += *x;
        }
    }
}

/// A row of a depthwise 3x3 convolution: `out[p][c] = bias[c] + sum over rows y and taps x of
/// rows[y][p + x - 1][c] * taps[3 y + x][c]`, where pixels beyond the ends of a row are zero.
pub(crate) fn taps_row(isa: Isa, rows: [&[f32]; 3], taps: &[f32], bias: &[f32], out: &mut [f32]) {
    assert!(rows.iter().all(|row| row.len() == out.len()), "rows differ in length");
    assert!(taps.len() == 9 * bias.len() && out.len().is_multiple_of(bias.len()), "not whole pixels");
    dispatch!(isa, taps_row_with(rows: [&[f32]; 3], taps: &[f32], bias: &[f32], out: &mut [f32]));
}

#[inline(always)]
unsafe fn taps_row_with<S: Simd>(rows: [&[f32]; 3], taps: &[f32], bias: &[f32], out: &mut [f32]) {
    let channels = bias.len();
    for first in (0..channels).step_by(LANES) {
        let lanes = Lanes::<S>::new(channels, first);
        // SAFETY: `taps_row` has checked every slice for all pixels and channels.
        unsafe {
            let mut weights = [S::splat(0.0); 9];
            for (n, weight) in weights.iter_mut().enumerate() {
                *weight = lanes.load(taps, n);
            }
            let bias = lanes.load(bias, 0);
            let pixels = out.len() / channels;
            for p in 0..pixels {
                let mut sum = bias;
                for (y, row) in rows.iter().enumerate() {
                    if p > 0 {
                        sum = S::fma(lanes.load(row, p - 1), weights[3 * y], sum);
                    }
                    sum = S::fma(lanes.load(row, p), weights[3 * y + 1], sum);
                    if p + 1 < pixels {
                        sum = S::fma(lanes.load(row, p + 1), weights[3 * y + 2], sum);
                    }
                }
                lanes.store(out, p, sum);
            }
        }
    }
}

/// The gradient of the taps of [`taps_row`], given that of its result: `sums[3 y + x][c] += sum over
/// p of rows[y][p + x - 1][c] * result[p][c]`.
pub(crate) fn taps_gradient(isa: Isa, rows: [&[f32]; 3], result: &[f32], sums: &mut [f32]) {
    assert!(rows.iter().all(|row| row.len() == result.len()), "rows differ in length");
    assert!(
        sums.len().is_multiple_of(9) && (9 * result.len()).is_multiple_of(sums.len()),
        "not whole pixels"
    );
    dispatch!(isa, taps_gradient_with(rows: [&[f32]; 3], result: &[f32], sums: &mut [f32]));
}

#[inline(always)]
unsafe fn taps_gradient_with<S: Simd>(rows: [&[f32]; 3], result: &[f32], sums: &mut [f32]) {
    let channels = sums.len() / 9;
    for first in (0..channels).step_by(LANES) {
        let lanes = Lanes::<S>::new(channels, first);
        for (y, row) in rows.iter().enumerate() {
            // SAFETY: `taps_gradient` has checked every slice for all pixels and channels.
            unsafe {
                let (mut left, mut middle, mut right) = (S::splat(0.0), S::splat(0.0), S::splat(0.0));
                let pixels = result.len() / channels;
                for p in 0..pixels {
                    let value = lanes.load(result, p);
                    if p > 0 {
                        left = S::fma(lanes.load(row, p - 1), value, left);
                    }
                    middle = S::fma(lanes.load(row, p), value, middle);
                    if p + 1 < pixels {
                        right = S::fma(lanes.load(row, p + 1), value, right);
                    }
                }
                for (x, sum) in [left, middle, right].into_iter().enumerate() {
                    lanes.store(sums, 3 * y + x, S::add(lanes.load(sums, 3 * y + x), sum));
                }
            }
        }
    }
}

/// Sixteen channels, or fewer at the end, of interleaved pixels.
#[derive(Clone, Copy)]
struct Lanes<S> {
    channels: usize,
    first: usize,
    width: usize,
    simd: std::marker::PhantomData<S>,
}

impl<S: Simd> Lanes<S> {
    #[inline(always)]
    fn new(channels: usize, first: usize) -> Self {
        Self { channels, first, width: LANES.min(channels - first), simd: std::marker::PhantomData }
    }

    /// The channels of pixel `p`, which must lie in `from`.
    #[inline(always)]
    unsafe fn load(self, from: &[f32], p: usize) -> S::V {
        // SAFETY: the caller has the pixel in the slice.
        unsafe {
            let at = from.as_ptr().add(p * self.channels + self.first);
            if self.width == LANES { S::load(at) } else { S::load_part(at, self.width) }
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: &mut [f32], p: usize, v: S::V) {
        // SAFETY: the caller has the pixel in the slice.
        unsafe {
            let at = to.as_mut_ptr().add(p * self.channels + self.first);
            if self.width == LANES { S::store(at, v) } else { S::store_part(at, v, self.width) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::tests::{noise, same};

    const CHANNELS: [usize; 6] = [1, 3, 16, 24, 37, 96];

    fn wide(values: &[f32], i: usize) -> f64 {
        f64::from(values[i])
    }

    #[test]
    fn columns_are_summed() {
        for (isa, channels) in Isa::available().into_iter().flat_map(|isa| CHANNELS.map(|c| (isa, c))) {
            let (x, factors, start) = (noise(7 * channels, 1), noise(7 * channels, 2), noise(channels, 3));
            let (mut sums, mut products, mut product_sums) = (start.clone(), x.clone(), start.clone());
            sum_columns(isa, &x, &mut sums);
            multiply_sum(isa, &mut products, &factors, &mut product_sums);
            for c in 0..channels {
                let column = (c..x.len()).step_by(channels);
                same(sums[c], wide(&start, c) + column.clone().map(|i| wide(&x, i)).sum::<f64>(), isa);
                let dot: f64 = column.map(|i| wide(&x, i) * wide(&factors, i)).sum();
                same(product_sums[c], wide(&start, c) + dot, isa);
            }
            assert!(products.iter().zip(x.iter().zip(&factors)).all(|(p, (x, f))| *p == x * f));
        }
    }

    #[test]
    fn taps_equal_their_formulas() {
        for (isa, channels) in Isa::available().into_iter().flat_map(|isa| CHANNELS.map(|c| (isa, c))) {
            for pixels in [1, 2, 3, 8] {
                let len = pixels * channels;
                let rows = [noise(len, 1), noise(len, 2), noise(len, 3)];
                let views = [rows[0].as_slice(), &rows[1], &rows[2]];
                let (taps, bias, result) = (noise(9 * channels, 4), noise(channels, 5), noise(len, 6));
                let mut out = vec![f32::NAN; len];
                taps_row(isa, views, &taps, &bias, &mut out);
                let mut gradient = taps.clone();
                taps_gradient(isa, views, &result, &mut gradient);
                let mut expected: Vec<f64> = (0..len).map(|i| wide(&bias, i % channels)).collect();
                let mut slopes: Vec<f64> = (0..taps.len()).map(|i| wide(&taps, i)).collect();
                for (i, n) in (0..len).flat_map(|i| (0..9).map(move |n| (i, n))) {
                    let (p, c) = (i / channels, i % channels);
                    if let Some(q) = (p + n % 3).checked_sub(1).filter(|&q| q < pixels) {
                        let x = wide(&rows[n / 3], q * channels + c);
                        expected[i] += x * wide(&taps, n * channels + c);
                        slopes[n * channels + c] += x * wide(&result, i);
                    }
                }
                out.iter().zip(expected).for_each(|(&v, e)| same(v, e, isa));
                gradient.iter().zip(slopes).for_each(|(&v, e)| same(v, e, isa));
            }
        }
    }
}
