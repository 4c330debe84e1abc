//! How much the network brightens a dark picture and how much haze it takes away depend on the picture's size:
//! less of a large one than of a small version of it. It is right on average at the sizes of the crops that it
//! was trained on. A version of that size therefore says how wide areas of the picture itself should look.

use udair_engine::Watch;

use crate::blocks::Blocks;
use crate::check;
use crate::network::Network;
use crate::{Pattern, RestoreError};

/// The shorter side of the smaller version, in pixels: that of the largest crops of training.
const SIDE: usize = 256;

/// Side of an area, in pixels of the smaller version.
const AREA: usize = 16;

/// A smaller version of a picture and what it is restored to, rows of RGB pixels both.
pub(crate) struct Smaller {
    pub(crate) input: Vec<f32>,
    pub(crate) restored: Vec<f32>,
    /// The areas of the smaller version.
    pub(crate) seen: Blocks,
    /// The same areas of the picture itself.
    pub(crate) areas: Blocks,
}

impl Smaller {
    /// Restores a smaller version of `rgb`, rows of `width` RGB pixels. `None` where the picture is no larger,
    /// or its smaller version is not found to be spoiled by `pattern`, too.
    ///
    /// # Errors
    /// Those of the network, and [`RestoreError::Output`] where its result is not a picture.
    pub(crate) fn restore(
        network: &dyn Network,
        pattern: Pattern,
        rgb: &[f32],
        width: usize,
        watch: &dyn Watch,
    ) -> Result<Option<Self>, RestoreError> {
        let height = rgb.len() / (3 * width);
        let shorter = width.min(height);
        if shorter <= SIDE {
            return Ok(None);
        }
        let [across, down] = [width, height].map(|side| side * SIDE / shorter);
        let input = Blocks::counted((width, across), (height, down)).means(rgb).into_flattened();
        let given = check::Input::of(&input);
        let conditions = network.conditions(&input, across, down, watch)?;
        let found = network.identify(&conditions);
        if found.is_none_or(|found| found.best().pattern != pattern.id()) {
            return Ok(None);
        }
        let restore = |rgb: &[f32], conditions| {
            let restored = network.restore(rgb.to_vec(), across, down, conditions, watch)?;
            check::fault(&given, &restored).map_or(Ok(restored), |fault| Err(RestoreError::Output(fault)))
        };
        let mut restored = restore(&input, conditions)?;
        if pattern == Pattern::Dehaze {
            // What the network takes away is uneven; less so on average over both ways to see the picture.
            let mirrored = mirror(&input, across);
            let conditions = network.conditions(&mirrored, across, down, watch)?;
            let other = mirror(&restore(&mirrored, conditions)?, across);
            restored.iter_mut().zip(other).for_each(|(value, other)| *value = f32::midpoint(*value, other));
        }
        let [columns, rows] = [across, down].map(|side| side / AREA);
        let seen = Blocks::counted((across, columns), (down, rows));
        let areas = Blocks::counted((width, columns), (height, rows));
        Ok(Some(Self { input, restored, seen, areas }))
    }
}

/// Left and right exchanged in rows of `width` RGB pixels.
fn mirror(rgb: &[f32], width: usize) -> Vec<f32> {
    let pixels = rgb.as_chunks::<3>().0;
    pixels.chunks_exact(width).flat_map(|row| row.iter().rev()).copied().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_keeps_rows_and_channels() {
        let rgb: Vec<f32> = (0..18).map(|v| v as f32).collect();
        let rows = [[6, 7, 8, 3, 4, 5, 0, 1, 2], [15, 16, 17, 12, 13, 14, 9, 10, 11]];
        assert_eq!(mirror(&rgb, 3), rows.as_flattened().iter().map(|&v| v as f32).collect::<Vec<_>>());
        assert_eq!(mirror(&mirror(&rgb, 3), 3), rgb);
    }
}
