//! Products of bf16 pairs with f32 sums, on machines with AVX512-BF16: twice the multiplications of
//! f32 an instruction.
//!
//! Two neighbours of the inner dimension are rounded to bf16 and share the 32 bits of one f32. A
//! matrix product then is what it is in f32, over half the inner dimension, with a multiply-add that
//! takes its operands for pairs: [`Avx512Bf16`] is AVX-512 but for that.

use std::arch::x86_64::*;
use std::cell::RefCell;

use super::LANES;
use super::avx512::{Avx512, mask};
use super::matmul::{Product, product_with};
use super::simd::Simd;

thread_local! {
    /// The input of a product as pairs; it grows to the longest and stays.
    static PAIRS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Two values as one f32's bits, the first in the lower half; rounded to nearest, ties to even.
pub(super) fn pair(low: f32, high: f32) -> f32 {
    let round = |value: f32| {
        let bits = value.to_bits();
        (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
    };
    f32::from_bits(round(low) | round(high) << 16)
}

/// Runs a product whose weights are pairs.
///
/// # Safety
/// The machine must have AVX512-BF16, and the product be checked as `matmul` does; inner dimension
/// and stride must be even.
pub(super) unsafe fn product(product: Product<'_>) {
    PAIRS.with_borrow_mut(|pairs| {
        let Product { segments, stride, inner, pixels, .. } = product;
        let reach = (pixels - 1) * stride + inner;
        let needed = segments.len() * reach / 2;
        if pairs.len() < needed {
            pairs.resize(needed, 0.0);
        }
        for (segment, pairs) in segments.iter().zip(pairs.chunks_exact_mut(reach / 2)) {
            // SAFETY: the caller has the instructions; both slices are as long as is said.
            unsafe { convert(&segment[..reach], pairs) };
        }
        let mut views = [&[][..]; 4];
        let views = &mut views[..segments.len()];
        views.iter_mut().zip(pairs.chunks_exact(reach / 2)).for_each(|(view, pairs)| *view = pairs);
        let mut halved = product;
        (halved.segments, halved.stride, halved.inner) = (views, stride / 2, inner / 2);
        // SAFETY: the caller has the instructions, and the halved product fits the halved slices.
        unsafe { run(halved) };
    });
}

#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn run(product: Product<'_>) {
    // SAFETY: as for this function itself.
    unsafe { product_with::<Avx512Bf16>(product) }
}

/// Rounds an even number of values to pairs.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn convert(values: &[f32], pairs: &mut [f32]) {
    for (values, pairs) in values.chunks(2 * LANES).zip(pairs.chunks_mut(LANES)) {
        let (low, high) = (values.len().min(LANES), values.len().saturating_sub(LANES));
        // SAFETY: masks keep loads and the store within the chunks; `bh` and `ps` are the same bits.
        unsafe {
            let second = _mm512_maskz_loadu_ps(mask(high), values.as_ptr().wrapping_add(LANES));
            let first = _mm512_maskz_loadu_ps(mask(low), values.as_ptr());
            let both: __m512 = std::mem::transmute(_mm512_cvtne2ps_pbh(second, first));
            _mm512_mask_storeu_ps(pairs.as_mut_ptr(), mask(pairs.len()), both);
        }
    }
}

/// AVX-512 whose multiply-add takes pairs of bf16.
#[derive(Clone, Copy)]
pub(super) struct Avx512Bf16;

// SAFETY (all methods): as for `Avx512`, and AVX512-BF16 is on the machine.
impl Simd for Avx512Bf16 {
    type V = __m512;
    const ROWS: usize = Avx512::ROWS;
    const COLUMNS: usize = Avx512::COLUMNS;

    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        unsafe {
            _mm512_dpbf16_ps(
                c,
                std::mem::transmute::<__m512, __m512bh>(a),
                std::mem::transmute::<__m512, __m512bh>(b),
            )
        }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::V {
        unsafe { Avx512::splat(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        unsafe { Avx512::load(from) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: Self::V) {
        unsafe { Avx512::store(to, v) }
    }
    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> Self::V {
        unsafe { Avx512::load_part(from, n) }
    }
    #[inline(always)]
    unsafe fn store_part(to: *mut f32, v: Self::V, n: usize) {
        unsafe { Avx512::store_part(to, v, n) }
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        unsafe { Avx512::add(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        unsafe { Avx512::sub(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        unsafe { Avx512::mul(a, b) }
    }
    #[inline(always)]
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V {
        unsafe { Avx512::div(a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        unsafe { Avx512::max(a, b) }
    }
    #[inline(always)]
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
        unsafe { Avx512::min(a, b) }
    }
    #[inline(always)]
    unsafe fn sqrt(v: Self::V) -> Self::V {
        unsafe { Avx512::sqrt(v) }
    }
    #[inline(always)]
    unsafe fn sum(v: Self::V) -> f32 {
        unsafe { Avx512::sum(v) }
    }
}

#[cfg(test)]
mod tests {
    use crate::kernels::tests::noise;
    use crate::kernels::{Epilogue, Isa, Output, Packed, Precision, matmul};

    fn rounded(value: f32) -> f64 {
        f64::from(f32::from_bits(super::pair(value, 0.0).to_bits() << 16))
    }

    #[test]
    fn rounding_is_to_nearest_even() {
        for (value, expected) in
            [(1.0, 1.0), (1.0 + 1.0 / 256.0, 1.0), (1.0 + 3.0 / 256.0, 1.015_625), (-2.7, -2.703_125)]
        {
            assert_eq!(rounded(value), expected, "{value}");
        }
        assert_eq!(super::pair(1.0, -2.0).to_bits(), 0xC000_3F80);
    }

    #[test]
    fn products_equal_those_of_rounded_factors() {
        let Some(precision) = Precision::named("bf16") else {
            eprintln!("skipped: this machine has no AVX512-BF16");
            return;
        };
        for (pixels, inner, outputs, segments) in [
            (1, 2, 1, 1),
            (13, 16, 16, 1),
            (66, 24, 72, 1),
            (9, 18, 24, 3),
            (33, 96, 130, 3),
            (70, 510, 17, 1),
        ] {
            let (step, stride) = (inner / segments, inner / segments + 2);
            let w = noise(inner * outputs, 1);
            let packed =
                Packed::with_precision(inner, outputs, precision, |k, n| w[k * outputs + n]).unwrap();
            let inputs: Vec<_> = (0..segments).map(|s| noise(pixels * stride, s as u32 + 2)).collect();
            let views: Vec<_> = inputs.iter().map(Vec::as_slice).collect();
            let mut out = vec![0.0; pixels * outputs];
            let output = Output::interleaved(outputs);
            matmul(Isa::detect(), &views, stride, pixels, &packed, &mut out, output, Epilogue::default());
            for (p, n) in (0..pixels * outputs).map(|i| (i / outputs, i % outputs)) {
                let product =
                    |k: usize| rounded(inputs[k / step][p * stride + k % step]) * rounded(w[k * outputs + n]);
                let expected: f64 = (0..inner).map(product).sum();
                let got = f64::from(out[p * outputs + n]);
                assert!(
                    (got - expected).abs() < 1e-4 * expected.abs().max(1.0),
                    "{got} instead of {expected}"
                );
            }
        }
    }
}
