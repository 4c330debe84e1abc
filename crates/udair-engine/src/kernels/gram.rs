//! Sums of outer products over pixels: the Gram matrix of channel attention and the gradients of
//! weights.

use super::LANES;
use super::isa::{Isa, dispatch};
use super::simd::Simd;
use super::tile::{even_share, tile};

/// The shape of a Gram product: `q` and `k` are interleaved pixels, `stride` values apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gram {
    /// Channels of one head.
    pub(crate) channels: usize,
    /// Pixels to sum over.
    pub(crate) pixels: usize,
    /// Distance between pixels.
    pub(crate) stride: usize,
}

impl Gram {
    /// Values of a row of the sum, filled up to whole blocks.
    pub(crate) fn row(channels: usize) -> usize {
        channels.next_multiple_of(LANES)
    }
}

/// `sum[i][j] += sum over p of q[p][i] * k[p][j]`; `sum` has rows of [`Gram::row`] values, whose
/// tail is not meaningful.
///
/// `k` must reach [`Gram::row`] values from its last pixel on.
pub(crate) fn gram(isa: Isa, q: &[f32], k: &[f32], shape: Gram, sum: &mut [f32]) {
    let Gram { channels, pixels, stride } = shape;
    outer(isa, q, k, Outer { rows: channels, columns: channels, pixels, strides: (stride, stride) }, sum);
}

/// The shape of a sum of outer products of interleaved pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outer {
    /// Channels taken of the left pixels.
    pub(crate) rows: usize,
    /// Channels taken of the right pixels.
    pub(crate) columns: usize,
    /// Pixels to sum over.
    pub(crate) pixels: usize,
    /// Distances between pixels, left and right.
    pub(crate) strides: (usize, usize),
}

/// `sum[i][j] += sum over p of left[p][i] * right[p][j]`, with rows as [`gram`] has them.
///
/// `right` must reach [`Gram::row`] values from its last pixel on.
pub(crate) fn outer(isa: Isa, left: &[f32], right: &[f32], shape: Outer, sum: &mut [f32]) {
    if shape.pixels == 0 {
        return;
    }
    let (row, before_last) = (Gram::row(shape.columns), shape.pixels - 1);
    assert!(left.len() >= before_last * shape.strides.0 + shape.rows, "the left input is too short");
    assert!(right.len() >= before_last * shape.strides.1 + row, "the right input is too short");
    assert!(sum.len() >= shape.rows * row, "the sum is too short");
    let (left, right, sum) = (left.as_ptr(), right.as_ptr(), sum.as_mut_ptr());
    dispatch!(isa, outer_with(left: *const f32, right: *const f32, shape: Outer, sum: *mut f32));
}

#[inline(always)]
unsafe fn outer_with<S: Simd>(left: *const f32, right: *const f32, shape: Outer, sum: *mut f32) {
    let blocks = shape.columns.div_ceil(LANES);
    let mut block = 0;
    while block < blocks {
        let take = even_share(blocks - block, S::COLUMNS);
        let mut i = 0;
        while i < shape.rows {
            // SAFETY: `outer` has checked both inputs and the sum for all rows and blocks.
            unsafe {
                let (left, right) = (left.add(i), right.add(block * LANES));
                let to = sum.add(i * Gram::row(shape.columns) + block * LANES);
                let rows = (shape.rows - i).min(4);
                match (rows, take) {
                    (4, 3) => outer_tile::<S, 4, 3>(left, right, shape, to),
                    (4, 2) => outer_tile::<S, 4, 2>(left, right, shape, to),
                    (4, _) => outer_tile::<S, 4, 1>(left, right, shape, to),
                    (_, 3) => (0..rows)
                        .for_each(|r| outer_tile::<S, 1, 3>(left.add(r), right, shape, row(to, r, shape))),
                    (_, 2) => (0..rows)
                        .for_each(|r| outer_tile::<S, 1, 2>(left.add(r), right, shape, row(to, r, shape))),
                    (_, _) => (0..rows)
                        .for_each(|r| outer_tile::<S, 1, 1>(left.add(r), right, shape, row(to, r, shape))),
                }
                i += rows;
            }
        }
        block += take;
    }
}

#[inline(always)]
unsafe fn row(sum: *mut f32, r: usize, shape: Outer) -> *mut f32 {
    // SAFETY: the caller stays within the checked rows.
    unsafe { sum.add(r * Gram::row(shape.columns)) }
}

#[inline(always)]
unsafe fn outer_tile<S: Simd, const R: usize, const C: usize>(
    left: *const f32,
    right: *const f32,
    shape: Outer,
    to: *mut f32,
) {
    // SAFETY: `outer` has checked R rows and C blocks for every pixel.
    unsafe {
        let mut sums = [[S::splat(0.0); C]; R];
        let ((left_stride, right_stride), pixels) = (shape.strides, shape.pixels);
        tile::<S, R, C>(&mut sums, left, (1, left_stride), right, (right_stride, LANES), pixels);
        for (r, sums) in sums.iter().enumerate() {
            for (c, &value) in sums.iter().enumerate() {
                let to = row(to, r, shape).add(c * LANES);
                S::store(to, S::add(S::load(to), value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::tests::{few, noise, same};

    #[test]
    fn gram_equals_the_naive_sum() {
        for isa in Isa::available() {
            for &(channels, pixels) in few(&[(1, 1), (6, 5), (16, 64), (24, 7), (48, 33), (96, 10)]) {
                let stride = 2 * channels;
                let mut qk = noise(pixels * stride, 5);
                qk.resize(pixels * stride + LANES, f32::NAN);
                let row = Gram::row(channels);
                let mut sum = vec![1.0; channels * row];
                gram(isa, &qk, &qk[channels..], Gram { channels, pixels, stride }, &mut sum);
                for i in 0..channels {
                    for j in 0..channels {
                        let expected: f64 = (0..pixels)
                            .map(|p| f64::from(qk[p * stride + i]) * f64::from(qk[p * stride + channels + j]))
                            .sum();
                        same(sum[i * row + j], 1.0 + expected, isa);
                    }
                }
            }
        }
    }

    #[test]
    fn outer_products_equal_the_naive_sum() {
        for isa in Isa::available() {
            let shapes = [(1, 1, 1), (6, 20, 5), (16, 32, 64), (24, 48, 7), (3, 96, 10)];
            for &(rows, columns, pixels) in few(&shapes) {
                let strides = (rows + 1, columns + 2);
                let left = noise(pixels * strides.0, 5);
                let mut right = noise(pixels * strides.1, 6);
                right.resize(pixels * strides.1 + LANES, f32::NAN);
                let row = Gram::row(columns);
                let mut sum = vec![1.0; rows * row];
                outer(isa, &left, &right, Outer { rows, columns, pixels, strides }, &mut sum);
                for (i, j) in (0..rows * columns).map(|n| (n / columns, n % columns)) {
                    let product =
                        |p: usize| f64::from(left[p * strides.0 + i]) * f64::from(right[p * strides.1 + j]);
                    same(sum[i * row + j], 1.0 + (0..pixels).map(product).sum::<f64>(), isa);
                }
            }
        }
    }
}
