//! What tests of several corrections need.

/// Values of mean 0 and about this deviation, the same in every run.
pub(crate) fn noise(len: usize, deviation: f32) -> Vec<f32> {
    let mut state = 1_u32;
    let mut unit = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    };
    (0..len).map(|_| (unit() + unit() + unit() - 1.5) * 2.0 * deviation).collect()
}
