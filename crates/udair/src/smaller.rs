//! A smaller version of a picture, as large as the crops of training, says two things about the picture itself.
//!
//! Haze and water spoil wide areas, so they are still there in a smaller version: where that is surely clean, or
//! noisy and nothing else, so is the picture, whatever a part of it looks like. And how much the network brightens a
//! dark picture and how much haze it takes away depend on the picture's size: less of a large one than of a
//! small version of it. It is right on average at the sizes that it was trained on, so that the smaller version
//! says how wide areas of the picture should look.
//!
//! A version of half the size serves another end: what it holds of a noisy picture's grain (`grain.rs`).

use udair_engine::{Conditions, Watch};

use crate::blocks::Blocks;
use crate::check;
use crate::network::Network;
use crate::{Findings, Pattern, RestoreError};

/// The shorter side of the smaller version, in pixels: that of the largest crops of training.
const SIDE: usize = 256;

/// How sure a smaller version must be that it is clean or noisy, to say so of the picture.
const SURELY: f32 = 0.8;

/// Side of an area, in pixels of the smaller version.
const AREA: usize = 16;

/// A smaller version of a picture, rows of RGB pixels, and what is found in it.
pub(crate) struct Smaller {
    rgb: Vec<f32>,
    across: usize,
    down: usize,
    conditions: Conditions,
    pub(crate) findings: Findings,
}

/// A smaller version and what it is restored to, rows of RGB pixels both.
pub(crate) struct Undone {
    pub(crate) input: Vec<f32>,
    pub(crate) restored: Vec<f32>,
    /// The areas of the smaller version.
    pub(crate) seen: Blocks,
    /// The same areas of the picture itself.
    pub(crate) areas: Blocks,
}

impl Smaller {
    /// Looks at a smaller version of `rgb`, rows of `width` RGB pixels. `None` where the picture is no larger.
    ///
    /// # Errors
    /// Those of the network.
    pub(crate) fn look(
        network: &dyn Network,
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
        Self::of(network, rgb, (width, height), (across, down), watch).map(Some)
    }

    /// Looks at a version with `across` x `down` pixels of `rgb`, which has `width` x `height`.
    ///
    /// # Errors
    /// Those of the network.
    pub(crate) fn of(
        network: &dyn Network,
        rgb: &[f32],
        (width, height): (usize, usize),
        (across, down): (usize, usize),
        watch: &dyn Watch,
    ) -> Result<Self, RestoreError> {
        let rgb = Blocks::counted((width, across), (height, down)).means(rgb).into_flattened();
        let conditions = network.conditions(&rgb, across, down, watch)?;
        let findings = Findings::of(network.identify(&conditions));
        Ok(Self { rgb, across, down, conditions, findings })
    }

    /// True where it is clean or noisy so surely that nothing spoils wide areas of the picture.
    pub(crate) fn surely_clear(&self) -> bool {
        let noisy = || (self.findings.pattern == Pattern::Denoise).then_some(self.findings.confidence);
        self.findings.clean().or_else(noisy).is_some_and(|probability| probability >= SURELY)
    }

    /// Restores it; the picture that it was made from has `width` x `height` pixels.
    ///
    /// # Errors
    /// Those of the network, and [`RestoreError::Output`] where its result is not a picture.
    pub(crate) fn restore(
        self,
        network: &dyn Network,
        (width, height): (usize, usize),
        watch: &dyn Watch,
    ) -> Result<Undone, RestoreError> {
        let Self { rgb: input, across, down, conditions, findings } = self;
        let given = check::Input::of(&input);
        let restore = |rgb: &[f32], conditions| {
            let restored = network.restore(rgb.to_vec(), across, down, conditions, watch)?;
            check::fault(&given, &restored).map_or(Ok(restored), |fault| Err(RestoreError::Output(fault)))
        };
        let mut restored = restore(&input, conditions)?;
        if findings.pattern == Pattern::Dehaze {
            // What the network takes away is uneven; less so on average over both ways to see the picture.
            let mirrored = mirror(&input, across);
            let conditions = network.conditions(&mirrored, across, down, watch)?;
            let other = mirror(&restore(&mirrored, conditions)?, across);
            restored.iter_mut().zip(other).for_each(|(value, other)| *value = f32::midpoint(*value, other));
        }
        let [columns, rows] = [across, down].map(|side| side / AREA);
        let seen = Blocks::counted((across, columns), (down, rows));
        let areas = Blocks::counted((width, columns), (height, rows));
        Ok(Undone { input, restored, seen, areas })
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
