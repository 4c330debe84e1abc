//! The reference's anchors: averages of the condition maps themselves, to compare with ours.

use rayon::prelude::*;
use udair::{Picture, Weights};
use udair_engine::{Anchor, Engine, EngineError, MapSum, Silent};

use super::{Trouble, kept_out};
use crate::subjects::central;
use crate::{Case, StudyError};

/// Side of the squares that are averaged, in pixels, as in the reference.
const SIDE: usize = 128;

/// The averaged maps of every pattern, over the central squares of its pictures but those that are
/// [kept out](super::kept_out).
///
/// # Errors
/// [`StudyError`] naming the first picture that cannot be read; where a pattern has no pictures.
pub fn averaged_maps(weights: &Weights, cases: &[&Case]) -> Result<Vec<Anchor>, StudyError> {
    let engine = Engine::new(weights)?;
    let anchors = weights.patterns.par_iter().map(|pattern| {
        let own = cases.iter().filter(|case| case.task.as_ref() == Some(pattern) && !kept_out(case));
        let mut sum = MapSum::new([8, 4, 2].map(|scale| (SIDE / scale, SIDE / scale)));
        for case in own {
            let square = central(&case.lq, SIDE)?;
            add(&engine, &square, &mut sum).map_err(|trouble| trouble.of(case))?;
        }
        let none = || EngineError::Config(format!("no picture of {pattern}"));
        Ok(sum.finish().ok_or_else(none)?)
    });
    anchors.collect()
}

fn add(engine: &Engine, square: &Picture, sum: &mut MapSum) -> Result<(), Trouble> {
    let mut rgb = square.srgb().map_err(Trouble::Image)?;
    rgb.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
    let look = |sum: &mut MapSum| -> Result<(), EngineError> {
        let conditions = engine.conditions(&rgb, square.width(), square.height(), &Silent)?;
        let d2 = engine.d2(&conditions, &Silent)?;
        sum.add([&conditions.d4, &conditions.d3, &d2])
    };
    look(sum).map_err(Trouble::Engine)
}
