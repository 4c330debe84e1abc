//! Depthwise 3x3 convolution with zero padding, one filter of nine taps a channel.
//!
//! A plane is first copied into a frame of zeros whose rows are whole vectors, so that the inner
//! loops have no edges: nine multiply-adds a vector, whatever the width.

use super::Shape;
use crate::kernels::LANES;
use crate::kernels::isa::{Isa, dispatch};
use crate::kernels::simd::Simd;

/// `out[y][x] = sum over i, j of x[y + i - 1][x + j - 1] * taps[3 i + j]`, plane by plane of an image;
/// `taps` holds nine values a channel.
pub(super) fn depthwise(isa: Isa, x: &[f32], taps: &[f32], frame: &mut Frame, out: &mut [f32]) {
    convolve(isa, x, taps, frame, out, |taps| taps);
}

/// The gradient of [`depthwise`] with respect to its input, from that of its output.
pub(super) fn depthwise_input_gradient(
    isa: Isa,
    gradient: &[f32],
    taps: &[f32],
    frame: &mut Frame,
    out: &mut [f32],
) {
    convolve(isa, gradient, taps, frame, out, |mut taps| {
        taps.reverse();
        taps
    });
}

/// Adds the gradient of [`depthwise`] with respect to its taps to `out`: nine values a channel.
pub(super) fn depthwise_taps_gradient(
    isa: Isa,
    x: &[f32],
    gradient: &[f32],
    frames: &mut [Frame; 2],
    out: &mut [f32],
) {
    let [left, right] = frames;
    let (plane, height, stride) = (left.height * left.width, left.height, left.stride);
    assert_eq!((x.len(), 9 * x.len()), (gradient.len(), plane * out.len()), "slices differ in their sizes");
    let planes = x.chunks_exact(plane).zip(gradient.chunks_exact(plane));
    for ((x, gradient), out) in planes.zip(out.chunks_exact_mut(9)) {
        left.fill(x);
        right.fill(gradient);
        let (x, gradient) = (&left.data[..], &right.data[..]);
        dispatch!(isa, taps_with(x: &[f32], gradient: &[f32], out: &mut [f32], height: usize, stride: usize));
    }
}

fn convolve(
    isa: Isa,
    x: &[f32],
    taps: &[f32],
    frame: &mut Frame,
    out: &mut [f32],
    orient: impl Fn([f32; 9]) -> [f32; 9],
) {
    let (plane, stride, width) = (frame.height * frame.width, frame.stride, frame.width);
    assert_eq!((x.len(), 9 * x.len()), (out.len(), plane * taps.len()), "slices differ in their sizes");
    let planes = x.chunks_exact(plane).zip(out.chunks_exact_mut(plane));
    for ((x, out), taps) in planes.zip(taps.as_chunks().0) {
        frame.fill(x);
        let (x, taps) = (&frame.data[..], orient(*taps));
        dispatch!(isa, plane_with(x: &[f32], stride: usize, taps: [f32; 9], width: usize, out: &mut [f32]));
    }
}

/// A plane with a border of zeros: one row above and below, one pixel to the left, and to the
/// right up to a whole vector and one more.
#[derive(Debug)]
pub(super) struct Frame {
    data: Vec<f32>,
    stride: usize,
    height: usize,
    width: usize,
}

impl Frame {
    pub(super) fn new(Shape { height, width, .. }: Shape) -> Self {
        let stride = width.next_multiple_of(LANES) + LANES;
        Self { data: vec![0.0; (height + 2) * stride], stride, height, width }
    }

    fn fill(&mut self, plane: &[f32]) {
        let rows = self.data[self.stride..].chunks_exact_mut(self.stride);
        for (to, from) in rows.zip(plane.chunks_exact(self.width)) {
            to[1..=self.width].copy_from_slice(from);
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
unsafe fn taps_with<S: Simd>(x: &[f32], gradient: &[f32], out: &mut [f32], height: usize, stride: usize) {
    assert!(x.len() == (height + 2) * stride && gradient.len() == x.len(), "frames differ");
    // SAFETY: as in `plane_with`; the border of the gradient adds zeros.
    unsafe {
        let mut totals = [S::splat(0.0); 9];
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
        for (out, total) in out.iter_mut().zip(totals) {
            *out += S::sum(total);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_gradient, weighted};
    use super::*;
    use crate::kernels::tests::{few, noise, same};

    #[test]
    fn every_instruction_set_convolves_and_has_the_gradient() {
        for &(height, width) in few(&[(1, 1), (3, 2), (5, 16), (4, 17), (7, 33)]) {
            let shape = Shape { images: 1, channels: 3, height, width };
            let plane = height * width;
            let (x, taps, g) = (noise(3 * plane, 1), noise(27, 2), noise(3 * plane, 3));
            for isa in Isa::available() {
                let run = |x: &[f32], taps: &[f32]| {
                    let mut out = vec![0.0; x.len()];
                    depthwise(isa, x, taps, &mut Frame::new(shape), &mut out);
                    out
                };
                let out = run(&x, &taps);
                for (at, value) in out.iter().enumerate() {
                    let (channel, y, x0) = (at / plane, at / width % height, at % width);
                    let mut expected = 0.0;
                    for n in 0..9 {
                        let (v, u) = ((y + n / 3).wrapping_sub(1), (x0 + n % 3).wrapping_sub(1));
                        if v < height && u < width {
                            let pixel = x[channel * plane + v * width + u];
                            expected += f64::from(pixel) * f64::from(taps[channel * 9 + n]);
                        }
                    }
                    same(*value, expected, isa);
                }
                let mut dx = vec![0.0; x.len()];
                depthwise_input_gradient(isa, &g, &taps, &mut Frame::new(shape), &mut dx);
                check_gradient(&x, &dx, |x| weighted(&run(x, &taps), &g));
                let mut dtaps = vec![0.0; 27];
                let mut frames = [Frame::new(shape), Frame::new(shape)];
                depthwise_taps_gradient(isa, &x, &g, &mut frames, &mut dtaps);
                check_gradient(&taps, &dtaps, |taps| weighted(&run(&x, taps), &g));
            }
        }
    }
}
