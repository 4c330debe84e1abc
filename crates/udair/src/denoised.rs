//! What becomes of a picture whose noise the network has taken away, before a user gets it.

use udair_engine::Watch;

use crate::network::Network;
use crate::{RestoreError, contrast, grain, median, texture};

/// Keeps what noise leaves of `input`, rows of `width` RGB pixels, in what it was restored to, and takes the
/// grain away that is left there.
///
/// # Errors
/// Those of the network, which sees a version of half the size.
pub(crate) fn finish(
    network: &dyn Network,
    input: &[f32],
    restored: &mut [f32],
    width: usize,
    watch: &dyn Watch,
) -> Result<(), RestoreError> {
    let keep = |restored: &mut [f32]| {
        contrast::bound(input, restored, width);
        median::keep(input, restored, width);
    };
    keep(restored);
    // Before the grain goes: what is left of texture looks like it.
    texture::give_back(input, restored, width);
    if let Some(mut coarse) = grain::coarse(network, input, restored, width, watch)? {
        keep(&mut coarse);
        grain::smooth(input, restored, &coarse, width);
    }
    Ok(())
}
