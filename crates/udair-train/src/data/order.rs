//! In which order the items of a list are trained on: every item once before any comes again.

use crate::rng::Stream;

/// Which item of a list of `length` stands at `position` of an endless sequence of passes, each pass in a
/// random order of its own. Lists have a `number`, so that two of one length do not run in step.
///
/// No state is kept, so a run resumed at any position goes on as if it had never stopped. Constant time.
pub(super) fn item(seed: u64, number: u64, length: usize, position: u64) -> usize {
    let pass = position / length as u64;
    let mut stream = Stream::new(seed, number, pass);
    permuted(position % length as u64, length as u64, &mut stream) as usize
}

/// A random permutation of 0..`length` at `at`: a Feistel network over the next power of four, walked until
/// it lands inside (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002).
fn permuted(at: u64, length: u64, stream: &mut Stream) -> u64 {
    let half_bits = (64 - (length - 1).leading_zeros()).div_ceil(2).max(1);
    let mask = (1u64 << half_bits) - 1;
    let keys: [u64; 4] = std::array::from_fn(|_| stream.bits());
    let mut at = at;
    loop {
        let (mut left, mut right) = (at >> half_bits, at & mask);
        for key in keys {
            (left, right) = (right, left ^ (Stream::new(key, 0, right).bits() & mask));
        }
        at = left << half_bits | right;
        if at < length {
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pass_holds_every_item_once_in_another_order() {
        for length in [1, 2, 3, 5, 16, 17, 570] {
            let pass = |number: u64, pass: u64| -> Vec<usize> {
                (0..length).map(|at| item(0, number, length, pass * length as u64 + at as u64)).collect()
            };
            let (mut first, second) = (pass(0, 0), pass(0, 1));
            if length > 5 {
                assert_ne!(first, second);
                assert_ne!(first, pass(1, 0), "lists do not run in step");
                assert_ne!(first, (0..length).collect::<Vec<_>>());
            }
            first.sort_unstable();
            assert_eq!(first, (0..length).collect::<Vec<_>>());
        }
    }

    #[test]
    fn places_are_uniform() {
        let mut counts = [0; 7];
        (0..7000).for_each(|seed| counts[item(seed, 0, 7, 2)] += 1);
        assert!(counts.iter().all(|n| (880..1120).contains(n)), "{counts:?}");
    }
}
