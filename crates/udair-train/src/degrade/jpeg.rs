//! What JPEG compression loses: colour resolution and rounded DCT coefficients.
//!
//! The lossy half of ITU-T T.81 (baseline): BT.601 luma and chroma, chroma averaged over the
//! subsampling cells, an 8 x 8 DCT, division by the example tables of its Annex K scaled as the
//! Independent JPEG Group's encoder scales them, rounding, and back. Entropy coding loses nothing, so it
//! is left out, and no bytes are written.

use std::f32::consts::PI;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::photo::{Field, Photo};
use super::range::Range;
use crate::rng::Stream;

/// When and how hard to compress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JpegRecipe {
    /// Share of pictures that are compressed.
    pub share: f32,
    /// Quality on the IJG's scale, 1 to 100.
    pub quality: Range,
}

impl Default for JpegRecipe {
    fn default() -> Self {
        Self { share: 0.25, quality: Range::new(60.0, 98.0) }
    }
}

impl JpegRecipe {
    /// A compression, or none for this picture.
    pub fn draw(&self, stream: &mut Stream) -> Option<Jpeg> {
        let subsampling = [Subsampling::None, Subsampling::Across, Subsampling::Both];
        let jpeg = Jpeg {
            quality: self.quality.draw(stream).round() as u8,
            subsampling: subsampling[stream.below(3)],
        };
        stream.chance(self.share).then_some(jpeg)
    }
}

/// Colour resolution of a JPEG file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subsampling {
    /// 4:4:4, full.
    None,
    /// 4:2:2, half across.
    Across,
    /// 4:2:0, half both ways.
    Both,
}

/// One compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jpeg {
    /// Quality on the IJG's scale, 1 to 100.
    pub quality: u8,
    /// Colour resolution.
    pub subsampling: Subsampling,
}

impl Jpeg {
    /// Compresses `photo` and decompresses it again.
    pub fn apply(self, photo: &mut Photo) {
        photo.round_to_8_bit();
        let (width, height) = (photo.width, photo.height);
        let mut planes =
            [(); 3].map(|()| Field { width, height, values: Vec::with_capacity(width * height) });
        for rgb in photo.pixels.chunks_exact(3) {
            let [r, g, b] = [rgb[0] * 255.0, rgb[1] * 255.0, rgb[2] * 255.0];
            planes[0].values.push((0.299 * r + 0.587 * g + 0.114 * b).round());
            planes[1].values.push((128.0 - 0.168_736 * r - 0.331_264 * g + 0.5 * b).round());
            planes[2].values.push((128.0 + 0.5 * r - 0.418_688 * g - 0.081_312 * b).round());
        }
        let (across, down) = match self.subsampling {
            Subsampling::None => (1, 1),
            Subsampling::Across => (2, 1),
            Subsampling::Both => (2, 2),
        };
        let [y, cb, cr] = planes;
        let y = quantised(&y, &table(&LUMINANCE, self.quality));
        let chroma = table(&CHROMINANCE, self.quality);
        let [cb, cr] = [cb, cr].map(|plane| {
            let small = quantised(&averaged(&plane, across, down), &chroma);
            if across == 1 { small } else { stretched(&small, across, down, width, height) }
        });
        for (at, rgb) in photo.pixels.chunks_exact_mut(3).enumerate() {
            let (y, cb, cr) = (y.values[at], cb.values[at] - 128.0, cr.values[at] - 128.0);
            rgb[0] = y + 1.402 * cr;
            rgb[1] = y - 0.344_136 * cb - 0.714_136 * cr;
            rgb[2] = y + 1.772 * cb;
            rgb.iter_mut().for_each(|v| *v /= 255.0);
        }
        photo.round_to_8_bit();
    }
}

/// Means over cells of `across` x `down` samples, the last ones repeated at the edges.
fn averaged(plane: &Field, across: usize, down: usize) -> Field {
    if across * down == 1 {
        return plane.clone();
    }
    let (width, height) = (plane.width.div_ceil(across), plane.height.div_ceil(down));
    let mut values = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let cell = (0..down).flat_map(|dy| (0..across).map(move |dx| (dx, dy)));
            let sum: f32 = cell
                .map(|(dx, dy)| {
                    let (x, y) = (x * across + dx, y * down + dy);
                    plane.values[y.min(plane.height - 1) * plane.width + x.min(plane.width - 1)]
                })
                .sum();
            values.push((sum / (across * down) as f32).round());
        }
    }
    Field { width, height, values }
}

/// `small` at full resolution, linear between the cells' centres.
fn stretched(small: &Field, across: usize, down: usize, width: usize, height: usize) -> Field {
    let full = small.resized(small.width * across, small.height * down);
    let rows = full.values.chunks_exact(full.width).take(height);
    Field { width, height, values: rows.flat_map(|row| row[..width].iter().map(|v| v.round())).collect() }
}

