//! A 1x1 convolution followed by a depthwise 3x3, rolled through three rows of a column tile.

use crate::kernels::Buffer;
use crate::kernels::{Epilogue, LANES, Output, Packed, depthwise, matmul};
use crate::run::Run;
use crate::source::Source;
use crate::{EngineError, Tensor};

/// The two convolutions' weights, packed in blocks of 16 channels.
#[derive(Debug)]
pub(super) struct Expansion {
    weights: Packed,
    taps: Buffer,
    inputs: usize,
}

/// A column tile of the rows above, at and below the current one, expanded.
pub(super) struct Rolling<'a> {
    rows: [&'a [f32]; 3],
    expansion: &'a Expansion,
    run: &'a Run<'a>,
    /// Distance between blocks of channels.
    block: usize,
    /// Pixels of the tile.
    pub(super) pixels: usize,
}

impl Expansion {
    /// Packs the channels `outputs` of the 1x1 `project` and the depthwise `filter`; `None` is a
    /// channel of zeros.
    pub(super) fn new(
        source: Source<'_>,
        (project, filter): (&Tensor, &Tensor),
        outputs: &[Option<usize>],
    ) -> Result<Self, EngineError> {
        let inputs = project.shape[1];
        let weights = source
            .packed(inputs, outputs.len(), |k, n| outputs[n].map_or(0.0, |n| project.data[n * inputs + k]))?;
        let mut taps = Buffer::zeros(weights.padded() * 9)?;
        for (n, output) in outputs.iter().enumerate() {
            for tap in 0..9 {
                taps[(n / LANES * 9 + tap) * LANES + n % LANES] =
                    output.map_or(0.0, |o| filter.data[o * 9 + tap]);
            }
        }
        Ok(Self { weights, taps, inputs })
    }

    /// Channels with the last block filled up.
    pub(super) fn padded(&self) -> usize {
        self.weights.padded()
    }

    /// Pixels of a column tile over `width` pixels: even shares, of which three expanded rows fit
    /// the second-level cache.
    pub(super) fn tile(&self, width: usize) -> usize {
        let most = if self.padded() <= 768 { 64 } else { 32 };
        width.div_ceil(width.div_ceil(most))
    }

    /// Scratch values for [`roll`](Self::roll) over column tiles of `tile` pixels.
    pub(super) fn scratch(&self, tile: usize) -> usize {
        3 * self.padded() * (tile + 2)
    }

    /// Calls `each(row, first pixel, rolling rows)` for every column tile of `tile` pixels and, within
    /// it, every row.
    ///
    /// `source` holds `rows + 2` rows of `width + 2` pixels.
    pub(super) fn roll(
        &self,
        run: &Run<'_>,
        source: &[f32],
        (rows, width): (usize, usize),
        tile: usize,
        scratch: &mut [f32],
        mut each: impl FnMut(usize, usize, &Rolling<'_>),
    ) {
        let row_len = (width + 2) * self.inputs;
        let expanded = self.padded() * (tile + 2);
        for first in (0..width).step_by(tile) {
            let pixels = tile.min(width - first);
            for y in 0..rows + 2 {
                let from = &source[y * row_len + first * self.inputs..];
                let to = &mut scratch[y % 3 * expanded..][..expanded];
                let output = Output { pixel: LANES, block: (tile + 2) * LANES, whole_blocks: true };
                matmul(
                    run.isa,
                    &[from],
                    self.inputs,
                    pixels + 2,
                    &self.weights,
                    to,
                    output,
                    Epilogue::default(),
                );
                if let Some(y) = y.checked_sub(2) {
                    let row = |i: usize| &scratch[(y + i) % 3 * expanded..][..expanded];
                    let rows = [row(0), row(1), row(2)];
                    each(
                        y,
                        first,
                        &Rolling { rows, expansion: self, run, block: (tile + 2) * LANES, pixels },
                    );
                }
            }
        }
    }
}

impl Rolling<'_> {
    /// The depthwise convolution of block `block` of 16 channels, pixels `stride` values apart.
    pub(super) fn depthwise(&self, block: usize, out: &mut [f32], stride: usize) {
        let start = block * self.block;
        let taps = &self.expansion.taps[block * 9 * LANES..];
        depthwise(self.run.isa, self.rows.map(|row| &row[start..]), taps, self.pixels, out, stride);
    }

    /// The depthwise convolution of every channel, as interleaved pixels.
    pub(super) fn interleaved(&self, out: &mut [f32]) {
        let stride = self.expansion.padded();
        for block in 0..stride / LANES {
            self.depthwise(block, &mut out[block * LANES..], stride);
        }
    }
}
