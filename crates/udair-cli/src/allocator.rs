//! The allocator: buffers come and go by the megabyte, and the system's own gives them back each time.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Keeps memory that is free for a minute instead of a second. Every training step needs again what the
/// one before gave back, and the system clears each page that it hands out: half a thousand times a step.
#[cfg(feature = "train")]
#[expect(unsafe_code, reason = "the setting has no safe name")]
pub(crate) fn hold() {
    /// `mi_option_purge_delay`, in milliseconds; the crate does not name it.
    const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
    // SAFETY: sets a number that the allocator reads; a wrong one costs speed or memory only.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, 60_000) };
}
