//! The degradation-aware analysis module: a two-level VQ-VAE-2 encoder whose codes say what spoiled
//! the picture, a head, and a gate (spec of UDAIR, section "Degradation awareness").

mod enlarge;
mod gate;
mod quantise;
mod residual;

pub(crate) use enlarge::Enlarge;

use gate::Gate;
use quantise::Codebook;
use residual::{Residual, relu};

use crate::conv::Conv;
use crate::grid::Grid;
use crate::identify::{PARTS, SMALLEST, moments};
use crate::kernels::{Epilogue, Output, Precision, gelu};
use crate::run::{Lease, Run};
use crate::source::Source;
use crate::{Conditions, EngineError, Map, Tensor, Weights};

/// The module with its weights packed.
#[derive(Debug)]
pub(crate) struct Daam {
    bottom: [Conv; 3],
    bottom_residuals: Vec<Residual>,
    top: [Conv; 2],
    top_residuals: Vec<Residual>,
    to_top: Conv,
    top_codes: Codebook,
    decode: Conv,
    decode_residuals: Vec<Residual>,
    transposed: [Conv; 4],
    to_bottom: Conv,
    bottom_codes: Codebook,
    head: [Conv; 2],
    gate: Gate,
    to_d4: Conv,
    to_d2: Enlarge,
}

impl Daam {
    pub(crate) fn load(weights: &Weights) -> Result<Self, EngineError> {
        let config = &weights.config;
        // Code choices are decisions, and rounding could turn them.
        let source = Source { weights, precision: Precision::f32() };
        let conv = |name: &str, stride| Conv::load(source, &format!("dam.codebook.{name}"), stride);
        let residuals = |name: &str, first| {
            (first..first + config.res_blocks)
                .map(|i| Residual::load(source, &format!("dam.codebook.{name}.blocks.{i}")))
                .collect::<Result<Vec<_>, _>>()
        };
        let last = format!("dam.codebook.dec_t.blocks.{}", config.res_blocks + 2);
        Ok(Self {
            bottom: [conv("enc_b.blocks.0", 2)?, conv("enc_b.blocks.2", 2)?, conv("enc_b.blocks.4", 1)?],
            bottom_residuals: residuals("enc_b", 5)?,
            top: [conv("enc_t.blocks.0", 2)?, conv("enc_t.blocks.2", 1)?],
            top_residuals: residuals("enc_t", 3)?,
            to_top: conv("quantize_conv_t", 1)?,
            top_codes: Codebook::load(weights, "dam.codebook.quantize_t")?,
            decode: conv("dec_t.blocks.0", 1)?,
            decode_residuals: residuals("dec_t", 1)?,
            transposed: transposed(
                weights.tensor(&format!("{last}.weight")),
                weights.tensor(&format!("{last}.bias")),
            )?,
            to_bottom: conv("quantize_conv_b", 1)?,
            bottom_codes: Codebook::load(weights, "dam.codebook.quantize_b")?,
            head: [Conv::load(source, "dam.dim.fc1", 1)?, Conv::load(source, "dam.dim.fc2", 1)?],
            gate: Gate::load(weights, "dam.gct"),
            to_d4: Conv::load(source, "dam_level4", 1)?,
            to_d2: Enlarge::load(source)?,
        })
    }

    /// The conditions of a padded picture from which the mean has been subtracted.
    pub(crate) fn conditions(&self, run: &Run<'_>, x: &[f32], grid: Grid) -> Result<Conditions, EngineError> {
        let (half, half_grid) = self.bottom[0].map(run, x, grid, true)?;
        let (quarter, quarter_grid) = self.bottom[1].map(run, &half, half_grid, true)?;
        drop(half);
        let (map, _) = self.bottom[2].map(run, &quarter, quarter_grid, false)?;
        let bottom = through(run, &self.bottom_residuals, map, quarter_grid)?;

        let (eighth, top_grid) = self.top[0].map(run, &bottom, quarter_grid, true)?;
        let (map, top_grid) = self.top[1].map(run, &eighth, top_grid, false)?;
        let top = through(run, &self.top_residuals, map, top_grid)?;

        let (z, z_grid) = self.to_top.map(run, &top, top_grid, false)?;
        let (q, codes_t) = self.top_codes.quantise(run, &z, z_grid)?;
        let (map, decode_grid) = self.decode.map(run, &q, z_grid, false)?;
        let map = through(run, &self.decode_residuals, map, decode_grid)?;
        let (decoded, _) = self.double(run, &map, decode_grid)?;

        let joined = quarter_grid.with(z_grid.channels + quarter_grid.channels);
        let (z, z_grid) = {
            let (both, _) = crate::conv::concat(
                run,
                (&decoded, z_grid.channels),
                (&bottom, quarter_grid.channels),
                quarter_grid,
            )?;
            self.to_bottom.map(run, &both, joined, false)?
        };
        drop((decoded, bottom));
        let (q, codes_b) = self.bottom_codes.quantise(run, &z, z_grid)?;
        let (mut d, d_grid) = self.head(run, &q, z_grid)?;
        self.gate.apply(run, &mut d, d_grid)?;
        self.spread(run, &d, d_grid, codes_t, codes_b)
    }

