//! The gate of the feed-forward network, GELU(a) · b, where a and b are the first and the second
//! half of an image's channels.

use crate::kernels::LANES;
use crate::kernels::activation::{density_of, erf_of};
use crate::kernels::isa::{Isa, dispatch};
use crate::kernels::simd::Simd;

/// `out = GELU(a) * b`.
pub(super) fn gated_gelu(isa: Isa, x: &[f32], out: &mut [f32]) {
    let (a, b) = x.split_at(out.len());
    assert_eq!(b.len(), out.len(), "the input is not twice as long");
    dispatch!(isa, forward_with(a: &[f32], b: &[f32], out: &mut [f32]));
}

/// The gradient of [`gated_gelu`] with respect to `x`, from that of its output.
pub(super) fn gated_gelu_gradient(isa: Isa, x: &[f32], gradient: &[f32], dx: &mut [f32]) {
    assert_eq!((x.len(), x.len()), (2 * gradient.len(), dx.len()), "slices differ in their sizes");
    let (a, b) = x.split_at(gradient.len());
    let (da, db) = dx.split_at_mut(gradient.len());
    dispatch!(isa, backward_with(a: &[f32], b: &[f32], gradient: &[f32], da: &mut [f32], db: &mut [f32]));
}

#[inline(always)]
unsafe fn forward_with<S: Simd>(a: &[f32], b: &[f32], out: &mut [f32]) {
    let halves = a.chunks(LANES).zip(b.chunks(LANES));
    for ((a, b), out) in halves.zip(out.chunks_mut(LANES)) {
        // SAFETY: the chunks hold as many values.
        unsafe {
            let n = out.len();
            let (a, b) = (S::load_part(a.as_ptr(), n), S::load_part(b.as_ptr(), n));
            S::store_part(out.as_mut_ptr(), S::mul(S::mul(a, below::<S>(a)), b), n);
        }
    }
}

#[inline(always)]
unsafe fn backward_with<S: Simd>(a: &[f32], b: &[f32], g: &[f32], da: &mut [f32], db: &mut [f32]) {
    let inputs = a.chunks(LANES).zip(b.chunks(LANES)).zip(g.chunks(LANES));
    for (((a, b), g), (da, db)) in inputs.zip(da.chunks_mut(LANES).zip(db.chunks_mut(LANES))) {
        // SAFETY: the chunks hold as many values.
        unsafe {
            let n = da.len();
            let (a, b) = (S::load_part(a.as_ptr(), n), S::load_part(b.as_ptr(), n));
            let g = S::load_part(g.as_ptr(), n);
            let below = below::<S>(a);
            let slope = S::fma(a, density_of::<S>(a), below);
            S::store_part(da.as_mut_ptr(), S::mul(S::mul(g, b), slope), n);
            S::store_part(db.as_mut_ptr(), S::mul(S::mul(g, a), below), n);
        }
    }
}

/// The share of a standard normal below x: `(1 + erf(x / sqrt 2)) / 2`.
#[inline(always)]
unsafe fn below<S: Simd>(x: S::V) -> S::V {
    // SAFETY: register arithmetic only.
    unsafe { S::fma(S::splat(0.5), erf_of::<S>(x), S::splat(0.5)) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_gradient, weighted};
    use super::*;
    use crate::kernels::tests::noise;

    #[test]
    fn every_instruction_set_gates_and_has_the_gradient() {
        for half in [1, 36, 128] {
            let x: Vec<f32> = noise(2 * half, 1).iter().map(|v| 3.0 * v).collect();
            let g = noise(half, 2);
            let mut results = Vec::new();
            for isa in Isa::available() {
                let run = |x: &[f32]| {
                    let mut out = vec![0.0; half];
                    gated_gelu(isa, x, &mut out);
                    out
                };
                let mut dx = vec![0.0; 2 * half];
                gated_gelu_gradient(isa, &x, &g, &mut dx);
                check_gradient(&x, &dx, |x| weighted(&run(x), &g));
                results.push(run(&x));
            }
            let agree = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
            assert!(results.iter().all(|out| agree(out, &results[0])));
        }
    }

    #[test]
    fn known_values() {
        let mut out = [0.0; 3];
        gated_gelu(Isa::detect(), &[0.0, 1.0, -1.0, 5.0, 2.0, 2.0], &mut out);
        let expected = [0.0, 2.0 * 0.841_344_7, -2.0 * 0.158_655_3];
        assert!(out.iter().zip(expected).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-6), "{out:?}");
    }
}
