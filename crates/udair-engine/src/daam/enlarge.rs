//! D2, the condition at 1/2: conv3x3 of D enlarged to the nearest neighbour.
//!
//! It is four times as large as D and needed once, in order of rows, so it is made row by row.

use crate::conv::Conv;
use crate::grid::Grid;
use crate::identify::{Shown, moments};
use crate::kernels::{Epilogue, Output};
use crate::palette::Positions;
use crate::run::{Run, Scratch};
use crate::source::Source;
use crate::{EngineError, Map};

#[derive(Debug)]
pub(crate) struct Enlarge(Conv);

impl Enlarge {
    pub(super) fn load(source: Source<'_>) -> Result<Self, EngineError> {
        Ok(Self(Conv::load(source, "dam_level2", 1)?))
    }

    /// Row `y` of D2, written to pixels `stride` values apart.
    pub(crate) fn row(
        &self,
        run: &Run<'_>,
        d: &impl Positions,
        y: usize,
        out: &mut [f32],
        stride: usize,
        scratch: &mut Scratch,
    ) -> Result<(), EngineError> {
        let (height, width, c) = d.size();
        let (height, width) = (2 * height, 2 * width);
        let [scratch] = scratch.pieces([self.0.scratch(width)])?;
        let nearest = |y: usize, to: &mut [f32]| {
            for (x, pair) in to.chunks_exact_mut(2 * c).enumerate() {
                let from = d.at(y / 2, x);
                pair[..c].copy_from_slice(from);
                pair[c..].copy_from_slice(from);
            }
        };
        let (size, output) = ((height, width), Output::interleaved(stride));
        self.0.row(run, size, y, nearest, scratch, out, output, Epilogue::default());
        Ok(())
    }

    /// The whole of D2.
    pub(crate) fn map(&self, run: &Run<'_>, d: &Map) -> Result<Map, EngineError> {
        let grid = self.grid(d);
        let mut data = vec![0.0; grid.len()];
        run.each_chunk(&mut data, grid.row(), |y, out, scratch| {
            self.row(run, d, y, out, grid.channels, scratch)
        })?;
        Ok(Map::new(grid, data))
    }

    /// The moments of D2 (see [`moments`]).
    pub(super) fn moments(&self, run: &Run<'_>, d: &Map) -> Result<Shown, EngineError> {
        let grid = self.grid(d);
        let moments = moments(run, grid, |y, out, scratch| self.row(run, d, y, out, grid.channels, scratch))?;
        run.advance(self.0.macs(grid.with(d.channels)));
        Ok(moments)
    }

    fn grid(&self, d: &Map) -> Grid {
        Grid::new(2 * d.height, 2 * d.width, self.0.outputs())
    }
}
