//! Weight matrices, laid out as the register tiles read them.

use std::ops::{Deref, DerefMut};

use super::precision::Kind;
use super::{Buffer, LANES, Precision};
use crate::EngineError;

/// A weight matrix of `inner` x `outputs`, laid out as blocks of 16 outputs: `[block][inner][16]`.
/// The last block is filled up with zeros. In bf16 two inner values share a place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packed<D = Buffer> {
    pub(super) inner: usize,
    pub(super) outputs: usize,
    pub(super) precision: Precision,
    pub(super) data: D,
}

impl Packed {
    /// Values that a matrix takes in f32.
    pub(crate) fn len(inner: usize, outputs: usize) -> usize {
        outputs.next_multiple_of(LANES) * inner
    }

    /// Packs the matrix whose value for inner index `k` and output `n` is `value(k, n)`.
    pub(crate) fn new(
        inner: usize,
        outputs: usize,
        value: impl Fn(usize, usize) -> f32,
    ) -> Result<Self, EngineError> {
        let mut data = Buffer::zeros(Self::len(inner, outputs))?;
        for n in 0..outputs {
            for k in 0..inner {
                data[(n / LANES * inner + k) * LANES + n % LANES] = value(k, n);
            }
        }
        Ok(Self { inner, outputs, precision: Precision::f32(), data })
    }

    /// As [`new`](Self::new), in the given precision.
    ///
    /// For bf16 an inner segment of the products, and the distance between pixels, must be even.
    pub(crate) fn with_precision(
        inner: usize,
        outputs: usize,
        precision: Precision,
        value: impl Fn(usize, usize) -> f32,
    ) -> Result<Self, EngineError> {
        match precision.0 {
            Kind::F32 => Self::new(inner, outputs, value),
            #[cfg(target_arch = "x86_64")]
            Kind::Bf16 => {
                let pair = |k: usize, n: usize| super::bf16::pair(value(2 * k, n), value(2 * k + 1, n));
                let halved = Self::new(inner / 2, outputs, pair)?;
                Ok(Self { inner, precision, ..halved })
            }
        }
    }
}

impl<D: DerefMut<Target = [f32]>> Packed<D> {
    /// An f32 matrix over [`Packed::len`] values, which `fill` lays out.
    pub(crate) fn over(inner: usize, outputs: usize, mut data: D, fill: impl FnOnce(&mut [f32])) -> Self {
        assert_eq!(data.len(), Packed::len(inner, outputs));
        fill(&mut data);
        Self { inner, outputs, precision: Precision::f32(), data }
    }

    /// Rounds an f32 matrix to another precision in place.
    pub(crate) fn rounded(mut self, precision: Precision) -> Self {
        match precision.0 {
            Kind::F32 => {}
            #[cfg(target_arch = "x86_64")]
            Kind::Bf16 => {
                // Pairs lie before what they are made from.
                for (pair, at) in (0..self.data.len() / (2 * LANES)).map(|pair| (pair, pair * LANES)) {
                    for i in 0..LANES {
                        let [low, high] = [0, LANES].map(|next| self.data[2 * pair * LANES + next + i]);
                        self.data[at + i] = super::bf16::pair(low, high);
                    }
                }
            }
        }
        Self { precision, ..self }
    }

    /// Room for `inner` x `outputs` values in `precision` over [`Packed::len`] values, to be
    /// [mixed](Self::mix).
    pub(crate) fn empty(inner: usize, outputs: usize, precision: Precision, data: D) -> Self {
        assert_eq!(data.len(), Packed::len(inner, outputs));
        Self { inner, outputs, precision, data }
    }

    /// Overwrites one of the two halves of the inner dimension with `a + t (b - a)`, two f32 matrices
    /// of that many inner values.
    pub(crate) fn mix(&mut self, half: usize, a: &Self, b: &Self, t: f32) {
        let inner = self.inner / 2;
        assert!(half < 2 && [a, b].iter().all(|m| (m.inner, m.outputs) == (inner, self.outputs)));
        let granule = self.precision.granule();
        let (panel, place) = (inner * LANES, inner / granule * LANES);
        for (block, (a, b)) in a.data.chunks_exact(panel).zip(b.data.chunks_exact(panel)).enumerate() {
            let to = &mut self.data[(2 * block + half) * place..][..place];
            let mixed = |a: &f32, b: &f32| a + t * (b - a);
            match self.precision.0 {
                Kind::F32 => {
                    to.iter_mut().zip(a.iter().zip(b)).for_each(|(to, (a, b))| *to = mixed(a, b));
                }
                #[cfg(target_arch = "x86_64")]
                Kind::Bf16 => {
                    let pairs = a.chunks_exact(2 * LANES).zip(b.chunks_exact(2 * LANES));
                    for (to, (a, b)) in to.chunks_exact_mut(LANES).zip(pairs) {
                        for (i, to) in to.iter_mut().enumerate() {
                            let (low, high) = (mixed(&a[i], &b[i]), mixed(&a[i + LANES], &b[i + LANES]));
                            *to = super::bf16::pair(low, high);
                        }
                    }
                }
            }
        }
    }
}

impl<D: Deref<Target = [f32]>> Packed<D> {
    /// The same matrix, borrowed.
    pub(super) fn view(&self) -> Packed<&[f32]> {
        Packed { inner: self.inner, outputs: self.outputs, precision: self.precision, data: &self.data }
    }

    /// Number of outputs.
    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Outputs with the last block filled up.
    pub(crate) fn padded(&self) -> usize {
        self.outputs.next_multiple_of(LANES)
    }
}
