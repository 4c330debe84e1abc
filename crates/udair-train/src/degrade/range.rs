//! A closed interval that a parameter is drawn from; in TOML a pair, as in `iso = [100, 25600]`.

use serde::{Deserialize, Serialize};

use crate::rng::Stream;

/// From `min` to `max`, both finite, `min <= max`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f32; 2]", into = "[f32; 2]")]
pub struct Range {
    min: f32,
    max: f32,
}

impl Range {
    /// The interval from `min` to `max`; the two are swapped where they stand the wrong way round.
    pub const fn new(min: f32, max: f32) -> Self {
        if min <= max { Self { min, max } } else { Self { min: max, max: min } }
    }

    /// Uniform in the interval.
    pub fn draw(self, stream: &mut Stream) -> f32 {
        stream.uniform(self.min, self.max)
    }

    /// Log-uniform in the interval: every factor of two is as likely as every other. Ends below 1e-6
    /// count as 1e-6.
    pub fn draw_log(self, stream: &mut Stream) -> f32 {
        stream.uniform(self.min.max(1e-6).ln(), self.max.max(1e-6).ln()).exp()
    }

    /// A whole number in the interval.
    pub fn draw_whole(self, stream: &mut Stream) -> usize {
        let (first, last) = (self.min.max(0.0).ceil() as usize, self.max.max(0.0) as usize);
        first + stream.below((last + 1).saturating_sub(first))
    }

    /// The lower end.
    pub fn min(self) -> f32 {
        self.min
    }

    /// The upper end.
    pub fn max(self) -> f32 {
        self.max
    }
}

impl TryFrom<[f32; 2]> for Range {
    type Error = String;

    fn try_from([min, max]: [f32; 2]) -> Result<Self, String> {
        if min <= max && min.is_finite() && max.is_finite() {
            Ok(Self { min, max })
        } else {
            Err(format!("[{min}, {max}] is no range: write the smaller of two finite numbers first"))
        }
    }
}

impl From<Range> for [f32; 2] {
    fn from(range: Range) -> Self {
        [range.min, range.max]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_inside_and_reach_both_halves() {
        let mut stream = Stream::new(0, 0, 0);
        let range = Range::new(100.0, 25_600.0);
        let uniform: Vec<f32> = (0..1000).map(|_| range.draw(&mut stream)).collect();
        let log: Vec<f32> = (0..1000).map(|_| range.draw_log(&mut stream)).collect();
        let below = |draws: &[f32], middle: f32| draws.iter().filter(|&&v| v < middle).count();
        assert!(uniform.iter().chain(&log).all(|v| (99.9..=25_601.0).contains(v)));
        assert!((430..570).contains(&below(&uniform, 12_850.0)));
        assert!((430..570).contains(&below(&log, 1600.0)), "the middle of the logarithms");
        let whole: Vec<usize> = (0..100).map(|_| Range::new(1.0, 3.0).draw_whole(&mut stream)).collect();
        assert!((1..=3).all(|n| whole.contains(&n)) && whole.iter().all(|n| (1..=3).contains(n)));
    }

    #[test]
    fn toml_pairs_are_checked() {
        #[derive(Deserialize)]
        struct Table {
            iso: Range,
        }
        let parse = |text: &str| toml::from_str::<Table>(text).map(|table| table.iso);
        assert_eq!(parse("iso = [100, 200.5]").expect("a pair"), Range::new(100.0, 200.5));
        for wrong in ["iso = [2, 1]", "iso = [0, inf]", "iso = [1]", "iso = 3"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
