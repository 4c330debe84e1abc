//! Depthwise 3x3 convolution with zero padding, one filter of nine taps a channel.
//!
//! A plane is first copied into a frame of zeros whose rows are whole vectors, so that the inner
//! loops have no edges: nine multiply-adds a vector, whatever the width.

use super::strip::Strip;
use crate::kernels::LANES;
use crate::kernels::isa::{Isa, dispatch};
use crate::kernels::simd::Simd;

/// Rows of a map, `strip.len()` values a channel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) data: &'a [f32],
    pub(super) strip: Strip,
}

/// `out[y][x] = sum over i, j of x[y + i - 1][x + j - 1] * taps[3 i + j]` for the rows of `to`, plane by
/// plane; `taps` holds nine values a channel. Rows that `x` does not have are zero.
pub(super) fn depthwise(isa: Isa, x: Rows<'_>, taps: &[f32], frame: &mut Frame, to: Strip, out: &mut [f32]) {
    convolve(isa, x, taps, frame, to, out, |taps| taps);
}

/// The gradient of [`depthwise`] with respect to the rows `to` of its input, from that of its output.
pub(super) fn depthwise_input_gradient(
    isa: Isa,
    gradient: Rows<'_>,
    taps: &[f32],
    frame: &mut Frame,
    to: Strip,
    out: &mut [f32],
) {
    convolve(isa, gradient, taps, frame, to, out, |mut taps| {
        taps.reverse();
        taps
    });
}

/// Adds what the rows `of` of the output of [`depthwise`] give to the gradient with respect to its taps:
/// nine values a channel.
pub(super) fn depthwise_taps_gradient(
    isa: Isa,
    x: Rows<'_>,
    gradient: Rows<'_>,
    frame: &mut Frame,
    of: Strip,
    out: &mut [f32],
) {
    let (width, own) = (of.width(), of.within(gradient.strip));
    let planes = x.planes().zip(gradient.planes());
    assert_eq!(
        (planes.len(), 9 * planes.len()),
        (x.planes().len(), out.len()),
        "slices differ in their sizes"
    );
    for ((x_plane, gradient_plane), out) in planes.zip(out.chunks_exact_mut(9)) {
        let (x, stride) = frame.fill(isa, x_plane, x.strip, of);
        let gradient = &gradient_plane[own.clone()];
        dispatch!(isa, taps_with(x: &[f32], stride: usize, gradient: &[f32], width: usize, out: &mut [f32]));
    }
}

fn convolve(
    isa: Isa,
    x: Rows<'_>,
    taps: &[f32],
    frame: &mut Frame,
    to: Strip,
    out: &mut [f32],
    orient: impl Fn([f32; 9]) -> [f32; 9],
) {
    let (width, channels) = (to.width(), x.planes().len());
    assert_eq!((taps.len(), out.len()), (9 * channels, channels * to.len()), "slices differ in their sizes");
    for ((plane, out), taps) in x.planes().zip(out.chunks_exact_mut(to.len())).zip(taps.as_chunks().0) {
        let ((x, stride), taps) = (frame.fill(isa, plane, x.strip, to), orient(*taps));
        dispatch!(isa, plane_with(x: &[f32], stride: usize, taps: [f32; 9], width: usize, out: &mut [f32]));
    }
}

impl<'a> Rows<'a> {
    fn planes(self) -> std::slice::ChunksExact<'a, f32> {
        self.data.chunks_exact(self.strip.len())
    }
}

/// Rows of a plane with a border: one row above and below, one pixel to the left, and to the right up to
/// a whole vector and one more. Zero where the plane has nothing.
#[derive(Debug)]
pub(super) struct Frame {
    data: Vec<f32>,
    stride: usize,
}

impl Frame {
    /// For rows of `width` pixels.
    pub(super) fn new(width: usize) -> Self {
        Self { data: Vec::new(), stride: width.next_multiple_of(LANES) + LANES }
    }

