//! UICM: mean and spread of the opponent colours red-green and yellow-blue, tails trimmed.
//!
//! `-0.0268 sqrt(mu_rg^2 + mu_yb^2) + 0.1586 sqrt(var_rg + var_yb)`. On 8-bit pixels both opponents
//! take few values, so histograms stand for the sorted pixels.

use std::ops::Range;

use rayon::prelude::*;

use crate::image::Rgb8;

/// What is left out of `K` sorted pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trim {
    /// A tenth at each end, rounded up below and down above.
    Paper,
    /// FUnIE-GAN: one pixel more from the mean, though it is divided as if it were there; no trim for
    /// the variance.
    Funie,
    /// From `round(0.1 K + 1)` to `round(0.9 K)`, counted from 1, divided by `0.8 K`.
    Matlab,
}

pub(super) fn colourfulness(image: &Rgb8, trim: Trim) -> f64 {
    let opponents = Opponents::of(image);
    // Red minus green as it is; yellow minus blue is counted in halves.
    let (mu_rg, var_rg) = opponents.red_green.mean_and_variance(1.0, trim);
    let (mu_yb, var_yb) = opponents.yellow_blue.mean_and_variance(0.5, trim);
    -0.0268 * mu_rg.hypot(mu_yb) + 0.1586 * (var_rg + var_yb).sqrt()
}

struct Opponents {
    red_green: Histogram,
    yellow_blue: Histogram,
}

impl Opponents {
    fn of(image: &Rgb8) -> Self {
        let count = |mut sum: Self, y: usize| {
            for &[r, g, b] in image.row(y) {
                let [r, g, b] = [r, g, b].map(usize::from);
                sum.red_green.counts[255 + r - g] += 1;
                sum.yellow_blue.counts[510 + r + g - 2 * b] += 1;
            }
            sum
        };
        (0..image.height()).into_par_iter().fold(Self::empty, count).reduce(Self::empty, Self::plus)
    }

    fn empty() -> Self {
        Self { red_green: Histogram::empty(255), yellow_blue: Histogram::empty(510) }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            red_green: self.red_green.plus(&other.red_green),
            yellow_blue: self.yellow_blue.plus(&other.yellow_blue),
        }
    }
}

/// How often each whole number from `-most` to `most` occurs.
struct Histogram {
    most: i64,
    counts: Vec<u64>,
}

impl Histogram {
    fn empty(most: usize) -> Self {
        Self { most: most as i64, counts: vec![0; 2 * most + 1] }
    }

    fn plus(mut self, other: &Self) -> Self {
        self.counts.iter_mut().zip(&other.counts).for_each(|(a, b)| *a += b);
        self
    }

    fn mean_and_variance(&self, unit: f64, trim: Trim) -> (f64, f64) {
        let k: u64 = self.counts.iter().sum();
        let tenth = 0.1 * k as f64;
        let (low, high) = (tenth.ceil() as u64, k - tenth.floor() as u64);
        let (for_mean, for_variance, n_mean, n_variance) = match trim {
            Trim::Paper => (low..high, low..high, (high - low) as f64, (high - low) as f64),
            Trim::Funie => (low + 1..high, 0..k, (high - low) as f64, k as f64),
            Trim::Matlab => {
                let kept = ((tenth + 1.0).round() as u64 - 1)..(0.9 * k as f64).round() as u64;
                (kept.clone(), kept, 0.8 * k as f64, 0.8 * k as f64)
            }
        };
        let mean = self.sum(for_mean, |v| v * unit) / n_mean;
        (mean, self.sum(for_variance, |v| (v * unit - mean).powi(2)) / n_variance)
    }

    /// Sum of `of(value)` over a range of the sorted values.
    fn sum(&self, range: Range<u64>, of: impl Fn(f64) -> f64) -> f64 {
        let (mut before, mut sum) = (0, 0.0);
        for (value, &count) in (-self.most..).zip(&self.counts) {
            let end = (before + count).min(range.end);
            let start = before.max(range.start);
            if end > start {
                sum += (end - start) as f64 * of(value as f64);
            }
            before += count;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_the_sorted_values_is_summed() {
        let mut histogram = Histogram::empty(2);
        histogram.counts = vec![1, 0, 2, 3, 1]; // -2 0 0 1 1 1 2
        for (range, sum) in [(0..7, 3.0), (1..4, 1.0), (3..3, 0.0), (5..7, 3.0), (0..1, -2.0)] {
            assert_eq!(histogram.sum(range.clone(), |v| v), sum, "{range:?}");
        }
    }
}
