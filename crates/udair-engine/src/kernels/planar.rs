//! Kernels over planes (channel after channel, as training frameworks hold tensors), forward and
//! backward, for training on the CPU.
//!
//! They are compiled for the instruction set of [`super::Isa`] and spread over the current rayon pool.
//! Every value is computed in a fixed order: images, then rows, then columns; partial sums are
//! added in the order of the images, so results do not depend on the number of threads.
//!
//! # Panics
//! All of them, where the length of a slice does not fit the [`Shape`].

mod depthwise;
mod gate;
mod norm;

pub use depthwise::{depthwise, depthwise_input_gradient, depthwise_taps_gradient};
pub use gate::{gated_gelu, gated_gelu_gradient};
pub use norm::{layer_norm, layer_norm_gradient};

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
        self.images * self.channels * self.plane()
    }

    /// True without values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Values of one channel of one image.
    pub fn plane(&self) -> usize {
        self.height * self.width
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
        for at in (0..x.len()).step_by(x.len().div_ceil(40)) {
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
        let shape = Shape { images: 5, channels: 6, height: 9, width: 21 };
        let (x, g) = (noise(shape.len(), 1), noise(shape.len(), 2));
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let isa = Isa::detect();
                let mut taps = vec![0.0; 9 * shape.channels];
                depthwise_taps_gradient(isa, &x, &g, shape, &mut taps);
                let (mut dx, mut dw, mut db) = (vec![0.0; x.len()], vec![0.0; 6], vec![0.0; 6]);
                layer_norm_gradient(isa, &x, &[1.0; 6], &g, shape, &mut dx, &mut dw, &mut db);
                (taps, dx, dw, db)
            })
        };
        assert_eq!(run(1), run(3));
    }
}