/// `plane` (0 to 255) after its DCT coefficients were rounded to multiples of `steps`.
fn quantised(plane: &Field, steps: &[f32; 64]) -> Field {
    let (width, height) = (plane.width, plane.height);
    let basis = basis();
    let mut values = vec![0.0; width * height];
    for top in (0..height).step_by(8) {
        for left in (0..width).step_by(8) {
            let block: [f32; 64] = std::array::from_fn(|at| {
                let (x, y) = ((left + at % 8).min(width - 1), (top + at / 8).min(height - 1));
                plane.values[y * width + x] - 128.0
            });
            let mut coefficients = transform(&block, basis, false);
            for (coefficient, step) in coefficients.iter_mut().zip(steps) {
                *coefficient = (*coefficient / step).round() * step;
            }
            let block = transform(&coefficients, basis, true);
            for (y, row) in block.chunks_exact(8).enumerate().take(height - top) {
                for (x, value) in row.iter().enumerate().take(width - left) {
                    values[(top + y) * width + left + x] = (value + 128.0).round().clamp(0.0, 255.0);
                }
            }
        }
    }
    Field { width, height, values }
}

type Basis = [[f32; 8]; 8];

/// Row k is the k-th cosine of the orthonormal DCT-II.
fn basis() -> &'static Basis {
    static BASIS: OnceLock<Basis> = OnceLock::new();
    BASIS.get_or_init(|| {
        std::array::from_fn(|k| {
            let scale = if k == 0 { (1.0f32 / 8.0).sqrt() } else { 0.5 };
            std::array::from_fn(|n| scale * ((2 * n + 1) as f32 * k as f32 * PI / 16.0).cos())
        })
    })
}

/// B X B^T, or B^T X B for the inverse.
fn transform(block: &[f32; 64], basis: &Basis, inverse: bool) -> [f32; 64] {
    let at = |k: usize, n: usize| if inverse { basis[n][k] } else { basis[k][n] };
    let mut half = [0.0; 64];
    for k in 0..8 {
        for n in 0..8 {
            let weight = at(k, n);
            for x in 0..8 {
                half[k * 8 + x] += weight * block[n * 8 + x];
            }
        }
    }
    let mut full = [0.0; 64];
    for n in 0..8 {
        let column: [f32; 8] = std::array::from_fn(|k| at(k, n));
        for y in 0..8 {
            for k in 0..8 {
                full[y * 8 + k] += half[y * 8 + n] * column[k];
            }
        }
    }
    full
}

/// Annex K's table at `quality`, scaled as the IJG's encoder does: 50 leaves it, 100 makes every step 1.
fn table(annex_k: &[u16; 64], quality: u8) -> [f32; 64] {
    let quality = u32::from(quality.clamp(1, 100));
    let percent = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    annex_k.map(|step| ((u32::from(step) * percent + 50) / 100).clamp(1, 255) as f32)
}

/// ITU-T T.81, table K.1.
#[rustfmt::skip]
const LUMINANCE: [u16; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61,
    12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77,
    24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
];

/// ITU-T T.81, table K.2.
#[rustfmt::skip]
const CHROMINANCE: [u16; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99,
    18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::degrade::testing::{deviation, grey, ramp};

    #[test]
    fn the_transform_is_orthonormal() {
        let mut stream = Stream::new(0, 0, 0);
        let block: [f32; 64] = std::array::from_fn(|_| stream.normal());
        let there = transform(&block, basis(), false);
        let back = transform(&there, basis(), true);
        let energy = |block: &[f32; 64]| block.iter().map(|v| v * v).sum::<f32>();
        assert!((energy(&there) - energy(&block)).abs() < 1e-3);
        assert!(block.iter().zip(back).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn loss_falls_with_quality() {
        let mut stream = Stream::new(1, 0, 0);
        let mut clean = ramp(45, 37); // no multiple of 8 or 16
        clean.pixels.iter_mut().for_each(|v| *v += 0.08 * stream.normal());
        clean.round_to_8_bit();
        for subsampling in [Subsampling::None, Subsampling::Across, Subsampling::Both] {
            let loss = [10, 50, 75, 95].map(|quality| {
                let mut photo = clean.clone();
                Jpeg { quality, subsampling }.apply(&mut photo);
                deviation(&photo, &clean)
            });
            assert!(loss.windows(2).all(|w| w[1] < w[0]), "{subsampling:?}: {loss:?}");
        }
        let mut best = clean.clone();
        Jpeg { quality: 100, subsampling: Subsampling::None }.apply(&mut best);
        assert!(deviation(&best, &clean) < 1.2 / 255.0);
    }

    #[test]
    fn flat_grey_survives_even_low_quality() {
        let mut photo = grey(20, 20, 128.0 / 255.0);
        let before = photo.clone();
        Jpeg { quality: 5, subsampling: Subsampling::Both }.apply(&mut photo);
        assert_eq!(photo, before);
    }
}
