//! The buffer that every degradation works on, and the single-channel field beside it.

use super::tone::Rendering;
use crate::rng::Stream;

/// A picture: `height` rows of `width` pixels of interleaved RGB, sRGB-encoded, 0 black to 1 white.
#[derive(Debug, Clone, PartialEq)]
pub struct Photo {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// `height * width * 3` samples.
    pub pixels: Vec<f32>,
}

impl Photo {
    /// From 8-bit samples, `height * width * 3` of them.
    pub fn from_rgb8(width: usize, height: usize, samples: &[u8]) -> Self {
        assert_eq!(samples.len(), width * height * 3, "three samples per pixel");
        Self { width, height, pixels: samples.iter().map(|&v| f32::from(v) / 255.0).collect() }
    }

    /// As 8-bit samples, rounded to nearest, out-of-range values clamped.
    pub fn to_rgb8(&self) -> Vec<u8> {
        self.pixels.iter().map(|v| (v.clamp(0.0, 1.0) * 255.0 + 0.5) as u8).collect()
    }

    /// Clamps to [0, 1] and rounds to the 256 levels that a stored picture has.
    pub fn round_to_8_bit(&mut self) {
        for v in &mut self.pixels {
            *v = (v.clamp(0.0, 1.0) * 255.0).round() / 255.0;
        }
    }

    /// The same scene with 2^-`stops` of the light.
    pub fn dim(&mut self, stops: f32) {
        let (srgb, light) = (Rendering::srgb(), (-stops).exp2());
        self.pixels.iter_mut().for_each(|v| *v = srgb.encode.at(srgb.decode.at(*v) * light));
    }

    /// The part from (`x`, `y`) on, which must lie inside.
    ///
    /// # Panics
    /// Where it does not.
    #[must_use]
    pub fn crop(&self, x: usize, y: usize, width: usize, height: usize) -> Self {
        let rows = (y..y + height).flat_map(|y| &self.pixels[3 * (y * self.width + x)..][..3 * width]);
        Self { width, height, pixels: rows.copied().collect() }
    }

    /// The picture at 1 / `factor` of its size: means over `factor` x `factor` pixels, remainders at the
    /// right and bottom cut off.
    #[must_use]
    pub fn shrunk(&self, factor: usize) -> Self {
        let (width, height) = (self.width / factor, self.height / factor);
        self.crop(0, 0, width * factor, height * factor).scaled_down(width, height)
    }

    /// The whole picture with a shorter side of `side` pixels; as it is where that is no smaller.
    #[must_use]
    pub fn fitted(&self, side: usize) -> Self {
        let shorter = self.width.min(self.height);
        if shorter <= side {
            return self.clone();
        }
        self.scaled_down(self.width * side / shorter, self.height * side / shorter)
    }

    /// The picture at `width` x `height`, no less than it has: by a cubic of the family of Mitchell and
    /// Netravali ("Reconstruction filters in computer graphics", SIGGRAPH 1988), from Catmull and Rom's (softness
    /// 0) to the B-spline (1). The border repeats.
    #[must_use]
    pub fn enlarged(&self, width: usize, height: usize, softness: f32) -> Self {
        let (columns, rows) = (cubic(self.width, width, softness), cubic(self.height, height, softness));
        let mut wide = Vec::with_capacity(3 * width * self.height);
        for row in self.pixels.chunks_exact(3 * self.width) {
            for taps in &columns {
                wide.extend((0..3).map(|c| taps.iter().map(|&(x, w)| w * row[3 * x + c]).sum::<f32>()));
            }
        }
        let stride = 3 * width;
        let at = |taps: &[(usize, f32); 4], x: usize| -> f32 {
            taps.iter().map(|&(y, w)| w * wide[y * stride + x]).sum()
        };
        let pixels = rows.iter().flat_map(|taps| (0..stride).map(move |x| at(taps, x)));
        Self { width, height, pixels: pixels.collect() }
    }

    /// Means over the cells of a grid of `width` x `height`, no more than there are pixels; the
    /// restorer makes its smaller versions in the same way.
    fn scaled_down(&self, width: usize, height: usize) -> Self {
        let cells = |length: usize, count: usize| -> Vec<_> {
            (0..count).map(|cell| cell * length / count..(cell + 1) * length / count).collect()
        };
        let (columns, rows) = (cells(self.width, width), cells(self.height, height));
        let mut pixels = Vec::with_capacity(width * height * 3);
        for rows in rows {
            for columns in &columns {
                let mut sums = [0.0; 3];
                for y in rows.clone() {
                    let row = &self.pixels[3 * (y * self.width + columns.start)..][..3 * columns.len()];
                    row.as_chunks::<3>().0.iter().for_each(|pixel| (0..3).for_each(|c| sums[c] += pixel[c]));
                }
                let area = (rows.len() * columns.len()) as f32;
                pixels.extend(sums.map(|sum: f32| sum / area));
            }
        }
        Self { width, height, pixels }
    }

