//! Memory for whatever a file sizes: asked for, so that a refusal is an error and not an abort.

use crate::ImageError;

/// An empty vector with room for `len` elements.
pub(crate) fn with_room<T>(len: usize) -> Result<Vec<T>, ImageError> {
    let mut vec = Vec::new();
    vec.try_reserve_exact(len)
        .map_err(|_| ImageError::Memory { bytes: len.saturating_mul(size_of::<T>()) })?;
    Ok(vec)
}

/// A vector of `len` zeros.
pub(crate) fn zeros<T: Default + Clone>(len: usize) -> Result<Vec<T>, ImageError> {
    let mut vec = with_room(len)?;
    vec.resize(len, T::default());
    Ok(vec)
}

/// The elements of an iterator of known length.
pub(crate) fn collect<T>(items: impl ExactSizeIterator<Item = T>) -> Result<Vec<T>, ImageError> {
    let mut vec = with_room(items.len())?;
    vec.extend(items);
    Ok(vec)
}
