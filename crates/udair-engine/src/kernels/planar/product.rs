//! Matrix products of small weights and long rows of pixels, for both passes: a 1x1 convolution is
//! W X, its gradients are Wᵀ dY and dY Xᵀ.
//!
//! The right operand is copied in panels of a few vectors, so that the inner loop reads it in order
//! whatever its strides were; transposing it costs nothing more.

use crate::kernels::LANES;
use crate::kernels::isa::{Isa, dispatch};
use crate::kernels::simd::Simd;
use crate::kernels::tile::tile;

/// Steps of the inner dimension that a panel holds.
const DEPTH: usize = 128;
/// Vectors of the widest panel.
const WIDEST: usize = 3;

/// A matrix somewhere in a slice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    /// Distances between rows and between columns.
    strides: (usize, usize),
}

impl<'a> Matrix<'a> {
    /// `columns` values a row, row after row.
    pub(super) fn new(data: &'a [f32], columns: usize) -> Self {
        let rows = data.len() / columns;
        assert_eq!(rows * columns, data.len(), "the rows are not whole");
        Self { data, rows, columns, strides: (columns, 1) }
    }

    /// Rows and columns exchanged.
    pub(super) fn transposed(self) -> Self {
        Self { rows: self.columns, columns: self.rows, strides: (self.strides.1, self.strides.0), ..self }
    }
}

/// What a product does to its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Store {
    /// Replaces it.
    Replace,
    /// Is added to it.
    Add,
}

/// `out = left right` or `out += left right`, row after row.
pub(super) fn product(isa: Isa, left: Matrix<'_>, right: Matrix<'_>, out: &mut [f32], store: Store) {
    assert_eq!(left.columns, right.rows, "the inner dimensions differ");
    assert_eq!(out.len(), left.rows * right.columns, "the output has another size");
    dispatch!(isa, product_with(left: Matrix<'_>, right: Matrix<'_>, out: &mut [f32], store: Store));
}

#[inline(always)]
unsafe fn product_with<S: Simd>(left: Matrix<'_>, right: Matrix<'_>, out: &mut [f32], store: Store) {
    #[expect(clippy::large_stack_arrays, reason = "the panel is what the first cache is for")]
    let mut panel = [0.0; DEPTH * WIDEST * LANES];
    for first in (0..right.rows).step_by(DEPTH) {
        let steps = (first, DEPTH.min(right.rows - first));
        let store = if first == 0 { store } else { Store::Add };
        let mut column = 0;
        while column < right.columns {
            let vectors = (right.columns - column).div_ceil(LANES).min(S::COLUMNS);
            let columns = (column, (right.columns - column).min(vectors * LANES));
            fill(&mut panel, right, steps, columns, vectors * LANES);
            // SAFETY: the panel holds all steps of `vectors` vectors; rows, steps and columns lie
            // inside `left` and `out`, whose sizes `product` and `Matrix` have checked.
            unsafe {
                match vectors {
                    3 => rows::<S, 3>(left, steps, &panel, columns, right.columns, out, store),
                    2 => rows::<S, 2>(left, steps, &panel, columns, right.columns, out, store),
                    _ => rows::<S, 1>(left, steps, &panel, columns, right.columns, out, store),
                }
            }
            column += columns.1;
        }
    }
}

/// Copies steps and columns of `right`, `stride` values a step, zeros behind the last column.
#[inline(always)]
fn fill(
    panel: &mut [f32],
    right: Matrix<'_>,
    (first, depth): (usize, usize),
    (column, width): (usize, usize),
    stride: usize,
) {
    let (step, across) = right.strides;
    let from = &right.data[first * step + column * across..];
    if across == 1 {
        for (k, to) in panel.chunks_exact_mut(stride).take(depth).enumerate() {
            to[..width].copy_from_slice(&from[k * step..][..width]);
            to[width..].fill(0.0);
        }
    } else {
        panel[..depth * stride].fill(0.0);
        for c in 0..width {
            let values = from[c * across..].iter().step_by(step).take(depth);
            for (to, value) in panel[c..].iter_mut().step_by(stride).zip(values) {
                *to = *value;
            }
        }
    }
}

