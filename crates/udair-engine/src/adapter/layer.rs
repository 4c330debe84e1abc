//! One adapter: 1x1 to twice the channels, GELU, depthwise 3x3, GELU, squeeze and excitation, 1x1
//! back; forward, and backward to the gradients of its parameters.
//!
//! The gate g of the excitation scales the columns of the last matrix W, so a scaled map is never
//! made: out = W diag(g) a + b. With M = sum over cells of (gradient of out) aᵀ, the gradient of W is
//! M diag(g), and that of g the column sums of W * M.

use rayon::prelude::*;

use super::cells::Cells;
use super::depthwise;
use super::excitation::{Excitation, Gate};
use super::products::{products, total};
use crate::EngineError;
use crate::kernels::{
    Buffer, Epilogue, Isa, LANES, Output, Packed, gelu_and_slope, matmul, multiply_sum, sum_columns, taps_row,
};
use crate::run::{Lease, Run};

/// Names of an adapter's tensors behind `distrib_adapt<level>.adapt.`, in the order of its values.
pub(super) const PARTS: [&str; 10] = [
    "0.weight",
    "0.bias",
    "2.weight",
    "2.bias",
    "4.gate.1.weight",
    "4.gate.1.bias",
    "4.gate.3.weight",
    "4.gate.3.bias",
    "5.weight",
    "5.bias",
];

/// Shapes of each of [`PARTS`] for an adapter of `d` channels.
pub(super) fn shapes(d: usize) -> [Vec<usize>; 10] {
    let (hidden, squeezed) = (2 * d, d / 2);
    [
        vec![hidden, d, 1, 1],
        vec![hidden],
        vec![hidden, 1, 3, 3],
        vec![hidden],
        vec![squeezed, hidden, 1, 1],
        vec![squeezed],
        vec![hidden, squeezed, 1, 1],
        vec![hidden],
        vec![d, hidden, 1, 1],
        vec![d],
    ]
}

/// Values of each of [`PARTS`].
pub(super) fn sizes(d: usize) -> [usize; 10] {
    shapes(d).map(|shape| shape.iter().product())
}

/// Cuts the values of an adapter, or of its gradient, into [`PARTS`].
pub(super) fn parts(d: usize, values: &[f32]) -> [&[f32]; 10] {
    let mut rest = values;
    sizes(d).map(|len| {
        let (part, after) = rest.split_at(len);
        rest = after;
        part
    })
}

fn parts_mut(d: usize, values: &mut [f32]) -> [&mut [f32]; 10] {
    let mut rest = values;
    sizes(d).map(|len| {
        let (part, after) = std::mem::take(&mut rest).split_at_mut(len);
        rest = after;
        part
    })
}

/// The parameters of an adapter, laid out for the kernels.
pub(super) struct Layer<'a> {
    pub(super) isa: Isa,
    channels: usize,
    parts: [&'a [f32]; 10],
    expand: Packed,
    expand_bias: Buffer,
    taps: Vec<f32>,
}

/// What a forward pass over cells leaves: the slope and the result of each GELU, and the gate.
pub(super) struct Trace<'a> {
    expanded: Lease<'a>,
    active: Lease<'a>,
    mixed: Lease<'a>,
    mixed_active: Lease<'a>,
    pub(super) gate: Gate,
    /// The result.
    pub(super) out: Cells,
}

impl<'a> Trace<'a> {
    /// Memory for passes over such cells.
    pub(super) fn new(run: &Run<'a>, x: &Cells) -> Result<Self, EngineError> {
        // Products read whole vectors behind the last cell.
        let hidden = || run.map(2 * x.values().len() + LANES);
        Ok(Self {
            expanded: hidden()?,
            active: hidden()?,
            mixed: hidden()?,
            mixed_active: hidden()?,
            gate: Gate::default(),
            out: x.like(x.channels)?,
        })
    }
}

