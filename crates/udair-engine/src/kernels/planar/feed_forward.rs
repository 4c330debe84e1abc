//! x + GDFN(LN(x)), the feed-forward half of a transformer block (Zamir et al., "Restormer", CVPR
//! 2022, eq. 2): a, b = dw3x3(1x1(LN(x))); out = x + 1x1(GELU(a) · b).

use super::depthwise::{Frame, Rows, depthwise, depthwise_input_gradient, depthwise_taps_gradient};
use super::gate::{gated_gelu, gated_gelu_gradient};
use super::norm::{normalise, normalise_gradient};
use super::product::{Matrix, Store, product};
use super::strip::Strip;
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

/// Maps of a strip of an image.
#[derive(Debug)]
pub struct Scratch {
    shape: Shape,
    input: Vec<f32>,
    normal: Vec<f32>,
    expanded: Vec<f32>,
    filtered: Vec<f32>,
    gated: Vec<f32>,
    /// The output, or the gradient of the input.
    out: Vec<f32>,
    /// Gradients of the output, `gated`, `filtered`, `expanded` and `normal`; only the backward pass needs
    /// them.
    back: [Vec<f32>; 5],
    frames: [Frame; 2],
}

impl FeedForward<'_> {
    /// Channels outside and inside.
    fn channels(&self) -> (usize, usize) {
        (self.norm_weight.len(), self.project.len() / self.norm_weight.len())
    }

    /// Everything up to the gate in `strip`; up to the expansion with the rows above and below.
    fn inside(&self, isa: Isa, x: &[f32], strip: Strip, scratch: &mut Scratch) {
        let ((c, hidden), wide) = (self.channels(), strip.widened());
        let Scratch { input, normal, expanded, filtered, gated, frames: [frame, _], .. } = scratch;
        input.resize(c * wide.len(), 0.0);
        normal.resize(c * wide.len(), 0.0);
        expanded.resize(2 * hidden * wide.len(), 0.0);
        filtered.resize(2 * hidden * strip.len(), 0.0);
        gated.resize(hidden * strip.len(), 0.0);
        wide.gather(x, input);
        normalise(isa, input, self.norm_weight, self.norm_bias, wide.len(), normal);
        let map = Matrix::new(normal, wide.len());
        product(isa, Matrix::new(self.expand, c), map, expanded, Store::Replace);
        depthwise(isa, Rows { data: expanded, strip: wide }, self.taps, frame, strip, filtered);
        gated_gelu(isa, filtered, gated);
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
        let (c, hidden) = self.channels();
        assert_eq!(c, shape.channels, "channels differ");
        assert_eq!(self.lengths(), [c, c, 2 * hidden * c, 18 * hidden, hidden * c], "parameters differ");
        Scratch {
            shape,
            input: Vec::new(),
            normal: Vec::new(),
            expanded: Vec::new(),
            filtered: Vec::new(),
            gated: Vec::new(),
            out: Vec::new(),
            back: [const { Vec::new() }; 5],
            frames: [const { Frame::new() }; 2],
        }
    }

    fn image(&self, isa: Isa, x: &[f32], scratch: &mut Scratch, out: &mut [f32]) {
        let (c, hidden) = self.channels();
        for strip in Strip::all(scratch.shape, 3 * c + 5 * hidden) {
            self.inside(isa, x, strip, scratch);
            let result = &mut scratch.out;
            result.resize(c * strip.len(), 0.0);
            strip.gather(x, result);
            let gated = Matrix::new(&scratch.gated, strip.len());
            product(isa, Matrix::new(self.project, hidden), gated, result, Store::Add);
            strip.scatter(result, out);
        }
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
        let (c, hidden) = self.channels();
        for strip in Strip::all(scratch.shape, 5 * c + 10 * hidden) {
            let near = strip.widened();
            let (wide, own) = (near.widened(), strip.within(near));
            self.inside(isa, x, near, scratch);
            let Scratch { input, normal, expanded, filtered, gated, out, back, frames, .. } = scratch;
            let rows = [near, near, near, strip, strip].map(Strip::len);
            for ((back, channels), rows) in
                back.iter_mut().zip([c, hidden, 2 * hidden, 2 * hidden, c]).zip(rows)
            {
                back.resize(channels * rows, 0.0);
            }
            let [to_out, to_gated, to_filtered, to_expanded, to_normal] = back;
            near.gather(gradient, to_out);

            let (here, whole) = (|map| Matrix::new(map, near.len()), |map| Matrix::new(map, strip.len()));
            let of_project = here(gated).columns(own.clone()).transposed();
            product(isa, here(to_out).columns(own), of_project, dproject, Store::Add);
            let project = Matrix::new(self.project, hidden).transposed();
            product(isa, project, here(to_out), to_gated, Store::Replace);
            gated_gelu_gradient(isa, filtered, to_gated, to_filtered);
            let expanded = Rows { data: expanded, strip: wide };
            let gradient_rows = Rows { data: to_filtered, strip: near };
            depthwise_taps_gradient(isa, expanded, gradient_rows, frames, strip, dtaps);
            depthwise_input_gradient(isa, gradient_rows, self.taps, &mut frames[0], strip, to_expanded);
            let normal = Matrix::new(normal, wide.len()).columns(strip.within(wide)).transposed();
            product(isa, whole(to_expanded), normal, dexpand, Store::Add);
            let expand = Matrix::new(self.expand, c).transposed();
            product(isa, expand, whole(to_expanded), to_normal, Store::Replace);
            for map in [&mut *input, &mut *out] {
                map.resize(c * strip.len(), 0.0);
            }
            strip.gather(x, input);
            strip.gather(gradient, out);
            normalise_gradient(isa, input, self.norm_weight, to_normal, out, dweight, dbias);
            strip.scatter(out, dx);
        }
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
