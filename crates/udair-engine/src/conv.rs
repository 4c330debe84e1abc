//! Dense convolutions over whole maps, one output row at a time.
//!
//! A row's source rows are copied into scratch with zero margins; the convolution is then a matrix
//! product whose inner dimension runs over kernel rows, columns and channels.

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
    fn rows<T: Element>(
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

    fn scratch(&self, width: usize) -> usize {
        self.0[0].scratch(width)
    }

    fn macs(&self, grid: Grid) -> u64 {
        4 * self.0[0].macs(grid)
    }
}

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
