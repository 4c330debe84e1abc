//! Noise moves values about their mean: a picture has the same local averages with it and without it, and what a
//! network changes of them it has made up. Where noise is mild, its result gets them back.
//!
//! Where noise is strong, black cuts half of it off and the averages are too bright; there the network knows
//! better. But where most of what it took away is as wide as a block of many pixels, that was no noise at all,
//! however strong: a soft picture was taken for a hazy one, say.

use crate::blocks::{Blocks, Rows};

/// Side of the blocks that are averaged, in pixels: noise averages out to 1/32 of its deviation.
const BLOCK: usize = 32;

/// Standard deviation of what was taken away, in a range of values of 1, up to which averages are kept, and
/// from which on they are not.
const MILD: f64 = 8.0 / 255.0;
const STRONG: f64 = 2.0 * MILD;

/// Side of the blocks that tell noise from wider changes.
const SPAN: usize = 16;

/// Share, of the deviation of what was taken away from a picture, that these blocks move by as a whole: up to
/// the first it was noise, from the second on it was not. White noise has 1/16. Of training pictures those that
/// gained reach 0.30, a camera's colour blotches included, and those that lost so begin at 0.56. Real noise of
/// development pictures, enlarged to twice its size, reaches 0.44.
const NOISE: f64 = 0.5;
const MADE_UP: f64 = 0.6;

/// Side of the blocks whose averages are then kept.
const PATCH: usize = 8;

/// Gives `restored`, rows of `width` RGB pixels, the local averages of `input` where it took mild noise away, or
/// what is wider than noise. Pictures that are smaller than a block stay as they are: the average of a few values is
/// as noisy as they.
pub(crate) fn keep(input: &[f32], restored: &mut [f32], width: usize) {
    let Some(blocks) = Blocks::of(width, restored.len(), BLOCK) else { return };
    let taken = blocks.measure(input, restored, |rows| Taken::of(rows));
    let corrections: Vec<_> = taken.iter().map(Taken::where_mild).collect();
    blocks.add(&corrections, restored);
    keep_patches(input, restored, width);
}

/// Gives back the averages of patches, if most of what is still taken away is wider than noise.
fn keep_patches(input: &[f32], restored: &mut [f32], width: usize) {
    let Some(spans) = Blocks::of(width, restored.len(), SPAN) else { return };
    let taken = spans.measure(input, restored, |rows| Taken::of(rows));
    let [wide, all] = taken.iter().fold([0.0; 2], |[wide, all], span| {
        let means: f64 = span.mean.iter().map(|mean| mean * mean).sum();
        [wide + means, all + means + span.deviation.iter().map(|d| d * d).sum::<f64>()]
    });
    let share = (((wide / all.max(f64::MIN_POSITIVE)).sqrt() - NOISE) / (MADE_UP - NOISE)).clamp(0.0, 1.0);
    if share > 0.0
        && let Some(patches) = Blocks::of(width, restored.len(), PATCH)
    {
        let taken = patches.measure(input, restored, |rows| Taken::of(rows));
        let corrections: Vec<_> = taken.iter().map(|patch| patch.mean.map(|m| (share * m) as f32)).collect();
        patches.add(&corrections, restored);
    }
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
        std::array::from_fn(|c| {
            let share = ((STRONG - self.deviation[c]) / (STRONG - MILD)).clamp(0.0, 1.0);
            (share * self.mean[c]) as f32
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of mean 0 and about this deviation, the same in every run.
    fn noise(len: usize, deviation: f32) -> Vec<f32> {
        let mut state = 1_u32;
        let mut unit = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32
        };
        (0..len).map(|_| (unit() + unit() + unit() - 1.5) * 2.0 * deviation).collect()
    }

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
                // As much as black takes off at its strongest.
                let shift = 0.4 * levels / 255.0;
                let (input, mut restored) = pictures(size, levels / 255.0, shift);
                keep(&input, &mut restored, size.0);
                let share = (mean(&restored) - 0.5 + shift) / shift;
                assert!(
                    (share - kept).abs() < 0.12,
                    "{levels} levels, {size:?}: {share} of the shift is back"
                );
            }
        }
    }

    /// Strong noise taken away, and with it a pattern `amount` strong in waves of 48 pixels.
    #[test]
    fn what_is_wider_than_noise_comes_back() {
        for (amount, kept) in [(0.02, 0.0), (0.6, 1.0)] {
            let (width, height) = (192, 160);
            let wave = |i: usize| amount * ((i / 3 % width) as f32 / 48.0 * std::f32::consts::TAU).sin();
            let input: Vec<f32> =
                noise(width * height * 3, 24.0 / 255.0).into_iter().map(|v| 0.5 + v).collect();
            let result: Vec<f32> = (0..input.len()).map(|i| 0.5 + wave(i)).collect();
            let mut restored = result.clone();
            keep(&input, &mut restored, width);
            let product =
                |values: &[f32]| -> f32 { values.iter().enumerate().map(|(i, v)| (v - 0.5) * wave(i)).sum() };
            let share = 1.0 - product(&restored) / product(&result);
            assert!((share - kept).abs() < 0.2, "{amount}: {share} of the pattern is taken back");
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
