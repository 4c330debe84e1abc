//! `AdamW` (Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019).

use super::Adaptation;

const BETAS: (f32, f32) = (0.9, 0.999);
const EPSILON: f32 = 1e-8;

/// The optimiser's state for one list of values.
#[derive(Debug)]
pub(super) struct AdamW {
    rate: f32,
    decay: f32,
    steps: i32,
    means: Vec<f32>,
    squares: Vec<f32>,
}

impl AdamW {
    /// A state for the first `len` values; those behind them are left alone.
    pub(super) fn new(settings: &Adaptation, len: usize) -> Self {
        let (rate, decay) = (settings.rate, settings.decay);
        Self { rate, decay, steps: 0, means: vec![0.0; len], squares: vec![0.0; len] }
    }

    /// One update.
    pub(super) fn step(&mut self, values: &mut [f32], gradient: &[f32]) {
        self.steps += 1;
        let correction = |beta: f32| 1.0 - f64::from(beta).powi(self.steps);
        let size = (f64::from(self.rate) / correction(BETAS.0)) as f32;
        let root = correction(BETAS.1).sqrt() as f32;
        let keep = 1.0 - self.rate * self.decay;
        let state = self.means.iter_mut().zip(&mut self.squares);
        for ((value, g), (mean, square)) in values.iter_mut().zip(gradient).zip(state) {
            *mean += (g - *mean) * (1.0 - BETAS.0);
            *square = *square * BETAS.1 + g * g * (1.0 - BETAS.1);
            *value = *value * keep - size * *mean / (square.sqrt() / root + EPSILON);
        }
    }
}
