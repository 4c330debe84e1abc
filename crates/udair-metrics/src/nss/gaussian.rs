//! Generalised Gaussians fitted by their moments, the shape among 0.200, 0.201, … 10.000.

use std::sync::LazyLock;

use libm::tgamma as gamma;

use crate::simd::wide;

/// Sums from which a generalised Gaussian is fitted.
#[derive(Clone, Copy, Default)]
pub(crate) struct Moments {
    count: f64,
    absolute: f64,
    negatives: f64,
    positives: f64,
    negative_squares: f64,
    positive_squares: f64,
}

/// An asymmetric generalised Gaussian: shape and two one-sided deviations.
#[derive(Clone, Copy)]
pub(crate) struct Asymmetric {
    pub(crate) shape: f64,
    /// Root mean square of the negative values; NaN where there are none.
    pub(crate) left: f64,
    /// Root mean square of the positive values; NaN where there are none.
    pub(crate) right: f64,
}

impl Moments {
    pub(crate) fn of(values: &[f64]) -> Self {
        sums(values)
    }

    /// Mean of the squares.
    pub(crate) fn power(&self) -> f64 {
        (self.negative_squares + self.positive_squares) / self.count
    }

    fn mean_absolute(&self) -> f64 {
        self.absolute / self.count
    }

    /// Shape of the symmetric generalised Gaussian with these moments (Sharifi and Leon-Garcia, 1995).
    pub(crate) fn symmetric_shape(&self) -> f64 {
        let target = self.power() / self.mean_absolute().powi(2);
        nearest(&GRID.inverse, GRID.inverse.partition_point(|&number| number > target), target)
    }

    /// The asymmetric generalised Gaussian (Lasmar, Stitou and Berthoumieu, 2009). Where a side is
    /// empty, the shape is the least.
    pub(crate) fn asymmetric(&self) -> Asymmetric {
        let left = (self.negative_squares / self.negatives).sqrt();
        let right = (self.positive_squares / self.positives).sqrt();
        let g = left / right;
        let ratio = self.mean_absolute().powi(2) / self.power();
        let target = ratio * (g.powi(3) + 1.0) * (g + 1.0) / (g * g + 1.0).powi(2);
        let shape = nearest(&GRID.ratio, GRID.ratio.partition_point(|&number| number < target), target);
        Asymmetric { shape, left, right }
    }
}

wide! {
    /// Sums side by side and without branches, so that they are done in vectors.
    fn sums(values: &[f64]) -> Moments {
        const LANES: usize = 8;
        let [mut absolute, mut negative_squares, mut positive_squares] = [[0.0; LANES]; 3];
        let [mut negatives, mut positives] = [[0_u64; LANES]; 2];
        let (whole, rest) = values.as_chunks::<LANES>();
        // Zeros change no sum.
        let mut last = [0.0; LANES];
        last[..rest.len()].copy_from_slice(rest);
        for chunk in whole.iter().chain([&last]) {
            for lane in 0..LANES {
                let value = chunk[lane];
                // Adding 0 makes 0 of -0: the sign bit then says "below 0".
                let (low, high) = (value.min(0.0) + 0.0, (-value).min(0.0) + 0.0);
                absolute[lane] += value.abs();
                negative_squares[lane] += low * low;
                positive_squares[lane] += high * high;
                negatives[lane] += low.to_bits() >> 63;
                positives[lane] += high.to_bits() >> 63;
            }
        }
        Moments {
            count: values.len() as f64,
            absolute: absolute.iter().sum(),
            negatives: negatives.iter().sum::<u64>() as f64,
            positives: positives.iter().sum::<u64>() as f64,
            negative_squares: negative_squares.iter().sum(),
            positive_squares: positive_squares.iter().sum(),
        }
    }
}

impl std::ops::AddAssign for Moments {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.absolute += other.absolute;
        self.negatives += other.negatives;
        self.positives += other.positives;
        self.negative_squares += other.negative_squares;
        self.positive_squares += other.positive_squares;
    }
}

