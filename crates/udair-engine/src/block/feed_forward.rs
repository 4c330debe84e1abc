//! GDFN: `x += W_out (GELU(a) · b)` with `[a, b]` the two halves of an expansion.

use super::expansion::Expansion;
use super::{Norm, Strip, each_strip};
use crate::EngineError;
use crate::grid::Grid;
use crate::kernels::{Epilogue, LANES, Output, Packed, gate, matmul};
use crate::run::Run;
use crate::source::Source;
use crate::storage::Element;

#[derive(Debug)]
pub(super) struct FeedForward {
    norm: Norm,
    /// Both halves, each filled up to whole blocks.
    expand: Expansion,
    project: Packed,
    hidden: usize,
}

impl FeedForward {
    pub(super) fn load(source: Source<'_>, block: &str) -> Result<Self, EngineError> {
        let tensor = |part: &str| source.tensor(&format!("{block}.ffn.{part}.weight"));
        let out = tensor("project_out");
        let (c, hidden) = (out.shape[0], out.shape[1]);
        let padded = hidden.next_multiple_of(LANES);
        let channel = |n: usize| (n % padded < hidden).then_some(n / padded * hidden + n % padded);
        let outputs: Vec<_> = (0..2 * padded).map(channel).collect();
        // The gated channels that fill up the last block are zeros, and so are their weights.
        let inner = hidden.next_multiple_of(source.precision.granule());
        Ok(Self {
            norm: Norm::load(source, &format!("{block}.norm2")),
            expand: Expansion::new(source, (tensor("project_in"), tensor("dwconv")), &outputs)?,
            project: source.packed(
                inner,
                c,
                |k, n| if k < hidden { out.data[n * hidden + k] } else { 0.0 },
            )?,
            hidden,
        })
    }

    pub(super) fn apply<T: Element>(
        &self,
        run: &Run<'_>,
        x: &mut [T],
        grid: Grid,
    ) -> Result<(), EngineError> {
        let c = grid.channels;
        let stride = self.expand.padded() / 2;
        let (blocks, tile) = (stride / LANES, self.expand.tile(grid.width));
        each_strip(run, x, grid, |_, strip, rows, scratch| {
            let count = rows.len() / grid.row();
            let lengths = [
                Strip::len(count, grid),
                self.expand.scratch(tile),
                tile * LANES,
                tile * LANES,
                tile * stride,
            ];
            let [normal, rolling, a, b, gated] = scratch.pieces(lengths)?;
            strip.normalise(run, &self.norm, rows, grid, normal);
            self.expand.roll(run, normal, (count, grid.width), tile, rolling, |y, first, rolled| {
                let len = rolled.pixels * LANES;
                for block in 0..blocks {
                    rolled.depthwise(block, a, LANES);
                    rolled.depthwise(blocks + block, b, LANES);
                    gate(run.isa, &a[..len], &b[..len], &mut gated[block * LANES..], stride);
                }
                let out = &mut rows[y * grid.row() + first * c..];
                let epilogue = Epilogue { accumulate: true, ..Epilogue::default() };
                matmul(
                    run.isa,
                    &[gated],
                    stride,
                    rolled.pixels,
                    &self.project,
                    out,
                    Output::interleaved(c),
                    epilogue,
                );
            });
            Ok(())
        })?;
        run.advance((grid.height * grid.width * (3 * self.hidden * c + 18 * self.hidden)) as u64);
        Ok(())
    }
}
