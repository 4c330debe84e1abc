//! The one source of randomness: a stream keyed by (seed, epoch, index) and by nothing else.
//!
//! Work is spread over threads by index, so a draw that depends only on the key is the same for any
//! number of threads and after any resume. The generator is `SplitMix64` (Steele, Lea and Flood, "Fast
//! splittable pseudorandom number generators", OOPSLA 2014): 64 bits of state, statistically sound for
//! simulation, nothing to carry over.

use std::f32::consts::TAU;

/// The increment of `SplitMix64`: the odd integer nearest to 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// An endless sequence of draws.
#[derive(Debug, Clone)]
pub struct Stream {
    state: u64,
    spare_normal: Option<f32>,
}

impl Stream {
    /// The stream of item `index` in `epoch` of the run with this `seed`.
    pub fn new(seed: u64, epoch: u64, index: u64) -> Self {
        let key = [seed, epoch, index].iter().fold(0, |key, &part| scramble(key ^ scramble(part)));
        Self { state: key, spare_normal: None }
    }

    /// A stream of its own for one stage, so that a draw more or less in it shifts nothing after it.
    #[must_use]
    pub fn branch(&mut self) -> Self {
        Self { state: scramble(self.bits()), spare_normal: None }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        scramble(self.state)
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Uniform in [min, max).
    pub fn uniform(&mut self, min: f32, max: f32) -> f32 {
        min + (max - min) * self.unit()
    }

    /// Uniform among 0, 1, …, `count` - 1; 0 where `count` is 0.
    pub fn below(&mut self, count: usize) -> usize {
        ((u128::from(self.bits()) * count as u128) >> 64) as usize
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f32) -> bool {
        self.unit() < p
    }

    /// Standard normal (Box and Muller 1958; every second draw is the pair's other half).
    pub fn normal(&mut self) -> f32 {
        if let Some(spare) = self.spare_normal.take() {
            return spare;
        }
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        let (sin, cos) = (TAU * self.unit()).sin_cos();
        self.spare_normal = Some(radius * sin);
        radius * cos
    }

    /// Poisson with this mean: by inversion while the mean is small, above 16 by the normal
    /// approximation rounded to whole counts (its skewness, 1 / sqrt(mean), is then below 0.25).
    pub fn poisson(&mut self, mean: f32) -> f32 {
        if mean > 16.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0);
        }
        let mut term = (-mean.max(0.0)).exp();
        let mut below = term;
        let target = self.unit();
        let mut count = 0.0;
        while below <= target && term > f32::EPSILON * below {
            count += 1.0;
            term *= mean / count;
            below += term;
        }
        count
    }

    /// Puts `items` in random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// `SplitMix64`'s output function: a bijection of 64 bits in which every input bit flips about half of
/// the output bits.
fn scramble(bits: u64) -> u64 {
    let bits = bits.wrapping_add(GOLDEN);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of `n` draws.
    fn moments(n: usize, mut draw: impl FnMut() -> f32) -> (f64, f64) {
        let draws: Vec<f64> = (0..n).map(|_| f64::from(draw())).collect();
        let mean = draws.iter().sum::<f64>() / n as f64;
        (mean, draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64)
    }

    #[test]
    fn the_key_decides() {
        let first = |seed, epoch, index| Stream::new(seed, epoch, index).bits();
        assert_eq!(first(1, 2, 3), first(1, 2, 3));
        let keys = [(1, 2, 3), (2, 1, 3), (1, 3, 2), (0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)];
        let mut draws: Vec<u64> = keys.iter().map(|&(s, e, i)| first(s, e, i)).collect();
        draws.sort_unstable();
        draws.dedup();
        assert_eq!(draws.len(), keys.len(), "no two keys share a stream");
    }

    #[test]
    fn neighbouring_indices_are_uncorrelated() {
        let draw = |index| f64::from(Stream::new(0, 0, index).unit()) - 0.5;
        let n = 20_000;
        let correlation: f64 = (0..n).map(|i| draw(i) * draw(i + 1)).sum::<f64>() / n as f64 * 12.0;
        assert!(correlation.abs() < 0.03, "{correlation}");
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut stream = Stream::new(7, 0, 0);
        let n = 100_000;
        let (mean, variance) = moments(n, || stream.unit());
        assert!((mean - 0.5).abs() < 0.005 && (variance - 1.0 / 12.0).abs() < 0.001);
        let (mean, variance) = moments(n, || stream.normal());
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02);
        for expected in [0.0, 0.3, 4.0, 15.9, 16.1, 300.0] {
            let (mean, variance) = moments(n, || stream.poisson(expected));
            let expected = f64::from(expected);
            let slack = 0.02 * expected.max(0.3);
            assert!((mean - expected).abs() <= slack, "mean {mean}, expected {expected}");
            assert!(
                (variance - expected).abs() <= 2.0 * slack + 0.1,
                "variance {variance}, expected {expected}"
            );
        }
    }

    #[test]
    fn below_reaches_every_value_and_no_other() {
        let mut stream = Stream::new(1, 1, 1);
        let mut seen = [0; 6];
        (0..6000).for_each(|_| seen[stream.below(6)] += 1);
        assert!(seen.iter().all(|&n| (850..1150).contains(&n)), "{seen:?}");
        assert_eq!(stream.below(0), 0);
    }

    #[test]
    fn a_branch_does_not_depend_on_what_follows() {
        let mut stream = Stream::new(1, 1, 1);
        let mut branch = stream.branch();
        let first = branch.clone().bits();
        stream.normal();
        assert_eq!(branch.bits(), first);
    }

    #[test]
    fn shuffling_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        Stream::new(3, 0, 0).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