    /// Takes the colour away: every sample becomes its pixel's [luma](Self::luma), rounded to 8 bits.
    pub fn grey(&mut self) {
        for pixel in self.pixels.chunks_exact_mut(3) {
            let level = (luma(pixel) * 255.0).round() / 255.0;
            pixel.fill(level);
        }
    }

    /// Luma of every pixel (Rec. ITU-R BT.601 weights).
    pub fn luma(&self) -> Vec<f32> {
        self.pixels.chunks_exact(3).map(luma).collect()
    }
}

/// For every place along a side of `to` pixels, the four places of `from` that it is made from, with weights.
fn cubic(from: usize, to: usize, softness: f32) -> Vec<[(usize, f32); 4]> {
    let (b, c) = (softness, (1.0 - softness) / 2.0);
    let near = |x: f32| (2.0 - 1.5 * b - c) * x.powi(3) + (2.0 * b + c - 3.0) * x * x + 1.0 - b / 3.0;
    let far = |x: f32| {
        let squares = (b + 5.0 * c) * x * x - (b / 6.0 + c) * x.powi(3);
        squares - (2.0 * b + 8.0 * c) * x + 4.0 * (b / 3.0 + c)
    };
    let taps = |at: usize| {
        let centre = (at as f32 + 0.5) * from as f32 / to as f32 - 0.5;
        let first = centre.floor();
        let t = centre - first;
        let weights = [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)];
        let place = |k: usize| (first as isize + k as isize - 1).clamp(0, from as isize - 1) as usize;
        [0, 1, 2, 3].map(|k| (place(k), weights[k]))
    };
    (0..to).map(taps).collect()
}

/// Luma of one RGB pixel (Rec. ITU-R BT.601 weights).
pub(crate) fn luma(rgb: &[f32]) -> f32 {
    0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]
}

/// The index inside 0..`length` that `at` mirrors to, edge samples not repeated.
pub(crate) fn mirror(at: isize, length: usize) -> usize {
    let last = length as isize - 1;
    if last == 0 {
        return 0;
    }
    let at = at.rem_euclid(2 * last);
    at.min(2 * last - at) as usize
}

/// One value per pixel: a depth, a transmission, an opacity.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// `height * width` values.
    pub values: Vec<f32>,
}

impl Field {
    /// A smooth random surface that spans exactly [0, 1]: a cubic B-spline over a lattice of `cells` x
    /// `cells` uniform draws, plus a second one of twice the frequency and a quarter of the height.
    pub fn smooth(width: usize, height: usize, cells: usize, stream: &mut Stream) -> Self {
        let mut values = spline(width, height, cells.max(1), stream);
        let detail = spline(width, height, cells.max(1) * 2, stream);
        for (value, detail) in values.iter_mut().zip(detail) {
            *value += 0.25 * detail;
        }
        let (min, max) = values.iter().fold((f32::MAX, f32::MIN), |(lo, hi), &v| (lo.min(v), hi.max(v)));
        let span = (max - min).max(f32::MIN_POSITIVE);
        values.iter_mut().for_each(|v| *v = (*v - min) / span);
        Self { width, height, values }
    }

    /// This field stretched to another size, by bilinear interpolation.
    #[must_use]
    pub fn resized(&self, width: usize, height: usize) -> Self {
        let place = |at: usize, to: usize, from: usize| {
            let at = ((at as f32 + 0.5) * from as f32 / to as f32 - 0.5).clamp(0.0, (from - 1) as f32);
            let low = (at as usize).min(from.saturating_sub(2));
            (low, (low + 1).min(from - 1), at - low as f32)
        };
        let mut values = Vec::with_capacity(width * height);
        for y in 0..height {
            let (top, bottom, down) = place(y, height, self.height);
            for x in 0..width {
                let (left, right, along) = place(x, width, self.width);
                let row = |y: usize| {
                    let row = &self.values[y * self.width..];
                    row[left] + (row[right] - row[left]) * along
                };
                values.push(row(top) + (row(bottom) - row(top)) * down);
            }
        }
        Self { width, height, values }
    }
}

/// A cubic B-spline surface over `cells` x `cells` lattice cells of uniform draws.
fn spline(width: usize, height: usize, cells: usize, stream: &mut Stream) -> Vec<f32> {
    let knots = cells + 3;
    let lattice: Vec<f32> = (0..knots * knots).map(|_| stream.unit()).collect();
    // First along x for every lattice row, then along y.
    let columns: Vec<_> = (0..width).map(|x| spline_weights(x, width, cells)).collect();
    let rows: Vec<f32> = lattice
        .chunks_exact(knots)
        .flat_map(|row| columns.iter().map(|(first, w)| (0..4).map(|k| w[k] * row[first + k]).sum()))
        .collect();
    let mut values = Vec::with_capacity(width * height);
    for y in 0..height {
        let (first, w) = spline_weights(y, height, cells);
        values.extend((0..width).map(|x| (0..4).map(|k| w[k] * rows[(first + k) * width + x]).sum::<f32>()));
    }
    values
}

