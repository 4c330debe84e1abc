//! A profile's tone curve, tabulated at every 16-bit sample, and its inverse.

use moxcms::{ParametricCurve, ToneReprCurve};

/// Entries of the table: one for every 16-bit sample.
const SIZE: usize = 1 << 16;

/// A rising curve from 0..1 to linear light.
#[derive(Clone)]
pub(super) struct Curve {
    table: Vec<f32>,
    /// Whether no two samples share a value, so that every one comes back.
    pub(super) exact: bool,
}

impl Curve {
    /// None for a curve that cannot be inverted.
    pub(super) fn new(trc: &ToneReprCurve) -> Option<Self> {
        let value = |i: usize| i as f64 / (SIZE - 1) as f64;
        let table: Vec<f32> = match trc {
            ToneReprCurve::Lut(entries) => (0..SIZE).map(|i| sampled(entries, value(i)) as f32).collect(),
            ToneReprCurve::Parametric(parameters) => {
                let curve = (!parameters.is_empty()).then(|| ParametricCurve::new(parameters))??;
                (0..SIZE).map(|i| parametric(&curve, value(i)) as f32).collect()
            }
        };
        let rising = table.windows(2).all(|pair| pair[0] <= pair[1]);
        let usable = rising && table.iter().all(|v| v.is_finite()) && table[0] < table[SIZE - 1];
        let exact = table.windows(2).all(|pair| pair[0] < pair[1]);
        usable.then_some(Self { table, exact })
    }

    /// Linear light of a value within 0..1.
    pub(super) fn linear(&self, value: f32) -> f32 {
        let at = value.clamp(0.0, 1.0) * (SIZE - 1) as f32;
        let below = (at as usize).min(SIZE - 2);
        let [low, high] = [self.table[below], self.table[below + 1]];
        low + (at - below as f32) * (high - low)
    }

    /// The value within 0..1 whose linear light comes nearest.
    pub(super) fn encoded(&self, linear: f32) -> f32 {
        let above = self.table.partition_point(|&v| v < linear).clamp(1, SIZE - 1);
        let [low, high] = [self.table[above - 1], self.table[above]];
        let part = if high > low { ((linear - low) / (high - low)).clamp(0.0, 1.0) } else { 1.0 };
        ((above - 1) as f32 + part) / (SIZE - 1) as f32
    }
}

/// A curve of no entry is straight, of one a power with eight bits of fraction, else of straight
/// pieces (ICC.1 section 10.6).
fn sampled(entries: &[u16], value: f64) -> f64 {
    match entries {
        [] => value,
        [gamma] => value.powf(f64::from(*gamma) / 256.0),
        _ => {
            let at = value * (entries.len() - 1) as f64;
            let below = (at as usize).min(entries.len() - 2);
            let [low, high] = [entries[below], entries[below + 1]].map(f64::from);
            (low + (at - below as f64) * (high - low)) / 65_535.0
        }
    }
}

/// A power above `d`, a straight line below (ICC.1 section 10.18).
fn parametric(curve: &ParametricCurve, value: f64) -> f64 {
    let ParametricCurve { g, a, b, c, d, e, f } = *curve;
    let [g, a, b, c, d, e, f] = [g, a, b, c, d, e, f].map(f64::from);
    if value < d { c * value + f } else { (a * value + b).powf(g) + e }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_of_a_strictly_rising_curve_comes_back() {
        for trc in [
            ToneReprCurve::Lut(Vec::new()),
            ToneReprCurve::Lut(vec![0x0233]),
            ToneReprCurve::Lut(vec![0x01CD]),
            ToneReprCurve::Lut(
                (0..1024_u32).map(|i| (i * 64 + i * i * 63 / 1_046_529).min(65_535) as u16).collect(),
            ),
            ToneReprCurve::Parametric(vec![2.4, 1.0 / 1.055, 0.055 / 1.055, 1.0 / 12.92, 0.04045]),
        ] {
            let curve = Curve::new(&trc).unwrap();
            assert!(curve.exact);
            assert!(curve.linear(0.0) == 0.0 && (curve.linear(1.0) - 1.0).abs() < 1e-6);
            for sample in 0..SIZE {
                let value = sample as f32 / 65_535.0;
                let back = curve.encoded(curve.linear(value));
                assert_eq!((back * 65_535.0).round() as usize, sample);
            }
        }
    }

    #[test]
    fn flat_parts_lose_their_samples_and_say_so() {
        let curve = Curve::new(&ToneReprCurve::Lut(vec![0, 0, 0, 30_000, 65_535])).unwrap();
        assert!(!curve.exact);
        for value in [0.0, 0.3, 0.49, 0.6, 1.0] {
            let linear = curve.linear(value);
            assert!((curve.linear(curve.encoded(linear)) - linear).abs() < 1e-6);
        }
    }

    #[test]
    fn falling_and_flat_curves_are_refused() {
        assert!(Curve::new(&ToneReprCurve::Lut(vec![65_535, 0])).is_none());
        assert!(Curve::new(&ToneReprCurve::Lut(vec![100, 100])).is_none());
        assert!(Curve::new(&ToneReprCurve::Parametric(vec![])).is_none());
    }
}
