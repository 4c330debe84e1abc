//! Matrix products of small weights and long rows of pixels, for both passes: a 1x1 convolution is
//! W X, its gradients are Wᵀ dY and dY Xᵀ.
//!
//! The right operand is copied in panels of a few vectors, so that the inner loop reads it in order
//! whatever its strides were; transposing it costs nothing more.

#[cfg(target_arch = "x86_64")]
mod tiles;

use std::cell::RefCell;
use std::ops::Range;

use super::Arithmetic;
use crate::kernels::LANES;
use crate::kernels::isa::dispatch;
use crate::kernels::simd::Simd;
use crate::kernels::tile::{even_share, tile, unroll};

/// Steps of the inner dimension that a panel holds.
const DEPTH: usize = 128;
/// Vectors of the widest panel.
const WIDEST: usize = 2;

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

    /// Some of the columns.
    pub(super) fn columns(self, range: Range<usize>) -> Self {
        assert!(range.end <= self.columns, "there are not so many columns");
        Self { data: &self.data[range.start * self.strides.1..], columns: range.len(), ..self }
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
pub(super) fn product(on: Arithmetic, left: Matrix<'_>, right: Matrix<'_>, out: &mut [f32], store: Store) {
    assert_eq!(left.columns, right.rows, "the inner dimensions differ");
    assert_eq!(out.len(), left.rows * right.columns, "the output has another size");
    #[cfg(target_arch = "x86_64")]
    if on.tiles {
        // SAFETY: tiles are set only where the machine has them; the sizes were checked above.
        return unsafe { tiles::product(left, right, out, store) };
    }
    let isa = on.isa;
    PANEL.with_borrow_mut(|panel| {
        let panel = &mut panel[..];
        dispatch!(isa, product_with(
            left: Matrix<'_>, right: Matrix<'_>, out: &mut [f32], store: Store, panel: &mut [f32],
        ));
    });
}

thread_local! {
    /// A panel of the right operand: small enough for the first cache, and cleared but once.
    static PANEL: RefCell<[f32; DEPTH * WIDEST * LANES]> = const { RefCell::new([0.0; DEPTH * WIDEST * LANES]) };
}

#[inline(always)]
unsafe fn product_with<S: Simd>(
    left: Matrix<'_>,
    right: Matrix<'_>,
    out: &mut [f32],
    store: Store,
    panel: &mut [f32],
) {
    const { assert!(S::COLUMNS <= WIDEST, "the panel is too narrow for this instruction set") };
    for first in (0..right.rows).step_by(DEPTH) {
        let steps = (first, DEPTH.min(right.rows - first));
        let store = if first == 0 { store } else { Store::Add };
        let mut column = 0;
        while column < right.columns {
            let vectors = (right.columns - column).div_ceil(LANES).min(S::COLUMNS);
            let columns = (column, (right.columns - column).min(vectors * LANES));
            // SAFETY: the panel holds all steps of `vectors` vectors; rows, steps and columns lie
            // inside `left`, `right` and `out`, whose sizes `product` and `Matrix` have checked.
            unsafe {
                fill::<S>(panel, right, steps, columns, vectors * LANES);
                match vectors {
                    2 => rows::<S, 2>(left, steps, panel, columns, right.columns, out, store),
                    _ => rows::<S, 1>(left, steps, panel, columns, right.columns, out, store),
                }
            }
            column += columns.1;
        }
    }
}

/// Copies steps and columns of `right`, `stride` values a step. What lies behind the last column stays as
/// it was: it reaches only sums that nobody stores.
#[inline(always)]
unsafe fn fill<S: Simd>(
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
            let from = &from[k * step..][..width];
            for (to, from) in to.as_chunks_mut::<LANES>().0.iter_mut().zip(from.chunks(LANES)) {
                // SAFETY: both hold as many values; the caller is on the machine of `S`.
                unsafe { S::store(to.as_mut_ptr(), S::load_part(from.as_ptr(), from.len())) };
            }
        }
    } else {
        debug_assert_eq!(step, 1, "neither rows nor columns are in one piece");
        fill_turned(panel, from, across, depth, width, stride);
    }
}

/// Side of the squares that are turned in registers.
const SQUARE: usize = 8;

