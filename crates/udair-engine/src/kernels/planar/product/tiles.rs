//! The same products on AMX: both operands rounded to bf16 in tiles, sums in f32.
//!
//! Whichever way a matrix lies in memory, sixteen of its values share a cache line either along the inner
//! dimension or across it. Along it, neighbours are pairs as they stand; across it, two lines are woven.
//! What comes out is a tile of one operand, and turned in registers one of the other.

use std::arch::x86_64::*;
use std::cell::RefCell;

use super::{Matrix, Store};
use crate::kernels::amx::{Line, Operands, SIDE, Tiles};
use crate::kernels::avx512::mask;

/// Inner values of a tile.
const INNER: usize = 2 * SIDE;
/// Tiles along the inner dimension that are packed at a time.
const STEPS: usize = 32;
/// Rows and columns of sums that are computed at once.
const BLOCK: usize = 2 * SIDE;

thread_local! {
    /// Tiles of the left and of the right operand; they grow to the most and stay.
    static PACKED: RefCell<[Vec<Line>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
}

/// As [`product`](super::product), which has checked the sizes.
///
/// # Safety
/// The machine must have AMX, AVX512-BF16 and AVX512-BW.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) unsafe fn product(left: Matrix<'_>, right: Matrix<'_>, out: &mut [f32], store: Store) {
    PACKED.with_borrow_mut(|[rows, columns]| {
        // SAFETY: the caller has the instructions.
        let tiles = unsafe { Tiles::new(SIDE) };
        let mut edge = Edge([0.0; BLOCK * BLOCK]);
        let blocks = left.rows.div_ceil(SIDE);
        for first in (0..left.columns).step_by(STEPS * INNER) {
            let depth = (left.columns - first).min(STEPS * INNER);
            let steps = depth.div_ceil(INNER);
            let add = store == Store::Add || first > 0;
            let tile =
                |tiles: &mut [Line], at: usize| -> *mut Line { tiles[at * SIDE..][..SIDE].as_mut_ptr() };
            reserve(rows, blocks * steps);
            reserve(columns, 2 * steps);
            for block in 0..blocks {
                for step in 0..steps {
                    let part = Part::of(left.transposed(), first + step * INNER, block * SIDE);
                    // SAFETY: the caller has the instructions, the tile has SIDE lines.
                    unsafe { part.pack(tile(rows, block * steps + step), false) };
                }
            }
            for column in (0..right.columns).step_by(BLOCK) {
                let width = (right.columns - column).min(BLOCK);
                for block in 0..width.div_ceil(SIDE) {
                    for step in 0..steps {
                        let part = Part::of(right, first + step * INNER, column + block * SIDE);
                        // SAFETY: as above.
                        unsafe { part.pack(tile(columns, block * steps + step), true) };
                    }
                }
                for block in (0..blocks).step_by(2) {
                    let (row, height) = (block * SIDE, (left.rows - block * SIDE).min(BLOCK));
                    let count = [height.div_ceil(SIDE), width.div_ceil(SIDE)];
                    let panel = steps * SIDE;
                    let [a, b] = [0, count[0] - 1].map(|i| rows[(block + i) * panel..].as_ptr().cast());
                    let [p, q] = [0, count[1] - 1].map(|i| columns[i * panel..].as_ptr().cast());
                    let bytes = size_of::<Line>();
                    let operands = Operands {
                        left: [a, b],
                        right: [p, q],
                        left_stride: bytes,
                        left_step: SIDE * bytes,
                        right_step: SIDE * bytes,
                        steps,
                    };
                    let to = &mut out[row * right.columns + column..];
                    // SAFETY: both panels hold all their tiles; whole tiles lie inside the output, and
                    // others go by `edge`.
                    unsafe {
                        if height.is_multiple_of(SIDE) && width.is_multiple_of(SIDE) {
                            let to = to.as_mut_ptr();
                            let below = to.wrapping_add(SIDE * right.columns);
                            tiles.product(count, &operands, [to, below], 4 * right.columns, add);
                        } else {
                            let at = edge.0.as_mut_ptr();
                            tiles.product(count, &operands, [at, at.add(SIDE * BLOCK)], 4 * BLOCK, false);
                            edge.store(to, right.columns, [height, width], add);
                        }
                    }
                }
            }
        }
    });
}

fn reserve(tiles: &mut Vec<Line>, count: usize) {
    if tiles.len() < count * SIDE {
        tiles.resize(count * SIDE, Line([0; SIDE]));
    }
}

/// Sums that are not to be stored whole.
#[repr(align(64))]
struct Edge([f32; BLOCK * BLOCK]);

impl Edge {
    #[target_feature(enable = "avx512f")]
    unsafe fn store(&self, out: &mut [f32], stride: usize, [height, width]: [usize; 2], add: bool) {
        for (row, sums) in self.0.chunks_exact(BLOCK).take(height).enumerate() {
            let to = &mut out[row * stride..][..width];
            for (to, sums) in to.chunks_mut(SIDE).zip(sums.chunks(SIDE)) {
                // SAFETY: masked accesses touch the lanes of `to` alone.
                unsafe {
                    let (lanes, mut sum) = (mask(to.len()), _mm512_loadu_ps(sums.as_ptr()));
                    if add {
                        sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(lanes, to.as_ptr()));
                    }
                    _mm512_mask_storeu_ps(to.as_mut_ptr(), lanes, sum);
                }
            }
        }
    }
}

