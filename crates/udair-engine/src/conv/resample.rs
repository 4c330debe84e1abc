//! From one level of the backbone to the next, and back.

use super::Conv;
use crate::EngineError;
use crate::grid::Grid;
use crate::kernels::{Epilogue, Output};
use crate::run::Run;
use crate::source::Source;
use crate::storage::Element;

/// conv3x3 to half the channels, then each 2x2 pixels become one of four times the channels.
#[derive(Debug)]
pub(crate) struct Down(Conv);

impl Down {
    pub(crate) fn load(source: Source<'_>, name: &str) -> Result<Self, EngineError> {
        Ok(Self(Conv::load(source, &format!("{name}.body.0"), 1)?))
    }

    /// Size of what [`write`](Self::write) makes.
    pub(crate) fn grid(&self, source: Grid) -> Grid {
        source.halved(4 * self.0.outputs())
    }

    /// Writes a map of half the size and twice the channels.
    pub(crate) fn write<T: Element>(
        &self,
        run: &Run<'_>,
        source: &[T],
        grid: Grid,
        out: &mut [T],
    ) -> Result<(), EngineError> {
        let (conv, row, n) = (&self.0, grid.row(), self.0.outputs());
        run.each_chunk(out, self.grid(grid).row(), |y, out, scratch| {
            let [scratch, line] = scratch.pieces([conv.scratch(grid.width), grid.width * n])?;
            T::edit(run, out, |out| {
                for dy in 0..2 {
                    let fetch = |r: usize, to: &mut [f32]| T::load(&source[r * row..][..row], to);
                    let (size, output) = ((grid.height, grid.width), Output::interleaved(n));
                    conv.row(run, size, 2 * y + dy, fetch, scratch, line, output, Epilogue::default());
                    // PixelUnshuffle: channel c of the pixel at (dy, dx) becomes channel 4 c + 2 dy + dx.
                    for (out, pair) in out.chunks_exact_mut(4 * n).zip(line.chunks_exact(2 * n)) {
                        for c in 0..n {
                            out[4 * c + 2 * dy] = pair[c];
                            out[4 * c + 2 * dy + 1] = pair[n + c];
                        }
                    }
                }
                Ok(())
            })
        })?;
        run.advance(conv.macs(grid));
        Ok(())
    }
}

/// conv3x3 to twice the channels, then each pixel becomes 2x2 of a quarter of them.
#[derive(Debug)]
pub(crate) struct Up([Conv; 4]);

impl Up {
    pub(crate) fn load(source: Source<'_>, name: &str) -> Result<Self, EngineError> {
        let tensor = source.tensor(&format!("{name}.body.0.weight"));
        // PixelShuffle: channel 4 c + 2 dy + dx becomes channel c of the pixel at (dy, dx).
        let corner = |i: usize| Conv::new(tensor, 1, None, (i..tensor.shape[0]).step_by(4), source.precision);
        Ok(Self([corner(0)?, corner(1)?, corner(2)?, corner(3)?]))
    }

    /// Writes a map of twice the size and half the channels into the first channels of `out`, whose
    /// pixels are `stride` values apart.
    pub(crate) fn write<T: Element>(
        &self,
        run: &Run<'_>,
        source: &[T],
        grid: Grid,
        out: &mut [T],
        stride: usize,
    ) -> Result<(), EngineError> {
        run.each_chunk(out, 4 * grid.width * stride, |y, out, scratch| {
            let [scratch] = scratch.pieces([self.scratch(grid.width)])?;
            T::edit(run, out, |out| {
                self.rows(run, source, grid, y, scratch, out, stride);
                Ok(())
            })
        })?;
        run.advance(self.macs(grid));
        Ok(())
    }

    /// The two rows that source row `y` becomes; pixels are `stride` values apart.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn rows<T: Element>(
        &self,
        run: &Run<'_>,
        source: &[T],
        grid: Grid,
        y: usize,
        scratch: &mut [f32],
        out: &mut [f32],
        stride: usize,
    ) {
        let row = grid.row();
        let fetch = |r: usize, to: &mut [f32]| T::load(&source[r * row..][..row], to);
        self.0[0].gather((grid.height, grid.width), y, fetch, scratch);
        for (corner, conv) in self.0.iter().enumerate() {
            let first = corner / 2 * 2 * grid.width * stride + corner % 2 * stride;
            let output = Output::interleaved(2 * stride);
            conv.product(run, grid.width, scratch, &mut out[first..], output, Epilogue::default());
        }
    }

    pub(super) fn scratch(&self, width: usize) -> usize {
        self.0[0].scratch(width)
    }

    pub(super) fn macs(&self, grid: Grid) -> u64 {
        4 * self.0[0].macs(grid)
    }
}
