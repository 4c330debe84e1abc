//! Memory for maps and packed weights: aligned to cache lines, zeroed, allocated fallibly.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use crate::EngineError;

/// A cache line, and the widest vector.
const ALIGNMENT: usize = 64;

/// A fixed number of f32 values, zero at first. Large buffers take memory only where touched.
pub(crate) struct Buffer {
    pointer: NonNull<f32>,
    len: usize,
}

// SAFETY: a buffer owns its memory alone, as a `Vec<f32>` does.
unsafe impl Send for Buffer {}
// SAFETY: shared access only reads.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Allocates `len` zeros.
    pub(crate) fn zeros(len: usize) -> Result<Self, EngineError> {
        if len == 0 {
            return Ok(Self::default());
        }
        let failed = EngineError::Memory { bytes: len.saturating_mul(4) };
        let Ok(layout) = Self::layout(len) else { return Err(failed) };
        // SAFETY: the layout has a size above zero; zero bytes are valid f32 values.
        match NonNull::new(unsafe { alloc_zeroed(layout) }.cast()) {
            Some(pointer) => Ok(Self { pointer, len }),
            None => Err(failed),
        }
    }

    fn layout(len: usize) -> Result<Layout, std::alloc::LayoutError> {
        Layout::array::<f32>(len)?.align_to(ALIGNMENT)
    }
}

impl Default for Buffer {
    /// No values.
    fn default() -> Self {
        Self { pointer: NonNull::dangling(), len: 0 }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.len > 0
            && let Ok(layout) = Self::layout(self.len)
        {
            // SAFETY: allocated in `zeros` with the same layout.
            unsafe { dealloc(self.pointer.as_ptr().cast(), layout) }
        }
    }
}

impl Deref for Buffer {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        // SAFETY: `len` initialised values behind an aligned pointer, owned by self.
        unsafe { std::slice::from_raw_parts(self.pointer.as_ptr(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`; the exclusive borrow is the only access.
        unsafe { std::slice::from_raw_parts_mut(self.pointer.as_ptr(), self.len) }
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({} values)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_aligned_zero_and_writable() {
        let mut buffer = Buffer::zeros(1000).unwrap();
        assert_eq!(buffer.as_ptr() as usize % ALIGNMENT, 0);
        assert!(buffer.iter().all(|&v| v == 0.0));
        buffer[999] = 1.0;
        assert_eq!(buffer[999], 1.0);
        assert!(Buffer::zeros(0).unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_had_is_an_error() {
        assert!(matches!(Buffer::zeros(usize::MAX / 8), Err(EngineError::Memory { .. })));
        assert!(matches!(std::hint::black_box(Buffer::zeros(1 << 58)), Err(EngineError::Memory { .. })));
    }
}
