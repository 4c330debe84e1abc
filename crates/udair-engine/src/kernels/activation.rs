//! GELU by a vectorised error function, alone and as the gate of the feed-forward network.
//!
//! erf(z) is approximated by z P(z²) / Q(z²) on |z| <= 3.95 and ±1 beyond. The coefficients are a
//! least-maximum fit of degree 5 over 5 to the exact function; in f32 the error stays below 4e-7.

use super::LANES;
use std::f32::consts::FRAC_2_SQRT_PI;

use super::isa::{Isa, dispatch};
use super::simd::Simd;

const NUMERATOR: [f32; 6] =
    [FRAC_2_SQRT_PI, 0.194_036_19, 0.053_207_125, 0.003_917_339_3, 0.000_287_601_17, 2.011_738_8e-6];
const DENOMINATOR: [f32; 6] = [1.0, 0.505_291_6, 0.115_590_95, 0.015_270_744, 0.001_198_206_2, 3.783_97e-5];
const LIMIT: f32 = 3.95;

/// `GELU(x) = x (1 + erf(x / sqrt 2)) / 2`, in place.
pub(crate) fn gelu(isa: Isa, values: &mut [f32]) {
    dispatch!(isa, gelu_with(values: &mut [f32]));
}

#[inline(always)]
unsafe fn gelu_with<S: Simd>(values: &mut [f32]) {
    for chunk in values.chunks_mut(LANES) {
        let n = chunk.len();
        // SAFETY: the chunk holds n values.
        unsafe {
            let at = chunk.as_mut_ptr();
            S::store_part(at, gelu_of::<S>(S::load_part(at, n)), n);
        }
    }
}

/// `out = GELU(x)`, and `x` becomes the slope of GELU there: `(1 + erf(x / sqrt 2)) / 2 + x phi(x)`
/// with the normal density phi.
pub(crate) fn gelu_and_slope(isa: Isa, x: &mut [f32], out: &mut [f32]) {
    assert_eq!(x.len(), out.len(), "input and output differ in length");
    dispatch!(isa, gelu_and_slope_with(x: &mut [f32], out: &mut [f32]));
}

#[inline(always)]
unsafe fn gelu_and_slope_with<S: Simd>(x: &mut [f32], out: &mut [f32]) {
    for (x, out) in x.chunks_mut(LANES).zip(out.chunks_mut(LANES)) {
        let (n, at) = (x.len(), x.as_mut_ptr());
        // SAFETY: both chunks hold n values.
        unsafe {
            let x = S::load_part(at, n);
            let half = S::splat(0.5);
            let below = S::fma(half, erf_of::<S>(x), half);
            S::store_part(out.as_mut_ptr(), S::mul(x, below), n);
            S::store_part(at, S::fma(x, density_of::<S>(x), below), n);
        }
    }
}

/// `exp(-x² / 2) / sqrt(2 pi)`, in f32 with an error below 3e-7.
#[inline(always)]
pub(super) unsafe fn density_of<S: Simd>(x: S::V) -> S::V {
    const SCALE: f32 = 0.398_942_3;
    // SAFETY: register arithmetic only.
    unsafe {
        // e = exp(y) - 1 for y = -x² / 128 by its series, then six times exp(2 y) - 1 = e (e + 2).
        let y = S::max(S::mul(S::mul(x, x), S::splat(-1.0 / 128.0)), S::splat(-0.5));
        let mut e = S::splat(1.0 / 720.0);
        for coefficient in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0] {
            e = S::fma(e, y, S::splat(coefficient));
        }
        e = S::mul(e, y);
        for _ in 0..6 {
            e = S::mul(e, S::add(e, S::splat(2.0)));
        }
        S::fma(e, S::splat(SCALE), S::splat(SCALE))
    }
}

/// `out[p * stride..][..16] = GELU(a[p]) * b[p]` for vectors of 16 channels that lie one behind the
/// other in `a` and `b`.
pub(crate) fn gate(isa: Isa, a: &[f32], b: &[f32], out: &mut [f32], stride: usize) {
    let pixels = a.len() / LANES;
    assert_eq!(a.len(), b.len(), "the halves differ in length");
    assert_eq!(a.len(), pixels * LANES, "the halves are not whole vectors");
    assert!(pixels == 0 || out.len() >= (pixels - 1) * stride + LANES, "the output is too short");
    dispatch!(isa, gate_with(a: &[f32], b: &[f32], out: &mut [f32], stride: usize));
}

