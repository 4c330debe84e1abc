//! How much the network brightens a dark picture and how much haze it takes away depend on the picture's size:
//! less of a large one than of a small version of it. It is right on average at the sizes of the crops that it
//! was trained on. The brightness and colour of wide areas are therefore those that a version of that size gets.
//!
//! Detail is what the network makes of a dark picture itself. Haze is a factor and a veil that change slowly over
//! a picture (Koschmieder 1924), so that a line in every area says all that it takes to undo it, and detail is
//! the picture's own.

use udair_engine::Watch;

use crate::blocks::Blocks;
use crate::check;
use crate::network::Network;
use crate::{Pattern, RestoreError};

/// The shorter side of the smaller version, in pixels: that of the largest crops of training.
const SIDE: usize = 256;

/// Side of the areas whose brightness is taken over, in pixels of the smaller version.
const AREA: usize = 16;

/// Variance of an area, in a range of values of 1, below which its line is more that of the whole picture.
const FLAT: f64 = 1e-4;

/// What an area's brightness changes by at most, up and down.
const MOST: f32 = 2.0;

/// Keeps the quotient of two averages calm where both are almost black.
const BLACK: f32 = 1.0 / 255.0;

/// Gives `restored`, rows of `width` RGB pixels, the brightness and colour of wide areas that a smaller
/// version of `input` is restored with, or undoes the haze of `input` by the lines of that version. Where the
/// picture is no larger, or the smaller version is not found to be spoiled by `pattern`, too, nothing changes.
///
/// # Errors
/// Those of the network, and [`RestoreError::Output`] where its result is not a picture.
pub(crate) fn adopt(
    network: &dyn Network,
    pattern: Pattern,
    input: &[f32],
    restored: &mut [f32],
    width: usize,
    watch: &dyn Watch,
) -> Result<(), RestoreError> {
    let height = input.len() / (3 * width);
    let shorter = width.min(height);
    if shorter <= SIDE {
        return Ok(());
    }
    let [across, down] = [width, height].map(|side| side * SIDE / shorter);
    let smaller = means(Blocks::counted((width, across), (height, down)), input);
    let given = check::Input::of(smaller.as_flattened());
    let conditions = network.conditions(smaller.as_flattened(), across, down, watch)?;
    let found = network.identify(&conditions);
    if found.is_none_or(|found| found.best().pattern != pattern.id()) {
        return Ok(());
    }
    let aim = network.restore(smaller.as_flattened().to_vec(), across, down, conditions, watch)?;
    if let Some(fault) = check::fault(&given, &aim) {
        return Err(RestoreError::Output(fault));
    }
    let [columns, rows] = [across, down].map(|side| side / AREA);
    let seen = Blocks::counted((across, columns), (down, rows));
    let areas = Blocks::counted((width, columns), (height, rows));
    if pattern == Pattern::Dehaze {
        let (slopes, shifts) = lines(seen, smaller.as_flattened(), &aim);
        restored.copy_from_slice(input);
        areas.multiply(&slopes, restored);
        areas.add(&shifts, restored);
        return Ok(());
    }
    let aim = means(seen, &aim);
    let gain = |(aim, own): (&[f32; 3], &[f32; 3])| -> [f32; 3] {
        std::array::from_fn(|c| ((aim[c] + BLACK) / (own[c] + BLACK)).clamp(1.0 / MOST, MOST))
    };
    let gains: Vec<_> = aim.iter().zip(&means(areas, restored)).map(gain).collect();
    areas.multiply(&gains, restored);
    Ok(())
}

/// The line through the values of every block and channel, from `input` to `restored`: slopes and shifts.
fn lines(blocks: Blocks, input: &[f32], restored: &[f32]) -> (Vec<[f32; 3]>, Vec<[f32; 3]>) {
    let moments = blocks.measure(input, restored, |rows| {
        let mut channels = [[0.0_f64; 4]; 3];
        let mut pixels = 0.0;
        for (input, restored) in rows {
            for (x, y) in input.as_chunks::<3>().0.iter().zip(restored.as_chunks::<3>().0) {
                for (sums, (&x, &y)) in channels.iter_mut().zip(x.iter().zip(y)) {
                    let (x, y) = (f64::from(x), f64::from(y));
                    [x, y, x * x, x * y].into_iter().zip(sums).for_each(|(value, sum)| *sum += value);
                }
                pixels += 1.0;
            }
        }
        // Means of both, variance and covariance.
        channels.map(|sums| {
            let [x, y, square, product] = sums.map(|sum| sum / pixels);
            [x, y, square - x * x, product - x * y]
        })
    });
    let slope = |variance: f64, covariance: f64, usual: f64| (covariance + FLAT * usual) / (variance + FLAT);
    let usual: [f64; 3] = std::array::from_fn(|c| {
        let sum = |moment: usize| moments.iter().map(|channels| channels[c][moment]).sum::<f64>();
        slope(sum(2), sum(3), 1.0)
    });
    let line = |channels: &[[f64; 4]; 3]| -> [(f32, f32); 3] {
        std::array::from_fn(|c| {
            let [x, y, variance, covariance] = channels[c];
            let slope = slope(variance, covariance, usual[c]);
            (slope as f32, (y - slope * x) as f32)
        })
    };
    moments.iter().map(line).map(|line| (line.map(|l| l.0), line.map(|l| l.1))).unzip()
}

/// The mean of every block in each channel, not below black.
fn means(blocks: Blocks, rgb: &[f32]) -> Vec<[f32; 3]> {
    blocks.measure(rgb, rgb, |rows| {
        let (mut sums, mut pixels) = ([0.0; 3], 0.0);
        for (row, _) in rows {
            for pixel in row.as_chunks::<3>().0 {
                (0..3).for_each(|c| sums[c] += pixel[c]);
                pixels += 1.0;
            }
        }
        sums.map(|sum: f32| (sum / pixels).max(0.0))
    })
}
