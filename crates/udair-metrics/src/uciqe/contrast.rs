//! The contrast of L in its four readings: the distance between the darkest and the brightest percent.

/// Bins of the two readings by a histogram.
const BINS: usize = 65536;

/// MATLAB's `stretchlim` of L over 255: from the first bin below which more than 1 % lies to the first
/// with 99 %, of 65536 over 0..=1; where these are one, the whole range.
pub(super) fn stretch_limits(counts: &[u64; 256]) -> f64 {
    let (low, high) = limits(counts);
    if low == high { 1.0 } else { (high - low) as f64 / 255.0 }
}

/// The same limits among 65536 bins over the range of L, as `numpy.histogram` makes them by default.
pub(super) fn numpy_limits(counts: &[u64; 256]) -> f64 {
    let (low, high) = limits(counts);
    let least = counts.iter().position(|&n| n > 0).unwrap_or(0) as f64 / 255.0;
    let most = counts.iter().rposition(|&n| n > 0).unwrap_or(0) as f64 / 255.0;
    let bin = |l: usize| numpy_bin(l as f64 / 255.0, least, most);
    (bin(high) - bin(low)) as f64 / (BINS - 1) as f64
}

/// The bin that `numpy.histogram` counts a value in: by its place in the range, then corrected by
/// comparison with the computed edges.
fn numpy_bin(value: f64, least: f64, most: f64) -> usize {
    if least == most {
        return BINS / 2;
    }
    let step = (most - least) / BINS as f64;
    let edge = |bin: usize| if bin == BINS { most } else { bin as f64 * step + least };
    let place = ((value - least) / (most - least) * BINS as f64) as usize;
    let bin = place.min(BINS - 1);
    if value < edge(bin) {
        bin - 1
    } else if bin + 1 < BINS && value >= edge(bin + 1) {
        bin + 1
    } else {
        bin
    }
}

/// The L of the first pixels, from dark to bright, with more than 1 % and with at least 99 % up to there.
fn limits(counts: &[u64; 256]) -> (usize, usize) {
    let total: u64 = counts.iter().sum();
    let first = |enough: &dyn Fn(f64) -> bool| {
        let mut seen = 0;
        counts.iter().position(|&n| {
            seen += n;
            enough(seen as f64 / total as f64)
        })
    };
    (first(&|part| part > 0.01).unwrap_or(255), first(&|part| part >= 0.99).unwrap_or(255))
}

/// Distance of two order statistics of L over 255, at 1 % and 99 %.
pub(super) fn order_statistics(counts: &[u64; 256]) -> f64 {
    let total: u64 = counts.iter().sum();
    let at = |part: f64| {
        let rank = (total as f64 * part) as u64;
        let mut seen = 0;
        let level = counts.iter().position(|&n| {
            seen += n;
            seen > rank
        });
        level.unwrap_or(255) as f64 / 255.0
    };
    at(0.99) - at(0.01)
}

/// Mean of the brightest less that of the darkest percent; of one pixel where a percent is less.
pub(super) fn percent_means(mut lightness: Vec<f64>) -> f64 {
    let n = lightness.len();
    let percent = ((0.01 * n as f64).round_ties_even() as usize).max(1);
    let mean = |part: &[f64]| part.iter().sum::<f64>() / percent as f64;
    lightness.select_nth_unstable_by(percent - 1, f64::total_cmp);
    let darkest = mean(&lightness[..percent]);
    lightness.select_nth_unstable_by(n - percent, f64::total_cmp);
    mean(&lightness[n - percent..]) - darkest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numpys_bins_hold_their_edges() {
        // Two values fall into the first and the last bin, whatever they are.
        for (least, most) in [(0, 1), (0, 255), (3, 7), (100, 228)] {
            let [least, most] = [least, most].map(|l| f64::from(l) / 255.0);
            assert_eq!(numpy_bin(least, least, most), 0);
            assert_eq!(numpy_bin(most, least, most), BINS - 1);
        }
    }

    #[test]
    fn a_percent_is_at_least_a_pixel() {
        assert_eq!(percent_means(vec![0.3]), 0.0);
        assert_eq!(percent_means(vec![0.5, 0.25, 1.0]), 0.75);
        assert_eq!(percent_means((0..200).map(f64::from).collect()), 198.0);
    }
}
