//! x + GDFN(LN(x)), the feed-forward half of a transformer block (Zamir et al., "Restormer", CVPR
//! 2022, eq. 2): a, b = dw3x3(1x1(LN(x))); out = x + 1x1(GELU(a) · b).

use super::depthwise::{Frame, depthwise, depthwise_input_gradient, depthwise_taps_gradient};
use super::gate::{gated_gelu, gated_gelu_gradient};
use super::norm::{normalise, normalise_gradient};
use super::product::{Matrix, Store, product};
use super::{Layer, Shape};
use crate::kernels::Isa;

/// Parameters of the half-block over c channels, with h inside.
#[derive(Debug, Clone, Copy)]
pub struct FeedForward<'a> {
    /// Scale of the norm, `[c]`.
    pub norm_weight: &'a [f32],
    /// Shift of the norm, `[c]`.
    pub norm_bias: &'a [f32],
    /// 1x1, `[2 h, c]`.
    pub expand: &'a [f32],
    /// 3x3 per channel, `[2 h, 9]`.
    pub taps: &'a [f32],
    /// 1x1, `[c, h]`.
    pub project: &'a [f32],
}

/// Maps of one image.
#[derive(Debug)]
pub struct Scratch {
    normal: Vec<f32>,
    expanded: Vec<f32>,
    filtered: Vec<f32>,
    gated: Vec<f32>,
    /// Gradients of `gated`, `filtered`, `expanded` and `normal`; only the backward pass needs them.
    back: [Vec<f32>; 4],
    frames: [Frame; 2],
}

impl FeedForward<'_> {
    /// Everything up to the gate.
    fn inside(&self, isa: Isa, x: &[f32], scratch: &mut Scratch) {
        let c = self.norm_weight.len();
        let plane = x.len() / c;
        normalise(isa, x, self.norm_weight, self.norm_bias, plane, &mut scratch.normal);
        let normal = Matrix::new(&scratch.normal, plane);
        product(isa, Matrix::new(self.expand, c), normal, &mut scratch.expanded, Store::Replace);
        depthwise(isa, &scratch.expanded, self.taps, &mut scratch.frames[0], &mut scratch.filtered);
        gated_gelu(isa, &scratch.filtered, &mut scratch.gated);
    }
}

impl Layer<5> for FeedForward<'_> {
    type Scratch = Scratch;

    fn lengths(&self) -> [usize; 5] {
        [self.norm_weight, self.norm_bias, self.expand, self.taps, self.project].map(<[f32]>::len)
    }

    fn output(&self, shape: Shape) -> Shape {
        shape
    }

    fn scratch(&self, shape: Shape) -> Scratch {
        let (c, plane) = (shape.channels, shape.plane());
        let hidden = self.project.len() / c;
        assert_eq!(self.lengths(), [c, c, 2 * hidden * c, 18 * hidden, hidden * c], "parameters differ");
        let map = |channels| vec![0.0; channels * plane];
        Scratch {
            normal: map(c),
            expanded: map(2 * hidden),
            filtered: map(2 * hidden),
            gated: map(hidden),
            back: [Vec::new(), Vec::new(), Vec::new(), Vec::new()],
            frames: [Frame::new(shape), Frame::new(shape)],
        }
    }

    fn image(&self, isa: Isa, x: &[f32], scratch: &mut Scratch, out: &mut [f32]) {
        self.inside(isa, x, scratch);
        let plane = x.len() / self.norm_weight.len();
        let hidden = scratch.gated.len() / plane;
        out.copy_from_slice(x);
        let gated = Matrix::new(&scratch.gated, plane);
        product(isa, Matrix::new(self.project, hidden), gated, out, Store::Add);
    }

    fn image_gradient(
        &self,
        isa: Isa,
        x: &[f32],
        gradient: &[f32],
        scratch: &mut Scratch,
        dx: &mut [f32],
        [dweight, dbias, dexpand, dtaps, dproject]: [&mut [f32]; 5],
    ) {
        self.inside(isa, x, scratch);
        let Scratch { normal, expanded, filtered, gated, back, frames } = scratch;
        let c = self.norm_weight.len();
        let plane = x.len() / c;
        let hidden = gated.len() / plane;
        for (back, like) in back.iter_mut().zip([&*gated, &*filtered, &*expanded, &*normal]) {
            back.resize(like.len(), 0.0);
        }
        let [to_gated, to_filtered, to_expanded, to_normal] = back;
        let map = |values| Matrix::new(values, plane);

        product(isa, map(gradient), map(gated).transposed(), dproject, Store::Add);
        let project = Matrix::new(self.project, hidden).transposed();
        product(isa, project, map(gradient), to_gated, Store::Replace);
        gated_gelu_gradient(isa, filtered, to_gated, to_filtered);
        depthwise_taps_gradient(isa, expanded, to_filtered, frames, dtaps);
        depthwise_input_gradient(isa, to_filtered, self.taps, &mut frames[0], to_expanded);
        product(isa, map(to_expanded), map(normal).transposed(), dexpand, Store::Add);
        let expand = Matrix::new(self.expand, c).transposed();
        product(isa, expand, map(to_expanded), to_normal, Store::Replace);
        dx.copy_from_slice(gradient);
        normalise_gradient(isa, x, self.norm_weight, to_normal, dx, dweight, dbias);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_gradient, weighted};
    use super::*;
    use crate::kernels::tests::noise;

    #[test]
    fn every_gradient_is_that_of_the_forward_pass() {
        // `hidden` channels pass the gate.
        let [c, hidden, height, width] = if cfg!(miri) { [2, 1, 2, 3] } else { [6, 5, 5, 7] };
        let shape = Shape { images: 2, channels: c, height, width };
        let (x, g) = (noise(shape.len(), 1), noise(shape.len(), 2));
        let lengths = [c, c, 2 * hidden * c, 18 * hidden, hidden * c];
        let parameters = lengths.map(|length| noise(length, length as u32));
        for isa in Isa::available() {
            let run = |x: &[f32], parameters: &[Vec<f32>; 5]| {
                let [norm_weight, norm_bias, expand, taps, project] =
                    parameters.each_ref().map(Vec::as_slice);
                let half = FeedForward { norm_weight, norm_bias, expand, taps, project };
                let (mut out, mut dx) = (vec![0.0; x.len()], vec![0.0; x.len()]);
                half.forward(isa, x, shape, &mut out);
                let gradients = half.backward(isa, x, &g, shape, &mut dx);
                (out, dx, gradients)
            };
            let (_, dx, gradients) = run(&x, &parameters);
            check_gradient(&x, &dx, |x| weighted(&run(x, &parameters).0, &g));
            for (at, gradient) in gradients.iter().enumerate() {
                check_gradient(&parameters[at], gradient, |values| {
                    let mut moved = parameters.clone();
                    moved[at] = values.to_vec();
                    weighted(&run(&x, &moved).0, &g)
                });
            }
        }
    }
}
