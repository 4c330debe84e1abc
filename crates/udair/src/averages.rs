//! Noise moves values about their mean: a picture has the same local averages with it and without it, and what a
//! network changes of them it has made up. Where noise is mild, its result gets them back.
//!
//! Where noise is strong, black cuts half of it off and the averages are too bright; there the network knows
//! better.

use crate::blocks::{Blocks, Rows};

/// Side of the blocks that are averaged, in pixels: noise averages out to 1/32 of its deviation.
const BLOCK: usize = 32;

/// Standard deviation of what was taken away, in a range of values of 1, up to which averages are kept, and
/// from which on they are not.
const MILD: f64 = 8.0 / 255.0;
const STRONG: f64 = 2.0 * MILD;

/// Gives `restored`, rows of `width` RGB pixels, the local averages of `input` where it took mild noise away.
/// Pictures that are smaller than a block stay as they are: the average of a few values is as noisy as they.
pub(crate) fn keep(input: &[f32], restored: &mut [f32], width: usize) {
    let Some(blocks) = Blocks::of(width, restored.len(), BLOCK) else { return };
    let taken = blocks.measure(input, restored, |rows| Taken::of(rows));
    let corrections: Vec<_> = taken.iter().map(Taken::where_mild).collect();
    blocks.add(&corrections, restored);
}

/// What was taken away from a block in each channel.
struct Taken {
    mean: [f64; 3],
    deviation: [f64; 3],
}

impl Taken {
    fn of<'a>(rows: impl Iterator<Item = Rows<'a>>) -> Self {
        let (mut sums, mut squares, mut pixels) = ([0.0_f64; 3], [0.0_f64; 3], 0.0);
        for (input, restored) in rows {
            for (input, restored) in input.chunks_exact(3).zip(restored.chunks_exact(3)) {
                for c in 0..3 {
                    let taken = f64::from(input[c]) - f64::from(restored[c]);
                    sums[c] += taken;
                    squares[c] += taken * taken;
                }
                pixels += 1.0;
            }
        }
        let mean = sums.map(|sum| sum / pixels);
        let deviation = std::array::from_fn(|c| (squares[c] / pixels - mean[c] * mean[c]).max(0.0).sqrt());
        Self { mean, deviation }
    }

    /// What the block lacks of its average, less where stronger noise was taken away.
    fn where_mild(&self) -> [f32; 3] {
        std::array::from_fn(|c| (mildness(self.deviation[c]) * self.mean[c]) as f32)
    }
}

/// From 1 for mild noise to 0 for strong noise, by the standard deviation of what was taken away.
pub(crate) fn mildness(deviation: f64) -> f64 {
    ((STRONG - deviation) / (STRONG - MILD)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    fn mean(values: &[f32]) -> f32 {
        values.iter().sum::<f32>() / values.len() as f32
    }

    /// A plain picture with noise, and a result that took the noise away and `shift` with it.
    fn pictures(size: (usize, usize), deviation: f32, shift: f32) -> (Vec<f32>, Vec<f32>) {
        let len = size.0 * size.1 * 3;
        (noise(len, deviation).into_iter().map(|v| 0.5 + v).collect(), vec![0.5 - shift; len])
    }

    #[test]
    fn mild_noise_leaves_the_averages_and_strong_noise_does_not() {
        for (levels, kept) in [(1.0, 1.0), (6.0, 1.0), (12.0, 0.5), (20.0, 0.0), (60.0, 0.0)] {
            for (size, kept) in [((32, 90), kept), ((200, 47), kept), ((130, 130), kept), ((31, 200), 0.0)] {
                let (input, mut restored) = pictures(size, levels / 255.0, 0.1);
                keep(&input, &mut restored, size.0);
                let share = (mean(&restored) - 0.4) / 0.1;
                assert!(
                    (share - kept).abs() < 0.12,
                    "{levels} levels, {size:?}: {share} of the shift is back"
                );
            }
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
