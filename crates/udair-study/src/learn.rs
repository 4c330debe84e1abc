//! What a network must know of its training pictures beside its parameters: how their patterns are
//! told apart, what adaptation comes back to, and from which distance on that is worth it.
//!
//! A tenth of the pictures is kept out of the fit; temperature, limit and margin of the identification
//! come from those alone, and so does the count of how many are named rightly. Pictures are looked at
//! whole, and once more as a crop, rescaled or compressed, because those who bring pictures have done
//! all of that to them; enlarged, because large photos are soft from pixel to pixel; and without colour. Good photos also stand for the other patterns, by [shifts](crate::Shift).

mod maps;
mod views;
mod worth;

use rayon::prelude::*;
use udair::{Adapt, Decision, Options, Pattern, Picture, Restorer, Weights};
use udair_engine::{Aim, Engine, EngineError, Examples, Identifier, Look, MomentSum, Pair, Silent};

use crate::stream::Stream;
use crate::{Case, StudyError, subjects};

pub use maps::averaged_maps;
pub use worth::{Gain, HARM, worth};

/// What was learned.
#[derive(Debug)]
pub struct Learned {
    /// How patterns are told apart.
    pub identifier: Identifier,
    /// The anchors, in the order of the patterns; whether they are worth it is not known yet.
    pub aims: Vec<Aim>,
    /// Pictures that the fit was made of, views of one picture counted once.
    pub fitted: usize,
    /// Views of pictures that were kept out, and how many of them are named rightly.
    pub kept_out: (usize, usize),
}

/// Pictures of one collection in the fit share this power of their number, so that a large
/// collection neither drowns a small one nor counts for nothing.
const POWER: f64 = 0.25;
/// How much the enlarged and the colourless views of a picture count, beside its usual ones: enough to have anchors
/// where they lie, but not to say which differences matter.
const OTHER_LOOKS: f64 = 0.1;
/// How much the good photos count that stand for a pattern, beside a real collection.
const MADE: f64 = 0.3;
/// One good photo in so many is spoiled for that.
const EVERY: usize = 3;

/// A picture of known pattern, and what it shows.
struct Seen {
    label: usize,
    source: String,
    kept_out: bool,
    /// Of each view; the first one is the picture as it is.
    features: Vec<(Look, Feature)>,
    /// Of the whole picture, where it counts among the anchors.
    moments: Option<MomentSum>,
    /// Number of the second pattern that was added, with the feature.
    both: Option<(usize, Vec<f64>)>,
}

/// What identification compares: of the whole picture, and of its parts.
type Feature = (Vec<f64>, Vec<Vec<f64>>);

/// True for the tenth of the pictures that is kept out of the fit, and of training where `data.keep_out` is set
/// ([`udair_engine::kept_out`]).
pub fn kept_out(case: &Case) -> bool {
    udair_engine::kept_out(&case.lq.file_stem().unwrap_or_default().to_string_lossy())
}

/// At most `most` cases of each collection, evenly spread.
pub fn thinned(cases: &[Case], most: usize) -> Vec<&Case> {
    let mut sources: Vec<&Option<String>> = cases.iter().map(|case| &case.source).collect();
    sources.sort();
    sources.dedup();
    let spread = |source: &Option<String>| {
        let own: Vec<&Case> = cases.iter().filter(|case| case.source == *source).collect();
        let count = own.len().min(most);
        (0..count).map(move |i| own[i * own.len() / count]).collect::<Vec<_>>()
    };
    sources.into_iter().flat_map(spread).collect()
}

