//! Memory for maps and packed weights: aligned to cache lines, zeroed, allocated fallibly.

use std::alloc::{GlobalAlloc, Layout, System, alloc_zeroed, dealloc};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use crate::EngineError;

/// A cache line, and the widest vector.
const ALIGNMENT: usize = 64;

/// Values from which on memory is had from the system itself, which takes it back at once. The
/// program's allocator may keep what is given back for a while, and the maps of a large picture
/// would be in memory twice.
const LARGE: usize = (32 << 20) / size_of::<f32>();

/// Values that a large buffer is longer by, to begin at a cache line. (Asked for an alignment, the
/// system's allocator would touch all of the memory to clear it.)
const SLACK: usize = ALIGNMENT / size_of::<f32>();

/// A fixed number of f32 values, zero at first. Large buffers take memory only where touched.
pub(crate) struct Buffer {
    /// What was allocated.
    start: NonNull<f32>,
    /// The first value.
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
        let start = unsafe { if len < LARGE { alloc_zeroed(layout) } else { System.alloc_zeroed(layout) } };
        let Some(start) = NonNull::new(start).map(NonNull::cast::<f32>) else { return Err(failed) };
        let skipped = if len < LARGE { 0 } else { start.as_ptr().align_offset(ALIGNMENT) };
        debug_assert!(skipped < SLACK, "the system aligns to values");
        // SAFETY: at most `SLACK` values, by which the memory is longer.
        Ok(Self { start, pointer: unsafe { start.add(skipped) }, len })
    }

    /// Of the memory itself.
    fn layout(len: usize) -> Result<Layout, std::alloc::LayoutError> {
        if len < LARGE {
            Layout::array::<f32>(len)?.align_to(ALIGNMENT)
        } else {
            Layout::array::<f32>(len.saturating_add(SLACK))
        }
    }
}

impl Default for Buffer {
    /// No values.
    fn default() -> Self {
        Self { start: NonNull::dangling(), pointer: NonNull::dangling(), len: 0 }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.len > 0
            && let Ok(layout) = Self::layout(self.len)
        {
            let start = self.start.as_ptr().cast();
            // SAFETY: allocated in `zeros` by the same allocator with the same layout.
            unsafe { if self.len < LARGE { dealloc(start, layout) } else { System.dealloc(start, layout) } }
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
        for len in [1000, LARGE] {
            let few = if cfg!(miri) { len / 100 } else { 1 };
            let mut buffer = Buffer::zeros(len).unwrap();
            assert_eq!(buffer.as_ptr() as usize % ALIGNMENT, 0);
            assert!(buffer.iter().step_by(few).all(|&v| v == 0.0));
            buffer[len - 1] = 1.0;
            assert_eq!(buffer[len - 1], 1.0);
        }
        assert!(Buffer::zeros(0).unwrap().is_empty());
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri itself ends where memory cannot be had")]
    fn what_cannot_be_had_is_an_error() {
        assert!(matches!(Buffer::zeros(usize::MAX / 8), Err(EngineError::Memory { .. })));
        assert!(matches!(std::hint::black_box(Buffer::zeros(1 << 58)), Err(EngineError::Memory { .. })));
    }
}
