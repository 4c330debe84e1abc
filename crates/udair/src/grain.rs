//! A denoiser lets some noise through: grain. Half the picture's size has a quarter of the noise, and what is
//! restored from that has less grain and less detail. What it lacks is detail where there is more of it than grain
//! makes, and the less there is of it, the more goes (shrinkage: James and Stein, "Estimation with quadratic loss",
//! Berkeley Symposium 1961; by scales: Facciolo, Pierazzo and Morel, "Conservative scale recomposition for multiscale
//! denoising", SIAM Journal on Imaging Sciences 2017).

use udair_engine::Watch;

use crate::blocks::{Blocks, Rows};
use crate::network::Network;
use crate::phase::Phase;
use crate::smaller::Smaller;
use crate::{Pattern, RestoreError};

/// Share of the power of noise that the network lets through and half the size does not have. From training
/// pictures with white noise and with that of cameras, made up and real: 0.005 to 0.02 are best for each.
const LEFT: f64 = 0.015;

/// Mean square, in a range of values of 1, below which grain cannot be seen: half a level of 8 bits.
const UNSEEN: f64 = 0.25 / (255.0 * 255.0);

/// Shorter side, in pixels, from which on a picture has a version of half the size.
const LEAST: usize = 64;

/// Side of the blocks in which detail and grain are weighed, in pixels.
const BLOCK: usize = 16;

/// What half the size of `input`, rows of `width` RGB pixels, is restored to, at the size of `input`. `None` where
/// so little noise was taken away, or the picture is so small, that no grain is to be feared or known, and where half
/// the size is not found noisy.
///
/// # Errors
/// Those of the network, and [`RestoreError::Output`] where its result is not a picture.
pub(crate) fn coarse(
    network: &dyn Network,
    input: &[f32],
    restored: &[f32],
    width: usize,
    watch: &dyn Watch,
) -> Result<Option<Vec<f32>>, RestoreError> {
    let height = input.len() / (3 * width);
    let squares = Blocks::counted((width, 1), (height, 1)).measure(input, restored, |rows| power(rows));
    if width.min(height) < LEAST || LEFT * squares[0].iter().sum::<f64>() / 3.0 < UNSEEN {
        return Ok(None);
    }
    let (across, down) = (width / 2, height / 2);
    let still = Phase { watch, from: 0.0, to: 0.0 };
    let half = Smaller::of(network, input, (width, height), (across, down), &still)?;
    if half.findings.pattern != Pattern::Denoise {
        return Ok(None);
    }
    let half = half.restore(network, (width, height), watch)?.restored;
    let pixels = Blocks::counted((width, across), (height, down));
    let mut coarse = vec![0.0; input.len()];
    pixels.each_pixel(&mut coarse, |x, y, pixel| *pixel = pixels.at(half.as_chunks().0, x, y));
    Ok(Some(coarse))
}

/// Takes from `restored`, rows of `width` RGB pixels, what grain may be of its difference from `coarse`.
pub(crate) fn smooth(input: &[f32], restored: &mut [f32], coarse: &[f32], width: usize) {
    let Some(blocks) = Blocks::of(width, restored.len(), BLOCK) else { return };
    let taken = blocks.measure(input, restored, |rows| power(rows));
    let detail = blocks.measure(restored, coarse, |rows| power(rows));
    let both = taken.iter().zip(&detail);
    let kept = both.map(|(taken, detail)| {
        std::array::from_fn(|c| (1.0 - LEFT * taken[c] / detail[c].max(f64::MIN_POSITIVE)).max(0.0) as f32)
    });
    let kept: Vec<[f32; 3]> = kept.collect();
    let row = 3 * width;
    blocks.each_pixel(restored, |x, y, pixel| {
        let coarse = &coarse[y * row + 3 * x..][..3];
        let detail = opponent(std::array::from_fn(|c| pixel[c] - coarse[c]));
        let kept = blocks.at(&kept, x, y);
        let detail = rgb(std::array::from_fn(|c| kept[c] * detail[c]));
        (0..3).for_each(|c| pixel[c] = coarse[c] + detail[c]);
    });
}