#[inline(always)]
unsafe fn rows<S: Simd, const C: usize>(
    left: Matrix<'_>,
    steps: (usize, usize),
    panel: &[f32],
    columns: (usize, usize),
    stride: usize,
    out: &mut [f32],
    store: Store,
) {
    let mut row = 0;
    // SAFETY: as `product_with` has them.
    unsafe {
        while row + S::ROWS <= left.rows {
            match S::ROWS {
                8 => add::<S, 8, C>(left, row, steps, panel, columns, stride, out, store),
                6 => add::<S, 6, C>(left, row, steps, panel, columns, stride, out, store),
                _ => add::<S, 2, C>(left, row, steps, panel, columns, stride, out, store),
            }
            row += S::ROWS;
        }
        while row + 2 <= left.rows {
            add::<S, 2, C>(left, row, steps, panel, columns, stride, out, store);
            row += 2;
        }
        if row < left.rows {
            add::<S, 1, C>(left, row, steps, panel, columns, stride, out, store);
        }
    }
}

/// R rows of a panel's product into the output.
#[inline(always)]
unsafe fn add<S: Simd, const R: usize, const C: usize>(
    left: Matrix<'_>,
    row: usize,
    (first, depth): (usize, usize),
    panel: &[f32],
    (column, width): (usize, usize),
    stride: usize,
    out: &mut [f32],
    store: Store,
) {
    // SAFETY: as `product_with` has them; the last vector is stored as far as the columns go.
    unsafe {
        let mut sums = [[S::splat(0.0); C]; R];
        let from = left.data.as_ptr().add(row * left.strides.0 + first * left.strides.1);
        tile::<S, R, C>(&mut sums, from, left.strides, panel.as_ptr(), (C * LANES, LANES), depth);
        for (r, sums) in sums.into_iter().enumerate() {
            for (c, sum) in sums.into_iter().enumerate() {
                let to = out.as_mut_ptr().add((row + r) * stride + column + c * LANES);
                let n = (width - c * LANES).min(LANES);
                let sum = if store == Store::Add { S::add(S::load_part(to, n), sum) } else { sum };
                S::store_part(to, sum, n);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::tests::{few, noise, same};

    #[test]
    fn every_instruction_set_multiplies_plain_and_transposed() {
        for &(m, k, n) in few(&[(1, 1, 1), (3, 5, 7), (9, 300, 33), (16, 4, 100), (31, 257, 16)]) {
            let (a, b) = (noise(m * k, 1), noise(k * n, 2));
            let turn = |x: &[f32], columns: usize| -> Vec<f32> {
                let rows = x.len() / columns;
                (0..x.len()).map(|at| x[at % rows * columns + at / rows]).collect()
            };
            let (a_turned, b_turned) = (turn(&a, k), turn(&b, n));
            for isa in Isa::available() {
                let mut results = Vec::new();
                for left in [Matrix::new(&a, k), Matrix::new(&a_turned, m).transposed()] {
                    for right in [Matrix::new(&b, n), Matrix::new(&b_turned, k).transposed()] {
                        let mut out = vec![7.0; m * n];
                        product(isa, left, right, &mut out, Store::Replace);
                        results.push(out);
                    }
                }
                assert!(results.iter().all(|out| *out == results[0]), "{}", isa.name());
                for (at, &value) in results[0].iter().enumerate() {
                    let terms = (0..k).map(|i| f64::from(a[at / n * k + i]) * f64::from(b[i * n + at % n]));
                    same(value, terms.sum(), isa);
                }
                let mut twice = results[0].clone();
                product(isa, Matrix::new(&a, k), Matrix::new(&b, n), &mut twice, Store::Add);
                assert!(twice.iter().zip(&results[0]).all(|(two, one)| (two - 2.0 * one).abs() < 1e-4));
            }
        }
    }
}