/// Learns from training pictures; `done` is told of each.
///
/// # Errors
/// [`StudyError`] naming the first picture that cannot be read; where a pattern has no pictures, or
/// none is kept out.
pub fn learn(weights: &Weights, cases: &[&Case], done: &(dyn Fn() + Sync)) -> Result<Learned, StudyError> {
    let engine = Engine::new(weights)?;
    let known = |task: &str| weights.patterns.iter().position(|pattern| pattern == task);
    let labelled =
        cases.iter().enumerate().filter_map(|(i, case)| Some((i, case, known(case.task.as_deref()?)?)));
    let labelled: Vec<_> = labelled.collect();
    let seen = labelled.par_iter().map(|&(index, case, label)| {
        let seen = look(&engine, weights, case, label, index);
        done();
        seen
    });
    let seen: Vec<Seen> = seen.collect::<Result<Vec<_>, StudyError>>()?.into_iter().flatten().collect();
    conclude(weights, seen)
}

/// What one picture shows, and what it shows once it is spoiled.
fn look(
    engine: &Engine,
    weights: &Weights,
    case: &Case,
    label: usize,
    index: usize,
) -> Result<Vec<Seen>, StudyError> {
    let failed = |source| StudyError::Picture { path: case.lq.clone(), source };
    let whole = Picture::open(&case.lq, &udair::Limits::default()).map_err(failed)?;
    let mut stream = Stream::new(index as u64);
    let named = |pattern: &str| weights.patterns.iter().position(|name| name == pattern);
    let pattern = weights.patterns[label].as_str();
    let (source, kept_out) = (case.source.clone().unwrap_or_default(), kept_out(case));

    let mut moments = MomentSum::default();
    let own = feature(engine, &whole, Some(&mut moments)).map_err(|e| e.of(case))?;
    let mut features = vec![(Look::Usual, own)];
    for (look, view) in views::of(&whole, pattern, &mut stream).map_err(failed)? {
        features.push((look, feature(engine, &view, None).map_err(|e| e.of(case))?));
    }
    let mut both = None;
    if let Some((second, shift)) = views::second(pattern, &mut stream)
        && let Some(second) = named(second)
    {
        let spoiled = shift.apply(&whole, index as u64).map_err(failed)?;
        both = Some((second, feature(engine, &spoiled, None).map_err(|e| e.of(case))?.0));
    }
    let mut seen = vec![Seen { label, source, kept_out, features, moments: Some(moments), both }];
    if pattern == "clean" && index.is_multiple_of(EVERY) {
        for (pattern, source, shift) in views::made(&mut stream) {
            let Some(label) = named(pattern) else { continue };
            let spoiled = shift.apply(&whole, index as u64).map_err(failed)?;
            let features = vec![(Look::Usual, feature(engine, &spoiled, None).map_err(|e| e.of(case))?)];
            let source = source.to_string();
            seen.push(Seen { label, source, kept_out, features, moments: None, both: None });
        }
    }
    Ok(seen)
}

/// What goes wrong with one picture, before it has a name.
enum Trouble {
    Image(udair::ImageError),
    Engine(EngineError),
}

impl Trouble {
    fn of(self, case: &Case) -> StudyError {
        let path = case.lq.clone();
        match self {
            Self::Image(source) => StudyError::Picture { path, source },
            Self::Engine(source) => StudyError::Restore { path, source: source.into() },
        }
    }
}

/// The feature that identification compares; the moments of the conditions too where they are wanted.
fn feature(engine: &Engine, picture: &Picture, moments: Option<&mut MomentSum>) -> Result<Feature, Trouble> {
    let rgb: Vec<f32> =
        picture.srgb().map_err(Trouble::Image)?.into_iter().map(|v| v.clamp(0.0, 1.0)).collect();
    let look = || -> Result<Feature, EngineError> {
        let conditions = engine.conditions(&rgb, picture.width(), picture.height(), &Silent)?;
        if let Some(sum) = moments {
            let d2 = engine.d2(&conditions, &Silent)?;
            sum.add(engine.isa(), [&conditions.d4, &conditions.d3, &d2])?;
        }
        Ok((conditions.feature, conditions.parts))
    };
    look().map_err(Trouble::Engine)
}

