//! The widest vectors that the processor has.
//!
//! The compiler vectorises plain loops, for the oldest processor of the target unless told otherwise.
//! The body of a function that [`wide`] defines is compiled for newer ones too, and the best is chosen
//! at run time. Products and sums are never fused, so that the numbers are the same on all of them.
//! What such a body calls must be `#[inline(always)]` to be compiled along.

use std::sync::LazyLock;

use pulp::{Arch, NullaryFnOnce};

/// Defines a function whose body is compiled for every generation of processors.
///
/// The body becomes a method of a type of its own, because only a method can be told to be inlined
/// into the code of each generation; a closure cannot.
macro_rules! wide {
    (
        $(#[$meta:meta])*
        $vis:vis fn $name:ident $(<const $K:ident: usize>)? ($($arg:ident: $type:ty),* $(,)?) $(-> $output:ty)?
        $body:block
    ) => {
        $(#[$meta])*
        $vis fn $name $(<const $K: usize>)? ($($arg: $type),*) $(-> $output)? {
            struct Work<A>(A);
            impl $(<const $K: usize>)? pulp::NullaryFnOnce for Work<($($type,)*)> {
                type Output = $crate::simd::wide!(@output $($output)?);

                #[inline(always)]
                fn call(self) -> Self::Output {
                    let Work(($($arg,)*)) = self;
                    $body
                }
            }
            $crate::simd::dispatch(Work(($($arg,)*)))
        }
    };
    (@output) => { () };
    (@output $output:ty) => { $output };
}
pub(crate) use wide;

/// Does the work as it was compiled for the processor at hand.
pub(crate) fn dispatch<W: NullaryFnOnce>(work: W) -> W::Output {
    static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);
    ARCH.dispatch(work)
}

wide! {
    /// `out[x] = sum of taps[k] * rows[k][x]`.
    pub(crate) fn weigh<const K: usize>(rows: [&[f64]; K], taps: &[f64; K], out: &mut [f64]) {
        const LANES: usize = 16;
        let rows = rows.map(|row| &row[..out.len()]);
        let (tiles, rest) = out.as_chunks_mut::<LANES>();
        let first = LANES * tiles.len();
        for (tile, x) in tiles.iter_mut().zip((0..).step_by(LANES)) {
            let mut sums = [0.0; LANES];
            for k in 0..K {
                let row = &rows[k][x..x + LANES];
                for lane in 0..LANES {
                    sums[lane] += taps[k] * row[lane];
                }
            }
            *tile = sums;
        }
        for (out, x) in rest.iter_mut().zip(first..) {
            *out = (0..K).fold(0.0, |sum, k| sum + taps[k] * rows[k][x]);
        }
    }
}

wide! {
    /// `out[x] = a[x] * b[x]`.
    pub(crate) fn multiply(a: &[f64], b: &[f64], out: &mut [f64]) {
        out.iter_mut().zip(a).zip(b).for_each(|((out, a), b)| *out = a * b);
    }
}

wide! {
    /// Sum of the values, side by side in sixteen lanes.
    pub(crate) fn sum(values: &[f64]) -> f64 {
        const LANES: usize = 16;
        let mut lanes = [0.0; LANES];
        let (whole, rest) = values.as_chunks::<LANES>();
        for chunk in whole {
            for lane in 0..LANES {
                lanes[lane] += chunk[lane];
            }
        }
        for (lane, value) in lanes.iter_mut().zip(rest) {
            *lane += value;
        }
        lanes.iter().sum()
    }
}
