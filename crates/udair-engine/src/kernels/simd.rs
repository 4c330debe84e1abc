//! What a kernel may ask of a machine: vectors of sixteen f32, whatever the registers' width.
//!
//! Narrow machines hold a vector in several registers. The tile of a matrix product is chosen per
//! machine so that its accumulators fill the register file without spilling.

use super::LANES;

/// Sixteen-lane arithmetic of one instruction set.
///
/// # Safety
/// Every method may be called only where the instruction set exists; the pointer methods also need
/// [`LANES`] (or `n`) readable or writable values behind the pointer, of any alignment.
pub(super) trait Simd: Copy {
    /// A vector of sixteen values.
    type V: Copy;
    /// Rows of a matrix tile.
    const ROWS: usize;
    /// Vectors in a row of a matrix tile.
    const COLUMNS: usize;

    unsafe fn splat(value: f32) -> Self::V;
    unsafe fn load(from: *const f32) -> Self::V;
    unsafe fn store(to: *mut f32, v: Self::V);
    /// Loads `n <= 16` values, the other lanes are zero.
    unsafe fn load_part(from: *const f32, n: usize) -> Self::V;
    /// Stores the first `n <= 16` lanes.
    unsafe fn store_part(to: *mut f32, v: Self::V, n: usize);
    /// `a * b + c`, rounded once where the machine can.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sqrt(v: Self::V) -> Self::V;
    /// Sum of the lanes, as a tree: 8 apart, then 4, 2, 1.
    unsafe fn sum(v: Self::V) -> f32;
    /// The sum of every vector's lanes, in the lane of the vector's number.
    #[inline(always)]
    unsafe fn sums(vectors: [Self::V; LANES]) -> Self::V {
        let mut sums = [0.0; LANES];
        for (sum, v) in sums.iter_mut().zip(vectors) {
            // SAFETY: the caller is on the machine.
            *sum = unsafe { Self::sum(v) };
        }
        // SAFETY: an array holds as many values as a vector.
        unsafe { Self::load(sums.as_ptr()) }
    }
}

/// Plain Rust; the compiler vectorises it as far as the target's baseline goes.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Simd for Portable {
    type V = [f32; LANES];
    const ROWS: usize = 2;
    const COLUMNS: usize = 1;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::V {
        [value; LANES]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        // SAFETY: the caller has LANES readable values there; an array has the alignment of f32.
        unsafe { from.cast::<Self::V>().read() }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: Self::V) {
        // SAFETY: the caller has LANES writable values there; an array has the alignment of f32.
        unsafe { to.cast::<Self::V>().write(v) }
    }
    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> Self::V {
        // SAFETY: the caller has n readable values there.
        std::array::from_fn(|i| if i < n { unsafe { *from.add(i) } } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn store_part(to: *mut f32, v: Self::V, n: usize) {
        for (i, value) in v.into_iter().take(n).enumerate() {
            // SAFETY: the caller has n writable values there.
            unsafe { *to.add(i) = value }
        }
    }
    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] + b[i])
    }
    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] - b[i])
    }
    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] * b[i])
    }
    #[inline(always)]
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] / b[i])
    }
    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    unsafe fn sqrt(v: Self::V) -> Self::V {
        v.map(f32::sqrt)
    }
    #[inline(always)]
    unsafe fn sum(mut v: Self::V) -> f32 {
        let mut half = LANES / 2;
        while half > 0 {
            for i in 0..half {
                v[i] += v[i + half];
            }
            half /= 2;
        }
        v[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Isa;
    use crate::kernels::isa::dispatch;
    use crate::kernels::tests::noise;

    #[inline(always)]
    unsafe fn copy_part<S: Simd>(from: &[f32], to: &mut [f32], whole: &mut [f32]) {
        // SAFETY: the test gives slices of at most `LANES` values, and `whole` has all of them.
        unsafe {
            let v = S::load_part(from.as_ptr(), from.len());
            S::store_part(to.as_mut_ptr(), v, to.len());
            S::store(whole.as_mut_ptr(), v);
        }
    }

    #[test]
    fn parts_of_every_length_touch_their_lanes_alone() {
        let values = noise(LANES, 1);
        for isa in Isa::available() {
            for n in 0..=LANES {
                let (from, mut out, mut lanes) = (&values[..n], [7.0; LANES + 1], [7.0; LANES]);
                let (to, whole) = (&mut out[..n], &mut lanes[..]);
                dispatch!(isa, copy_part(from: &[f32], to: &mut [f32], whole: &mut [f32]));
                assert_eq!(out[..n], values[..n], "{}: {n}", isa.name());
                assert!(out[n..].iter().all(|&v| v == 7.0), "{}: wrote more than {n}", isa.name());
                assert!(lanes[..n] == values[..n] && lanes[n..].iter().all(|&v| v == 0.0), "{}", isa.name());
            }
        }
    }
}
