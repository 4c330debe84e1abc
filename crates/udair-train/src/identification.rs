//! How the network in training tells pictures apart: features of training crops, for
//! [`Examples::fit`].

use rayon::prelude::*;
use udair_engine::{Examples, Identifier, Weights};

use crate::TrainError;
use crate::batches::Batches;
use crate::runner::Runner;

/// One crop in so many of each pattern calibrates what the others are fitted to.
const KEPT_OUT: usize = 8;

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
    let look = |number: usize| -> Result<Vec<(Vec<f64>, usize)>, TrainError> {
        let size = sizes[number % sizes.len()];
        let batch = batches.batch(first + number as u64, size, 1)?;
        let labelled = batch.labels().into_iter().enumerate().filter_map(|(i, label)| Some((i, label?)));
        let seen = labelled.map(|(picture, label)| {
            let rgb = batch.rgb(&batch.degraded, picture);
            Ok((runner.conditions(&rgb, size, size)?.feature, label))
        });
        seen.collect()
    };
    let seen: Vec<_> = (0..per_pattern).into_par_iter().map(look).collect::<Result<_, _>>()?;
    for (number, crops) in seen.into_iter().enumerate() {
        let examples = if number % KEPT_OUT == 2 { &mut others } else { &mut fitted };
        for (feature, label) in crops {
            examples.push(feature, label, "", 1.0);
        }
    }
    // What two patterns at once look like and what none does takes whole pictures.
    Ok(fitted.fit(&weights.config, &weights.patterns, &[], &others)?)
}
