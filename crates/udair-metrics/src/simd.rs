//! The widest vectors that the processor has.
//!
//! The compiler vectorises plain loops, for the oldest processor of the target unless told otherwise.
//! What runs inside [`wide`] is compiled for newer ones too, and the best is chosen at run time.
//! Products and sums are never fused, so that the numbers are the same on all of them. Functions
//! called from inside must be `#[inline(always)]` to be compiled along.

use std::sync::LazyLock;

use pulp::Arch;

/// Runs `work`, compiled for the processor at hand.
pub(crate) fn wide<R>(work: impl FnOnce() -> R) -> R {
    static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);
    ARCH.dispatch(work)
}

/// `out[x] = sum of taps[k] * rows[k][x]`.
#[inline(always)]
pub(crate) fn weigh<const K: usize>(rows: [&[f64]; K], taps: &[f64; K], out: &mut [f64]) {
    let rows = rows.map(|row| &row[..out.len()]);
    for (x, out) in out.iter_mut().enumerate() {
        let mut sum = 0.0;
        for k in 0..K {
            sum += taps[k] * rows[k][x];
        }
        *out = sum;
    }
}