/// What becomes a tile: up to 32 inner values by 16 outer ones, the rest zeros.
struct Part<'a> {
    data: &'a [f32],
    inner: usize,
    outer: usize,
    /// Distances along the inner and the outer dimension; one of them is 1.
    strides: (usize, usize),
}

impl<'a> Part<'a> {
    /// Of a matrix whose rows are the inner dimension.
    fn of(matrix: Matrix<'a>, inner: usize, outer: usize) -> Self {
        let Matrix { rows, columns, strides, .. } = matrix;
        Self {
            data: &matrix.data[inner * strides.0 + outer * strides.1..],
            inner: (rows - inner).min(INNER),
            outer: (columns - outer).min(SIDE),
            strides,
        }
    }

    /// Packs into the SIDE lines behind `to`: a line a pair of inner values if `by_pair`, else a line an
    /// outer value.
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    unsafe fn pack(&self, to: *mut Line, by_pair: bool) {
        // SAFETY: rows and columns of a matrix lie inside its data; masks keep loads within the part.
        unsafe {
            let from = self.data.as_ptr();
            let mut lines = [_mm512_setzero_si512(); SIDE];
            let along = self.strides.0 == 1;
            if along {
                let last = (self.outer - 1) * self.strides.1 + self.inner;
                assert!(self.data.len() >= last, "the part leaves its matrix");
                let low = mask(self.inner.min(SIDE));
                let high = mask(self.inner.saturating_sub(SIDE));
                for (i, line) in lines.iter_mut().enumerate().take(self.outer) {
                    let from = from.add(i * self.strides.1);
                    let first = _mm512_maskz_loadu_ps(low, from);
                    let second = _mm512_maskz_loadu_ps(high, from.wrapping_add(SIDE));
                    *line = std::mem::transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(second, first));
                }
            } else {
                debug_assert_eq!(self.strides.1, 1, "neither rows nor columns are in one piece");
                let last = (self.inner - 1) * self.strides.0 + self.outer;
                assert!(self.data.len() >= last, "the part leaves its matrix");
                let lanes = mask(self.outer);
                let weave = weave();
                for (i, line) in lines.iter_mut().enumerate().take(self.inner.div_ceil(2)) {
                    let first = _mm512_maskz_loadu_ps(lanes, from.add(2 * i * self.strides.0));
                    let lanes = if 2 * i + 1 < self.inner { lanes } else { 0 };
                    let second = from.wrapping_add((2 * i + 1) * self.strides.0);
                    let second = _mm512_maskz_loadu_ps(lanes, second);
                    let both = std::mem::transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(second, first));
                    *line = _mm512_permutexvar_epi16(weave, both);
                }
            }
            if along == by_pair {
                lines = turned(lines);
            }
            for (i, line) in lines.into_iter().enumerate() {
                _mm512_store_si512(to.add(i).cast(), line);
            }
        }
    }
}

/// Word i of the lower half, then word i of the upper half, for every i.
#[target_feature(enable = "avx512f,avx512bw")]
fn weave() -> __m512i {
    const ORDER: [u16; 2 * SIDE] = {
        let mut order = [0; 2 * SIDE];
        let mut i = 0;
        while i < 2 * SIDE {
            order[i] = (i / 2 + i % 2 * SIDE) as u16;
            i += 1;
        }
        order
    };
    // SAFETY: the array holds as many words as a register.
    unsafe { _mm512_loadu_si512(ORDER.as_ptr().cast()) }
}

/// Rows and columns of sixteen by sixteen 32-bit values exchanged.
#[target_feature(enable = "avx512f")]
fn turned(mut v: [__m512i; SIDE]) -> [__m512i; SIDE] {
    // Squares of 2, 4, 8 and 16 are turned in turn: blocks off the diagonal change places.
    let mut w = v;
    for i in 0..SIDE / 2 {
        w[2 * i] = _mm512_unpacklo_epi32(v[2 * i], v[2 * i + 1]);
        w[2 * i + 1] = _mm512_unpackhi_epi32(v[2 * i], v[2 * i + 1]);
    }
    for i in 0..SIDE / 4 {
        let i = 4 * i;
        v[i] = _mm512_unpacklo_epi64(w[i], w[i + 2]);
        v[i + 1] = _mm512_unpackhi_epi64(w[i], w[i + 2]);
        v[i + 2] = _mm512_unpacklo_epi64(w[i + 1], w[i + 3]);
        v[i + 3] = _mm512_unpackhi_epi64(w[i + 1], w[i + 3]);
    }
    // v[4 r + c] now holds, in its quarter q, rows 4 r .. 4 r + 4 of column 4 q + c.
    for c in 0..4 {
        let low = _mm512_shuffle_i32x4::<0x88>(v[c], v[4 + c]);
        let high = _mm512_shuffle_i32x4::<0xdd>(v[c], v[4 + c]);
        let low2 = _mm512_shuffle_i32x4::<0x88>(v[8 + c], v[12 + c]);
        let high2 = _mm512_shuffle_i32x4::<0xdd>(v[8 + c], v[12 + c]);
        w[c] = _mm512_shuffle_i32x4::<0x88>(low, low2);
        w[8 + c] = _mm512_shuffle_i32x4::<0xdd>(low, low2);
        w[4 + c] = _mm512_shuffle_i32x4::<0x88>(high, high2);
        w[12 + c] = _mm512_shuffle_i32x4::<0xdd>(high, high2);
    }
    w
}
