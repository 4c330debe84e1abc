//! `AdamW` (Loshchilov and Hutter, ICLR 2019) over one flat vector of parameters, and clipping of
//! the gradient's global norm.

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

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
}

/// State of the optimiser: both moments and how many steps they have seen.
#[derive(Debug, Clone)]
pub struct AdamW {
    /// Mean of the gradients: `[p]`.
    pub first: Tensor<1>,
    /// Mean of their squares: `[p]`.
    pub second: Tensor<1>,
    /// Steps taken.
    pub steps: u32,
}

impl AdamW {
    /// The state before the first step, for `length` parameters.
    pub fn new(length: usize, device: &Device) -> Self {
        let zeros = || Tensor::zeros([length], device);
        Self { first: zeros(), second: zeros(), steps: 0 }
    }

    /// The parameters after one step with learning rate `lr`.
    pub fn step(&mut self, parameters: Tensor<1>, gradient: Tensor<1>, lr: f64, optim: &Optim) -> Tensor<1> {
        let [beta1, beta2] = optim.betas;
        self.steps += 1;
        let first = std::mem::replace(&mut self.first, gradient.clone());
        let second = std::mem::replace(&mut self.second, gradient.clone());
        self.first = first * beta1 + gradient.clone() * (1.0 - beta1);
        self.second = second * beta2 + gradient.square() * (1.0 - beta2);
        let correction = |beta: f64| 1.0 - beta.powi(self.steps as i32);
        let root = self.second.clone().sqrt() / correction(beta2).sqrt() + optim.eps;
        let step = self.first.clone() / root * (lr / correction(beta1));
        parameters * (1.0 - lr * optim.weight_decay) - step
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
