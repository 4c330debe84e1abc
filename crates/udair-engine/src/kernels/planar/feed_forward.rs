//! x + GDFN(LN(x)), the feed-forward half of a transformer block (Zamir et al., "Restormer", CVPR
//! 2022, eq. 2): a, b = dw3x3(1x1(LN(x))); out = x + 1x1(GELU(a) · b).

use super::entry::{Entry, Maps};
use super::gate::{gated_gelu, gated_gelu_gradient};
use super::product::{Matrix, Store, product};
use super::strip::Strip;
use super::{Arithmetic, Layer, Shape};

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
    entry: Maps,
    gated: Vec<f32>,
    out: Vec<f32>,
    /// Gradients of the output, `gated` and what the gate sees; only the backward pass needs them.
    back: [Vec<f32>; 3],
}

impl FeedForward<'_> {
    /// Channels outside and inside.
    fn channels(&self) -> (usize, usize) {
        (self.norm_weight.len(), self.project.len() / self.norm_weight.len())
    }

    /// What comes before the gate.
    fn entry(&self) -> Entry<'_> {
        Entry { norm: [self.norm_weight, self.norm_bias], expand: self.expand, taps: self.taps }
    }

    /// Everything up to the gate in `strip`.
    fn inside(&self, on: Arithmetic, x: &[f32], strip: Strip, scratch: &mut Scratch) {
        self.entry().forward(on, x, strip, &mut scratch.entry);
        scratch.gated.resize(self.channels().1 * strip.len(), 0.0);
        gated_gelu(on.isa, &scratch.entry.filtered, &mut scratch.gated);
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
        let empty = Vec::new;
        Scratch {
            shape,
            entry: Maps::new(shape),
            gated: empty(),
            out: empty(),
            back: [empty(), empty(), empty()],
        }
    }

    fn image(&self, on: Arithmetic, x: &[f32], scratch: &mut Scratch, out: &mut [f32]) {
        let (c, hidden) = self.channels();
        for strip in Strip::all(scratch.shape, 3 * c + 5 * hidden) {
            self.inside(on, x, strip, scratch);
            let result = &mut scratch.out;
            result.resize(c * strip.len(), 0.0);
            strip.gather(x, result);
            let gated = Matrix::new(&scratch.gated, strip.len());
            product(on, Matrix::new(self.project, hidden), gated, result, Store::Add);
            strip.scatter(result, out);
        }
    }

    fn image_gradient(
        &self,
        on: Arithmetic,
        x: &[f32],
        gradient: &[f32],
        scratch: &mut Scratch,
        dx: &mut [f32],
        [dweight, dbias, dexpand, dtaps, dproject]: [&mut [f32]; 5],
    ) {
        let (c, hidden) = self.channels();
        for strip in Strip::all(scratch.shape, 5 * c + 10 * hidden) {
            let near = strip.widened();
            self.inside(on, x, near, scratch);
            let Scratch { entry, gated, back: [to_out, to_gated, to_filtered], .. } = scratch;
            to_out.resize(c * near.len(), 0.0);
            to_gated.resize(hidden * near.len(), 0.0);
            to_filtered.resize(2 * hidden * near.len(), 0.0);
            near.gather(gradient, to_out);

            let (map, own) = (|values| Matrix::new(values, near.len()), strip.within(near));
            let gated = map(gated).columns(own.clone()).transposed();
            product(on, map(to_out).columns(own), gated, dproject, Store::Add);
            let project = Matrix::new(self.project, hidden).transposed();
            product(on, project, map(to_out), to_gated, Store::Replace);
            gated_gelu_gradient(on.isa, &entry.filtered, to_gated, to_filtered);
            let gradients = [&mut *dweight, &mut *dbias, &mut *dexpand, &mut *dtaps];
            self.entry().backward(on, [x, gradient], strip, to_filtered, entry, dx, gradients);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_gradient, weighted};
    use super::*;
    use crate::kernels::Isa;
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
                half.forward(Arithmetic::f32(isa), x, shape, &mut out);
                let gradients = half.backward(Arithmetic::f32(isa), x, &g, shape, &mut dx);
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
