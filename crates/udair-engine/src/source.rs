//! Weights on their way into the network's parts, with the precision that products are to have.

use crate::kernels::{Packed, Precision};
use crate::{EngineError, Tensor, Weights};

/// Where a part of the network takes its weights from.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) weights: &'a Weights,
    pub(crate) precision: Precision,
}

impl<'a> Source<'a> {
    /// The tensor called `name`.
    pub(crate) fn tensor(&self, name: &str) -> &'a Tensor {
        self.weights.tensor(name)
    }

    /// Packs a matrix as [`Packed::new`] does.
    pub(crate) fn packed(
        &self,
        inner: usize,
        outputs: usize,
        value: impl Fn(usize, usize) -> f32,
    ) -> Result<Packed, EngineError> {
        Packed::with_precision(inner, outputs, self.precision, value)
    }
}
