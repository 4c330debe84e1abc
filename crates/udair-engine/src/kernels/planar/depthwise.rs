//! Depthwise 3x3 convolution with zero padding, one filter of nine taps a channel.
//!
//! A plane is first copied into a frame of zeros whose rows are whole vectors, so that the inner
//! loops have no edges: nine multiply-adds a vector, whatever the width.

use rayon::prelude::*;

use super::Shape;
use crate::kernels::LANES;
use crate::kernels::isa::{Isa, dispatch};
use crate::kernels::simd::Simd;

/// `out[y][x] = sum over i, j of x[y + i - 1][x + j - 1] * taps[3 i + j]`, plane by plane; `taps`
/// holds nine values a channel.
pub fn depthwise(isa: Isa, x: &[f32], taps: &[f32], shape: Shape, out: &mut [f32]) {
    convolve(isa, x, taps, shape, out, |taps| taps);
}

/// The gradient of [`depthwise`] with respect to its input, from that of its output.
pub fn depthwise_input_gradient(isa: Isa, gradient: &[f32], taps: &[f32], shape: Shape, out: &mut [f32]) {
    convolve(isa, gradient, taps, shape, out, |mut taps| {
        taps.reverse();
        taps
    });
}

/// The gradient of [`depthwise`] with respect to its taps: nine values a channel, replaced.
pub fn depthwise_taps_gradient(isa: Isa, x: &[f32], gradient: &[f32], shape: Shape, out: &mut [f32]) {
    assert_eq!((x.len(), gradient.len()), (shape.len(), shape.len()), "slices differ from the shape");
    assert_eq!(out.len(), 9 * shape.channels, "nine taps a channel");
    let plane = shape.plane();
    let frames = || (Frame::new(shape), Frame::new(shape));
    out.par_chunks_exact_mut(9).enumerate().for_each_init(frames, |(left, right), (channel, out)| {
        let mut sums = [[0.0; LANES]; 9];
        for image in 0..shape.images {
            let at = (image * shape.channels + channel) * plane;
            left.fill(&x[at..][..plane], shape);
            right.fill(&gradient[at..][..plane], shape);
            let (x, gradient, sums, height, stride) =
                (&left.data[..], &right.data[..], &mut sums, shape.height, left.stride);
            dispatch!(isa, taps_with(x: &[f32], gradient: &[f32], sums: &mut [[f32; LANES]; 9], height: usize, stride: usize));
        }
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = sum.iter().sum();
        }
    });
}

fn convolve(
    isa: Isa,
    x: &[f32],
    taps: &[f32],
    shape: Shape,
    out: &mut [f32],
    orient: impl Fn([f32; 9]) -> [f32; 9] + Sync,
) {
    assert_eq!((x.len(), out.len()), (shape.len(), shape.len()), "slices differ from the shape");
    assert_eq!(taps.len(), 9 * shape.channels, "nine taps a channel");
    let plane = shape.plane();
    out.par_chunks_exact_mut(plane).zip(x.par_chunks_exact(plane)).enumerate().for_each_init(
        || Frame::new(shape),
        |frame, (number, (out, x))| {
            frame.fill(x, shape);
            let mut own = [0.0; 9];
            own.copy_from_slice(&taps[number % shape.channels * 9..][..9]);
            let taps = orient(own);
            let (x, stride, width) = (&frame.data[..], frame.stride, shape.width);
            dispatch!(isa, plane_with(x: &[f32], stride: usize, taps: [f32; 9], width: usize, out: &mut [f32]));
        },
    );
}

/// A plane with a border of zeros: one row above and below, one pixel to the left, and to the
/// right up to a whole vector and one more.
struct Frame {
    data: Vec<f32>,
    stride: usize,
}

impl Frame {
    fn new(shape: Shape) -> Self {
        let stride = shape.width.next_multiple_of(LANES) + LANES;
        Self { data: vec![0.0; (shape.height + 2) * stride], stride }
    }

