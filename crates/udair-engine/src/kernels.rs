//! The arithmetic that the network spends its time in: pure functions on slices.
//!
//! This is the one place with `unsafe`, but for a setting of the program's allocator. Every kernel
//! is written once over the [`simd::Simd`] trait (vectors of 16 values) and compiled for AVX-512,
//! AVX2 with FMA, NEON and portable code; [`Isa`] picks one at run time. Products in bf16 alone are
//! written for the instructions that have them. A kernel checks the lengths of its slices before it
//! touches a pointer, so its signature is safe.
//!
//! Every output value is computed by the same operations in the same order wherever it lies in a
//! slice. That is what lets the callers cut a picture into strips and threads as they like without
//! changing a bit of the result.
#![allow(unsafe_code)]
// A kernel is one loop nest: it takes every slice and stride by itself, and must be inlined whole
// into the function that enables its instruction set.
#![allow(clippy::inline_always, clippy::too_many_arguments, clippy::wildcard_imports)]

mod activation;
mod buffer;
mod columns;
mod depthwise;
mod gram;
mod isa;
mod matmul;
mod norm;
mod packed;
pub mod planar;
mod precision;
mod simd;
mod tile;

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod bf16;
#[cfg(target_arch = "aarch64")]
mod neon;

pub(crate) use activation::{gate, gelu, gelu_and_slope};
pub(crate) use buffer::Buffer;
pub(crate) use columns::{multiply_sum, sum_columns, taps_gradient, taps_row};
pub(crate) use depthwise::depthwise;
pub(crate) use gram::{Gram, Outer, gram, outer};
pub use isa::Isa;
pub(crate) use matmul::{Epilogue, Output, matmul};
pub(crate) use norm::{layer_norm, squares};
pub(crate) use packed::Packed;
pub use precision::Precision;

/// Values in a vector, and in a block of channels.
pub(crate) const LANES: usize = 16;

#[cfg(test)]
pub(crate) mod tests {
    use super::Isa;

    /// Uniform values in [-1, 1), the same for the same seed.
    pub(crate) fn noise(len: usize, seed: u32) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9E37_79B9) | 1;
        (0..len)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect()
    }

    /// The first cases alone under Miri, which is slow; the smallest stand first.
    pub(crate) fn few<T>(cases: &[T]) -> &[T] {
        if cfg!(miri) { &cases[..cases.len().min(2)] } else { cases }
    }

    pub(crate) fn same(value: f32, expected: f64, isa: Isa) {
        let bound = 2e-5 * expected.abs().max(1.0);
        assert!(
            (f64::from(value) - expected).abs() <= bound,
            "{}: {value} instead of {expected}",
            isa.name()
        );
    }
}
