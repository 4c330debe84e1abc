//! Noise lies as often above the picture as below it, so the median of what a denoiser takes away should be zero
//! everywhere; where it is not, the rest is of the network's making and is put back.
//!
//! The mean would do only for weak noise. A tone curve bends strong noise and black cuts it off, both of which move
//! its mean (a noisy photo comes out too dark in its shades) and neither its median: order outlives every rising curve.

use crate::blocks::{Blocks, Rows};

/// Side of the blocks, in pixels: the median of so many values is as sure as 1/25 of their deviation.
const BLOCK: usize = 32;

/// Shifts `restored`, rows of `width` RGB pixels, so that `input` lies above it as often as below it. Pictures that
/// are smaller than a block stay as they are: the median of a few values is as noisy as they.
pub(crate) fn keep(input: &[f32], restored: &mut [f32], width: usize) {
    let Some(blocks) = Blocks::of(width, restored.len(), BLOCK) else { return };
    let taken = blocks.measure(input, restored, |rows| taken(rows));
    blocks.add(&taken, restored);
}

/// The median of what was taken away from a block, in each channel.
fn taken<'a>(rows: impl Iterator<Item = Rows<'a>>) -> [f32; 3] {
    let mut taken = [const { Vec::new() }; 3];
    for (input, restored) in rows {
        for (input, restored) in input.as_chunks::<3>().0.iter().zip(restored.as_chunks::<3>().0) {
            (0..3).for_each(|c| taken[c].push(input[c] - restored[c]));
        }
    }
    taken.map(|mut values| {
        let middle = values.len() / 2;
        *values.select_nth_unstable_by(middle, f32::total_cmp).1
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    fn mean(values: &[f32]) -> f32 {
        values.iter().sum::<f32>() / values.len() as f32
    }

    /// What is left of a shift by 0.1 that came with denoising: the plain picture `light` has noise of this
    /// deviation, and the camera made values of both by `tone`.
    fn left(size: (usize, usize), light: f32, deviation: f32, tone: fn(f32) -> f32) -> f32 {
        let noise = noise(size.0 * size.1 * 3, deviation);
        let input: Vec<f32> = noise.into_iter().map(|noise| tone(light + noise)).collect();
        let mut restored = vec![tone(light) - 0.1; input.len()];
        keep(&input, &mut restored, size.0);
        (tone(light) - mean(&restored)) / 0.1
    }

    #[test]
    fn noise_of_any_strength_shifts_nothing() {
        let clipped: fn(f32) -> f32 = |v| v.clamp(0.0, 1.0);
        let gamma: fn(f32) -> f32 = |v| v.clamp(0.0, 1.0).powf(1.0 / 2.2);
        for (light, deviation, tone) in [
            (0.5, 0.004, clipped),
            (0.5, 0.25, clipped),
            (0.02, 0.1, clipped),
            (0.95, 0.2, clipped),
            (0.05, 0.01, gamma),
            (0.05, 0.04, gamma),
        ] {
            for size in [(32, 90), (200, 47), (130, 130)] {
                let left = left(size, light, deviation, tone);
                assert!(left.abs() < 0.1, "{light}, {deviation}, {size:?}: {left} of the shift is left");
            }
        }
    }

    #[test]
    fn pictures_smaller_than_a_block_stay() {
        for size in [(31, 200), (200, 31), (1, 1)] {
            assert!((left(size, 0.5, 0.02, |v| v) - 1.0).abs() < 1e-3, "{size:?}");
        }
    }

    #[test]
    fn detail_and_smooth_change_stay() {
        let (width, height) = (96, 64);
        let ramp = |x: usize| x as f32 / width as f32;
        let input: Vec<f32> = (0..width * height * 3).map(|i| ramp(i / 3 % width)).collect();
        // Right but for a darkening that grows along the picture.
        let mut restored: Vec<f32> = input.iter().map(|v| v - 0.1 * v).collect();
        keep(&input, &mut restored, width);
        let worst = input.iter().zip(&restored).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 0.02, "{worst}");
        let fine: Vec<f32> = (0..width * height * 3).map(|i| (i / 3 % 2) as f32 * 0.01).collect();
        let mut restored = fine.clone();
        keep(&fine, &mut restored, width);
        assert_eq!(restored, fine);
    }
}