    fn fill(&mut self, plane: &[f32], shape: Shape) {
        let rows = self.data[self.stride..].chunks_exact_mut(self.stride);
        for (to, from) in rows.zip(plane.chunks_exact(shape.width)) {
            to[1..=shape.width].copy_from_slice(from);
        }
    }
}

#[inline(always)]
unsafe fn plane_with<S: Simd>(x: &[f32], stride: usize, taps: [f32; 9], width: usize, out: &mut [f32]) {
    for (y, out) in out.chunks_exact_mut(width).enumerate() {
        let rows = &x[y * stride..][..3 * stride];
        for (block, out) in out.chunks_mut(LANES).enumerate() {
            // SAFETY: a vector that starts inside the width, and its neighbour to the right, lie
            // within the stride of a frame; the output is written as far as it goes.
            unsafe {
                let mut sum = S::splat(0.0);
                for (n, &tap) in taps.iter().enumerate() {
                    let at = n / 3 * stride + block * LANES + n % 3;
                    sum = S::fma(S::load(rows.as_ptr().add(at)), S::splat(tap), sum);
                }
                S::store_part(out.as_mut_ptr(), sum, out.len());
            }
        }
    }
}

#[inline(always)]
unsafe fn taps_with<S: Simd>(
    x: &[f32],
    gradient: &[f32],
    sums: &mut [[f32; LANES]; 9],
    height: usize,
    stride: usize,
) {
    assert!(x.len() == (height + 2) * stride && gradient.len() == x.len(), "frames differ");
    // SAFETY: as in `plane_with`; the border of the gradient adds zeros.
    unsafe {
        let mut totals = [S::splat(0.0); 9];
        for (total, sum) in totals.iter_mut().zip(sums.iter()) {
            *total = S::load(sum.as_ptr());
        }
        for y in 0..height {
            for block in 0..stride / LANES - 1 {
                let at = block * LANES;
                let g = S::load(gradient.as_ptr().add((y + 1) * stride + at + 1));
                for (n, total) in totals.iter_mut().enumerate() {
                    let x = S::load(x.as_ptr().add((y + n / 3) * stride + at + n % 3));
                    *total = S::fma(x, g, *total);
                }
            }
        }
        for (total, sum) in totals.iter().zip(sums) {
            S::store(sum.as_mut_ptr(), *total);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_gradient, weighted};
    use super::*;
    use crate::kernels::tests::{noise, same};

    #[test]
    fn every_instruction_set_convolves_and_has_the_gradient() {
        for (height, width) in [(1, 1), (3, 2), (5, 16), (4, 17), (7, 33)] {
            let shape = Shape { images: 2, channels: 3, height, width };
            let (x, taps, g) = (noise(shape.len(), 1), noise(27, 2), noise(shape.len(), 3));
            for isa in Isa::available() {
                let run = |x: &[f32], taps: &[f32]| {
                    let mut out = vec![0.0; shape.len()];
                    depthwise(isa, x, taps, shape, &mut out);
                    out
                };
                let out = run(&x, &taps);
                for (at, value) in out.iter().enumerate() {
                    let (plane, y, x0) = (at / shape.plane(), at / width % height, at % width);
                    let mut expected = 0.0;
                    for n in 0..9 {
                        let (v, u) = ((y + n / 3).wrapping_sub(1), (x0 + n % 3).wrapping_sub(1));
                        if v < height && u < width {
                            let pixel = x[plane * shape.plane() + v * width + u];
                            expected += f64::from(pixel) * f64::from(taps[plane % 3 * 9 + n]);
                        }
                    }
                    same(*value, expected, isa);
                }
                let mut dx = vec![0.0; shape.len()];
                depthwise_input_gradient(isa, &g, &taps, shape, &mut dx);
                check_gradient(&x, &dx, |x| weighted(&run(x, &taps), &g));
                let mut dtaps = vec![0.0; 27];
                depthwise_taps_gradient(isa, &x, &g, shape, &mut dtaps);
                check_gradient(&taps, &dtaps, |taps| weighted(&run(&x, taps), &g));
            }
        }
    }
}
