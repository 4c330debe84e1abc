//! Muon: momentum whose singular values are all made one (Jordan et al., "Muon: An optimizer for
//! hidden layers in neural networks", 2024), scaled to the size of an `AdamW` step (Liu et al., "Muon is
//! scalable for LLM training", 2025).
//!
//! It learns more from each picture than `AdamW` does, which counts where pictures cost more than steps.

use burn::tensor::Tensor;
use udair_engine::{Config, Part, parameters};

/// Coefficients of the quintic that drives singular values towards one, and how often it is applied.
const QUINTIC: [f64; 3] = [3.4445, -4.7750, 2.0315];
const ROUNDS: usize = 5;
/// Root mean square of an `AdamW` step, times its learning rate.
const ADAMW_SIZE: f64 = 0.2;

/// A dense convolution in the flat vector of parameters: one row for each of its first channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matrix {
    /// Where it starts.
    pub start: usize,
    /// Its rows.
    pub rows: usize,
    /// Its columns: second channels times taps.
    pub columns: usize,
}

/// The matrices of a network in the order of its flat vector: its dense convolutions but the first
/// one, and those that make pictures.
pub fn matrices(config: &Config) -> Vec<Matrix> {
    let mut start = 0;
    let learned = parameters(config).into_iter().filter(|parameter| parameter.part == Part::Network);
    let placed = learned.map(|parameter| {
        let length = parameter.len();
        start += length;
        (start - length, parameter)
    });
    placed
        .filter(|(_, parameter)| {
            let shape = &parameter.shape;
            shape.len() == 4 && shape[0] > 3 && shape[1] > 3
        })
        .map(|(start, parameter)| {
            let rows = parameter.shape[0];
            Matrix { start, rows, columns: parameter.len() / rows }
        })
        .collect()
}

impl Matrix {
    /// Where it ends.
    pub fn end(&self) -> usize {
        self.start + self.rows * self.columns
    }

    /// The step along a momentum (flat), before the learning rate.
    pub fn step(&self, momentum: Tensor<1>) -> Tensor<1> {
        let size = ADAMW_SIZE * (self.rows.max(self.columns) as f64).sqrt();
        (orthogonal(momentum.reshape([self.rows, self.columns])) * size).flatten(0, 1)
    }
}

/// The matrix with all its singular values between about 0.7 and 1.2, by Newton-Schulz iteration.
fn orthogonal(matrix: Tensor<2>) -> Tensor<2> {
    let [rows, columns] = matrix.dims();
    let norm = matrix.clone().square().sum().sqrt().reshape([1, 1]) + 1e-7;
    let mut x = matrix / norm;
    if rows > columns {
        x = x.transpose();
    }
    for _ in 0..ROUNDS {
        let [a, b, c] = QUINTIC;
        let gram = x.clone().matmul(x.clone().transpose());
        let factor = gram.clone() * b + gram.clone().matmul(gram) * c;
        x = x.clone() * a + factor.matmul(x);
    }
    if rows > columns { x.transpose() } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution};

    #[test]
    fn singular_values_end_near_one() {
        let device = Device::flex();
        device.seed(3);
        for [rows, columns] in [[8, 8], [4, 20], [30, 6]] {
            let matrix = Tensor::<2>::random([rows, columns], Distribution::Normal(0.0, 0.01), &device);
            let flat = orthogonal(matrix);
            let flat = if rows > columns { flat.transpose() } else { flat };
            // With s the singular values, the trace of the Gram matrix is the sum of s^2.
            let gram = flat.clone().matmul(flat.transpose());
            let least = rows.min(columns);
            let values: Vec<f32> = gram.into_data().try_into_vec().unwrap();
            let trace: f32 = (0..least).map(|i| values[i * least + i]).sum();
            assert!((0.4..1.5).contains(&(trace / least as f32)), "{rows}x{columns}: {trace}");
        }
    }

    #[test]
    fn most_values_are_in_matrices() {
        let config = Config::small();
        let matrices = matrices(&config);
        let inside: usize = matrices.iter().map(|matrix| matrix.rows * matrix.columns).sum();
        assert!(inside * 10 > config.parameter_count() * 9, "{inside}");
        assert!(matrices.windows(2).all(|pair| pair[0].end() <= pair[1].start));
    }
}
