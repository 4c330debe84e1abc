//! A tensor as it lies in a file: raw bytes with a type, a shape and strides.

use half::{bf16, f16};
use safetensors::Dtype;

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    F64,
    F32,
    F16,
    Bf16,
    /// Integers and truth values, which no parameter of the network is; with its bytes a value.
    Other(usize),
}

impl Kind {
    pub(super) fn of_safetensors(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F64 => Self::F64,
            Dtype::F32 => Self::F32,
            Dtype::F16 => Self::F16,
            Dtype::BF16 => Self::Bf16,
            _ => Self::Other(1),
        }
    }

    /// Bytes a value.
    pub(super) fn size(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Other(size) => size,
        }
    }

    /// The value in the first [`size`](Self::size) bytes; `None` where they are no float.
    fn value(self, bytes: &[u8]) -> Option<f32> {
        match self {
            Self::F64 => Some(f64::from_le_bytes(bytes.first_chunk().copied()?) as f32),
            Self::F32 => Some(f32::from_le_bytes(bytes.first_chunk().copied()?)),
            Self::F16 => Some(f16::from_le_bytes(bytes.first_chunk().copied()?).to_f32()),
            Self::Bf16 => Some(bf16::from_le_bytes(bytes.first_chunk().copied()?).to_f32()),
            Self::Other(_) => None,
        }
    }
}

/// A tensor in a file. `offset` and `strides` count values of `storage`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stored<'a> {
    pub(super) kind: Kind,
    pub(super) storage: &'a [u8],
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

impl<'a> Stored<'a> {
    /// A tensor whose values lie one behind the other.
    pub(super) fn contiguous(kind: Kind, storage: &'a [u8], shape: Vec<usize>) -> Self {
        let mut strides = vec![1; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis] * shape[axis];
        }
        Self { kind, storage, offset: 0, shape, strides }
    }

    /// The values in row-major order, or what is wrong with them.
    pub(super) fn read(&self) -> Result<Vec<f32>, String> {
        let len = self.shape.iter().try_fold(1_usize, |len, &n| len.checked_mul(n));
        let len = len.filter(|&len| len <= self.storage.len()).ok_or("is larger than its storage")?;
        let mut data = Vec::with_capacity(len);
        let mut position = vec![0; self.shape.len()];
        for _ in 0..len {
            let value = self.index(&position).and_then(|at| {
                let at = at.checked_mul(self.kind.size())?;
                self.kind.value(self.storage.get(at..)?)
            });
            let value = value.ok_or("is not stored as floats, or reaches beyond its storage")?;
            if !value.is_finite() {
                return Err(format!("holds {value}"));
            }
            data.push(value);
            advance(&mut position, &self.shape);
        }
        Ok(data)
    }

    fn index(&self, position: &[usize]) -> Option<usize> {
        let step = |at: usize, (p, stride): (&usize, &usize)| at.checked_add(p.checked_mul(*stride)?);
        position.iter().zip(&self.strides).try_fold(self.offset, step)
    }
}

/// The next position in row-major order.
fn advance(position: &mut [usize], shape: &[usize]) {
    for (p, &n) in position.iter_mut().zip(shape).rev() {
        *p += 1;
        if *p < n {
            return;
        }
        *p = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_float_is_read() {
        let cases: [(Kind, Vec<u8>); 4] = [
            (Kind::F64, (-1.5_f64).to_le_bytes().to_vec()),
            (Kind::F32, (-1.5_f32).to_le_bytes().to_vec()),
            (Kind::F16, f16::from_f32(-1.5).to_le_bytes().to_vec()),
            (Kind::Bf16, bf16::from_f32(-1.5).to_le_bytes().to_vec()),
        ];
        for (kind, bytes) in cases {
            assert_eq!(Stored::contiguous(kind, &bytes, vec![1]).read(), Ok(vec![-1.5]), "{kind:?}");
        }
    }

    #[test]
    fn strides_reorder_and_bounds_hold() {
        let bytes: Vec<u8> = (0..6).flat_map(|v| (v as f32).to_le_bytes()).collect();
        let stored = |offset, shape: &[usize], strides: &[usize]| Stored {
            kind: Kind::F32,
            storage: &bytes,
            offset,
            shape: shape.to_vec(),
            strides: strides.to_vec(),
        };
        assert_eq!(stored(0, &[3, 2], &[1, 3]).read().unwrap(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert_eq!(stored(5, &[], &[]).read().unwrap(), [5.0]);
        assert_eq!(stored(0, &[0, 7], &[7, 1]).read().unwrap(), [0.0; 0]);
        for (offset, shape, strides) in [
            (1, [3, 2], [1, 3]),
            (usize::MAX, [1, 1], [1, 1]),
            (0, [2, 2], [usize::MAX, 1]),
            (0, [usize::MAX, 2], [0, 0]),
            (0, [1 << 40, 1], [0, 0]),
        ] {
            assert!(stored(offset, &shape, &strides).read().is_err(), "{shape:?} {strides:?}");
        }
    }

    #[test]
    fn integers_and_infinities_are_refused() {
        assert!(Stored::contiguous(Kind::Other(4), &[0; 4], vec![1]).read().is_err());
        assert!(Stored::contiguous(Kind::F32, &f32::INFINITY.to_le_bytes(), vec![1]).read().is_err());
    }
}
