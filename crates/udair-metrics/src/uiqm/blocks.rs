//! Greatest and least value of each square block of a picture, a row of blocks at a time.

use rayon::prelude::*;

use crate::simd::wide;

/// Extremes of the columns of a row of blocks, over the rows seen so far.
pub(super) struct Extremes {
    block: usize,
    most: Vec<f64>,
    least: Vec<f64>,
}

impl Extremes {
    fn new(width: usize, block: usize) -> Self {
        Self { block, most: vec![f64::NEG_INFINITY; width], least: vec![f64::INFINITY; width] }
    }

    /// Takes in one row of values.
    pub(super) fn add(&mut self, values: &[f64]) {
        widen(values, &mut self.most, &mut self.least);
    }

    /// Sum of `of(most, least)` over the blocks; what is narrower than a block at the right is left out.
    fn sum(&self, of: impl Fn(f64, f64) -> f64) -> f64 {
        let blocks = self.most.chunks_exact(self.block).zip(self.least.chunks_exact(self.block));
        blocks
            .map(|(most, least)| {
                let most = most.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b));
                of(most, least.iter().fold(f64::INFINITY, |a, &b| a.min(b)))
            })
            .sum()
    }
}

/// Mean of `of(most, least)` over all whole blocks of a picture; `rows(first, extremes)` takes in the
/// `block` rows from `first` on.
pub(super) fn mean_over_blocks(
    (width, height): (usize, usize),
    block: usize,
    rows: impl Fn(usize, &mut Extremes) + Sync,
    of: impl Fn(f64, f64) -> f64 + Sync,
) -> f64 {
    let down = height / block;
    let sums: Vec<f64> = (0..down)
        .into_par_iter()
        .map(|i| {
            let mut extremes = Extremes::new(width, block);
            rows(i * block, &mut extremes);
            extremes.sum(&of)
        })
        .collect();
    sums.iter().sum::<f64>() / (down * (width / block)) as f64
}

wide! {
    fn widen(values: &[f64], most: &mut [f64], least: &mut [f64]) {
        for ((most, least), &value) in most.iter_mut().zip(least).zip(values) {
            *most = if value > *most { value } else { *most };
            *least = if value < *least { value } else { *least };
        }
    }
}
