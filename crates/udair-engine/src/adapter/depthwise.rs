//! Depthwise 3x3 convolution of a piece of interleaved rows, and its gradients.

use crate::kernels::{Isa, taps_gradient, taps_row};

/// The convolution of a piece whose rows have `width` cells; what lies outside is zero.
pub(super) fn forward(isa: Isa, x: &[f32], width: usize, taps: &[f32], bias: &[f32], out: &mut [f32]) {
    let len = width * bias.len();
    let zeros = vec![0.0; len];
    for (y, out) in out.chunks_exact_mut(len).enumerate() {
        taps_row(isa, neighbours(x, y, &zeros), taps, bias, out);
    }
}

/// Adds the gradients of the taps, given a piece and the gradient of its result.
pub(super) fn gradient(isa: Isa, x: &[f32], width: usize, result: &[f32], taps: &mut [f32]) {
    let len = width * taps.len() / 9;
    let zeros = vec![0.0; len];
    for (y, result) in result.chunks_exact(len).enumerate() {
        taps_gradient(isa, neighbours(x, y, &zeros), result, taps);
    }
}

/// The taps in reverse order: with them, the convolution takes the gradient of its result to that
/// of its input.
pub(super) fn reversed(taps: &[f32], channels: usize) -> Vec<f32> {
    taps.chunks_exact(channels).rev().flatten().copied().collect()
}

/// Row `y` of a piece with the rows above and below it, or `zeros` where there are none.
fn neighbours<'a>(x: &'a [f32], y: usize, zeros: &'a [f32]) -> [&'a [f32]; 3] {
    let row = |y: usize| x.get(y * zeros.len()..(y + 1) * zeros.len()).unwrap_or(zeros);
    [y.checked_sub(1).map_or(zeros, row), row(y), row(y + 1)]
}