/// The first of the four knots that pixel `at` of `length` depends on, and their weights.
fn spline_weights(at: usize, length: usize, cells: usize) -> (usize, [f32; 4]) {
    let at = (at as f32 + 0.5) / length as f32 * cells as f32;
    let cell = (at as usize).min(cells - 1);
    let t = at - cell as f32;
    let (t2, t3) = (t * t, t * t * t);
    let s = 1.0 - t;
    (cell, [s * s * s, 3.0 * t3 - 6.0 * t2 + 4.0, 3.0 * (t + t2 - t3) + 1.0, t3].map(|w| w / 6.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bits_survive_the_round_trip() {
        let samples: Vec<u8> = (0..=255).flat_map(|v| [v, 255 - v, v / 2]).collect();
        let mut photo = Photo::from_rgb8(16, 16, &samples);
        assert_eq!(photo.to_rgb8(), samples);
        let before = photo.clone();
        photo.round_to_8_bit();
        assert_eq!(photo, before, "stored levels are fixed points");
    }

    #[test]
    fn indices_mirror_without_repeating_the_edge() {
        let around: Vec<usize> = (-3..7).map(|at| mirror(at, 3)).collect();
        assert_eq!(around, [1, 2, 1, 0, 1, 2, 1, 0, 1, 2]);
        assert_eq!(mirror(7, 1), 0);
    }

    #[test]
    fn whole_pictures_fit_by_their_shorter_side() {
        let photo = Photo { width: 5, height: 3, pixels: (0..45).map(|v| v as f32).collect() };
        let fitted = photo.fitted(2);
        assert_eq!((fitted.width, fitted.height), (3, 2));
        // Columns 0, 1 to 2 and 3 to 4; rows 0 and 1 to 2.
        let reds: Vec<f32> = fitted.pixels.iter().copied().step_by(3).collect();
        assert_eq!(reds, [0.0, 4.5, 10.5, 22.5, 27.0, 33.0]);
        assert_eq!(photo.fitted(3), photo);
    }

    #[test]
    fn enlarging_keeps_light_and_softness_takes_contrast() {
        let photo = Photo {
            width: 8,
            height: 6,
            pixels: (0..144).map(|i| if i / 3 % 2 == 0 { 0.2 } else { 0.8 }).collect(),
        };
        let flat = Photo { pixels: vec![0.3; 144], ..photo.clone() };
        let span = |photo: &Photo| {
            photo.pixels.iter().copied().fold(f32::MIN, f32::max)
                - photo.pixels.iter().copied().fold(f32::MAX, f32::min)
        };
        for softness in [0.0, 0.4, 1.0] {
            let large = photo.enlarged(24, 15, softness);
            assert_eq!((large.width, large.height, large.pixels.len()), (24, 15, 24 * 15 * 3));
            let mean = large.pixels.iter().sum::<f32>() / large.pixels.len() as f32;
            assert!((mean - 0.5).abs() < 0.01, "{mean}");
            assert!(flat.enlarged(24, 15, softness).pixels.iter().all(|v| (v - 0.3).abs() < 1e-6));
        }
        let same = photo.enlarged(8, 6, 0.0);
        let near = same.pixels.iter().zip(&photo.pixels).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(near, "Catmull and Rom's passes through the samples");
        assert!(span(&photo.enlarged(24, 15, 1.0)) < 0.9 * span(&photo.enlarged(24, 15, 0.0)));
    }

    #[test]
    fn shrinking_averages() {
        let photo = Photo { width: 3, height: 2, pixels: (0..18).map(|v| v as f32).collect() };
        assert_eq!(photo.shrunk(2), Photo { width: 1, height: 1, pixels: vec![6.0, 7.0, 8.0] });
    }

    #[test]
    fn smooth_fields_span_the_unit_interval_without_jumps() {
        let field = Field::smooth(96, 64, 4, &mut Stream::new(0, 0, 0));
        let (min, max) = field.values.iter().fold((1.0f32, 0.0f32), |(a, b), &v| (a.min(v), b.max(v)));
        assert_eq!((min, max), (0.0, 1.0));
        let jump = field.values.chunks(96).flat_map(|row| row.windows(2).map(|w| (w[1] - w[0]).abs()));
        assert!(jump.fold(0.0, f32::max) < 0.15);
    }

    #[test]
    fn resizing_keeps_a_ramp_and_its_own_size() {
        let ramp = Field { width: 4, height: 1, values: vec![0.0, 1.0, 2.0, 3.0] };
        assert_eq!(ramp.resized(4, 1), ramp);
        let wide = ramp.resized(8, 2).values;
        assert!(wide[..8].windows(2).all(|w| w[1] >= w[0]));
        assert_eq!(wide[3], 1.25);
    }
}
