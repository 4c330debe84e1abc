//! MDTA: attention between channels, from a Gram matrix over all pixels.
//!
//! With q, k, v the expanded channels and per head q', k' their rows scaled to length 1 over all
//! pixels: `A = softmax(q' k'ᵀ · temperature)`, `x += W (A v)`. A is small, so `W A` is multiplied
//! out once and the second pass is a single product.
//!
//! In a large picture the sums may be taken in windows instead of over all pixels ([`cells`]); A is
//! then another one from place to place.

mod blend;
mod cells;
mod totals;

use blend::Blend;
use cells::Cells;
use totals::{Sums, Totals};

use super::expansion::Expansion;
use super::{Norm, SUM_ROWS, Strip, each_strip, strip_rows};
use crate::EngineError;
use crate::grid::Grid;
use crate::kernels::{Epilogue, Gram, LANES, Output, Packed, Precision, gram, matmul, squares};
use crate::run::{Lease, Run};
use crate::source::Source;
use crate::storage::Element;

/// The shortest length that a channel is scaled by.
const SHORTEST: f64 = 1e-12;

#[derive(Debug)]
pub(super) struct Attention {
    norm: Norm,
    /// q and k, one behind the other.
    compare: Expansion,
    /// v.
    value: Expansion,
    /// The output projection, cut by heads.
    project: Vec<Packed>,
    temperature: Vec<f32>,
    channels: usize,
    precision: Precision,
}

impl Attention {
    pub(super) fn load(source: Source<'_>, block: &str) -> Result<Self, EngineError> {
        let tensor = |part: &str| source.tensor(&format!("{block}.attn.{part}"));
        let (qkv, filter) = (tensor("qkv.weight"), tensor("qkv_dwconv.weight"));
        let c = qkv.shape[1];
        let (project, heads) = (tensor("project_out.weight"), tensor("temperature").data.len());
        let d = c / heads;
        let head = |head| Packed::new(d, c, |i, o| project.data[o * c + head * d + i]);
        let channels = |range: std::ops::Range<usize>| range.map(Some).collect::<Vec<_>>();
        Ok(Self {
            norm: Norm::load(source, &format!("{block}.norm1")),
            compare: Expansion::new(source, (qkv, filter), &channels(0..2 * c))?,
            value: Expansion::new(source, (qkv, filter), &channels(2 * c..3 * c))?,
            project: (0..heads).map(head).collect::<Result<_, _>>()?,
            temperature: tensor("temperature").data.clone(),
            channels: c,
            precision: source.precision,
        })
    }

    pub(super) fn apply<T: Element>(
        &self,
        run: &Run<'_>,
        x: &mut [T],
        grid: Grid,
    ) -> Result<(), EngineError> {
        let cells = Cells::of(run, grid);
        let sums = self.sums(run, x, grid, cells)?;
        let pixels = grid.height * grid.width;
        let (c, d) = (self.channels, self.head());
        run.advance((pixels * (2 * c * c + 18 * c + c * d)) as u64);
        if cells.count() == 1 {
            self.whole(run, x, grid, &self.matrix(run, sums.cell(0), self.precision)?)?;
        } else {
            self.windowed(run, x, grid, cells, &sums)?;
        }
        run.advance((pixels * (2 * c * c + 9 * c + c * d)) as u64);
        Ok(())
    }

    /// `x += matrix v` with one matrix for all pixels.
    fn whole<T: Element>(
        &self,
        run: &Run<'_>,
        x: &mut [T],
        grid: Grid,
        matrix: &Packed<Lease<'_>>,
    ) -> Result<(), EngineError> {
        let c = self.channels;
        each_strip(run, x, grid, |_, strip, rows, scratch| {
            let count = rows.len() / grid.row();
            let tile = self.value.tile(grid.width);
            let [normal, rolling, value] = scratch.pieces([
                Strip::len(count, grid),
                self.value.scratch(tile),
                tile * self.value.padded(),
            ])?;
            strip.normalise(run, &self.norm, rows, grid, normal);
            self.value.roll(run, normal, (count, grid.width), tile, rolling, |y, first, rolled| {
                rolled.interleaved(value);
                let out = &mut rows[y * grid.row() + first * c..];
                let epilogue = Epilogue { accumulate: true, ..Epilogue::default() };
                let (stride, output) = (self.value.padded(), Output::interleaved(c));
                matmul(run.isa, &[value], stride, rolled.pixels, matrix, out, output, epilogue);
            });
            Ok(())
        })
    }

