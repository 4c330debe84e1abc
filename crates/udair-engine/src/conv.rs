//! Dense convolutions over whole maps, one output row at a time.
//!
//! A row's source rows are copied into scratch with zero margins; the convolution is then a matrix
//! product whose inner dimension runs over kernel rows, columns and channels.

mod reduce;
mod resample;

pub(crate) use reduce::{Reduce, concat};
pub(crate) use resample::{Down, Up};

use crate::grid::Grid;
use crate::kernels::{Buffer, Epilogue, Output, Packed, Precision, matmul};
use crate::run::{Lease, Run};
use crate::source::Source;
use crate::storage::Element;
use crate::{EngineError, Tensor};

/// The weights of a convolution, packed.
#[derive(Debug)]
pub(crate) struct Conv {
    weights: Packed,
    bias: Option<Buffer>,
    kernel: usize,
    stride: usize,
    inputs: usize,
}

impl Conv {
    /// The convolution called `name`; padded by `(kernel - 1) / 2` or, for even kernels, by 1.
    pub(crate) fn load(source: Source<'_>, name: &str, stride: usize) -> Result<Self, EngineError> {
        let tensor = source.tensor(&format!("{name}.weight"));
        let bias = source.weights.tensors.get(&format!("{name}.bias")).map(|t| t.data.as_slice());
        Self::new(tensor, stride, bias, 0..tensor.shape[0], source.precision)
    }

    /// The output channels `outputs` of a weight tensor, in this order.
    pub(crate) fn new(
        tensor: &Tensor,
        stride: usize,
        bias: Option<&[f32]>,
        outputs: impl Iterator<Item = usize>,
        precision: Precision,
    ) -> Result<Self, EngineError> {
        let (inputs, kernel) = (tensor.shape[1], tensor.shape[2]);
        let outputs: Vec<_> = outputs.collect();
        // Pairs of channels need an even number of them; the picture has three.
        let precision = if inputs.is_multiple_of(precision.granule()) { precision } else { Precision::f32() };
        let weights = Packed::with_precision(kernel * kernel * inputs, outputs.len(), precision, |k, n| {
            let (tap, input) = (k / inputs, k % inputs);
            tensor.data[(outputs[n] * inputs + input) * kernel * kernel + tap]
        })?;
        let bias = match bias {
            None => None,
            Some(values) => {
                let mut bias = Buffer::zeros(weights.padded())?;
                bias.iter_mut().zip(&outputs).for_each(|(b, &n)| *b = values[n]);
                Some(bias)
            }
        };
        Ok(Self { weights, bias, kernel, stride, inputs })
    }

    fn margin(&self) -> usize {
        usize::from(self.kernel != 1)
    }

    /// Channels that come out.
    pub(crate) fn outputs(&self) -> usize {
        self.weights.outputs()
    }

    /// Scratch values that [`row`](Self::row) needs for input rows of `width` pixels.
    pub(crate) fn scratch(&self, width: usize) -> usize {
        self.kernel * (width + 2 * self.margin()) * self.inputs
    }

    /// Computes output row `y` from a source of `height` rows of `width` pixels; `fetch(row, to)`
    /// copies a source row.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn row(
        &self,
        run: &Run<'_>,
        (height, width): (usize, usize),
        y: usize,
        fetch: impl Fn(usize, &mut [f32]),
        scratch: &mut [f32],
        out: &mut [f32],
        output: Output,
        epilogue: Epilogue<'_>,
    ) {
        self.gather((height, width), y, fetch, scratch);
        self.product(run, width, scratch, out, output, epilogue);
    }

    /// Copies the source rows that output row `y` is computed from, with zero margins.
    fn gather(
        &self,
        (height, width): (usize, usize),
        y: usize,
        fetch: impl Fn(usize, &mut [f32]),
        scratch: &mut [f32],
    ) {
        let margin = self.margin() * self.inputs;
        let padded = width * self.inputs + 2 * margin;
        for (i, row) in scratch.chunks_exact_mut(padded).take(self.kernel).enumerate() {
            match (y * self.stride + i).checked_sub(self.margin()).filter(|&source| source < height) {
                None => row.fill(0.0),
                Some(source) => {
                    row[..margin].fill(0.0);
                    fetch(source, &mut row[margin..padded - margin]);
                    row[padded - margin..].fill(0.0);
                }
            }
        }
    }

    /// Computes an output row from rows that were [gathered](Self::gather).
    fn product(
        &self,
        run: &Run<'_>,
        width: usize,
        rows: &[f32],
        out: &mut [f32],
        output: Output,
        epilogue: Epilogue<'_>,
    ) {
        let padded = (width + 2 * self.margin()) * self.inputs;
        let segments: Vec<&[f32]> = rows.chunks_exact(padded).take(self.kernel).collect();
        let pixels = width / self.stride;
        let epilogue = Epilogue { bias: self.bias.as_deref(), ..epilogue };
        matmul(run.isa, &segments, self.stride * self.inputs, pixels, &self.weights, out, output, epilogue);
    }

    /// Convolves a whole map; with `relu` the result's negative values become zero.
    pub(crate) fn map<'a>(
        &self,
        run: &Run<'a>,
        source: &[f32],
        grid: Grid,
        relu: bool,
    ) -> Result<(Lease<'a>, Grid), EngineError> {
        let out_grid = Grid::new(grid.height / self.stride, grid.width / self.stride, self.outputs());
        let mut out = run.map(out_grid.len())?;
        self.rows(
            run,
            grid,
            |row, to| to.copy_from_slice(&source[row * grid.row()..][..grid.row()]),
            relu,
            &mut out[..],
        )?;
        Ok((out, out_grid))
    }

    /// Convolves rows that `fetch` supplies into the map `out`.
    pub(crate) fn rows<T: Element>(
        &self,
        run: &Run<'_>,
        grid: Grid,
        fetch: impl Fn(usize, &mut [f32]) + Sync,
        relu: bool,
        out: &mut [T],
    ) -> Result<(), EngineError> {
        let (size, output) = ((grid.height, grid.width), Output::interleaved(self.outputs()));
        run.each_chunk(out, grid.width / self.stride * self.outputs(), |y, out, scratch| {
            let [scratch] = scratch.pieces([self.scratch(grid.width)])?;
            let epilogue = Epilogue { relu, ..Epilogue::default() };
            T::edit(run, out, |out| {
                self.row(run, size, y, &fetch, scratch, out, output, epilogue);
                Ok(())
            })
        })?;
        run.advance(self.macs(grid));
        Ok(())
    }

    /// Multiply-accumulates over a source map of this size.
    pub(crate) fn macs(&self, grid: Grid) -> u64 {
        let outputs = grid.height / self.stride * (grid.width / self.stride) * self.outputs();
        (outputs * self.kernel * self.kernel * self.inputs) as u64
    }
}
