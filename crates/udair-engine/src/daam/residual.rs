//! The residual block of the analysis encoders: `x + conv1x1(ReLU(conv3x3(ReLU(x))))`.

use crate::EngineError;
use crate::conv::Conv;
use crate::grid::Grid;
use crate::kernels::{Epilogue, Output};
use crate::run::{Lease, Run};
use crate::source::Source;

#[derive(Debug)]
pub(super) struct Residual {
    squeeze: Conv,
    expand: Conv,
}

impl Residual {
    pub(super) fn load(source: Source<'_>, name: &str) -> Result<Self, EngineError> {
        Ok(Self {
            squeeze: Conv::load(source, &format!("{name}.conv.1"), 1)?,
            expand: Conv::load(source, &format!("{name}.conv.3"), 1)?,
        })
    }

    pub(super) fn map<'a>(&self, run: &Run<'a>, x: &[f32], grid: Grid) -> Result<Lease<'a>, EngineError> {
        let (squeeze, expand, row) = (&self.squeeze, &self.expand, grid.row());
        let mut out = run.map(grid.len())?;
        run.each_chunk(&mut out, row, |y, out, scratch| {
            let [scratch_1, inner, scratch_2] = scratch.pieces([
                squeeze.scratch(grid.width),
                grid.width * squeeze.outputs(),
                expand.scratch(grid.width),
            ])?;
            let fetch = |r: usize, to: &mut [f32]| {
                to.iter_mut().zip(&x[r * row..][..row]).for_each(|(to, &x)| *to = x.max(0.0));
            };
            let epilogue = Epilogue { relu: true, ..Epilogue::default() };
            let output = Output::interleaved(squeeze.outputs());
            squeeze.row(run, (grid.height, grid.width), y, fetch, scratch_1, inner, output, epilogue);
            out.copy_from_slice(&x[y * row..][..row]);
            let fetch = |_: usize, to: &mut [f32]| to.copy_from_slice(inner);
            let epilogue = Epilogue { accumulate: true, ..Epilogue::default() };
            expand.row(
                run,
                (1, grid.width),
                0,
                fetch,
                scratch_2,
                out,
                Output::interleaved(grid.channels),
                epilogue,
            );
            Ok(())
        })?;
        run.advance(squeeze.macs(grid) + expand.macs(grid.with(squeeze.outputs())));
        Ok(out)
    }
}

/// Replaces negative values by zero.
pub(super) fn relu(values: &mut [f32]) {
    values.iter_mut().for_each(|v| *v = v.max(0.0));
}
