//! Padding a picture by reflection to a size that can be halved three times, and cropping it back.

use std::ops::Range;

use crate::grid::Grid;
use crate::run::{Lease, Run};
use crate::{EngineError, Padding};

/// Mean of R, G and B that the network subtracts from its input.
const MEAN: [f32; 3] = [0.4488, 0.4371, 0.4040];

/// Where a picture lies inside its padded form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pad {
    top: usize,
    left: usize,
    height: usize,
    width: usize,
    /// Size of the padded picture, three channels.
    pub(crate) grid: Grid,
}

impl Pad {
    pub(crate) fn new(padding: Padding, width: usize, height: usize) -> Self {
        let multiple = padding.multiple();
        let grid = Grid::new(height.next_multiple_of(multiple), width.next_multiple_of(multiple), 3);
        Self { top: padding.split(height).0, left: padding.split(width).0, height, width, grid }
    }

    /// The padded picture minus the mean.
    pub(crate) fn centred<'a>(&self, run: &Run<'a>, rgb: &[f32]) -> Result<Lease<'a>, EngineError> {
        let mut out = run.map(self.grid.len())?;
        for (y, row) in out.chunks_exact_mut(self.grid.row()).enumerate() {
            self.row(rgb[self.source(y)].iter().copied(), row);
        }
        Ok(out)
    }

    /// Where the values of padded row `y` lie in the picture.
    pub(crate) fn source(&self, y: usize) -> Range<usize> {
        let row = self.width * 3;
        let start = reflect(y, self.top, self.height) * row;
        start..start + row
    }

    /// A padded row minus the mean, from a row of the picture.
    pub(crate) fn row(&self, source: impl Iterator<Item = f32>, to: &mut [f32]) {
        let inner = self.left * 3..(self.left + self.width) * 3;
        for ((to, from), mean) in to[inner.clone()].iter_mut().zip(source).zip(MEAN.into_iter().cycle()) {
            *to = from - mean;
        }
        for x in (0..self.left).chain(self.left + self.width..self.grid.width) {
            let from = inner.start + reflect(x, self.left, self.width) * 3;
            to.copy_within(from..from + 3, x * 3);
        }
    }

    /// The picture inside a padded one, with the mean added back.
    pub(crate) fn crop(&self, padded: &[f32]) -> Result<Vec<f32>, EngineError> {
        let len = self.width * self.height * 3;
        let mut out = Vec::new();
        out.try_reserve_exact(len).map_err(|_| EngineError::Memory { bytes: len * 4 })?;
        for row in padded.chunks_exact(self.grid.row()).skip(self.top).take(self.height) {
            let pixels = row[self.left * 3..][..self.width * 3].chunks_exact(3);
            out.extend(pixels.flat_map(|p| [p[0] + MEAN[0], p[1] + MEAN[1], p[2] + MEAN[2]]));
        }
        Ok(out)
    }
}

/// The position in `0..length` that a padded position shows, reflected without repeating the edge;
/// again and again where the padding is longer than the side.
fn reflect(position: usize, before: usize, length: usize) -> usize {
    if length == 1 {
        return 0;
    }
    let period = 2 * (length - 1);
    let offset = (position + before * (period - 1)) % period;
    offset.min(period - offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Silent;
    use crate::kernels::Isa;
    use crate::run::Pool;

    #[test]
    fn reflection_repeats_and_spares_the_edge() {
        let show =
            |before, length, padded| (0..padded).map(|p| reflect(p, before, length)).collect::<Vec<_>>();
        assert_eq!(show(0, 5, 8), [0, 1, 2, 3, 4, 3, 2, 1]);
        assert_eq!(show(2, 4, 8), [2, 1, 0, 1, 2, 3, 2, 1]);
        assert_eq!(show(0, 2, 8), [0, 1, 0, 1, 0, 1, 0, 1]);
        assert_eq!(show(7, 1, 16), [0; 16]);
        assert_eq!(show(3, 3, 8), [1, 2, 1, 0, 1, 2, 1, 0]);
    }

    #[test]
    fn cropping_undoes_padding() {
        let pool = Pool::default();
        let run = Run::new(Isa::detect(), 0, &pool, &Silent, 1);
        for padding in [Padding::Eight, Padding::Sixteen] {
            for (width, height) in [(1, 1), (3, 17), (16, 8), (9, 2)] {
                let rgb: Vec<f32> = (0..width * height * 3).map(|i| i as f32 / 64.0).collect();
                let pad = Pad::new(padding, width, height);
                let back = pad.crop(&pad.centred(&run, &rgb).unwrap()).unwrap();
                assert_eq!(back.len(), rgb.len());
                assert!(back.iter().zip(&rgb).all(|(a, b)| (a - b).abs() < 1e-6));
            }
        }
    }
}
