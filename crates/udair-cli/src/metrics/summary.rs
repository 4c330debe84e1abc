//! Mean, spread, and how sure the mean is.

/// Statistics of the pictures that have a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Summary {
    pub(super) n: usize,
    pub(super) mean: f64,
    /// Standard deviation over `n - 1`.
    pub(super) deviation: Option<f64>,
    /// 95 % percentile bootstrap interval of the mean.
    pub(super) interval: Option<(f64, f64)>,
}

/// Resamples of the bootstrap.
const RESAMPLES: usize = 10_000;

impl Summary {
    /// `None` without values. One value, or an infinite one (PSNR of equal pictures), has no spread.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        if n == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        if n == 1 || !mean.is_finite() {
            return Some(Self { n, mean, deviation: None, interval: None });
        }
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = Some((squares / (n - 1) as f64).sqrt());
        Some(Self { n, mean, deviation, interval: Some(interval(values)) })
    }
}

fn interval(values: &[f64]) -> (f64, f64) {
    let n = values.len();
    let mut random = SplitMix64(0);
    let mut resampled = || (0..n).map(|_| values[random.below(n)]).sum::<f64>() / n as f64;
    let mut means: Vec<f64> = (0..RESAMPLES).map(|_| resampled()).collect();
    means.sort_by(f64::total_cmp);
    (means[RESAMPLES / 40], means[RESAMPLES - 1 - RESAMPLES / 40])
}

/// Steele, Lea and Flood, 2014. Always from one seed, so that a run can be repeated.
struct SplitMix64(u64);

impl SplitMix64 {
    /// A number below `n`, by the upper half of a product.
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        ((u128::from(z) * n as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_have_no_spread() {
        assert_eq!(Summary::of(&[]), None);
        let one = Summary { n: 1, mean: 3.0, deviation: None, interval: None };
        assert_eq!(Summary::of(&[3.0]), Some(one));
        let infinite = Summary::of(&[30.0, f64::INFINITY]).unwrap();
        assert_eq!((infinite.mean, infinite.deviation), (f64::INFINITY, None));
    }

    #[test]
    fn the_interval_is_about_two_standard_errors() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        let summary = Summary::of(&values).unwrap();
        assert_eq!((summary.n, summary.mean), (100, 49.5));
        let error = summary.deviation.unwrap() / 10.0;
        let (low, high) = summary.interval.unwrap();
        assert!((summary.mean - low - 1.96 * error).abs() < 0.15 * error, "{low}");
        assert!((high - summary.mean - 1.96 * error).abs() < 0.15 * error, "{high}");
    }
}
