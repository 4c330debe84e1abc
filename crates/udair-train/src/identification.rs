//! How the network in training tells pictures apart: features of training crops, for
//! [`Examples::fit`].

use udair_engine::{Examples, Identifier, Weights};

use crate::TrainError;
use crate::batches::Batches;
use crate::runner::Runner;

/// One crop in so many of each pattern calibrates what the others are fitted to.
const KEPT_OUT: u64 = 8;

/// Learns from `per_pattern` crops of every pattern, of the given sizes in turn, from the batches from
/// number `first` on.
///
/// # Errors
/// [`TrainError`] where a batch cannot be made, or there are fewer than three crops a pattern.
pub fn learn(
    weights: &Weights,
    batches: &dyn Batches,
    first: u64,
    sizes: &[usize],
    per_pattern: usize,
) -> Result<Identifier, TrainError> {
    let runner = Runner::new(weights)?;
    let [mut fitted, mut others] = [Examples::default(), Examples::default()];
    for (number, &size) in (0..per_pattern as u64).zip(sizes.iter().cycle()) {
        let batch = batches.batch(first + number, size, 1)?;
        let examples = if number % KEPT_OUT == 2 { &mut others } else { &mut fitted };
        for (picture, label) in batch.labels().into_iter().enumerate() {
            let Some(label) = label else { continue };
            let rgb = batch.rgb(&batch.degraded, picture);
            examples.push(runner.conditions(&rgb, size, size)?.feature, label, "", 1.0);
        }
    }
    // What two patterns at once look like and what none does takes whole pictures.
    Ok(fitted.fit(&weights.config, &weights.patterns, &[], &others)?)
}
