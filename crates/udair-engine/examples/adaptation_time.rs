//! What adaptation costs: whole passes with and without it in turn, so that both see the same state of
//! the machine, and their medians.
//!
//! ```sh
//! cargo run --release -p udair-engine --example adaptation_time -- 15
//! ```
//!
//! The number is that of the timed pairs. Weights and pictures are random: the time does not depend
//! on them.

use std::collections::BTreeMap;
use std::time::Instant;

use udair_engine::{Adaptation, Config, Engine, EngineError, MomentSum, Silent, Tensor, Weights, parameters};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pairs: usize = std::env::args().nth(1).map_or(Ok(9), |text| text.parse())?;
    println!("network  size  without  with     ratio  (medians of {pairs}, seconds)");
    for (name, config) in [("small", Config::small()), ("base", Config::base())] {
        let engine = Engine::new(&random(&config)?)?;
        for side in [256, 512] {
            let (without, with, ratio) = compare(&engine, side, pairs)?;
            println!("{name:7}  {side}   {without:.4}   {with:.4}   {ratio:.3}");
        }
    }
    Ok(())
}

/// Median seconds without and with adaptation, and the median of the pairs' ratios.
fn compare(engine: &Engine, side: usize, pairs: usize) -> Result<(f64, f64, f64), EngineError> {
    let mut state = 7;
    let picture: Vec<f32> = (0..side * side * 3).map(|_| 0.5 + 0.5 * next(&mut state)).collect();
    let mut conditions = engine.conditions(&picture, side, side, &Silent)?;
    let d2 = engine.d2(&conditions, &Silent)?;
    let mut sum = MomentSum::default();
    // Not the picture's own: an anchor that is met at once would leave the steps nothing to do.
    conditions.d3.data.iter_mut().for_each(|v| *v *= 1.5);
    sum.add(engine.isa(), [&conditions.d4, &conditions.d3, &d2])?;
    let anchor = sum.finish().ok_or(EngineError::Cancelled)?;
    let settings = Adaptation { guard: None, ..Adaptation::default() };
    let pass = |adapt: bool| -> Result<f64, EngineError> {
        let start = Instant::now();
        let mut conditions = engine.conditions(&picture, side, side, &Silent)?;
        if adapt {
            conditions = engine.adapt(engine.adapters(), conditions, &anchor, &settings, &Silent)?.conditions;
        }
        engine.restore(picture.clone(), side, side, conditions, &Silent)?;
        Ok(start.elapsed().as_secs_f64())
    };
    pass(true)?;
    let mut times = Vec::new();
    for _ in 0..pairs {
        times.push((pass(false)?, pass(true)?));
    }
    let median = |value: &dyn Fn(&(f64, f64)) -> f64| {
        let mut values: Vec<f64> = times.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Ok((median(&|t| t.0), median(&|t| t.1), median(&|t| t.1 / t.0)))
}

/// Weights that compute nothing sensible, at a scale that keeps every value finite.
fn random(config: &Config) -> Result<Weights, EngineError> {
    let mut state = 1;
    let tensors = parameters(config).into_iter().map(|parameter| {
        let inputs: usize = parameter.shape.iter().skip(1).product();
        let scale = 1.0 / (inputs.max(1) as f32).sqrt();
        let data = (0..parameter.len()).map(|_| scale * next(&mut state)).collect();
        (parameter.name, Tensor { shape: parameter.shape, data })
    });
    Weights::new(config.clone(), Vec::new(), BTreeMap::new(), tensors.collect(), None)
}

/// Uniform in [-1, 1).
fn next(state: &mut u32) -> f32 {
    *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    (*state >> 8) as f32 / (1 << 23) as f32 - 1.0
}
