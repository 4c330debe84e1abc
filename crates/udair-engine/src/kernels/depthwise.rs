//! Depthwise 3x3 convolution of one block of 16 channels along a row.

use super::LANES;
use super::isa::{Isa, dispatch};
use super::simd::Simd;

/// `out[p * stride] = sum over rows y and taps x of rows[y][p + x] * taps[y * 3 + x]`, each a vector
/// of 16 channels.
///
/// `rows` hold `pixels + 2` vectors each (one pixel of margin on both sides), `taps` nine.
pub(crate) fn depthwise(
    isa: Isa,
    rows: [&[f32]; 3],
    taps: &[f32],
    pixels: usize,
    out: &mut [f32],
    stride: usize,
) {
    if pixels == 0 {
        return;
    }
    assert!(rows.iter().all(|row| row.len() >= (pixels + 2) * LANES), "a row is too short");
    assert!(taps.len() >= 9 * LANES, "nine taps of 16 channels are needed");
    assert!(out.len() >= (pixels - 1) * stride + LANES, "the output is too short");
    let rows = rows.map(<[f32]>::as_ptr);
    let (taps, out) = (taps.as_ptr(), out.as_mut_ptr());
    dispatch!(isa, depthwise_with(rows: [*const f32; 3], taps: *const f32, pixels: usize, out: *mut f32, stride: usize));
}

#[inline(always)]
unsafe fn depthwise_with<S: Simd>(
    rows: [*const f32; 3],
    taps: *const f32,
    pixels: usize,
    out: *mut f32,
    stride: usize,
) {
    // SAFETY: `depthwise` has checked every slice for all pixels.
    unsafe {
        let mut weights = [S::splat(0.0); 9];
        for (i, weight) in weights.iter_mut().enumerate() {
            *weight = S::load(taps.add(i * LANES));
        }
        let mut pixel = 0;
        while pixel + 4 <= pixels {
            group::<S, 4>(rows.map(|row| row.add(pixel * LANES)), &weights, out.add(pixel * stride), stride);
            pixel += 4;
        }
        while pixel < pixels {
            group::<S, 1>(rows.map(|row| row.add(pixel * LANES)), &weights, out.add(pixel * stride), stride);
            pixel += 1;
        }
    }
}

/// `P` neighbouring pixels, which share the columns between them.
#[inline(always)]
unsafe fn group<S: Simd, const P: usize>(
    rows: [*const f32; 3],
    weights: &[S::V; 9],
    out: *mut f32,
    stride: usize,
) {
    // SAFETY: the caller has P + 2 vectors in every row and P in the output.
    unsafe {
        let mut sums = [S::splat(0.0); P];
        for (y, row) in rows.into_iter().enumerate() {
            for column in 0..P + 2 {
                let value = S::load(row.add(column * LANES));
                for x in 0..3 {
                    if column >= x && column - x < P {
                        sums[column - x] = S::fma(value, weights[y * 3 + x], sums[column - x]);
                    }
                }
            }
        }
        for (p, &sum) in sums.iter().enumerate() {
            S::store(out.add(p * stride), sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::tests::{noise, same};

    #[test]
    fn equals_the_naive_sum_at_every_length() {
        for isa in Isa::available() {
            for pixels in 1..12 {
                let rows: Vec<_> = (0..3).map(|y| noise((pixels + 2) * LANES, y)).collect();
                let taps = noise(9 * LANES, 7);
                let stride = 40;
                let mut out = vec![0.0; pixels * stride];
                depthwise(isa, [&rows[0], &rows[1], &rows[2]], &taps, pixels, &mut out, stride);
                for p in 0..pixels {
                    for lane in 0..LANES {
                        let expected = (0..9)
                            .map(|t| {
                                let value = rows[t / 3][(p + t % 3) * LANES + lane];
                                f64::from(value) * f64::from(taps[t * LANES + lane])
                            })
                            .sum();
                        same(out[p * stride + lane], expected, isa);
                    }
                }
            }
        }
    }
}