    /// `x += matrix v` with matrices that move from window to window: between the centres of two
    /// columns of cells, `left v (1 - t) + right v t` is one product over twice the channels.
    fn windowed<T: Element>(
        &self,
        run: &Run<'_>,
        x: &mut [T],
        grid: Grid,
        cells: Cells,
        sums: &Sums<'_>,
    ) -> Result<(), EngineError> {
        let (c, strip_height) = (self.channels, strip_rows(run, grid));
        each_strip(run, x, grid, |i, strip, rows, scratch| {
            let (count, top) = (rows.len() / grid.row(), i * strip_height);
            let mut blend = Blend::new(run, self, sums, cells, top, count)?;
            let tile = self.value.tile(grid.width).min(cells.width);
            let values = tile * self.value.padded();
            let [normal, rolling, value, left, right] = scratch.pieces([
                Strip::len(count, grid),
                self.value.scratch(tile),
                values,
                values,
                values,
            ])?;
            strip.normalise(run, &self.norm, rows, grid, normal);
            let stride = self.value.padded();
            let mut failed = None;
            self.value.roll(run, normal, (count, grid.width), tile, rolling, |y, first, rolled| {
                rolled.interleaved(value);
                for (p, pixel) in value.chunks_exact(stride).take(rolled.pixels).enumerate() {
                    let share = cells.right_share(first + p);
                    let sides = left[p * stride..].iter_mut().zip(&mut right[p * stride..]);
                    for ((left, right), v) in sides.zip(pixel) {
                        (*left, *right) = (v * (1.0 - share), v * share);
                    }
                }
                for span in cells.spans(first, first + rolled.pixels) {
                    let matrices = match blend.matrices(top + y, span) {
                        Ok(matrices) => matrices,
                        Err(error) => {
                            failed = Some(error);
                            return;
                        }
                    };
                    let from = (span.from - first) * stride;
                    let out = &mut rows[y * grid.row() + span.from * c..];
                    let epilogue = Epilogue { accumulate: true, ..Epilogue::default() };
                    let (pixels, output) = (span.to - span.from, Output::interleaved(c));
                    let sides = [&left[from..], &right[from..]];
                    matmul(run.isa, &sides, stride, pixels, matrices, out, output, epilogue);
                }
            });
            failed.map_or(Ok(()), Err)
        })
    }

    /// Channels of a head.
    fn head(&self) -> usize {
        self.channels / self.temperature.len()
    }

    /// Values of one sum: a Gram matrix a head, then the squared lengths of q and k.
    fn sum_len(&self) -> usize {
        self.channels * Gram::row(self.head()) + 2 * self.channels
    }

    /// Gram matrices and squared lengths of every cell.
    fn sums<'a, T: Element>(
        &self,
        run: &Run<'a>,
        x: &mut [T],
        grid: Grid,
        cells: Cells,
    ) -> Result<Sums<'a>, EngineError> {
        let len = self.sum_len();
        let block = cells.columns * len;
        let totals = Totals::new(cells, grid.height, len);
        let blocks = strip_rows(run, grid) / SUM_ROWS;
        each_strip(run, x, grid, |i, strip, rows, scratch| {
            let count = rows.len() / grid.row();
            let tile = self.compare.tile(grid.width).min(cells.width);
            let [normal, rolling, qk, sums] = scratch.pieces([
                Strip::len(count, grid),
                self.compare.scratch(tile),
                tile * self.compare.padded() + LANES,
                count.div_ceil(SUM_ROWS) * block,
            ])?;
            sums.fill(0.0);
            strip.normalise(run, &self.norm, rows, grid, normal);
            self.compare.roll(run, normal, (count, grid.width), tile, rolling, |y, first, rolled| {
                rolled.interleaved(qk);
                let start = y / SUM_ROWS * block + first / cells.width * len;
                self.add(run, qk, rolled.pixels, &mut sums[start..][..len]);
            });
            let mut sums = sums.chunks_exact(block).enumerate();
            sums.try_for_each(|(number, sums)| totals.add(run, i * blocks + number, sums))
        })?;
        Ok(totals.finish())
    }

    /// Adds the products of `pixels` interleaved pixels of q and k.
    fn add(&self, run: &Run<'_>, qk: &[f32], pixels: usize, sum: &mut [f32]) {
        let (c, d, stride) = (self.channels, self.head(), self.compare.padded());
        let (grams, lengths) = sum.split_at_mut(c * Gram::row(d));
        for (head, sum) in grams.chunks_exact_mut(d * Gram::row(d)).enumerate() {
            let shape = Gram { channels: d, pixels, stride };
            gram(run.isa, &qk[head * d..], &qk[c + head * d..], shape, sum);
        }
        squares(run.isa, qk, stride, pixels, lengths);
    }

    /// The output projection times the attention matrix.
    fn matrix<'a>(
        &self,
        run: &Run<'a>,
        sums: &[f32],
        precision: Precision,
    ) -> Result<Packed<Lease<'a>>, EngineError> {
        let (c, d) = (self.channels, self.head());
        let (grams, lengths) = sums.split_at(c * Gram::row(d));
        let length = |i: usize| f64::from(lengths[i]).sqrt().max(SHORTEST);
        // A of every head, transposed.
        let mut attention = run.map(c * d)?;
        for (i, gram) in grams.chunks_exact(Gram::row(d)).enumerate() {
            let (head, scale) = (i / d * d, f64::from(self.temperature[i / d]) / length(i));
            let column = |j: usize| (head + j) * d + i - head;
            let mut largest = f32::NEG_INFINITY;
            for (j, &product) in gram[..d].iter().enumerate() {
                let score = (f64::from(product) * scale / length(c + head + j)) as f32;
                attention[column(j)] = score;
                largest = largest.max(score);
            }
            let mut total = 0.0;
            for j in 0..d {
                let weight = f64::from(attention[column(j)] - largest).exp();
                attention[column(j)] = weight as f32;
                total += weight;
            }
            (0..d).for_each(|j| attention[column(j)] /= total as f32);
        }
        let data = run.map(Packed::len(c, c))?;
        let matrix = Packed::over(c, c, data, |data| {
            // Where the weight of input k for output o lies in a packed matrix.
            let output = Output { pixel: LANES, block: c * LANES, whole_blocks: true };
            for (head, project) in self.project.iter().enumerate() {
                let (inputs, out) = (&attention[head * d * d..][..d * d], &mut data[head * d * LANES..]);
                matmul(run.isa, &[inputs], d, d, project, out, output, Epilogue::default());
            }
        });
        Ok(matrix.rounded(precision))
    }
}
