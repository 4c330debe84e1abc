//! The one source of randomness of networks and training: a draw depends on a seed and on what it
//! is for, never on what was drawn before for something else.

/// A stream of random numbers (Steele et al., "Fast splittable pseudorandom number generators",
/// OOPSLA 2014).
#[derive(Debug, Clone)]
pub(crate) struct Stream(u64);

impl Stream {
    /// The stream of `seed` for one `purpose`, e.g. a parameter or a step.
    pub(crate) fn new(seed: u64, purpose: u64) -> Self {
        let mut stream = Self(seed ^ purpose.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        Self(stream.next())
    }

    /// 64 random bits.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in \[0, 1).
    pub(crate) fn uniform(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// Standard normal (Box-Muller).
    pub(crate) fn normal(&mut self) -> f32 {
        let radius = (-2.0 * (1.0 - f64::from(self.uniform())).ln()).sqrt();
        (radius * (std::f64::consts::TAU * f64::from(self.uniform())).cos()) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_seed_and_purpose_and_repeat() {
        let first = |seed, purpose| Stream::new(seed, purpose).next();
        assert_eq!(first(1, 2), first(1, 2));
        let all = [first(1, 2), first(2, 1), first(1, 1), first(2, 2), first(0, 0)];
        assert!((0..5).all(|i| (0..i).all(|j| all[i] != all[j])));
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut stream = Stream::new(5, 0);
        let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
        let uniform: Vec<f32> = (0..20_000).map(|_| stream.uniform()).collect();
        let normal: Vec<f32> = (0..20_000).map(|_| stream.normal()).collect();
        let squares: Vec<f32> = normal.iter().map(|v| v * v).collect();
        assert!((mean(&uniform) - 0.5).abs() < 0.01 && mean(&normal).abs() < 0.03);
        assert!((mean(&squares) - 1.0).abs() < 0.05);
    }
}