/// Copies `width` columns, each of `depth` values in one piece and `across` values from the next, into rows
/// of `stride` values.
#[inline(always)]
fn fill_turned(panel: &mut [f32], from: &[f32], across: usize, depth: usize, width: usize, stride: usize) {
    let whole = depth - depth % SQUARE;
    for c in (0..width - width % SQUARE).step_by(SQUARE) {
        for k in (0..whole).step_by(SQUARE) {
            let mut square = [[0.0; SQUARE]; SQUARE];
            unroll!(i < SQUARE {
                let column = &from[(c + i) * across + k..][..SQUARE];
                unroll!(j < SQUARE { square[j][i] = column[j]; });
            });
            unroll!(j < SQUARE {
                panel[(k + j) * stride + c..][..SQUARE].copy_from_slice(&square[j]);
            });
        }
    }
    for c in 0..width {
        let done = if c < width - width % SQUARE { whole } else { 0 };
        for k in done..depth {
            panel[k * stride + c] = from[c * across + k];
        }
    }
}

#[inline(always)]
unsafe fn rows<S: Simd, const C: usize>(
    left: Matrix<'_>,
    steps: (usize, usize),
    panel: &[f32],
    across: (usize, usize),
    stride: usize,
    out: &mut [f32],
    store: Store,
) {
    let mut row = 0;
    while row < left.rows {
        let count = even_share(left.rows - row, S::ROWS);
        macro_rules! tiles {
            ($($n:literal)*) => {
                match count {
                    $($n if $n <= S::ROWS => add::<S, $n, C>(left, row, steps, panel, across, stride, out, store),)*
                    _ => unreachable!("a tile has at most eight rows"),
                }
            };
        }
        // SAFETY: as `product_with` has them.
        unsafe { tiles!(1 2 3 4 5 6 7 8) };
        row += count;
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
    use crate::kernels::Isa;
    use crate::kernels::tests::{few, noise, same};

    fn turned(x: &[f32], columns: usize) -> Vec<f32> {
        let rows = x.len() / columns;
        (0..x.len()).map(|at| x[at % rows * columns + at / rows]).collect()
    }

    #[test]
    fn every_instruction_set_multiplies_plain_and_transposed() {
        for &(m, k, n) in few(&[(1, 1, 1), (3, 5, 7), (9, 300, 33), (16, 4, 100), (31, 257, 16)]) {
            let (a, b) = (noise(m * k, 1), noise(k * n, 2));
            let (a_turned, b_turned) = (turned(&a, k), turned(&b, n));
            for isa in Isa::available() {
                let mut results = Vec::new();
                for left in [Matrix::new(&a, k), Matrix::new(&a_turned, m).transposed()] {
                    for right in [Matrix::new(&b, n), Matrix::new(&b_turned, k).transposed()] {
                        let mut out = vec![7.0; m * n];
                        product(Arithmetic::f32(isa), left, right, &mut out, Store::Replace);
                        results.push(out);
                    }
                }
                assert!(results.iter().all(|out| *out == results[0]), "{}", isa.name());
                for (at, &value) in results[0].iter().enumerate() {
                    let terms = (0..k).map(|i| f64::from(a[at / n * k + i]) * f64::from(b[i * n + at % n]));
                    same(value, terms.sum(), isa);
                }
                let mut twice = results[0].clone();
                product(Arithmetic::f32(isa), Matrix::new(&a, k), Matrix::new(&b, n), &mut twice, Store::Add);
                assert!(twice.iter().zip(&results[0]).all(|(two, one)| (two - 2.0 * one).abs() < 1e-4));
            }
        }
    }
    #[test]
    fn tiles_equal_products_of_rounded_factors() {
        let Some(bf16) = Arithmetic::bf16() else {
            eprintln!("skipped: this machine has no AMX");
            return;
        };
        let rounded = |values: Vec<f32>| -> Vec<f32> {
            values.iter().map(|v| half::bf16::from_f32(*v).to_f32()).collect()
        };
        for (m, k, n) in [(1, 1, 1), (3, 5, 7), (16, 32, 16), (24, 16, 96), (40, 1100, 33), (33, 31, 257)] {
            let (a, b) = (noise(m * k, 1), noise(k * n, 2));
            let (exact_a, exact_b) = (rounded(a.clone()), rounded(b.clone()));
            let (a_turned, b_turned) = (turned(&a, k), turned(&b, n));
            let before = noise(m * n, 3);
            for store in [Store::Replace, Store::Add] {
                let mut expected = before.clone();
                let exact = Arithmetic::f32(bf16.isa);
                product(exact, Matrix::new(&exact_a, k), Matrix::new(&exact_b, n), &mut expected, store);
                for left in [Matrix::new(&a, k), Matrix::new(&a_turned, m).transposed()] {
                    for right in [Matrix::new(&b, n), Matrix::new(&b_turned, k).transposed()] {
                        let mut out = before.clone();
                        product(bf16, left, right, &mut out, store);
                        for (out, expected) in out.iter().zip(&expected) {
                            assert!((out - expected).abs() <= 1e-4, "{m} {k} {n}: {out}, not {expected}");
                        }
                    }
                }
            }
        }
    }
}
