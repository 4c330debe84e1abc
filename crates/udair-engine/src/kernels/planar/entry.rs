//! How both halves of a transformer block begin, dw3x3(1x1(LN(x))), by strips of rows.

use super::depthwise::{Frame, Rows, depthwise, depthwise_input_gradient, depthwise_taps_gradient};
use super::norm::{normalise, normalise_gradient};
use super::product::{Matrix, Store, product};
use super::strip::Strip;
use super::{Arithmetic, Shape};

/// Parameters, from c channels to e.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    /// Scale and shift of the norm, `[c]`.
    pub(super) norm: [&'a [f32]; 2],
    /// 1x1, `[e, c]`.
    pub(super) expand: &'a [f32],
    /// 3x3 per channel, `[e, 9]`.
    pub(super) taps: &'a [f32],
}

/// Maps of a strip of an image.
#[derive(Debug)]
pub(super) struct Maps {
    input: Vec<f32>,
    normal: Vec<f32>,
    expanded: Vec<f32>,
    /// The output, `[e]`.
    pub(super) filtered: Vec<f32>,
    /// Gradients of the input, `expanded` and `normal`; only the backward pass needs them.
    back: [Vec<f32>; 3],
    frame: Frame,
}

impl Maps {
    /// For images of `shape`.
    pub(super) fn new(shape: Shape) -> Self {
        let empty = Vec::new;
        Self {
            input: empty(),
            normal: empty(),
            expanded: empty(),
            filtered: empty(),
            back: [empty(), empty(), empty()],
            frame: Frame::new(shape.width),
        }
    }
}

impl Entry<'_> {
    /// The output in `strip`; what comes before the 3x3 with the rows above and below.
    pub(super) fn forward(&self, on: Arithmetic, x: &[f32], strip: Strip, maps: &mut Maps) {
        let Maps { input, normal, expanded, filtered, frame, .. } = maps;
        let (c, wide) = (self.norm[0].len(), strip.widened());
        let channels = self.expand.len() / c;
        input.resize(c * wide.len(), 0.0);
        normal.resize(c * wide.len(), 0.0);
        expanded.resize(channels * wide.len(), 0.0);
        filtered.resize(channels * strip.len(), 0.0);
        wide.gather(x, input);
        normalise(on.isa, input, self.norm[0], self.norm[1], wide.len(), normal);
        let map = Matrix::new(normal, wide.len());
        product(on, Matrix::new(self.expand, c), map, expanded, Store::Replace);
        depthwise(on.isa, Rows { data: expanded, strip: wide }, self.taps, frame, strip, filtered);
    }

    /// After [`forward`](Self::forward) in the strip that `strip` is widened to, from the gradient `to_filtered`
    /// there: what `strip` gives to the gradients of the parameters, and its rows of `dx`, to which `gradient`
    /// is added.
    pub(super) fn backward(
        &self,
        on: Arithmetic,
        [x, gradient]: [&[f32]; 2],
        strip: Strip,
        to_filtered: &[f32],
        maps: &mut Maps,
        dx: &mut [f32],
        [dweight, dbias, dexpand, dtaps]: [&mut [f32]; 4],
    ) {
        let Maps { input, normal, expanded, back: [out, to_expanded, to_normal], frame, .. } = maps;
        let c = self.norm[0].len();
        let near = strip.widened();
        let wide = near.widened();
        input.resize(c * strip.len(), 0.0);
        out.resize(c * strip.len(), 0.0);
        to_expanded.resize(self.expand.len() / c * strip.len(), 0.0);
        to_normal.resize(c * strip.len(), 0.0);
        let expanded = Rows { data: expanded, strip: wide };
        let to_filtered = Rows { data: to_filtered, strip: near };
        depthwise_taps_gradient(on.isa, expanded, to_filtered, frame, strip, dtaps);
        depthwise_input_gradient(on.isa, to_filtered, self.taps, frame, strip, to_expanded);
        let normal = Matrix::new(normal, wide.len()).columns(strip.within(wide)).transposed();
        product(on, Matrix::new(to_expanded, strip.len()), normal, dexpand, Store::Add);
        let expand = Matrix::new(self.expand, c).transposed();
        product(on, expand, Matrix::new(to_expanded, strip.len()), to_normal, Store::Replace);
        strip.gather(x, input);
        strip.gather(gradient, out);
        normalise_gradient(on.isa, input, self.norm[0], to_normal, out, dweight, dbias);
        strip.scatter(out, dx);
    }
}
