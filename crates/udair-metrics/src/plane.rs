//! One channel of a picture in `f64`, and the few ways in which metrics resample it.

use rayon::prelude::*;

use crate::image::Rgb8;
use crate::simd::weigh;

/// A channel: `width * height` numbers, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plane {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) data: Vec<f64>,
}

/// Rows that one task computes.
const BAND: usize = 16;

impl Plane {
    /// Computes row by row.
    pub(crate) fn by_rows(width: usize, height: usize, row: impl Fn(usize, &mut [f64]) + Sync) -> Self {
        let mut plane = Self::zeros(width, height);
        plane.data.par_chunks_mut(BAND * width).enumerate().for_each(|(band, rows)| {
            rows.chunks_mut(width).enumerate().for_each(|(i, out)| row(band * BAND + i, out));
        });
        plane
    }

    /// Computes two planes row by row.
    pub(crate) fn pair_by_rows(
        width: usize,
        height: usize,
        row: impl Fn(usize, &mut [f64], &mut [f64]) + Sync,
    ) -> (Self, Self) {
        let (mut a, mut b) = (Self::zeros(width, height), Self::zeros(width, height));
        let bands = a.data.par_chunks_mut(BAND * width).zip(b.data.par_chunks_mut(BAND * width));
        bands.enumerate().for_each(|(band, (a, b))| {
            for (i, (a, b)) in a.chunks_mut(width).zip(b.chunks_mut(width)).enumerate() {
                row(band * BAND + i, a, b);
            }
        });
        (a, b)
    }

    fn zeros(width: usize, height: usize) -> Self {
        Self { width, height, data: vec![0.0; width * height] }
    }

    /// Computes each number from its pixel.
    pub(crate) fn of(image: &Rgb8, value: impl Fn([u8; 3]) -> f64 + Sync) -> Self {
        Self::by_rows(image.width(), image.height(), |y, out| {
            out.iter_mut().zip(image.row(y)).for_each(|(out, &pixel)| *out = value(pixel));
        })
    }

    /// Channel `c` of the picture.
    pub(crate) fn channel(image: &Rgb8, c: usize) -> Self {
        Self::of(image, |pixel| f64::from(pixel[c]))
    }

    pub(crate) fn row(&self, y: usize) -> &[f64] {
        &self.data[y * self.width..][..self.width]
    }

    /// The upper left part.
    pub(crate) fn top_left(&self, width: usize, height: usize) -> Self {
        Self::by_rows(width, height, |y, out| out.copy_from_slice(&self.row(y)[..width]))
    }

    /// Means of blocks of `side * side` numbers; what does not fill a block is left out.
    pub(crate) fn block_means(&self, side: usize) -> Self {
        let area = (side * side) as f64;
        Self::by_rows(self.width / side, self.height / side, |y, out| {
            for (x, out) in out.iter_mut().enumerate() {
                let rows = (0..side).map(|i| &self.row(y * side + i)[x * side..][..side]);
                *out = rows.flatten().sum::<f64>() / area;
            }
        })
    }

    /// With `margin` more numbers on every side, mirrored so that the edge is repeated.
    pub(crate) fn mirrored(&self, margin: usize) -> Self {
        self.padded(margin, mirror)
    }

    /// With `margin` more numbers on every side, each the nearest of the plane.
    pub(crate) fn replicated(&self, margin: usize) -> Self {
        self.padded(margin, |i, n| i.clamp(0, n as isize - 1) as usize)
    }

    fn padded(&self, margin: usize, place: impl Fn(isize, usize) -> usize + Sync) -> Self {
        let place = |i: usize, n: usize| place(i as isize - margin as isize, n);
        Self::by_rows(self.width + 2 * margin, self.height + 2 * margin, |y, out| {
            let row = self.row(place(y, self.height));
            out[margin..margin + self.width].copy_from_slice(row);
            for x in (0..margin).chain(margin + self.width..out.len()) {
                out[x] = row[place(x, self.width)];
            }
        })
    }

    /// With `margin` zeros on every side.
    pub(crate) fn zero_padded(&self, margin: usize) -> Self {
        Self::by_rows(self.width + 2 * margin, self.height + 2 * margin, |y, out| {
            if let Some(y) = y.checked_sub(margin).filter(|&y| y < self.height) {
                out[margin..margin + self.width].copy_from_slice(self.row(y));
            }
        })
    }

    /// Half the size, rounded up, by MATLAB's bicubic `imresize(…, 0.5)`: for this factor the stretched
    /// kernel has eight taps that are multiples of 1/256, so the result for whole numbers is exact.
    pub(crate) fn halved(&self) -> Self {
        let columns = Self::by_rows(self.width, self.height.div_ceil(2), |y, out| {
            let rows = std::array::from_fn(|k| self.row(mirror((2 * y + k) as isize - 3, self.height)));
            weigh(rows, &HALF, out);
        });
        Self::by_rows(self.width.div_ceil(2), columns.height, |y, out| {
            let row = columns.row(y);
            for (x, out) in out.iter_mut().enumerate() {
                let near = (2 * x).checked_sub(3).and_then(|first| row.get(first..)?.first_chunk::<8>());
                *out = match near {
                    Some(near) => half(|k| near[k]),
                    None => half(|k| row[mirror((2 * x + k) as isize - 3, self.width)]),
                };
            }
        })
    }
}

/// The stretched cubic (Keys, a = -1/2) around a place between two pixels.
const HALF: [f64; 8] = [
    -3.0 / 256.0,
    -9.0 / 256.0,
    29.0 / 256.0,
    111.0 / 256.0,
    111.0 / 256.0,
    29.0 / 256.0,
    -9.0 / 256.0,
    -3.0 / 256.0,
];

fn half(value: impl Fn(usize) -> f64) -> f64 {
    HALF.iter().enumerate().map(|(k, tap)| tap * value(k)).sum()
}

/// The place in `0..n` that `i` is a mirror image of, where the edges are repeated: -1 is 0, n is n - 1.
pub(crate) fn mirror(i: isize, n: usize) -> usize {
    let i = i.rem_euclid(2 * n as isize) as usize;
    i.min(2 * n - 1 - i)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_repeat_the_edge_for_ever() {
        let places: Vec<usize> = (-7..7).map(|i| mirror(i, 3)).collect();
        assert_eq!(places, [0, 0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]);
        assert_eq!(mirror(-3, 1), 0);
    }

    #[test]
    fn halving_keeps_constants_and_rounds_sizes_up() {
        for (width, height) in [(1, 1), (2, 5), (7, 3), (20, 16)] {
            let half = Plane { width, height, data: vec![7.0; width * height] }.halved();
            assert_eq!((half.width, half.height), (width.div_ceil(2), height.div_ceil(2)));
            assert!(half.data.iter().all(|&x| x == 7.0));
        }
    }
}
