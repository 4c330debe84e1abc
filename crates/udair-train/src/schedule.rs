//! The learning rate of every step.

use serde::{Deserialize, Serialize};

/// How the learning rate changes between the warm-up and the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Half a cosine from `lr` to `end` over all steps.
    Cosine,
    /// Half cosines of `period`, `2 period`, `4 period`, ... steps, each from `lr` again
    /// (Loshchilov and Hutter, "SGDR", ICLR 2017).
    WarmRestarts,
    /// `lr` until the share `decay_from` of all steps, then straight to `end`.
    ConstantThenDecay,
}

/// `[schedule]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Shape of the decay.
    pub shape: Shape,
    /// Learning rate at the end.
    pub end: f64,
    /// Steps over which the rate rises from zero.
    pub warmup: u64,
    /// Steps of the first period of `warm-restarts`.
    pub period: u64,
    /// Share of all steps before `constant-then-decay` decays.
    pub decay_from: f64,
}

impl Schedule {
    /// The learning rate of step `step` (from 0) of `total`, where `lr` is the highest.
    pub fn rate(&self, step: u64, total: u64, lr: f64) -> f64 {
        let fraction = step as f64 / total.max(1) as f64;
        let cosine = |fraction: f64| {
            self.end + (lr - self.end) * (1.0 + (std::f64::consts::PI * fraction.min(1.0)).cos()) / 2.0
        };
        let decayed = match self.shape {
            Shape::Cosine => cosine(fraction),
            Shape::WarmRestarts => {
                let (mut start, mut period) = (0, self.period.max(1));
                while step >= start + period {
                    start += period;
                    period *= 2;
                }
                cosine((step - start) as f64 / period as f64)
            }
            Shape::ConstantThenDecay => {
                let rest = ((fraction - self.decay_from) / (1.0 - self.decay_from).max(1e-9)).clamp(0.0, 1.0);
                lr + (self.end - lr) * rest
            }
        };
        let rise = (step + 1) as f64 / self.warmup.max(1) as f64;
        decayed * rise.min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_pass_through_their_known_points() {
        let schedule = |shape| Schedule { shape, end: 0.1, warmup: 0, period: 10, decay_from: 0.5 };
        for (shape, points) in [
            (Shape::Cosine, vec![(0, 1.0), (50, 0.55), (100, 0.1)]),
            (Shape::WarmRestarts, vec![(0, 1.0), (5, 0.55), (10, 1.0), (20, 0.55), (30, 1.0)]),
            (Shape::ConstantThenDecay, vec![(0, 1.0), (50, 1.0), (75, 0.55), (100, 0.1)]),
        ] {
            for (step, expected) in points {
                let rate = schedule(shape).rate(step, 100, 1.0);
                assert!((rate - expected).abs() < 1e-12, "{shape:?} at {step}: {rate}");
            }
        }
    }

    #[test]
    fn warm_up_rises_to_the_full_rate() {
        let schedule =
            Schedule { shape: Shape::ConstantThenDecay, end: 0.0, warmup: 4, period: 1, decay_from: 1.0 };
        let rates: Vec<f64> = (0..6).map(|step| schedule.rate(step, 100, 2.0)).collect();
        assert_eq!(rates, [0.5, 1.0, 1.5, 2.0, 2.0, 2.0]);
    }
}
