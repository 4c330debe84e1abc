//! Part of a picture, and a smaller one of the whole.

use super::Picture;
use crate::pixels::{Pixels, Sample, Samples};
use crate::{ImageError, allocate};

impl Picture {
    /// The `width` x `height` pixels from column `x` and row `y` on, with all that goes with the
    /// picture.
    ///
    /// # Errors
    /// [`ImageError::Samples`] where the part is empty or reaches beyond the picture;
    /// [`ImageError::Memory`].
    pub fn region(&self, x: usize, y: usize, width: usize, height: usize) -> Result<Self, ImageError> {
        let (full_width, full_height) = (self.width(), self.height());
        let inside = |from: usize, len: usize, end: usize| {
            len > 0 && from.checked_add(len).is_some_and(|to| to <= end)
        };
        if !inside(x, width, full_width) || !inside(y, height, full_height) {
            return Err(ImageError::Samples(format!(
                "{width} x {height} pixels from ({x}, {y}) on do not lie in a picture of {full_width} x {full_height}"
            )));
        }
        let Pixels { channels, samples, .. } = &self.pixels;
        let cut = Cut {
            rows: y..y + height,
            row: full_width * channels,
            columns: x * channels..(x + width) * channels,
        };
        let samples = match samples {
            Samples::Eight(samples) => Samples::Eight(cut.of(samples)?),
            Samples::Sixteen(samples) => Samples::Sixteen(cut.of(samples)?),
        };
        Ok(self.with_pixels(Pixels { width, height, channels: *channels, samples }))
    }

    /// The picture made smaller by the least whole factor that brings its longer side to at most
    /// `longest` pixels, every pixel the mean of a square of the original's samples.
    ///
    /// # Errors
    /// [`ImageError::Memory`].
    pub fn reduced(&self, longest: usize) -> Result<Self, ImageError> {
        let factor = self.width().max(self.height()).div_ceil(longest.max(1));
        let Pixels { width, channels, samples, .. } = &self.pixels;
        let (row, channels) = (width * channels, *channels);
        let samples = match samples {
            Samples::Eight(samples) => Samples::Eight(means(samples, row, channels, factor)?),
            Samples::Sixteen(samples) => Samples::Sixteen(means(samples, row, channels, factor)?),
        };
        let (width, height) = (self.width().div_ceil(factor), self.height().div_ceil(factor));
        Ok(self.with_pixels(Pixels { width, height, channels, samples }))
    }

    fn with_pixels(&self, pixels: Pixels) -> Self {
        let (metadata, losses) = (self.metadata.clone(), self.losses.clone());
        Self { pixels, format: self.format, metadata, losses }
    }
}

/// Samples of a part: some rows of `row` samples, some samples of each.
struct Cut {
    rows: std::ops::Range<usize>,
    row: usize,
    columns: std::ops::Range<usize>,
}

impl Cut {
    fn of<T: Sample>(&self, samples: &[T]) -> Result<Vec<T>, ImageError> {
        let mut part = allocate::with_room(self.rows.len() * self.columns.len())?;
        for row in samples.chunks_exact(self.row).take(self.rows.end).skip(self.rows.start) {
            part.extend_from_slice(&row[self.columns.clone()]);
        }
        Ok(part)
    }
}

/// Means of squares of `factor` x `factor` pixels; those at the far edges may be cut.
fn means<T: Sample>(samples: &[T], row: usize, channels: usize, factor: usize) -> Result<Vec<T>, ImageError> {
    let columns = (row / channels).div_ceil(factor);
    let mut means = allocate::with_room(columns * channels * (samples.len() / row).div_ceil(factor))?;
    let mut sums: Vec<f32> = allocate::zeros(columns * channels)?;
    for rows in samples.chunks(row * factor) {
        sums.fill(0.0);
        for row in rows.chunks_exact(row) {
            for (squares, sums) in row.chunks(factor * channels).zip(sums.chunks_exact_mut(channels)) {
                for pixel in squares.chunks_exact(channels) {
                    sums.iter_mut().zip(pixel).for_each(|(sum, sample)| *sum += sample.unit());
                }
            }
        }
        let height = rows.len() / row;
        for (column, sums) in sums.chunks_exact(channels).enumerate() {
            let width = factor.min(row / channels - column * factor);
            means.extend(sums.iter().map(|sum| T::nearest(sum / (width * height) as f32)));
        }
    }
    Ok(means)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: usize, height: usize) -> Picture {
        let samples = (0..width * height * 3).map(|i| (i * 7 % 251) as u8).collect();
        Picture::from_rgb8(width, height, samples).unwrap()
    }

    #[test]
    fn a_region_is_those_pixels() {
        let whole = picture(7, 5);
        let part = whole.region(2, 1, 3, 4).unwrap();
        let (all, some) = (whole.to_rgb8().unwrap(), part.to_rgb8().unwrap());
        assert_eq!((part.width(), part.height()), (3, 4));
        for (i, pixel) in some.chunks_exact(3).enumerate() {
            let from = ((i / 3 + 1) * 7 + i % 3 + 2) * 3;
            assert_eq!(pixel, &all[from..from + 3]);
        }
        assert_eq!(whole.region(0, 0, 7, 5).unwrap(), whole);
        for (x, y, w, h) in [(0, 0, 0, 1), (5, 0, 3, 1), (0, 5, 1, 1), (usize::MAX, 0, 2, 1)] {
            assert!(whole.region(x, y, w, h).is_err(), "{x},{y},{w}x{h}");
        }
    }

    #[test]
    fn reducing_takes_means() {
        let small = picture(7, 5).reduced(3).unwrap();
        assert_eq!((small.width(), small.height()), (3, 2));
        let all = picture(7, 5).to_rgb8().unwrap();
        let mean = |x: std::ops::Range<usize>, y: std::ops::Range<usize>| {
            let n = (x.len() * y.len()) as f32;
            let sum: f32 = y
                .flat_map(|y| x.clone().map(move |x| (y, x)))
                .map(|(y, x)| f32::from(all[(y * 7 + x) * 3]))
                .sum();
            (sum / n).round() as u8
        };
        let reduced = small.to_rgb8().unwrap();
        assert_eq!(reduced[0], mean(0..3, 0..3));
        assert_eq!(reduced[5 * 3], mean(6..7, 3..5), "cut at both far edges");
        let flat = Picture::from_rgb8(50, 41, vec![77; 50 * 41 * 3]).unwrap().reduced(8).unwrap();
        assert!(flat.to_rgb8().unwrap().iter().all(|&v| v == 77));
        assert_eq!(picture(7, 5).reduced(7).unwrap(), picture(7, 5), "small enough already");
    }
}
