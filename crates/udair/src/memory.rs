//! Memory is estimated before the work starts: a picture that is too large is refused at once, with
//! the size that would do.

use udair_engine::EngineError;

use crate::{Network, RestoreError};

/// One in so many pixels of a side is spared in the size that is proposed.
const SPARE: usize = 50;

/// Refuses a picture that the network has no memory for.
pub(crate) fn check(network: &dyn Network, width: usize, height: usize) -> Result<(), RestoreError> {
    match network.memory(width, height) {
        Err(EngineError::Budget { width, height, least, budget }) => {
            let fits = |width, height| network.memory(width, height).is_ok();
            // A little less: what else the program holds changes from run to run.
            let largest = largest(&fits, width, height)
                .map(|size| <[usize; 2]>::from(size).map(|side| side - side / SPARE).into());
            Err(RestoreError::Memory { width, height, least, budget, largest })
        }
        other => Ok(other.map(|_| ())?),
    }
}

/// The largest size of the same shape that fits; `None` where not even a pixel does.
fn largest(fits: &dyn Fn(usize, usize) -> bool, width: usize, height: usize) -> Option<(usize, usize)> {
    let longer = width.max(height);
    let scaled = |side: usize, long: usize| (side as u128 * long as u128 / longer as u128).max(1) as usize;
    let size = |long: usize| (scaled(width, long), scaled(height, long));
    // Invariant: `low` fits, `high` does not.
    let (mut low, mut high) = (0, longer + 1);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let (width, height) = size(middle);
        if fits(width, height) { low = middle } else { high = middle }
    }
    (low > 0).then(|| size(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_size_fits_and_the_next_does_not() {
        let fits = |w: usize, h: usize| w * h <= 1_000_000;
        let cases = [
            ((6000, 4000), Some((1225, 816))),
            ((4000, 6000), Some((816, 1225))),
            ((1, 2_000_000), Some((1, 1_000_000))),
            ((2_000_000, 1), Some((1_000_000, 1))),
        ];
        for ((width, height), expected) in cases {
            assert_eq!(largest(&fits, width, height), expected);
        }
        assert_eq!(largest(&|_, _| false, 10, 10), None);
        assert_eq!(largest(&|_, _| true, 64, 63), Some((64, 63)));
    }
}
