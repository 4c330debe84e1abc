//! Two maps of the same pixels become one.

use super::Up;
use crate::EngineError;
use crate::grid::Grid;
use crate::kernels::{Epilogue, Output, Packed, matmul};
use crate::run::{Lease, Run};
use crate::source::Source;
use crate::storage::Element;

/// 1x1 convolution that halves the channels.
#[derive(Debug)]
pub(crate) struct Reduce(Packed);

impl Reduce {
    pub(crate) fn load(source: Source<'_>, name: &str) -> Result<Self, EngineError> {
        let tensor = source.tensor(&format!("{name}.weight"));
        let (outputs, inputs) = (tensor.shape[0], tensor.shape[1]);
        Ok(Self(source.packed(inputs, outputs, |k, n| tensor.data[n * inputs + k])?))
    }

    /// A map of the same pixels with half the channels.
    pub(crate) fn map<'a, T: Element>(
        &self,
        run: &Run<'a>,
        source: &[T],
        grid: Grid,
    ) -> Result<Lease<'a, T>, EngineError> {
        let out_grid = grid.with(self.0.outputs());
        let mut out = run.map_of(out_grid.len())?;
        run.each_chunk(&mut out, out_grid.row(), |y, out: &mut [T], _| {
            T::view(run, &source[y * grid.row()..][..grid.row()], |source| {
                T::edit(run, out, |out| {
                    self.row(run, &[source], grid.width, out);
                    Ok(())
                })
            })
        })?;
        run.advance((grid.len() * out_grid.channels) as u64);
        Ok(out)
    }

    /// Enlarges `source` and merges it with `skip`, a map of twice its size, in place.
    pub(crate) fn merge<T: Element>(
        &self,
        run: &Run<'_>,
        (up, source, grid): (&Up, &[T], Grid),
        skip: &mut [T],
    ) -> Result<(), EngineError> {
        let channels = self.0.outputs();
        let row = 2 * grid.width * channels;
        run.each_chunk(skip, 2 * row, |y, skip, scratch| {
            let [scratch, larger, merged] = scratch.pieces([up.scratch(grid.width), 2 * row, row])?;
            up.rows(run, source, grid, y, scratch, larger, channels);
            T::edit(run, skip, |skip| {
                for (skip, larger) in skip.chunks_exact_mut(row).zip(larger.chunks_exact(row)) {
                    self.row(run, &[larger, skip], 2 * grid.width, merged);
                    skip.copy_from_slice(merged);
                }
                Ok(())
            })
        })?;
        run.advance(up.macs(grid) + (skip.len() * 2 * channels) as u64);
        Ok(())
    }

    /// One row from equal shares of the input channels.
    fn row(&self, run: &Run<'_>, shares: &[&[f32]], width: usize, out: &mut [f32]) {
        let (stride, output) = (shares[0].len() / width, Output::interleaved(self.0.outputs()));
        matmul(run.isa, shares, stride, width, &self.0, out, output, Epilogue::default());
    }
}

/// Lays two maps of the same pixels side by side.
pub(crate) fn concat<'a>(
    run: &Run<'a>,
    a: (&[f32], usize),
    b: (&[f32], usize),
    grid: Grid,
) -> Result<(Lease<'a>, Grid), EngineError> {
    let out_grid = grid.with(a.1 + b.1);
    let mut out = run.map(out_grid.len())?;
    run.each_chunk(&mut out, out_grid.row(), |y, out, _| {
        let a_row = a.0[y * grid.width * a.1..].chunks_exact(a.1);
        let b_row = b.0[y * grid.width * b.1..].chunks_exact(b.1);
        for (out, (x, z)) in out.chunks_exact_mut(out_grid.channels).zip(a_row.zip(b_row)) {
            out[..a.1].copy_from_slice(x);
            out[a.1..].copy_from_slice(z);
        }
        Ok(())
    })?;
    Ok((out, out_grid))
}
