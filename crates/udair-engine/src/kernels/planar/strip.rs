//! Strips of rows, so that what a layer holds of an image on its way stays in the second cache: the
//! maps of a whole image of 256x256 pixels at the first level are 90 MB, and moving them takes three
//! times as long as the arithmetic.

use std::ops::Range;

use super::Shape;

/// Values of all maps of a strip together: a megabyte and a half, of the two of a second cache. The small
/// pictures of this crate's tests have several strips, too.
const VALUES: usize = if cfg!(test) { 1 << 9 } else { 3 << 17 };
/// Rows of a strip at least, or the rows that neighbours both compute weigh too much.
const FEWEST: usize = if cfg!(test) { 2 } else { 8 };
/// Channels for each of these rows: the more channels, the more arithmetic a value in memory costs, and the
/// less there is to gain.
const CHANNELS: usize = 4;

/// Some rows of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strip {
    first: usize,
    rows: usize,
    /// Rows of the image.
    height: usize,
    width: usize,
}

impl Strip {
    /// All rows.
    pub(super) fn whole(shape: Shape) -> Self {
        Self { first: 0, rows: shape.height, height: shape.height, width: shape.width }
    }

    /// The strips of an image of which a layer holds `values` a pixel, from above: as equal as can be.
    pub(super) fn all(shape: Shape, values: usize) -> impl Iterator<Item = Self> + Clone {
        let fewest = FEWEST.max(shape.channels / CHANNELS);
        let rows = (VALUES / (values * shape.width)).max(fewest);
        let count = shape.height.div_ceil(rows).max(1);
        (0..count).map(move |at| {
            let edge = |at: usize| at * shape.height / count;
            Self { first: edge(at), rows: edge(at + 1) - edge(at), ..Self::whole(shape) }
        })
    }

    /// With the row above and the row below, where the image has them.
    pub(super) fn widened(self) -> Self {
        let first = self.first.saturating_sub(1);
        Self { first, rows: (self.first + self.rows + 1).min(self.height) - first, ..self }
    }

    /// Pixels a row.
    pub(super) fn width(self) -> usize {
        self.width
    }

    /// Pixels.
    pub(super) fn len(self) -> usize {
        self.rows * self.width
    }

    /// Where these rows lie in a plane of `outer`.
    pub(super) fn within(self, outer: Self) -> Range<usize> {
        let start = (self.first - outer.first) * self.width;
        start..start + self.len()
    }

    /// The rows in turn and the one before and after: where each lies in a plane of `source`, or nothing
    /// where `source` does not have it.
    pub(super) fn framed(self, source: Self) -> impl Iterator<Item = Option<Range<usize>>> {
        (self.first..self.first + self.rows + 2).map(move |below| {
            let row = below.checked_sub(source.first + 1)?;
            (row < source.rows).then(|| row * self.width..(row + 1) * self.width)
        })
    }

    /// Copies the rows of every channel of `image` together.
    pub(super) fn gather(self, image: &[f32], to: &mut [f32]) {
        let planes = image.chunks_exact(self.height * self.width);
        for (to, plane) in to.chunks_exact_mut(self.len()).zip(planes) {
            to.copy_from_slice(&plane[self.first * self.width..][..self.len()]);
        }
    }

    /// Copies `from` to where it belongs in `image`.
    pub(super) fn scatter(self, from: &[f32], image: &mut [f32]) {
        let planes = image.chunks_exact_mut(self.height * self.width);
        for (from, plane) in from.chunks_exact(self.len()).zip(planes) {
            plane[self.first * self.width..][..self.len()].copy_from_slice(from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_are_the_image_once() {
        for (height, width, values, count) in [(1, 1, 10, 1), (7, 3, 1000, 4), (100, 4, 32, 25), (6, 8, 2, 1)]
        {
            let shape = Shape { images: 1, channels: 2, height, width };
            let image: Vec<f32> = (0..shape.image()).map(|v| v as f32).collect();
            let mut copy = vec![-1.0; image.len()];
            let mut rows = 0;
            for strip in Strip::all(shape, values) {
                assert_eq!(strip.first, rows);
                let mut part = vec![0.0; 2 * strip.len()];
                strip.gather(&image, &mut part);
                strip.scatter(&part, &mut copy);
                rows += strip.rows;
            }
            assert_eq!((rows, copy, Strip::all(shape, values).count()), (height, image, count));
        }
    }

    #[test]
    fn neighbours_end_at_the_image() {
        let shape = Shape { images: 1, channels: 1, height: 6, width: 3 };
        let strips: Vec<Strip> = Strip::all(shape, 1000).collect();
        let wide = strips[0].widened();
        assert_eq!((strips.len(), wide.first, wide.rows), (3, 0, 3));
        assert_eq!(strips[1].within(strips[1].widened()), 3..9);
        let frame: Vec<_> = strips[0].framed(wide).collect();
        assert_eq!(frame, [None, Some(0..3), Some(3..6), Some(6..9)]);
        assert_eq!(strips[2].framed(Strip::whole(shape)).last(), Some(None));
    }
}
