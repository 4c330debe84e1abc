//! A profile's tone curve, tabulated at every 16-bit sample, and its inverse.

use moxcms::ToneReprCurve;

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
        if matches!(trc, ToneReprCurve::Parametric(p) if p.is_empty()) {
            return None;
        }
        let evaluator = trc.make_linear_evaluator().ok()?;
        let table: Vec<f32> =
            (0..SIZE).map(|i| evaluator.evaluate_value(i as f32 / (SIZE - 1) as f32)).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_of_a_strictly_rising_curve_comes_back() {
        for trc in [
            ToneReprCurve::Lut(Vec::new()),
            ToneReprCurve::Lut(vec![0x0233]),
            ToneReprCurve::Lut((0..1024_u32).map(|i| (i * 60 + i * i / 251).min(65_535) as u16).collect()),
            ToneReprCurve::Parametric(vec![2.4, 1.0 / 1.055, 0.055 / 1.055, 1.0 / 12.92, 0.04045]),
        ] {
            let curve = Curve::new(&trc).unwrap();
            assert!(curve.exact);
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
