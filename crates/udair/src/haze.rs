//! Haze is a factor and a veil that change slowly over a picture (Koschmieder 1924), so that a line in every area
//! says all that it takes to undo it. The lines come from a smaller version; detail is the picture's own.

use crate::smaller::Undone;

/// Variance of an area, in a range of values of 1, below which its line is more that of the whole picture.
const FLAT: f64 = 1e-4;

/// A line's slope and shift, one each a channel.
type Line = ([f32; 3], [f32; 3]);

/// Undoes the haze of `rgb`, the picture that `smaller` was made from.
pub(crate) fn undo(smaller: &Undone, rgb: &mut [f32]) {
    let (slopes, shifts): (Vec<_>, Vec<_>) = lines(smaller).into_iter().unzip();
    smaller.areas.multiply(&slopes, rgb);
    smaller.areas.add(&shifts, rgb);
}

/// The line through the values of every area and channel, from the smaller version to what it is restored to.
fn lines(smaller: &Undone) -> Vec<Line> {
    let moments = smaller.seen.measure(&smaller.input, &smaller.restored, |rows| {
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
    let line = |channels: &[[f64; 4]; 3]| -> Line {
        let slopes = std::array::from_fn(|c| slope(channels[c][2], channels[c][3], usual[c]));
        let shifts = std::array::from_fn(|c| (channels[c][1] - slopes[c] * channels[c][0]) as f32);
        (slopes.map(|slope| slope as f32), shifts)
    };
    moments.iter().map(line).collect()
}