impl Asymmetric {
    /// Scale of a side with this deviation: `deviation * sqrt(Γ(1/shape) / Γ(3/shape))`.
    pub(crate) fn scale(&self, deviation: f64) -> f64 {
        deviation * (gamma(1.0 / self.shape) / gamma(3.0 / self.shape)).sqrt()
    }

    /// Mean for a difference of the scales of 1: `Γ(2/shape) / Γ(1/shape)`.
    pub(crate) fn mean_per_scale(&self) -> f64 {
        gamma(2.0 / self.shape) / gamma(1.0 / self.shape)
    }
}

struct Grid {
    /// `Γ(2/a)² / (Γ(1/a) Γ(3/a))` of every shape a: rises with a.
    ratio: Vec<f64>,
    /// `Γ(1/a) Γ(3/a) / Γ(2/a)²`: falls with a.
    inverse: Vec<f64>,
}

static GRID: LazyLock<Grid> = LazyLock::new(|| {
    let gammas = |i| [1.0, 2.0, 3.0].map(|n| gamma(n / shape(i)));
    let shapes = || (0..=9800).map(gammas);
    Grid {
        ratio: shapes().map(|[g1, g2, g3]| g2 * g2 / (g1 * g3)).collect(),
        inverse: shapes().map(|[g1, g2, g3]| g1 * g3 / (g2 * g2)).collect(),
    }
});

fn shape(i: usize) -> f64 {
    (200 + i) as f64 / 1000.0
}

/// The shape whose number is nearest to `target`, which lies just before `after`; the smaller of two
/// that are equally near. For NaN the first, as where a minimum of nothing but NaN is taken.
fn nearest(numbers: &[f64], after: usize, target: f64) -> f64 {
    if target.is_nan() || after == 0 {
        return shape(0);
    }
    let distance = |i: usize| (numbers[i] - target).abs();
    shape(if after < numbers.len() && distance(after) < distance(after - 1) { after } else { after - 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_needs_order() {
        assert!(GRID.ratio.is_sorted_by(|a, b| a < b));
        assert!(GRID.inverse.is_sorted_by(|a, b| a > b));
    }

    #[test]
    fn the_nearest_shape_is_found() {
        for i in [0, 1, 2, 500, 1800, 9799, 9800] {
            for (numbers, rising) in [(&GRID.ratio, true), (&GRID.inverse, false)] {
                let find = |target: f64| {
                    let after = numbers.partition_point(|&n| if rising { n < target } else { n > target });
                    nearest(numbers, after, target)
                };
                assert_eq!(find(numbers[i]), shape(i));
                if let Some(next) = numbers.get(i + 1) {
                    assert_eq!(find(0.6 * numbers[i] + 0.4 * next), shape(i));
                    assert_eq!(find(0.4 * numbers[i] + 0.6 * next), shape(i + 1));
                }
            }
        }
        assert_eq!(nearest(&GRID.ratio, 0, f64::NAN), 0.2);
        assert_eq!(nearest(&GRID.ratio, 9801, f64::INFINITY), 10.0);
    }

    #[test]
    fn moments_of_a_gaussian_give_shape_2() {
        // Quantiles of the normal distribution by bisection of its error function.
        let quantile = |p: f64| {
            let (mut low, mut high) = (-9.0, 9.0);
            for _ in 0..60 {
                let middle = f64::midpoint(low, high);
                if 0.5 * libm::erfc(-middle / std::f64::consts::SQRT_2) < p {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            low
        };
        let values: Vec<f64> = (0..4000).map(|i| 3.0 * quantile((f64::from(i) + 0.5) / 4000.0)).collect();
        let moments = Moments::of(&values);
        let Asymmetric { shape, left, right } = moments.asymmetric();
        assert!((shape - 2.0).abs() < 0.01 && (moments.symmetric_shape() - 2.0).abs() < 0.01);
        assert!((left - 3.0).abs() < 0.01 && (right - 3.0).abs() < 0.01);
    }
}
