//! MDTA: attention between channels, from a Gram matrix over all pixels.
//!
//! With q, k, v the expanded channels and per head q', k' their rows scaled to length 1 over all
//! pixels: `A = softmax(q' k'ᵀ · temperature)`, `x += W (A v)`. A is small, so `W A` is multiplied
//! out once and the second pass is a single product.

use std::sync::{Mutex, PoisonError};

use super::expansion::Expansion;
use super::{Norm, SUM_ROWS, Strip, each_strip, strip_rows};
use crate::EngineError;
use crate::grid::Grid;
use crate::kernels::{Epilogue, Gram, LANES, Output, Packed, Precision, gram, matmul, squares};
use crate::run::Run;
use crate::source::Source;

/// The shortest length that a channel is scaled by.
const SHORTEST: f64 = 1e-12;

#[derive(Debug)]
pub(super) struct Attention {
    norm: Norm,
    /// q and k, one behind the other.
    compare: Expansion,
    /// v.
    value: Expansion,
    /// Row-major, outputs x inputs.
    project: Vec<f32>,
    temperature: Vec<f32>,
    channels: usize,
    precision: Precision,
}

impl Attention {
    pub(super) fn load(source: Source<'_>, block: &str) -> Result<Self, EngineError> {
        let tensor = |part: &str| source.tensor(&format!("{block}.attn.{part}"));
        let (qkv, filter) = (tensor("qkv.weight"), tensor("qkv_dwconv.weight"));
        let c = qkv.shape[1];
        let channels = |range: std::ops::Range<usize>| range.map(Some).collect::<Vec<_>>();
        Ok(Self {
            norm: Norm::load(source, &format!("{block}.norm1")),
            compare: Expansion::new(source, (qkv, filter), &channels(0..2 * c))?,
            value: Expansion::new(source, (qkv, filter), &channels(2 * c..3 * c))?,
            project: tensor("project_out.weight").data.clone(),
            temperature: tensor("temperature").data.clone(),
            channels: c,
            precision: source.precision,
        })
    }

    pub(super) fn apply(&self, run: &Run<'_>, x: &mut [f32], grid: Grid) -> Result<(), EngineError> {
        let matrix = self.matrix(&self.sums(run, x, grid)?)?;
        let pixels = grid.height * grid.width;
        let (c, d) = (self.channels, self.head());
        run.advance((pixels * (2 * c * c + 18 * c + c * d)) as u64);
        each_strip(run, x, grid, |_, strip, rows, scratch| {
            let count = rows.len() / grid.row();
            let tile = self.value.tile(grid.width) * self.value.padded();
            let [normal, rolling, value] =
                scratch.pieces([Strip::len(count, grid), self.value.scratch(grid.width), tile])?;
            strip.normalise(run, &self.norm, rows, grid, normal);
            self.value.roll(run, normal, (count, grid.width), rolling, |y, first, rolled| {
                rolled.interleaved(value);
                let out = &mut rows[y * grid.row() + first * c..];
                let epilogue = Epilogue { accumulate: true, ..Epilogue::default() };
                let (stride, output) = (self.value.padded(), Output::interleaved(c));
                matmul(run.isa, &[value], stride, rolled.pixels, &matrix, out, output, epilogue);
            });
            Ok(())
        })?;
        run.advance((pixels * (2 * c * c + 9 * c + c * d)) as u64);
        Ok(())
    }

    /// Channels of a head.
    fn head(&self) -> usize {
        self.channels / self.temperature.len()
    }

    /// Values of one sum: a Gram matrix a head, then the squared lengths of q and k.
    fn sum_len(&self) -> usize {
        self.channels * Gram::row(self.head()) + 2 * self.channels
    }

    /// Gram matrices and squared lengths over the whole map.
    fn sums(&self, run: &Run<'_>, x: &mut [f32], grid: Grid) -> Result<Vec<f64>, EngineError> {
        let len = self.sum_len();
        let mut all = run.map(grid.height.div_ceil(SUM_ROWS) * len)?;
        all.fill(0.0);
        // Every strip has its own sums, so no lock is ever waited for.
        let share = strip_rows(run, grid) / SUM_ROWS * len;
        let partial: Vec<_> = all.chunks_mut(share).map(Mutex::new).collect();
        each_strip(run, x, grid, |i, strip, rows, scratch| {
            let count = rows.len() / grid.row();
            let mut sums = partial[i].lock().unwrap_or_else(PoisonError::into_inner);
            let tile = self.compare.tile(grid.width) * self.compare.padded() + LANES;
            let [normal, rolling, qk] =
                scratch.pieces([Strip::len(count, grid), self.compare.scratch(grid.width), tile])?;
            strip.normalise(run, &self.norm, rows, grid, normal);
            self.compare.roll(run, normal, (count, grid.width), rolling, |y, _, rolled| {
                rolled.interleaved(qk);
                self.add(run, qk, rolled.pixels, &mut sums[y / SUM_ROWS * len..][..len]);
            });
            Ok(())
        })?;
        let mut total = vec![0.0; len];
        for sum in all.chunks_exact(len) {
            total.iter_mut().zip(sum).for_each(|(t, &s)| *t += f64::from(s));
        }
        Ok(total)
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
    fn matrix(&self, sums: &[f64]) -> Result<Packed, EngineError> {
        let (c, d) = (self.channels, self.head());
        let row = Gram::row(d);
        let (grams, lengths) = sums.split_at(c * row);
        let length = |i: usize| lengths[i].sqrt().max(SHORTEST);
        let mut product = vec![0.0_f64; c * c];
        for i in 0..c {
            let head = i / d;
            let scores: Vec<f64> = (0..d)
                .map(|j| {
                    grams[i * row + j] / (length(i) * length(c + head * d + j))
                        * f64::from(self.temperature[head])
                })
                .collect();
            let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = scores.iter().map(|s| (s - largest).exp()).collect();
            let total: f64 = weights.iter().sum();
            for (o, row) in product.chunks_exact_mut(c).enumerate() {
                let scale = f64::from(self.project[o * c + i]) / total;
                row[head * d..][..d].iter_mut().zip(&weights).for_each(|(p, w)| *p += scale * w);
            }
        }
        Packed::with_precision(c, c, self.precision, |k, n| product[n * c + k] as f32)
    }
}
