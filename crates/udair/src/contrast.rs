//! Noise has nothing to do with what it lies on, and so has what a good denoiser takes away: the estimate of least
//! squared error is orthogonal to its own error, and with what noise it lets through it can only resemble what it
//! took away (by its divergence: Stein, "Estimation of the mean of a multivariate normal distribution", Annals of
//! Statistics 1981). Where what was taken away is a negative of what is left, the result has more contrast than the picture
//! shows: a soft picture was taken for a hazy one, say. Its detail is then brought back to what the picture supports.

use crate::blocks::Blocks;

/// Side of the blocks, in pixels: detail is what differs from their averages.
const BLOCK: usize = 32;

/// Mean square of detail, in a range of values of 1, below which there is next to none to compare with: rounding
/// to 8 bits makes a sixth of it.
const FAINT: f64 = 0.5 / (255.0 * 255.0);

/// Takes from `restored`, rows of `width` RGB pixels, the contrast of detail that `input` does not show. Pictures
/// that are smaller than a block stay as they are.
pub(crate) fn bound(input: &[f32], restored: &mut [f32], width: usize) {
    let Some(blocks) = Blocks::of(width, restored.len(), BLOCK) else { return };
    let levels = Levels::of(blocks, input, restored);
    let excess = blocks.measure_placed(input, restored, |rows| {
        let (mut products, mut squares, mut pixels) = ([0.0; 3], [0.0; 3], 0.0);
        for ((left, y), (input, restored)) in rows {
            let both = input.as_chunks::<3>().0.iter().zip(restored.as_chunks::<3>().0);
            for (x, (input, restored)) in both.enumerate() {
                let [before, after] = levels.at(left + x, y);
                for c in 0..3 {
                    let detail = f64::from(restored[c] - after[c]);
                    products[c] += f64::from(input[c] - before[c]) * detail;
                    squares[c] += detail * detail;
                }
                pixels += 1.0;
            }
        }
        std::array::from_fn(|c| {
            let taken = (products[c] - squares[c]) / (squares[c] + FAINT * pixels);
            // Detail that runs against the input's altogether goes, and does not turn round.
            taken.clamp(-1.0, 0.0) as f32
        })
    });
    blocks.each_pixel(restored, |x, y, pixel| {
        let ([_, after], excess) = (levels.at(x, y), blocks.at(&excess, x, y));
        (0..3).for_each(|c| pixel[c] += excess[c] * (pixel[c] - after[c]));
    });
}

/// Averages of the blocks of both pictures.
struct Levels {
    blocks: Blocks,
    input: Vec<[f32; 3]>,
    restored: Vec<[f32; 3]>,
}

impl Levels {
    fn of(blocks: Blocks, input: &[f32], restored: &[f32]) -> Self {
        Self { blocks, input: blocks.means(input), restored: blocks.means(restored) }
    }

    /// What the averages of the input and of the result are about this pixel.
    fn at(&self, x: usize, y: usize) -> [[f32; 3]; 2] {
        [self.blocks.at(&self.input, x, y), self.blocks.at(&self.restored, x, y)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    const SIZE: (usize, usize) = (160, 128);

    /// A grating of this amplitude on a ramp.
    fn grating(amplitude: f32) -> Vec<f32> {
        let value = |i: usize| {
            let (x, y) = (i / 3 % SIZE.0, i / 3 / SIZE.0);
            0.3 + 0.4 * y as f32 / SIZE.1 as f32 + amplitude * (x as f32 / 9.0 * std::f32::consts::TAU).sin()
        };
        (0..SIZE.0 * SIZE.1 * 3).map(value).collect()
    }

    fn noisy(picture: &[f32], deviation: f32) -> Vec<f32> {
        picture.iter().zip(noise(picture.len(), deviation)).map(|(v, n)| v + n).collect()
    }

    /// Root mean square difference.
    fn distance(a: &[f32], b: &[f32]) -> f32 {
        (a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>() / a.len() as f32).sqrt()
    }

    #[test]
    fn raised_contrast_comes_down_under_any_noise() {
        for deviation in [0.0, 0.02, 0.1] {
            let clean = grating(0.06);
            let (input, raised) = (noisy(&clean, deviation), grating(0.09));
            let mut restored = raised.clone();
            bound(&input, &mut restored, SIZE.0);
            let share = distance(&restored, &clean) / distance(&raised, &clean);
            assert!(share < 0.25, "{deviation}: {share} of the difference is left");
        }
    }

    #[test]
    fn what_noise_was_taken_from_stays() {
        for (deviation, left) in [(0.0, 0.06), (0.02, 0.06), (0.02, 0.04), (0.1, 0.06)] {
            // Smoothing, too, takes away what resembles what is left.
            let (input, denoised) = (noisy(&grating(0.06), deviation), grating(left));
            let mut restored = denoised.clone();
            bound(&input, &mut restored, SIZE.0);
            let change = distance(&restored, &denoised);
            assert!(change < 0.05 * deviation + 1e-5, "{deviation}, {left}: changed by {change}");
        }
    }

    #[test]
    fn plain_and_small_pictures_stay() {
        let plain = vec![0.5; SIZE.0 * SIZE.1 * 3];
        let mut restored = plain.clone();
        bound(&noisy(&plain, 0.05), &mut restored, SIZE.0);
        assert!(distance(&restored, &plain) < 1e-6);
        let small: Vec<f32> = grating(0.09)[..31 * 31 * 3].to_vec();
        let mut restored = small.clone();
        bound(&vec![0.5; small.len()], &mut restored, 31);
        assert_eq!(restored, small);
    }
}
