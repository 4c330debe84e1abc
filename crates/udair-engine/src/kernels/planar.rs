//! Layers over planes (channel after channel, as training frameworks hold tensors), forward and
//! backward, for training on the CPU: convolutions and the two halves of a transformer block.
//!
//! A layer keeps its input and nothing else: what the backward pass needs beyond it is computed
//! again, image by image, while it is still in the cache. Images are spread over the current rayon
//! pool; gradients of parameters are summed within fixed groups of images and then over the groups,
//! so results do not depend on the number of threads.

mod arithmetic;
mod attention;
mod convolution;
mod depthwise;
mod entry;
mod feed_forward;
mod gate;
mod norm;
mod product;
mod strip;

pub use arithmetic::Arithmetic;
pub use attention::Attention;
pub use convolution::Convolution;
pub use feed_forward::FeedForward;

use rayon::prelude::*;

/// Groups of images that gradients are summed in.
const GROUPS: usize = 8;

/// Sizes of a batch of planes `[images, channels, height, width]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Images n.
    pub images: usize,
    /// Channels c.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Pixels a row.
    pub width: usize,
}

impl Shape {
    /// Values in all.
    pub fn len(&self) -> usize {
        self.images * self.image()
    }

    /// True without values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Values of one image.
    pub fn image(&self) -> usize {
        self.channels * self.plane()
    }

    /// Values of one channel of one image.
    pub fn plane(&self) -> usize {
        self.height * self.width
    }
}

/// A layer with `N` parameters, each a slice.
pub trait Layer<const N: usize>: Sync {
    /// Memory for one image on its way.
    #[doc(hidden)]
    type Scratch;

    /// Lengths of the parameters, in the order of the fields.
    fn lengths(&self) -> [usize; N];

    /// The shape of the output for inputs of `shape`.
    fn output(&self, shape: Shape) -> Shape;

    #[doc(hidden)]
    fn scratch(&self, shape: Shape) -> Self::Scratch;

    #[doc(hidden)]
    fn image(&self, on: Arithmetic, x: &[f32], scratch: &mut Self::Scratch, out: &mut [f32]);

    /// `dx` is replaced, `gradients` are added to.
    #[doc(hidden)]
    fn image_gradient(
        &self,
        on: Arithmetic,
        x: &[f32],
        gradient: &[f32],
        scratch: &mut Self::Scratch,
        dx: &mut [f32],
        gradients: [&mut [f32]; N],
    );

    /// The output for `x`, into `out`.
    ///
    /// # Panics
    /// Where the length of a slice does not fit the shape.
    fn forward(&self, on: Arithmetic, x: &[f32], shape: Shape, out: &mut [f32]) {
        let to = self.output(shape);
        assert_eq!((x.len(), out.len()), (shape.len(), to.len()), "slices differ from the shape");
        let images = out.par_chunks_exact_mut(to.image()).zip(x.par_chunks_exact(shape.image()));
        images.for_each_init(|| self.scratch(shape), |scratch, (out, x)| self.image(on, x, scratch, out));
    }

    /// The gradients of [`forward`](Self::forward) from that of its output: with respect to its
    /// input into `dx`, and to the parameters.
    ///
    /// # Panics
    /// Where the length of a slice does not fit the shape.
    fn backward(
        &self,
        on: Arithmetic,
        x: &[f32],
        gradient: &[f32],
        shape: Shape,
        dx: &mut [f32],
    ) -> [Vec<f32>; N] {
        let to = self.output(shape);
        let expected = (shape.len(), to.len(), shape.len());
        assert_eq!((x.len(), gradient.len(), dx.len()), expected, "slices differ from the shape");
        let empty = || self.lengths().map(|length| vec![0.0; length]);
        let (image, group) = (shape.image(), shape.images.div_ceil(GROUPS));
        let inputs = dx.par_chunks_mut(group * image).zip(x.par_chunks(group * image));
        let groups = inputs.zip(gradient.par_chunks(group * to.image()));
        let parts: Vec<[Vec<f32>; N]> = groups
            .map(|((dx, x), gradient)| {
                let (mut scratch, mut sums) = (self.scratch(shape), empty());
                let images = dx.chunks_exact_mut(image).zip(x.chunks_exact(image));
                for ((dx, x), gradient) in images.zip(gradient.chunks_exact(to.image())) {
                    let sums = sums.each_mut().map(Vec::as_mut_slice);
                    self.image_gradient(on, x, gradient, &mut scratch, dx, sums);
                }
                sums
            })
            .collect();
        parts.into_iter().fold(empty(), |mut total, part| {
            for (total, part) in total.iter_mut().zip(part) {
                total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
            }
            total
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Isa;
    use crate::kernels::tests::noise;

    /// Compares a gradient with central differences of `loss` at some of the values of `x`.
    pub(super) fn check_gradient(x: &[f32], gradient: &[f32], loss: impl Fn(&[f32]) -> f64) {
        let step = 1e-2;
        let checks = if cfg!(miri) { 2 } else { 40 };
        for at in (0..x.len()).step_by(x.len().div_ceil(checks)) {
            let mut moved = x.to_vec();
            moved[at] = x[at] + step;
            let above = loss(&moved);
            moved[at] = x[at] - step;
            let expected = (above - loss(&moved)) / (2.0 * f64::from(step));
            let got = f64::from(gradient[at]);
            let bound = 5e-3 * expected.abs().max(1.0);
            assert!((got - expected).abs() < bound, "value {at}: {got} instead of {expected}");
        }
    }

    /// sum of out · weights, in f64.
    pub(super) fn weighted(out: &[f32], weights: &[f32]) -> f64 {
        out.iter().zip(weights).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    }

    #[test]
    fn results_do_not_depend_on_the_number_of_threads() {
        let shape = Shape { images: if cfg!(miri) { 3 } else { 11 }, channels: 6, height: 5, width: 7 };
        let (x, g) = (noise(shape.len(), 1), noise(shape.len(), 2));
        let parameters = [6, 6, 48, 72, 24].map(|length| noise(length, length as u32));
        let [norm_weight, norm_bias, expand, taps, project] = parameters.each_ref().map(Vec::as_slice);
        let half = FeedForward { norm_weight, norm_bias, expand, taps, project };
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut dx = vec![0.0; x.len()];
                let gradients = half.backward(Arithmetic::f32(Isa::detect()), &x, &g, shape, &mut dx);
                (dx, gradients)
            })
        };
        assert_eq!(run(1), run(3));
    }
}