    /// The rows `to` of a plane whose rows `from` are at hand, and values from one row to the next.
    fn fill(&mut self, isa: Isa, plane: &[f32], from: Strip, to: Strip) -> (&[f32], usize) {
        self.data.resize(to.framed(from).count() * self.stride, 0.0);
        let (data, stride) = (&mut self.data[..], self.stride);
        dispatch!(isa, fill_with(data: &mut [f32], stride: usize, plane: &[f32], from: Strip, to: Strip));
        (&self.data, stride)
    }
}

/// By vectors, as rows are short and the zeros behind them may be written again.
#[inline(always)]
unsafe fn fill_with<S: Simd>(data: &mut [f32], stride: usize, plane: &[f32], from: Strip, to: Strip) {
    for (row, line) in data.chunks_exact_mut(stride).zip(to.framed(from)) {
        let row = &mut row[1..];
        match line {
            Some(line) => {
                for (row, line) in row.chunks_exact_mut(LANES).zip(plane[line].chunks(LANES)) {
                    // SAFETY: a row of a frame has whole vectors; the line is read as far as it goes.
                    unsafe { S::store(row.as_mut_ptr(), S::load_part(line.as_ptr(), line.len())) };
                }
            }
            None => row.fill(0.0),
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
unsafe fn taps_with<S: Simd>(x: &[f32], stride: usize, gradient: &[f32], width: usize, out: &mut [f32]) {
    let rows = gradient.chunks_exact(width);
    assert!(
        width.next_multiple_of(LANES) + LANES <= stride && x.len() == (rows.len() + 2) * stride,
        "frames differ"
    );
    // SAFETY: the caller is on the machine of `S`.
    let mut totals = [unsafe { S::splat(0.0) }; 9];
    for (y, row) in rows.enumerate() {
        let x = &x[y * stride..][..3 * stride];
        for (block, row) in row.chunks(LANES).enumerate() {
            // SAFETY: as in `plane_with`; what a row of the gradient does not have adds zeros.
            unsafe {
                let g = S::load_part(row.as_ptr(), row.len());
                for (n, total) in totals.iter_mut().enumerate() {
                    let x = S::load(x.as_ptr().add(n / 3 * stride + block * LANES + n % 3));
                    *total = S::fma(x, g, *total);
                }
            }
        }
    }
    for (out, total) in out.iter_mut().zip(totals) {
        // SAFETY: as above.
        *out += unsafe { S::sum(total) };
    }
}

#[cfg(test)]
mod tests {
    use super::super::Shape;
    use super::super::tests::{check_gradient, weighted};
    use super::*;
    use crate::kernels::tests::{few, noise, same};

    #[test]
    fn every_instruction_set_convolves_and_has_the_gradient() {
        for &(height, width) in few(&[(1, 1), (3, 2), (5, 16), (4, 17), (7, 33)]) {
            let shape = Shape { images: 1, channels: 3, height, width };
            let (plane, strip) = (height * width, Strip::whole(shape));
            let (x, taps, g) = (noise(3 * plane, 1), noise(27, 2), noise(3 * plane, 3));
            for isa in Isa::available() {
                let run = |data: &[f32], taps: &[f32]| {
                    let mut out = vec![0.0; data.len()];
                    depthwise(isa, Rows { data, strip }, taps, &mut Frame::new(width), strip, &mut out);
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
                let rows = |data| Rows { data, strip };
                depthwise_input_gradient(isa, rows(&g), &taps, &mut Frame::new(width), strip, &mut dx);
                check_gradient(&x, &dx, |x| weighted(&run(x, &taps), &g));
                let mut dtaps = vec![0.0; 27];
                depthwise_taps_gradient(isa, rows(&x), rows(&g), &mut Frame::new(width), strip, &mut dtaps);
                check_gradient(&taps, &dtaps, |taps| weighted(&run(&x, taps), &g));
            }
        }
    }
}