fn conclude(weights: &Weights, seen: Vec<Seen>) -> Result<Learned, StudyError> {
    let patterns = &weights.patterns;
    let count = |label: usize, source: &str| {
        seen.iter().filter(|s| !s.kept_out && s.label == label && s.source == source).count() as f64
    };
    let (mut fit, mut others) = (Examples::default(), Examples::default());
    for Seen { label, source, kept_out, features, moments, .. } in &seen {
        let share = count(*label, source).max(1.0).powf(POWER - 1.0);
        // Those that stand for a pattern have no moments that count among its anchors.
        let share = if moments.is_none() { MADE * share } else { share };
        let examples = if *kept_out { &mut others } else { &mut fit };
        for (view, (look, (row, parts))) in features.iter().enumerate() {
            // Only whole pictures as they are show what the parts of pictures are like.
            let parts = if view == 0 && moments.is_some() { parts.clone() } else { Vec::new() };
            let alike = features.iter().filter(|(other, _)| other == look).count() as f64;
            let counts = if *look == Look::Usual { share } else { OTHER_LOOKS * share };
            examples.push_parted((row.clone(), parts), *look, *label, source, counts / alike);
        }
    }
    let pairs = pairs(&seen);
    let identifier = fit.fit(&weights.config, patterns, &pairs, &others)?;
    let views = seen.iter().filter(|s| s.kept_out);
    let views = views.flat_map(|s| s.features.iter().map(|(_, feature)| (feature, s.label)));
    let right = views
        .filter(|((row, parts), label)| identifier.identify(row, parts).best().pattern == patterns[*label]);
    let kept_out = (others.rows.len(), right.count());
    let fitted = seen.iter().filter(|s| !s.kept_out && s.moments.is_some()).count();
    let mut sums: Vec<MomentSum> = patterns.iter().map(|_| MomentSum::default()).collect();
    for Seen { label, kept_out, moments, .. } in seen {
        if let Some(moments) = moments.filter(|_| !kept_out) {
            sums[label].merge(moments);
        }
    }
    let aims = sums.into_iter().zip(patterns).map(|(sum, pattern)| {
        let none = || EngineError::Config(format!("no picture of {pattern}"));
        Ok(Aim { anchor: sum.finish().ok_or_else(none)?, worth: f32::MAX })
    });
    let aims = aims.collect::<Result<_, EngineError>>()?;
    Ok(Learned { identifier, aims, fitted, kept_out })
}

/// The pictures with two patterns, by which two.
fn pairs(seen: &[Seen]) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    for Seen { label, kept_out, both, .. } in seen {
        let Some((second, feature)) = both.as_ref().filter(|_| !kept_out) else { continue };
        let members = [(*label).min(*second), (*label).max(*second)];
        match pairs.iter_mut().find(|pair| pair.members == members) {
            Some(pair) => pair.rows.push(feature.clone()),
            None => pairs.push(Pair { members, rows: vec![feature.clone()] }),
        }
    }
    pairs
}

/// What adaptation with these options, but whatever the distance, does to the subjects of cases that
/// it does not refuse: the pattern that was aimed at, and the gain. `done` is told of each case.
///
/// # Errors
/// [`StudyError`] naming the first picture that fails.
pub fn gains(
    restorer: &Restorer,
    cases: &[&Case],
    options: &Options,
    side: usize,
    done: &dyn Fn(),
) -> Result<Vec<(Pattern, Gain)>, StudyError> {
    let options = Options { adapt: Adapt::Auto, far: false, ..options.clone() };
    let off = Options { adapt: Adapt::Off, ..options.clone() };
    let mut gains = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        for subject in subjects(case, side, index as u64)? {
            let (with, report) = subject.restore(restorer, &options)?;
            let adapted = report.adaptation.filter(|a| a.decision == Decision::Adapted);
            let (Some(adaptation), Some(with)) = (adapted, with.psnr) else { continue };
            let Some(without) = subject.restore(restorer, &off)?.0.psnr else { continue };
            let own = adaptation.distances.iter().find(|(pattern, _)| *pattern == adaptation.anchor);
            gains.extend(own.map(|&(p, distance)| (p, Gain { distance, gain: with - without })));
        }
        done();
    }
    Ok(gains)
}