    /// Two 1x1 convolutions with a GELU behind each.
    fn head<'a>(&self, run: &Run<'a>, q: &[f32], grid: Grid) -> Result<(Lease<'a>, Grid), EngineError> {
        let [first, second] = &self.head;
        let out_grid = grid.with(second.outputs());
        let mut out = run.map(out_grid.len())?;
        run.each_chunk(&mut out, out_grid.row(), |y, out, scratch| {
            let [scratch_1, hidden, scratch_2] = scratch.pieces([
                first.scratch(grid.width),
                grid.width * first.outputs(),
                second.scratch(grid.width),
            ])?;
            let size = (1, grid.width);
            let fetch = |_: usize, to: &mut [f32]| to.copy_from_slice(&q[y * grid.row()..][..grid.row()]);
            let output = Output::interleaved(first.outputs());
            first.row(run, size, 0, fetch, scratch_1, hidden, output, Epilogue::default());
            gelu(run.isa, hidden);
            let fetch = |_: usize, to: &mut [f32]| to.copy_from_slice(hidden);
            let output = Output::interleaved(second.outputs());
            second.row(run, size, 0, fetch, scratch_2, out, output, Epilogue::default());
            gelu(run.isa, out);
            Ok(())
        })?;
        run.advance(first.macs(grid) + second.macs(grid.with(first.outputs())));
        Ok((out, out_grid))
    }

    /// D4 from D, and the moments of all three conditions.
    fn spread(
        &self,
        run: &Run<'_>,
        d: &[f32],
        grid: Grid,
        codes_t: Vec<u32>,
        codes_b: Vec<u32>,
    ) -> Result<Conditions, EngineError> {
        let (c, row) = (grid.channels, grid.row());
        let small = grid.halved(c);
        let d4_grid = small.with(self.to_d4.outputs());
        let mut d4 = vec![0.0; d4_grid.len()];
        let pooled = |y: usize, to: &mut [f32]| {
            let (upper, lower) = d[2 * y * row..][..2 * row].split_at(row);
            for (to, (u, l)) in
                to.chunks_exact_mut(c).zip(upper.chunks_exact(2 * c).zip(lower.chunks_exact(2 * c)))
            {
                for (i, to) in to.iter_mut().enumerate() {
                    *to = 0.25 * (u[i] + u[c + i] + l[i] + l[c + i]);
                }
            }
        };
        self.to_d4.rows(run, small, pooled, false, &mut d4)?;
        let (d4, d3) = (Map::new(d4_grid, d4), Map::new(grid, d.to_vec()));
        let shown = [
            moments(run, d4_grid, |y, out, _| d4.copy_row(y, out))?,
            moments(run, grid, |y, out, _| d3.copy_row(y, out))?,
            self.to_d2.moments(run, &d3)?,
        ];
        let feature = shown.iter().flat_map(|map| &map.whole).copied().collect();
        let parts = if d4_grid.width.min(d4_grid.height) < SMALLEST { 0 } else { PARTS };
        let parts = (0..parts).map(|part| shown.iter().flat_map(|map| &map.parts[part]).copied().collect());
        Ok(Conditions { d4, d3, d2: None, codes_t, codes_b, feature, parts: parts.collect() })
    }

    /// D2, which a network that is not adapted makes row by row where it needs it.
    pub(crate) fn enlarger(&self) -> &Enlarge {
        &self.to_d2
    }

    /// The transposed convolution behind the coarse codes: each corner of an output 2x2 is a
    /// convolution of its own over 2x2 inputs.
    fn double<'a>(&self, run: &Run<'a>, x: &[f32], grid: Grid) -> Result<(Lease<'a>, Grid), EngineError> {
        let n = self.transposed[0].outputs();
        let out_grid = grid.doubled(n);
        let mut out = run.map(out_grid.len())?;
        run.each_chunk(&mut out, 2 * out_grid.row(), |y, out, scratch| {
            let [scratch] = scratch.pieces([self.transposed[0].scratch(grid.width)])?;
            for (corner, conv) in self.transposed.iter().enumerate() {
                let fetch = |r: usize, to: &mut [f32]| to.copy_from_slice(&x[r * grid.row()..][..grid.row()]);
                let first = corner / 2 * out_grid.row() + corner % 2 * n;
                let output = Output::interleaved(2 * n);
                conv.row(
                    run,
                    (grid.height, grid.width),
                    y,
                    fetch,
                    scratch,
                    &mut out[first..],
                    output,
                    Epilogue::default(),
                );
            }
            Ok(())
        })?;
        run.advance(16 * (grid.len() * n) as u64);
        Ok((out, out_grid))
    }
}

/// The four corners of a transposed conv4x4 with stride 2 and padding 1, each as a conv3x3 with
/// zeros where its corner does not reach: output 2 i + a takes input i + j - 1 by tap a + 3 - 2 j.
fn transposed(weight: &Tensor, bias: &Tensor) -> Result<[Conv; 4], EngineError> {
    let (inputs, outputs) = (weight.shape[0], weight.shape[1]);
    let tap = |a: usize, j: usize| (a + 3).checked_sub(2 * j).filter(|&tap| tap < 4);
    let corner = |a: usize, b: usize| {
        let mut data = vec![0.0; outputs * inputs * 9];
        for o in 0..outputs {
            for i in 0..inputs {
                for (y, x) in (0..9).map(|t| (t / 3, t % 3)) {
                    if let (Some(ty), Some(tx)) = (tap(a, y), tap(b, x)) {
                        data[(o * inputs + i) * 9 + y * 3 + x] =
                            weight.data[(i * outputs + o) * 16 + ty * 4 + tx];
                    }
                }
            }
        }
        Conv::new(
            &Tensor { shape: vec![outputs, inputs, 3, 3], data },
            1,
            Some(&bias.data),
            0..outputs,
            Precision::f32(),
        )
    };
    Ok([corner(0, 0)?, corner(0, 1)?, corner(1, 0)?, corner(1, 1)?])
}

/// The residual blocks one after the other, then a rectifier.
fn through<'a>(
    run: &Run<'a>,
    blocks: &[Residual],
    mut map: Lease<'a>,
    grid: Grid,
) -> Result<Lease<'a>, EngineError> {
    for block in blocks {
        map = block.map(run, &map, grid)?;
    }
    relu(&mut map);
    Ok(map)
}
