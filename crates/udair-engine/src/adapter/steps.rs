//! The steps of an adaptation. The levels share nothing, so each takes its steps on a thread of its
//! own.

use super::cells::Cells;
use super::coral::{self, moments};
use super::layer::{Layer, Trace, sizes};
use super::optimiser::AdamW;
use super::{Adaptation, Adapters, Outcome, Verdict, View, apply};
use crate::anchors::Moments;
use crate::kernels::Isa;
use crate::run::Run;
use crate::{Anchor, EngineError, Map};

/// What the steps lead to.
pub(super) struct Taken {
    /// The adapted maps, unless the guard drops them.
    pub(super) maps: Option<[Map; 3]>,
    pub(super) losses: Vec<[f64; 3]>,
    pub(super) change: [f64; 3],
    pub(super) verdict: Verdict,
    pub(super) adapters: Adapters,
}

/// Adapts D4, D3 and D2.
pub(super) fn take(
    run: &Run<'_>,
    adapters: &Adapters,
    maps: [&Map; 3],
    anchor: &Anchor,
    settings: &Adaptation,
) -> Result<Taken, EngineError> {
    if maps.map(|map| map.channels) != adapters.channels || anchor.channels() != adapters.channels {
        return Err(EngineError::weights("conditions, adapters and anchor differ in their channels"));
    }
    let level = |level: usize| {
        let target = Target::new(run.isa, anchor, level)?;
        let values = adapters.values[level].clone();
        adapt_level(run, values, maps[level], level, &target, settings)
    };
    let (a, (b, c)) = rayon::join(|| level(0), || rayon::join(|| level(1), || level(2)));
    let levels = [a?, b?, c?];
    let losses: Vec<[f64; 3]> =
        (0..=settings.steps).map(|i| levels.each_ref().map(|l| l.losses[i])).collect();
    let total = |i: usize| losses[i].iter().sum::<f64>();
    let change = levels.each_ref().map(|level| level.change);
    let fell = total(settings.steps) < total(0);
    let sound = change.iter().all(|change| change.is_finite());
    let verdict = match settings.guard {
        // No one asks for conditions that are no numbers.
        _ if !sound => Verdict::LossDidNotFall,
        Some(_) if !fell => Verdict::LossDidNotFall,
        Some(guard) if !change.iter().all(|&change| change <= guard.change) => Verdict::ChangedTooMuch,
        _ => Verdict::Adapted,
    };
    let [a, b, c] = levels;
    let adapters = Adapters { channels: adapters.channels, values: [a.values, b.values, c.values] };
    let maps = (verdict == Verdict::Adapted).then_some([a.map, b.map, c.map]);
    Ok(Taken { maps, losses, change, verdict, adapters })
}

/// The losses of the conditions as they are, for each anchor.
pub(super) fn distances(
    isa: Isa,
    maps: [&Map; 3],
    anchors: &[&Anchor],
    settings: &Adaptation,
) -> Result<Vec<[f64; 3]>, EngineError> {
    if anchors.iter().any(|anchor| anchor.channels() != maps.map(|map| map.channels)) {
        return Err(EngineError::weights("conditions and anchor differ in their channels"));
    }
    let mut distances = vec![[0.0; 3]; anchors.len()];
    for level in 0..3 {
        let cells = view(maps[level], level, settings.view)?;
        let own = moments(isa, &cells)?;
        for (anchor, distance) in anchors.iter().zip(&mut distances) {
            distance[level] = match anchor {
                // Most of the work, and the same for all of them.
                Anchor::Moments(levels) => coral::distance(settings.alignment, &own, &levels[level]),
                Anchor::Maps(_) => Target::new(isa, anchor, level)?.loss(isa, settings, &cells, None)?,
            };
        }
    }
    Ok(distances)
}

/// A level of an anchor: its moments, and the size that features are pooled to.
struct Target {
    moments: Moments,
    size: Option<(usize, usize)>,
}

impl Target {
    fn new(isa: Isa, anchor: &Anchor, level: usize) -> Result<Self, EngineError> {
        Ok(match anchor {
            Anchor::Moments(levels) => Self { moments: levels[level].clone(), size: None },
            Anchor::Maps(levels) => {
                let map = &levels[level];
                let moments = moments(isa, &Cells::whole(map)?)?;
                Self { moments, size: Some((map.height, map.width)) }
            }
        })
    }

    /// The loss of features, and its gradient into `gradient`.
    fn loss(
        &self,
        isa: Isa,
        settings: &Adaptation,
        features: &Cells,
        gradient: Option<&mut Cells>,
    ) -> Result<f64, EngineError> {
        let size = self.size.filter(|_| settings.view == View::Whole);
        let Some(size) = size.filter(|&size| size != (features.height, features.width)) else {
            return coral::loss(isa, settings.alignment, features, &self.moments, gradient);
        };
        let mut pooled = features.resized(size)?;
        features.pool(&mut pooled);
        let Some(gradient) = gradient else {
            return coral::loss(isa, settings.alignment, &pooled, &self.moments, None);
        };
        let mut pooled_gradient = features.resized(size)?;
        let loss = coral::loss(isa, settings.alignment, &pooled, &self.moments, Some(&mut pooled_gradient))?;
        gradient.values_mut().fill(0.0);
        gradient.unpool(&pooled_gradient);
        Ok(loss)
    }
}

fn view(map: &Map, level: usize, view: View) -> Result<Cells, EngineError> {
    match view {
        View::Windows => Cells::windows(map, level),
        View::Whole => Cells::whole(map),
    }
}

/// A level after its steps.
struct Adapted {
    map: Map,
    values: Vec<f32>,
    losses: Vec<f64>,
    change: f64,
}

fn adapt_level(
    run: &Run<'_>,
    mut values: Vec<f32>,
    map: &Map,
    level: usize,
    target: &Target,
    settings: &Adaptation,
) -> Result<Adapted, EngineError> {
    let (isa, d) = (run.isa, map.channels);
    let cells = view(map, level, settings.view)?;
    let mut trace = Trace::new(run, &cells)?;
    let mut slopes = cells.like(d)?;
    let mut gradient = vec![0.0; values.len()];
    // A loss that does not see means gives the last bias no gradient but rounding noise.
    let last_bias = if settings.alignment.sees_means() { 0 } else { sizes(d)[9] };
    let mut optimiser = AdamW::new(settings, values.len() - last_bias);
    let mut losses = Vec::with_capacity(settings.steps + 1);
    let mut before = values.clone();
    for _ in 0..settings.steps {
        run.check()?;
        let layer = Layer::new(isa, d, &values)?;
        layer.forward(&cells, &mut trace, settings.residual)?;
        losses.push(target.loss(isa, settings, &trace.out, Some(&mut slopes))?);
        layer.backward(&cells, &mut trace, &slopes, &mut gradient)?;
        before.copy_from_slice(&values);
        optimiser.step(&mut values, &gradient);
    }
    Layer::new(isa, d, &values)?.forward(&cells, &mut trace, settings.residual)?;
    losses.push(target.loss(isa, settings, &trace.out, None)?);
    if settings.outcome == Outcome::BeforeLastUpdate {
        values = before;
        Layer::new(isa, d, &values)?.forward(&cells, &mut trace, settings.residual)?;
    }
    let layer = Layer::new(isa, d, &values)?;
    let (map, change) = apply::apply(run, &layer, &trace.gate.factors, map, settings.residual)?;
    Ok(Adapted { map, values, losses, change })
}
