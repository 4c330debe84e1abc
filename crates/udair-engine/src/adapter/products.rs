//! Sums of outer products over many cells: gradients of 1x1 convolutions.

use std::ops::AddAssign;

use rayon::prelude::*;

use crate::kernels::{Gram, Isa, Outer, outer};

/// Cells at a time: both sides stay in the cache while all pairs of channels are summed.
pub(super) const CHUNK: usize = 128;

/// Parts that are made side by side: as many whatever the threads, so that no sum depends on them.
pub(super) const PARTS: usize = 4;

/// `sum[i][j]` = sum over `cells` cells of left channel i times right channel j. Each side comes with
/// its number of channels; the right one reaches [`crate::kernels::LANES`] values further.
pub(super) fn products(
    isa: Isa,
    (left, height): (&[f32], usize),
    (right, width): (&[f32], usize),
    cells: usize,
    sum: &mut [f32],
) {
    let row = Gram::row(width);
    let rows = height.div_ceil(PARTS);
    sum.par_chunks_mut(rows * width).enumerate().for_each(|(part, sum)| {
        let (top, rows) = (part * rows, sum.len() / width);
        let mut sums = vec![0.0; rows * row];
        for first in (0..cells).step_by(CHUNK) {
            let shape =
                Outer { rows, columns: width, pixels: CHUNK.min(cells - first), strides: (height, width) };
            outer(isa, &left[first * height + top..], &right[first * width..], shape, &mut sums);
        }
        for (sum, sums) in sum.chunks_exact_mut(width).zip(sums.chunks_exact(row)) {
            sum.copy_from_slice(&sums[..width]);
        }
    });
}

/// The sum of what parts give, in their order whatever the threads.
pub(super) fn total<T: Copy + Default + AddAssign>(parts: Vec<Vec<T>>, len: usize) -> Vec<T> {
    let mut total = vec![T::default(); len];
    for part in parts {
        total.iter_mut().zip(part).for_each(|(total, v)| *total += v);
    }
    total
}
