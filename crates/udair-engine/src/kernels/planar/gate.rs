//! The gate of the feed-forward network, GELU(a) · b, where a and b are the first and the second
//! half of the channels.

use rayon::prelude::*;

use super::Shape;
use crate::kernels::LANES;
use crate::kernels::activation::{density_of, erf_of};
use crate::kernels::isa::{Isa, dispatch};
use crate::kernels::simd::Simd;

/// `out = GELU(a) * b`; `shape` is that of `x`, `out` has half its channels.
pub fn gated_gelu(isa: Isa, x: &[f32], shape: Shape, out: &mut [f32]) {
    let (half, plane) = check(x, shape, out.len());
    out.par_chunks_exact_mut(plane).enumerate().for_each(|(number, out)| {
        let image = &x[number * plane / half * 2 * half..][..2 * half];
        let at = number * plane % half;
        let (a, b) = (&image[at..][..plane], &image[half + at..][..plane]);
        dispatch!(isa, forward_with(a: &[f32], b: &[f32], out: &mut [f32]));
    });
}

/// The gradient of [`gated_gelu`] with respect to `x`, from that of its output.
pub fn gated_gelu_gradient(isa: Isa, x: &[f32], gradient: &[f32], shape: Shape, dx: &mut [f32]) {
    let (half, plane) = check(x, shape, gradient.len());
    assert_eq!(dx.len(), x.len(), "input and its gradient differ in length");
    let images = dx.par_chunks_exact_mut(2 * half).zip(x.par_chunks_exact(2 * half));
    images.zip(gradient.par_chunks_exact(half)).for_each(|((dx, x), gradient)| {
        let ((a, b), (da, db)) = (x.split_at(half), dx.split_at_mut(half));
        let halves = a.par_chunks_exact(plane).zip(b.par_chunks_exact(plane));
        let gradients = da.par_chunks_exact_mut(plane).zip(db.par_chunks_exact_mut(plane));
        halves.zip(gradients).zip(gradient.par_chunks_exact(plane)).for_each(|(((a, b), (da, db)), g)| {
            dispatch!(isa, backward_with(a: &[f32], b: &[f32], g: &[f32], da: &mut [f32], db: &mut [f32]));
        });
    });
}

/// Values of half an image, and of a plane.
fn check(x: &[f32], shape: Shape, out: usize) -> (usize, usize) {
    assert!(shape.channels.is_multiple_of(2), "the channels have no halves");
    assert_eq!((x.len(), 2 * out), (shape.len(), shape.len()), "slices differ from the shape");
    (shape.channels / 2 * shape.plane(), shape.plane())
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
        for (height, width) in [(1, 1), (4, 9), (8, 16)] {
            let shape = Shape { images: 2, channels: 6, height, width };
            let x: Vec<f32> = noise(shape.len(), 1).iter().map(|v| 3.0 * v).collect();
            let g = noise(shape.len() / 2, 2);
            let mut results = Vec::new();
            for isa in Isa::available() {
                let run = |x: &[f32]| {
                    let mut out = vec![0.0; shape.len() / 2];
                    gated_gelu(isa, x, shape, &mut out);
                    out
                };
                let mut dx = vec![0.0; shape.len()];
                gated_gelu_gradient(isa, &x, &g, shape, &mut dx);
                check_gradient(&x, &dx, |x| weighted(&run(x), &g));
                results.push(run(&x));
            }
            let agree = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
            assert!(results.iter().all(|out| agree(out, &results[0])));
        }
    }

    #[test]
    fn known_values() {
        let shape = Shape { images: 1, channels: 2, height: 1, width: 3 };
        let mut out = [0.0; 3];
        gated_gelu(Isa::detect(), &[0.0, 1.0, -1.0, 5.0, 2.0, 2.0], shape, &mut out);
        let expected = [0.0, 2.0 * 0.841_344_7, -2.0 * 0.158_655_3];
        assert!(out.iter().zip(expected).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-6), "{out:?}");
    }
}