impl<'a> Layer<'a> {
    pub(super) fn new(isa: Isa, channels: usize, values: &'a [f32]) -> Result<Self, EngineError> {
        let parts = parts(channels, values);
        let hidden = 2 * channels;
        let expand = Packed::new(channels, hidden, |k, n| parts[0][n * channels + k])?;
        let expand_bias = padded(parts[1])?;
        let taps = (0..9 * hidden).map(|i| parts[2][i % hidden * 9 + i / hidden]).collect();
        Ok(Self { isa, channels, parts, expand, expand_bias, taps })
    }

    fn excitation(&self) -> Excitation<&'a [f32]> {
        let [_, _, _, _, squeeze, squeeze_bias, excite, excite_bias, _, _] = self.parts;
        Excitation { squeeze, squeeze_bias, excite, excite_bias }
    }

    /// The first 1x1 of `pixels` cells.
    pub(super) fn expand(&self, x: &[f32], pixels: usize, out: &mut [f32]) {
        let epilogue = Epilogue { bias: Some(&self.expand_bias), ..Epilogue::default() };
        let output = Output::interleaved(2 * self.channels);
        matmul(self.isa, &[x], self.channels, pixels, &self.expand, out, output, epilogue);
    }

    /// The depthwise convolution of a row of expanded, active cells.
    pub(super) fn mix_row(&self, rows: [&[f32]; 3], out: &mut [f32]) {
        taps_row(self.isa, rows, &self.taps, self.parts[3], out);
    }

    /// The last 1x1 under a gate, packed.
    pub(super) fn reduce(&self, gate: &[f32]) -> Result<Reduce, EngineError> {
        let (hidden, weight) = (2 * self.channels, self.parts[8]);
        let weights = Packed::new(hidden, self.channels, |k, n| weight[n * hidden + k] * gate[k])?;
        Ok(Reduce { isa: self.isa, weights, bias: padded(self.parts[9])? })
    }

    /// Runs the adapter over cells; its result is added to the cells if it is a `residual`.
    pub(super) fn forward(
        &self,
        x: &Cells,
        trace: &mut Trace<'_>,
        residual: bool,
    ) -> Result<(), EngineError> {
        let (isa, hidden, len) = (self.isa, 2 * self.channels, 2 * x.piece());
        let inputs = x.values().par_chunks(x.piece());
        let maps = (
            trace.expanded.par_chunks_mut(len),
            trace.active.par_chunks_mut(len),
            trace.mixed.par_chunks_mut(len),
            trace.mixed_active.par_chunks_mut(len),
        );
        let sums = inputs.zip(maps).map(|(x, (expanded, active, mixed, mixed_active))| {
            self.expand(x, x.len() / self.channels, expanded);
            gelu_and_slope(isa, expanded, active);
            depthwise::forward(isa, active, trace.out.width, &self.taps, self.parts[3], mixed);
            gelu_and_slope(isa, mixed, mixed_active);
            let mut sums = vec![0.0; hidden];
            sum_columns(isa, mixed_active, &mut sums);
            sums
        });
        let mut averages = total(sums.collect(), hidden);
        averages.iter_mut().for_each(|v| *v /= x.len() as f32);
        trace.gate = self.excitation().forward(isa, averages);
        let reduce = self.reduce(&trace.gate.factors)?;
        let outs = trace.out.values_mut().par_chunks_mut(x.piece()).zip(x.values().par_chunks(x.piece()));
        outs.zip(trace.mixed_active.par_chunks(len)).for_each(|((out, x), mixed)| {
            if residual {
                out.copy_from_slice(x);
            }
            reduce.apply(mixed, x.len() / self.channels, out, residual);
        });
        Ok(())
    }

    /// The gradients of all parameters, given that of the result; `trace` is used up.
    pub(super) fn backward(
        &self,
        x: &Cells,
        trace: &mut Trace<'_>,
        out: &Cells,
        gradient: &mut [f32],
    ) -> Result<(), EngineError> {
        let (isa, d, hidden) = (self.isa, self.channels, 2 * self.channels);
        gradient.fill(0.0);
        let [w1, b1, taps, b2, squeeze, squeeze_bias, excite, excite_bias, w2, b3] = parts_mut(d, gradient);
        sum_columns(isa, out.values(), b3);

        products(isa, (out.padded(), d), (&trace.mixed_active, hidden), x.len(), w2);
        let (gate, weight) = (&trace.gate.factors, self.parts[8]);
        let mut gate_gradient = vec![0.0; hidden];
        for (row, weights) in w2.chunks_exact_mut(hidden).zip(weight.chunks_exact(hidden)) {
            for (c, (m, w)) in row.iter_mut().zip(weights).enumerate() {
                gate_gradient[c] += *m * w;
                *m *= gate[c];
            }
        }
        let mut slots = Excitation { squeeze, squeeze_bias, excite, excite_bias };
        let mut averages = self.excitation().backward(&trace.gate, &gate_gradient, &mut slots);
        averages.iter_mut().for_each(|v| *v /= x.len() as f32);

        if weight.iter().all(|&w| w == 0.0) {
            // A fresh adapter: nothing before the last layer has a gradient.
            return Ok(());
        }
        let back = Packed::new(d, hidden, |k, n| weight[k * hidden + n] * gate[n])?;
        let sums = self.hidden_gradients(trace, out, &back, &padded(&averages)?);
        let sums = total(sums, 11 * hidden);
        let (biases, by_tap) = sums.split_at(2 * hidden);
        b2.copy_from_slice(&biases[..hidden]);
        b1.copy_from_slice(&biases[hidden..]);
        by_tap.iter().enumerate().for_each(|(i, v)| taps[i % hidden * 9 + i / hidden] = *v);
        products(isa, (&trace.active, hidden), (x.padded(), d), x.len(), w1);
        Ok(())
    }

    /// Replaces the maps behind the GELUs by the gradients before them; returns, for every piece, the
    /// gradients of the second and first bias and of the taps.
    fn hidden_gradients(
        &self,
        trace: &mut Trace<'_>,
        out: &Cells,
        back: &Packed,
        bias: &[f32],
    ) -> Vec<Vec<f32>> {
        let (isa, d, hidden, len) = (self.isa, self.channels, 2 * self.channels, 2 * out.piece());
        let (reversed, nothing) = (depthwise::reversed(&self.taps, hidden), vec![0.0; hidden]);
        let (expanded, mixed) = (&trace.expanded, &trace.mixed);
        let maps = (
            expanded.par_chunks(len),
            trace.active.par_chunks_mut(len),
            mixed.par_chunks(len),
            trace.mixed_active.par_chunks_mut(len),
        );
        let pieces = out.values().par_chunks(out.piece()).zip(maps);
        let sums = pieces.map(|(out, (expanded, active, mixed, grown))| {
            let epilogue = Epilogue { bias: Some(bias), ..Epilogue::default() };
            let output = Output::interleaved(hidden);
            matmul(isa, &[out], d, out.len() / d, back, grown, output, epilogue);
            let mut sums = vec![0.0; 11 * hidden];
            let (b2, rest) = sums.split_at_mut(hidden);
            let (b1, taps) = rest.split_at_mut(hidden);
            multiply_sum(isa, grown, mixed, b2);
            depthwise::gradient(isa, active, trace.out.width, grown, taps);
            depthwise::forward(isa, grown, trace.out.width, &reversed, &nothing, active);
            multiply_sum(isa, active, expanded, b1);
            sums
        });
        sums.collect()
    }
}

/// The last 1x1 of an adapter with its gate.
pub(super) struct Reduce {
    isa: Isa,
    weights: Packed,
    bias: Buffer,
}

impl Reduce {
    /// The result of `pixels` cells, or with `add` that added to what `out` holds.
    pub(super) fn apply(&self, x: &[f32], pixels: usize, out: &mut [f32], add: bool) {
        let channels = self.weights.outputs();
        let epilogue = Epilogue { bias: Some(&self.bias), accumulate: add, ..Epilogue::default() };
        let output = Output::interleaved(channels);
        matmul(self.isa, &[x], 2 * channels, pixels, &self.weights, out, output, epilogue);
    }
}

/// A bias with the zeros that whole vectors read behind it.
fn padded(bias: &[f32]) -> Result<Buffer, EngineError> {
    let mut buffer = Buffer::zeros(bias.len() + LANES)?;
    buffer[..bias.len()].copy_from_slice(bias);
    Ok(buffer)
}
