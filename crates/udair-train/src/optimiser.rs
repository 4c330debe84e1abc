//! The optimiser over one flat vector of parameters, and clipping of the gradient's global norm.
//!
//! Everything moves by `AdamW` (Loshchilov and Hutter, ICLR 2019). With `optim.muon` the dense
//! convolutions, which hold most of the values, move by [`muon`](crate::muon) instead.

use std::ops::Range;

use burn::tensor::{Device, Tensor};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::muon::Matrix;

/// `[optim]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Optim {
    /// Highest learning rate.
    pub lr: f64,
    /// Decays of the two moments.
    pub betas: [f64; 2],
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decay of the weights, times the learning rate.
    pub weight_decay: f64,
    /// Largest norm of the whole gradient; 0 clips nothing.
    pub clip: f64,
    /// Batches whose gradients are averaged for one step.
    pub accumulate: usize,
    /// Dense convolutions move by Muon.
    pub muon: bool,
    /// Momentum of Muon.
    pub momentum: f64,
    /// Learning rate of what Muon leaves to `AdamW`, times `lr`.
    pub rest: f64,
    /// The degradation analysis learns, too. Without it the restorer alone learns, under the conditions that
    /// the analysis makes, and the losses of the analysis take no part.
    pub analysis: bool,
}

/// State of the optimiser.
#[derive(Debug, Clone)]
pub struct Optimiser {
    /// Mean of the gradients, or Muon's momentum: `[p]`.
    pub first: Tensor<1>,
    /// Mean of their squares; stays zero where Muon moves: `[p]`.
    pub second: Tensor<1>,
    /// Steps taken.
    pub steps: u32,
    /// What Muon moves, in the order of the vector.
    pub matrices: Vec<Matrix>,
}

impl Optimiser {
    /// The state before the first step of `length` parameters; Muon moves these matrices.
    pub fn new(length: usize, matrices: Vec<Matrix>, device: &Device) -> Self {
        let zeros = || Tensor::zeros([length], device);
        Self { first: zeros(), second: zeros(), steps: 0, matrices }
    }

    /// The parameters after one step with learning rate `lr`.
    pub fn step(&mut self, parameters: Tensor<1>, gradient: Tensor<1>, lr: f64, optim: &Optim) -> Tensor<1> {
        self.steps += 1;
        let rest = if self.matrices.is_empty() { lr } else { lr * optim.rest };
        let moved = |(range, matrix): (Range<usize>, Option<&Matrix>)| {
            let cut = |tensor: &Tensor<1>| tensor.clone().narrow(0, range.start, range.len());
            let part = Moving {
                parameters: cut(&parameters),
                gradient: cut(&gradient),
                first: cut(&self.first),
                second: cut(&self.second),
            };
            match matrix {
                Some(matrix) => part.muon(matrix, lr, optim),
                None => part.adamw(self.steps, rest, optim),
            }
        };
        let parts = self.parts(parameters.dims()[0]);
        // Matrices are many and small, so that one alone leaves cores idle; a GPU orders its work itself.
        let moved: Vec<Moving> = if parameters.device() == Device::flex() {
            parts.into_par_iter().map(moved).collect()
        } else {
            parts.into_iter().map(moved).collect()
        };
        let joined = |value: fn(&Moving) -> &Tensor<1>| {
            Tensor::cat(moved.iter().map(|part| value(part).clone()).collect(), 0)
        };
        self.first = joined(|part| &part.first);
        self.second = joined(|part| &part.second);
        joined(|part| &part.parameters)
    }

    /// The vector of `length` parameters cut at its matrices.
    fn parts(&self, length: usize) -> Vec<(Range<usize>, Option<&Matrix>)> {
        let (mut parts, mut start) = (Vec::new(), 0);
        for matrix in &self.matrices {
            parts.push((start..matrix.start, None));
            start = matrix.end();
            parts.push((matrix.start..start, Some(matrix)));
        }
        parts.push((start..length, None));
        parts.retain(|(range, _)| !range.is_empty());
        parts
    }
}

/// Some of the parameters with what the optimiser knows of them.
struct Moving {
    parameters: Tensor<1>,
    gradient: Tensor<1>,
    first: Tensor<1>,
    second: Tensor<1>,
}

impl Moving {
    fn adamw(self, steps: u32, lr: f64, optim: &Optim) -> Self {
        let [beta1, beta2] = optim.betas;
        let first = self.first * beta1 + self.gradient.clone() * (1.0 - beta1);
        let second = self.second * beta2 + self.gradient.clone().square() * (1.0 - beta2);
        let correction = |beta: f64| 1.0 - beta.powi(steps as i32);
        let root = second.clone().sqrt() / correction(beta2).sqrt() + optim.eps;
        let step = first.clone() / root * (lr / correction(beta1));
        let parameters = self.parameters * (1.0 - lr * optim.weight_decay) - step;
        Self { parameters, first, second, gradient: self.gradient }
    }

    fn muon(self, matrix: &Matrix, lr: f64, optim: &Optim) -> Self {
        let first = self.first * optim.momentum + self.gradient.clone();
        // Nesterov's look ahead.
        let ahead = self.gradient.clone() + first.clone() * optim.momentum;
        let step = matrix.step(ahead) * lr;
        let parameters = self.parameters * (1.0 - lr * optim.weight_decay) - step;
        Self { parameters, first, ..self }
    }
}

/// Scales the gradient down to norm `largest` where it is longer (0: never). Returns it with the
/// norm that it had.
pub fn clip(gradient: Tensor<1>, largest: f64) -> (Tensor<1>, f64) {
    let norm = f64::from(gradient.clone().square().sum().sqrt().into_scalar::<f32>());
    if largest > 0.0 && norm > largest { (gradient * (largest / norm), norm) } else { (gradient, norm) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clipping_keeps_the_direction() {
        let device = Device::flex();
        let gradient = Tensor::<1>::from_floats([3.0, 4.0], &device);
        for (largest, expected) in [(0.0, [3.0, 4.0]), (10.0, [3.0, 4.0]), (1.0, [0.6, 0.8])] {
            let (clipped, norm) = clip(gradient.clone(), largest);
            let clipped: Vec<f32> = clipped.into_data().try_into_vec().unwrap();
            assert!(
                clipped.iter().zip(expected).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-6),
                "{clipped:?}"
            );
            assert_eq!(norm, 5.0);
        }
    }
}