#[inline(always)]
unsafe fn gate_with<S: Simd>(a: &[f32], b: &[f32], out: &mut [f32], stride: usize) {
    for (p, (a, b)) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)).enumerate() {
        // SAFETY: `gate` has checked all three slices for every pixel.
        unsafe {
            let value = S::mul(gelu_of::<S>(S::load(a.as_ptr())), S::load(b.as_ptr()));
            S::store(out.as_mut_ptr().add(p * stride), value);
        }
    }
}

#[inline(always)]
unsafe fn gelu_of<S: Simd>(x: S::V) -> S::V {
    // SAFETY: register arithmetic only.
    unsafe {
        let half = S::mul(x, S::splat(0.5));
        S::fma(half, erf_of::<S>(x), half)
    }
}

/// `erf(x / sqrt 2)`.
#[inline(always)]
pub(super) unsafe fn erf_of<S: Simd>(x: S::V) -> S::V {
    // SAFETY: register arithmetic only.
    unsafe {
        let z = S::mul(x, S::splat(std::f32::consts::FRAC_1_SQRT_2));
        let z = S::max(S::min(z, S::splat(LIMIT)), S::splat(-LIMIT));
        let t = S::mul(z, z);
        S::div(S::mul(z, polynomial::<S>(&NUMERATOR, t)), polynomial::<S>(&DENOMINATOR, t))
    }
}

/// The polynomial of these coefficients, the lowest power first.
///
/// No closure: what is not inlined has not the caller's instruction set, and calls every operation as a function.
#[inline(always)]
unsafe fn polynomial<S: Simd>(coefficients: &[f32; 6], t: S::V) -> S::V {
    // SAFETY: register arithmetic only.
    unsafe {
        let mut sum = S::splat(coefficients[5]);
        for i in (0..5).rev() {
            sum = S::fma(sum, t, S::splat(coefficients[i]));
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::tests::noise;

    /// Steps of 1/1000 that lie between two values; Miri is slow.
    const STEP: usize = if cfg!(miri) { 499 } else { 1 };

    /// erf by its Taylor series (|z| < 3) or continued fraction, in f64.
    fn erf(z: f64) -> f64 {
        let (mut sum, mut term) = (z, z);
        for n in 1..200 {
            term *= -z * z / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        if z.abs() > 4.5 { z.signum() } else { sum * 2.0 / std::f64::consts::PI.sqrt() }
    }

    #[test]
    fn error_of_the_error_function_is_below_1e_6() {
        for isa in Isa::available() {
            let mut values: Vec<f32> = (-8000..=8000).step_by(STEP).map(|i| i as f32 * 1e-3).collect();
            let exact: Vec<f64> = values.iter().map(|&x| f64::from(x)).collect();
            gelu(isa, &mut values);
            for (&y, x) in values.iter().zip(exact) {
                let expected = x * 0.5 * (1.0 + erf(x / std::f64::consts::SQRT_2));
                // GELU multiplies the error of erf by x / 2 and rounds once more.
                let bound = 1e-6 * (x.abs() / 2.0) + 1.2e-7 * x.abs();
                assert!(
                    (f64::from(y) - expected).abs() <= bound,
                    "{}: {x} -> {y}, not {expected}",
                    isa.name()
                );
            }
        }
    }

    #[test]
    fn error_of_the_slope_is_below_1e_6() {
        for isa in Isa::available() {
            let x: Vec<f32> = (-8001..=8000).step_by(STEP).map(|i| i as f32 * 1e-3).collect();
            let (mut slopes, mut values, mut expected) = (x.clone(), x.clone(), x.clone());
            gelu_and_slope(isa, &mut slopes, &mut values);
            gelu(isa, &mut expected);
            for (i, &x) in x.iter().enumerate() {
                assert!((values[i] - expected[i]).abs() <= 1e-6, "{}: {x} -> {}", isa.name(), values[i]);
                let x = f64::from(x);
                let density = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
                let expected = 0.5 * (1.0 + erf(x / std::f64::consts::SQRT_2)) + x * density;
                let difference = (f64::from(slopes[i]) - expected).abs();
                assert!(difference < 1e-6, "{}: {x} -> {}, not {expected}", isa.name(), slopes[i]);
            }
        }
    }

    #[test]
    fn gate_multiplies_the_halves() {
        for isa in Isa::available() {
            let (a, b) = (noise(3 * LANES, 1), noise(3 * LANES, 2));
            let mut expected = a.clone();
            gelu(isa, &mut expected);
            let mut out = vec![0.0; 3 * 20];
            gate(isa, &a, &b, &mut out, 20);
            for p in 0..3 {
                for lane in 0..LANES {
                    let at = p * LANES + lane;
                    assert_eq!(out[p * 20 + lane], expected[at] * b[at]);
                }
            }
        }
    }
}
