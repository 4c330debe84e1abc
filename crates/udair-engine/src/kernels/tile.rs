//! The register tile of every matrix product: `R` x `C` vectors of accumulators, one multiply-add each
//! per step of the inner dimension, in ascending order.

use super::simd::Simd;

/// `sums[r][c] += left[r][k] * right[k][c]` for `inner` steps k; strides are (row, k) and (k, block).
#[inline(always)]
pub(super) unsafe fn tile<S: Simd, const R: usize, const C: usize>(
    sums: &mut [[S::V; C]; R],
    left: *const f32,
    left_stride: (usize, usize),
    right: *const f32,
    right_stride: (usize, usize),
    inner: usize,
) {
    let mut local = *sums;
    for k in 0..inner {
        // SAFETY: the caller has `inner` steps of R rows and C vectors behind both pointers.
        unsafe {
            let right = right.add(k * right_stride.0);
            let mut vectors = [S::splat(0.0); C];
            unroll!(c < C { vectors[c] = S::load(right.add(c * right_stride.1)); });
            let left = left.add(k * left_stride.1);
            unroll!(r < R {
                let value = S::splat(*left.add(r * left_stride.0));
                unroll!(c < C { local[r][c] = S::fma(value, vectors[c], local[r][c]); });
            });
        }
    }
    *sums = local;
}

/// Blocks to take next out of `left`: even shares rather than a lonely last one.
pub(super) fn even_share(left: usize, most: usize) -> usize {
    left.div_ceil(left.div_ceil(most))
}

/// Repeats a body for every index below a constant of at most eight, each index a constant: an
/// array of accumulators indexed by variables is kept in memory instead of registers.
macro_rules! unroll {
    ($i:ident < $end:ident $body:block) => {
        unroll!(@ $i $end $body 0 1 2 3 4 5 6 7)
    };
    (@ $i:ident $end:ident $body:block $($n:literal)*) => {
        $(if $end > $n {
            #[allow(non_upper_case_globals)]
            const $i: usize = $n;
            $body
        })*
    };
}

pub(super) use unroll;
