//! A picture cut into blocks, each of which is measured, and corrections that pass smoothly from one to
//! the next.

use rayon::prelude::*;

/// Both sides of a picture in blocks.
#[derive(Clone, Copy)]
pub(crate) struct Blocks {
    across: Side,
    down: Side,
}

/// Rows of a block: those of the input and of the result.
pub(crate) type Rows<'a> = (&'a [f32], &'a [f32]);

impl Blocks {
    /// Blocks of about `side` pixels over rows of `width` RGB pixels, `len` values in all; none where
    /// the picture is smaller than one.
    pub(crate) fn of(width: usize, len: usize, side: usize) -> Option<Self> {
        let height = len / (3 * width);
        (width.min(height) >= side)
            .then(|| Self { across: Side::of(width, side), down: Side::of(height, side) })
    }

    /// Blocks over a picture of which both sides are given in pixels and in blocks, at least one and no
    /// more than pixels.
    pub(crate) fn counted(across: (usize, usize), down: (usize, usize)) -> Self {
        let side = |(length, count)| Side { length, count };
        Self { across: side(across), down: side(down) }
    }

    /// What `measure` makes of every block, row by row.
    pub(crate) fn measure<T: Send>(
        self,
        input: &[f32],
        restored: &[f32],
        measure: impl Fn(&mut dyn Iterator<Item = Rows<'_>>) -> T + Sync,
    ) -> Vec<T> {
        self.measure_placed(input, restored, |placed| measure(&mut placed.map(|(_, rows)| rows)))
    }

    /// The same, told where every row begins: column and row of its first pixel.
    pub(crate) fn measure_placed<T: Send>(
        self,
        input: &[f32],
        restored: &[f32],
        measure: impl Fn(&mut dyn Iterator<Item = ((usize, usize), Rows<'_>)>) -> T + Sync,
    ) -> Vec<T> {
        let row = 3 * self.across.length;
        let blocks = (0..self.down.count * self.across.count).into_par_iter();
        let measured = blocks.map(|block| {
            let columns = self.across.range(block % self.across.count);
            let mut rows = self.down.range(block / self.across.count).map(|y| {
                let row = y * row + 3 * columns.start..y * row + 3 * columns.end;
                ((columns.start, y), (&input[row.clone()], &restored[row]))
            });
            measure(&mut rows)
        });
        measured.collect()
    }

    /// The mean of every block in each channel, not below black.
    pub(crate) fn means(self, rgb: &[f32]) -> Vec<[f32; 3]> {
        self.measure(rgb, rgb, |rows| {
            let (mut sums, mut pixels) = ([0.0; 3], 0.0);
            for (row, _) in rows {
                for pixel in row.as_chunks::<3>().0 {
                    (0..3).for_each(|c| sums[c] += pixel[c]);
                    pixels += 1.0;
                }
            }
            sums.map(|sum: f32| (sum / pixels).max(0.0))
        })
    }

    /// Adds the corrections, one a block and channel, blended between the centres of the blocks.
    pub(crate) fn add(self, corrections: &[[f32; 3]], restored: &mut [f32]) {
        self.blend(corrections, restored, |value, correction| value + correction);
    }

    /// Multiplies by the gains, one a block and channel, blended between the centres of the blocks.
    pub(crate) fn multiply(self, gains: &[[f32; 3]], restored: &mut [f32]) {
        self.blend(gains, restored, |value, gain| value * gain);
    }

    fn blend(self, blocks: &[[f32; 3]], restored: &mut [f32], change: impl Fn(f32, f32) -> f32 + Sync) {
        self.each_pixel(restored, |x, y, pixel| {
            let blended = self.at(blocks, x, y);
            pixel.iter_mut().zip(blended).for_each(|(value, blended)| *value = change(*value, blended));
        });
    }

    /// Changes every pixel of a picture, told its column and row.
    pub(crate) fn each_pixel(self, rgb: &mut [f32], change: impl Fn(usize, usize, &mut [f32; 3]) + Sync) {
        rgb.par_chunks_exact_mut(3 * self.across.length).enumerate().for_each(|(y, row)| {
            let pixels = row.as_chunks_mut().0.iter_mut().enumerate();
            pixels.for_each(|(x, pixel)| change(x, y, pixel));
        });
    }

    /// Values of blocks, one a block and channel, blended between the centres of the blocks to what they are at
    /// this pixel.
    pub(crate) fn at(self, blocks: &[[f32; 3]], x: usize, y: usize) -> [f32; 3] {
        let (top, bottom, below) = self.down.between(y);
        let (left, right, beside) = self.across.between(x);
        let [top, bottom] = [top, bottom].map(|row| &blocks[row * self.across.count..][..self.across.count]);
        let along = |row: &[[f32; 3]], c: usize| mix(row[left][c], row[right][c], beside);
        std::array::from_fn(|c| mix(along(top, c), along(bottom, c), below))
    }
}

/// One side of a picture in blocks.
#[derive(Clone, Copy)]
struct Side {
    length: usize,
    count: usize,
}

impl Side {
    fn of(length: usize, block: usize) -> Self {
        Self { length, count: (length + block / 2) / block }
    }

    fn range(self, block: usize) -> std::ops::Range<usize> {
        block * self.length / self.count..(block + 1) * self.length / self.count
    }

    /// The blocks whose centres a position lies between, and how near it is to the second, from 0 to 1.
    fn between(self, at: usize) -> (usize, usize, f32) {
        let place = (at as f32 + 0.5) * self.count as f32 / self.length as f32 - 0.5;
        let place = place.clamp(0.0, (self.count - 1) as f32);
        let first = place as usize;
        (first, (first + 1).min(self.count - 1), place.fract())
    }
}

fn mix(a: f32, b: f32, share: f32) -> f32 {
    a + (b - a) * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_every_pixel_once() {
        for (width, height, side) in [(32, 32, 32), (96, 47, 32), (131, 70, 20), (300, 33, 33)] {
            let values = vec![1.0; width * height * 3];
            let blocks = Blocks::of(width, values.len(), side).expect("larger than a block");
            let sums = blocks.measure(&values, &values, |rows| rows.map(|(row, _)| row.len()).sum::<usize>());
            assert_eq!(sums.iter().sum::<usize>(), values.len(), "{width}x{height}");
        }
        assert!(Blocks::of(31, 31 * 90 * 3, 32).is_none());
    }

    #[test]
    fn equal_corrections_are_one_shift() {
        let (width, len) = (70, 70 * 50 * 3);
        let blocks = Blocks::of(width, len, 16).expect("larger than a block");
        let count = blocks.across.count * blocks.down.count;
        let mut values = vec![0.25; len];
        blocks.add(&vec![[0.5, 0.0, -0.25]; count], &mut values);
        assert!(values.chunks_exact(3).all(|pixel| pixel == [0.75, 0.25, 0.0]));
    }
}