/// Mean square of the difference of two pictures in a block, by the axes of [`opponent`].
fn power<'a>(rows: impl Iterator<Item = Rows<'a>>) -> [f64; 3] {
    let (mut sums, mut pixels) = ([0.0_f64; 3], 0.0);
    for (a, b) in rows {
        for (a, b) in a.as_chunks::<3>().0.iter().zip(b.as_chunks::<3>().0) {
            let difference = opponent(std::array::from_fn(|c| a[c] - b[c]));
            sums.iter_mut().zip(difference).for_each(|(sum, v)| *sum += f64::from(v) * f64::from(v));
            pixels += 1.0;
        }
    }
    sums.map(|sum| sum / pixels)
}

/// Grey and two differences of colours, of length one and at right angles: detail is mostly grey, and noise is not.
const AXES: [[f32; 3]; 3] = [
    [0.577_350_26, 0.577_350_26, 0.577_350_26],
    [0.707_106_77, -0.707_106_77, 0.0],
    [0.408_248_3, 0.408_248_3, -0.816_496_6],
];

fn opponent(rgb: [f32; 3]) -> [f32; 3] {
    AXES.map(|axis| axis[0] * rgb[0] + axis[1] * rgb[1] + axis[2] * rgb[2])
}

fn rgb(opponent: [f32; 3]) -> [f32; 3] {
    std::array::from_fn(|c| (0..3).map(|k| AXES[k][c] * opponent[k]).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    const SIZE: (usize, usize) = (96, 64);
    const LEN: usize = SIZE.0 * SIZE.1 * 3;

    /// Squares of 8 pixels, this much above and below grey.
    fn squares(height: f32) -> Vec<f32> {
        let value = |i: usize| {
            let (x, y) = (i / 3 % SIZE.0, i / 3 / SIZE.0);
            if (x / 8 + y / 8) % 2 == 0 { 0.5 + height } else { 0.5 - height }
        };
        (0..LEN).map(value).collect()
    }

    fn sum(a: &[f32], b: &[f32]) -> Vec<f32> {
        a.iter().zip(b).map(|(a, b)| a + b).collect()
    }

    fn distance(a: &[f32], b: &[f32]) -> f32 {
        (a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>() / a.len() as f32).sqrt()
    }

    #[test]
    fn grain_goes_and_detail_stays() {
        for (detail, grain, deviation, left) in [
            // Detail, grain and noise, and the share of the grain that may be left.
            (0.0, 0.01, 0.1, 0.05),
            (0.0, 0.02, 0.1, 0.65),
            (0.1, 0.0, 0.1, 0.0),
            (0.1, 0.01, 0.1, 1.1),
        ] {
            let clean = squares(detail);
            let input = sum(&clean, &noise(LEN, deviation));
            let grain: Vec<f32> = noise(LEN, grain).into_iter().rev().collect();
            let mut restored = sum(&clean, &grain);
            let before = distance(&restored, &clean);
            smooth(&input, &mut restored, &vec![0.5; LEN], SIZE.0);
            let after = distance(&restored, &clean);
            assert!(after <= left * before + 0.002, "{detail}, {before}: {after} is left");
        }
    }

    #[test]
    fn nothing_was_taken_and_nothing_goes() {
        let input = sum(&squares(0.05), &noise(LEN, 0.02));
        let mut restored = input.clone();
        smooth(&input, &mut restored, &squares(0.05), SIZE.0);
        assert!(distance(&restored, &input) < 1e-6);
    }

    #[test]
    fn opponent_colours_are_turned_axes() {
        for v in [[1.0, 0.0, 0.0], [0.2, -0.4, 0.9], [-1.0, 0.5, 0.25]] {
            let back = rgb(opponent(v));
            assert!(v.iter().zip(back).all(|(v, b)| (v - b).abs() < 1e-6), "{v:?}: {back:?}");
        }
        assert!(opponent([0.3; 3])[1..].iter().all(|v| v.abs() < 1e-6));
    }
}
