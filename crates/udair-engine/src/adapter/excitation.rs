//! Squeeze and excitation: channels scaled by what they average to over all positions (Hu et al.,
//! "Squeeze-and-excitation networks", CVPR 2018).
//!
//! gate = sigmoid(W3 GELU(W1 p + b1) + b3) of the averages p.

use crate::kernels::{Isa, gelu_and_slope};

/// The four parameter tensors, or their gradients.
pub(super) struct Excitation<T> {
    pub(super) squeeze: T,
    pub(super) squeeze_bias: T,
    pub(super) excite: T,
    pub(super) excite_bias: T,
}

/// What a forward pass leaves for the way back.
#[derive(Debug, Default)]
pub(super) struct Gate {
    averages: Vec<f32>,
    /// Slopes of the GELU.
    slopes: Vec<f32>,
    hidden: Vec<f32>,
    /// The factor of every channel.
    pub(super) factors: Vec<f32>,
}

impl Excitation<&[f32]> {
    /// The gate for channels of these averages.
    pub(super) fn forward(&self, isa: Isa, averages: Vec<f32>) -> Gate {
        let mut slopes = affine(self.squeeze, self.squeeze_bias, &averages);
        let mut hidden = slopes.clone();
        gelu_and_slope(isa, &mut slopes, &mut hidden);
        let mut factors = affine(self.excite, self.excite_bias, &hidden);
        factors.iter_mut().for_each(|v| *v = 1.0 / (1.0 + (-*v).exp()));
        Gate { averages, slopes, hidden, factors }
    }

    /// From the gradient of the gate: those of the parameters are written to `gradient`, that of the
    /// averages is returned.
    pub(super) fn backward(
        &self,
        forward: &Gate,
        gate: &[f32],
        gradient: &mut Excitation<&mut [f32]>,
    ) -> Vec<f32> {
        let excited: Vec<f32> = gate.iter().zip(&forward.factors).map(|(d, g)| d * g * (1.0 - g)).collect();
        outer(&excited, &forward.hidden, gradient.excite);
        gradient.excite_bias.copy_from_slice(&excited);
        let mut squeezed = transposed(self.excite, &excited, forward.hidden.len());
        squeezed.iter_mut().zip(&forward.slopes).for_each(|(v, slope)| *v *= slope);
        outer(&squeezed, &forward.averages, gradient.squeeze);
        gradient.squeeze_bias.copy_from_slice(&squeezed);
        transposed(self.squeeze, &squeezed, forward.averages.len())
    }
}

/// W x + b.
fn affine(weight: &[f32], bias: &[f32], x: &[f32]) -> Vec<f32> {
    let row = |row: &[f32]| row.iter().zip(x).map(|(w, x)| w * x).sum::<f32>();
    weight.chunks_exact(x.len()).zip(bias).map(|(weights, b)| row(weights) + b).collect()
}

/// Wᵀ y, of `inputs` values.
fn transposed(weight: &[f32], y: &[f32], inputs: usize) -> Vec<f32> {
    let mut x = vec![0.0; inputs];
    for (row, y) in weight.chunks_exact(inputs).zip(y) {
        x.iter_mut().zip(row).for_each(|(x, w)| *x += w * y);
    }
    x
}

fn outer(left: &[f32], right: &[f32], product: &mut [f32]) {
    for (row, l) in product.chunks_exact_mut(right.len()).zip(left) {
        row.iter_mut().zip(right).for_each(|(p, r)| *p = l * r);
    }
}
