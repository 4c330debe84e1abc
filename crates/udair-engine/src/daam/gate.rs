//! The gated channel transformation: every channel is scaled by how strong it is against the others.
//!
//! `e_c = alpha_c sqrt(sum x² + eps)`, `n_c = gamma_c / sqrt(mean_c e² + eps)`,
//! `out_c = x_c (1 + tanh(e_c n_c + beta_c))`.

use crate::grid::Grid;
use crate::kernels::squares;
use crate::run::Run;
use crate::{EngineError, Weights};

const EPSILON: f64 = 1e-5;

#[derive(Debug)]
pub(super) struct Gate {
    alpha: Vec<f32>,
    gamma: Vec<f32>,
    beta: Vec<f32>,
}

impl Gate {
    pub(super) fn load(weights: &Weights, name: &str) -> Self {
        let values = |part: &str| weights.tensor(&format!("{name}.{part}")).data.clone();
        Self { alpha: values("alpha"), gamma: values("gamma"), beta: values("beta") }
    }

    pub(super) fn apply(&self, run: &Run<'_>, x: &mut [f32], grid: Grid) -> Result<(), EngineError> {
        let c = grid.channels;
        let mut total = vec![0.0_f64; c];
        let mut row = vec![0.0_f32; c];
        // Row sums in f32, their total in f64 and in order: the same however the work is shared.
        for pixels in x.chunks_exact(grid.row()) {
            row.fill(0.0);
            squares(run.isa, pixels, c, grid.width, &mut row);
            total.iter_mut().zip(&row).for_each(|(t, &r)| *t += f64::from(r));
        }
        let scales = self.scales(&total);
        run.each_chunk(x, grid.row(), |_, row, _| {
            for pixel in row.chunks_exact_mut(c) {
                pixel.iter_mut().zip(&scales).for_each(|(x, s)| *x *= s);
            }
            Ok(())
        })
    }

    /// The factor of every channel, from its sum of squares.
    fn scales(&self, total: &[f64]) -> Vec<f32> {
        let e: Vec<f64> =
            total.iter().zip(&self.alpha).map(|(t, &a)| f64::from(a) * (t + EPSILON).sqrt()).collect();
        let mean = e.iter().map(|e| e * e).sum::<f64>() / e.len() as f64;
        let shared = 1.0 / (mean + EPSILON).sqrt();
        let gates = e.iter().zip(self.gamma.iter().zip(&self.beta));
        gates.map(|(e, (&g, &b))| (1.0 + (e * f64::from(g) * shared + f64::from(b)).tanh()) as f32).collect()
    }
}
