//! Does the degradation analysis do what it is for? Codes that tell patterns apart, conditions that
//! the decoder depends on, features that lie in clusters.

mod draw;
mod information;
mod tsne;

use udair::{Pattern, Silent};
use udair_engine::{Conditions, Engine, EngineError, Likeness};

use crate::score::{Pixels, psnr_of};
use crate::subjects::central;
use crate::{Case, Confusion, Shift, StudyError};

pub use draw::Drawing;
pub use information::{Usage, usage};

/// What was found.
#[derive(Debug)]
pub struct Prototypes {
    /// Of the coarse and the fine codebook.
    pub usage: [Usage; 2],
    /// What it costs to restore under another picture's conditions, by pattern.
    pub swaps: Vec<Swap>,
    /// How pictures are named as they are spoiled more and more.
    pub strengths: Vec<Strength>,
    /// Known and found patterns.
    pub confusion: Confusion,
    /// The figures.
    pub drawings: Vec<Drawing>,
}

/// Mean PSNR in dB of the pictures of one pattern, restored under different conditions.
#[derive(Debug, Clone, PartialEq)]
pub struct Swap {
    /// The pattern.
    pub pattern: Pattern,
    /// Pictures.
    pub n: usize,
    /// Under their own conditions.
    pub own: f64,
    /// Under those of another picture of the pattern.
    pub same: f64,
    /// Under those of a picture of another pattern.
    pub other: f64,
}

/// How good photos are named once they are spoiled.
#[derive(Debug, Clone, PartialEq)]
pub struct Strength {
    /// Name of the shift.
    pub shift: String,
    /// The pattern that it makes.
    pub pattern: Pattern,
    /// Pictures.
    pub n: usize,
    /// Those named rightly.
    pub right: usize,
    /// Mean probability of the pattern.
    pub probability: f64,
}

/// A picture with what the network sees in it.
struct Seen {
    label: Pattern,
    pixels: Pixels,
    reference: Option<Pixels>,
    conditions: Conditions,
    found: Option<Pattern>,
}

/// The shifts whose strength is varied: the noise of the paper's figure S5, haze and darkness.
const STRENGTHS: [(Pattern, Shift); 9] = [
    (Pattern::Denoise, Shift::Noise(15.0)),
    (Pattern::Denoise, Shift::Noise(25.0)),
    (Pattern::Denoise, Shift::Noise(50.0)),
    (Pattern::Dehaze, Shift::Haze(0.85)),
    (Pattern::Dehaze, Shift::Haze(0.7)),
    (Pattern::Dehaze, Shift::Haze(0.5)),
    (Pattern::Lowlight, Shift::Dark(0.3)),
    (Pattern::Lowlight, Shift::Dark(0.1)),
    (Pattern::Lowlight, Shift::Dark(0.03)),
];

/// Looks at the central squares of pictures of known pattern; `done` is told of each.
///
/// # Errors
/// [`StudyError`] naming the first picture that fails.
pub fn prototypes(
    engine: &Engine,
    cases: &[&Case],
    side: usize,
    done: &dyn Fn(),
) -> Result<Prototypes, StudyError> {
    let mut seen = Vec::new();
    let mut strengths: Vec<Strength> = STRENGTHS.iter().map(Strength::none).collect();
    for (index, case) in cases.iter().enumerate() {
        let Some(label) = case.task.as_deref().and_then(|task| task.parse::<Pattern>().ok()) else {
            continue;
        };
        let picture = central(&case.lq, side)?;
        let failed = |source| StudyError::Picture { path: case.lq.clone(), source };
        let reference = match &case.gt {
            Some(path) => Some(Pixels::of(&central(path, side)?).map_err(failed)?),
            None => None,
        };
        seen.push(look(engine, label, Pixels::of(&picture).map_err(failed)?, reference)?);
        if label == Pattern::Clean {
            for (strength, (pattern, shift)) in strengths.iter_mut().zip(&STRENGTHS) {
                let spoiled = shift.apply(&picture, index as u64).map_err(failed)?;
                strength.add(engine, *pattern, &Pixels::of(&spoiled).map_err(failed)?)?;
            }
        }
        done();
    }
    let mut confusion = Confusion::default();
    seen.iter().for_each(|seen| confusion.add(seen.label, seen.found));
    let codes = engine.config().codes;
    let usage = [
        usage(codes, seen.iter().map(|s| (s.label, s.conditions.codes_t.as_slice()))),
        usage(codes, seen.iter().map(|s| (s.label, s.conditions.codes_b.as_slice()))),
    ];
    let swaps =
        Pattern::SINGLE.into_iter().filter_map(|pattern| swap(engine, &seen, pattern, side).transpose());
    let swaps = swaps.collect::<Result<_, EngineError>>()?;
    let rows: Vec<(Pattern, &[f64])> =
        seen.iter().map(|s| (s.label, s.conditions.feature.as_slice())).collect();
    let drawings = vec![
        draw::scatter(&rows),
        draw::confusion(&confusion),
        draw::histograms("codes-coarse", "coarse codes", &usage[0]),
        draw::histograms("codes-fine", "fine codes", &usage[1]),
    ];
    Ok(Prototypes { usage, swaps, strengths, confusion, drawings })
}

fn look(
    engine: &Engine,
    label: Pattern,
    pixels: Pixels,
    reference: Option<Pixels>,
) -> Result<Seen, EngineError> {
    let conditions = engine.conditions(&pixels.unit(), pixels.width, pixels.height, &Silent)?;
    let found = named(engine, &conditions);
    Ok(Seen { label, pixels, reference, conditions, found })
}

/// The pattern that is found, where it is one.
fn named(engine: &Engine, conditions: &Conditions) -> Option<Pattern> {
    let found = engine.identify(conditions).filter(|found| found.verdict == Likeness::One)?;
    found.best().pattern.parse().ok()
}

impl Strength {
    fn none((pattern, shift): &(Pattern, Shift)) -> Self {
        Self { shift: shift.name(), pattern: *pattern, n: 0, right: 0, probability: 0.0 }
    }

    fn add(&mut self, engine: &Engine, pattern: Pattern, pixels: &Pixels) -> Result<(), EngineError> {
        let conditions = engine.conditions(&pixels.unit(), pixels.width, pixels.height, &Silent)?;
        let found = engine.identify(&conditions);
        let findings = found.iter().flat_map(|found| &found.findings);
        let own: f64 = findings.filter(|f| f.pattern == pattern.id()).map(|f| f64::from(f.probability)).sum();
        self.n += 1;
        self.right += usize::from(named(engine, &conditions) == Some(pattern));
        self.probability += (own - self.probability) / self.n as f64;
        Ok(())
    }
}

/// Restores the full squares of a pattern under their own and under others' conditions; `None` where
/// there are fewer than two.
fn swap(engine: &Engine, seen: &[Seen], pattern: Pattern, side: usize) -> Result<Option<Swap>, EngineError> {
    let full: Vec<&Seen> = seen.iter().filter(|s| s.pixels.size() == (side, side)).collect();
    let own: Vec<&Seen> = full.iter().filter(|s| s.label == pattern).copied().collect();
    let scored: Vec<(usize, &Seen, &Pixels)> =
        own.iter().enumerate().filter_map(|(i, s)| Some((i, *s, s.reference.as_ref()?))).collect();
    let others: Vec<&Seen> = full.iter().filter(|s| s.label != pattern).copied().collect();
    if own.len() < 2 || scored.is_empty() || others.is_empty() {
        return Ok(None);
    }
    let mut sums = [0.0; 3];
    for (i, picture, reference) in &scored {
        // Donors of other patterns in turn, so that all of them take part.
        let donors = [picture, own[(i + 1) % own.len()], others[i * others.len() / own.len()]];
        for (sum, donor) in sums.iter_mut().zip(donors) {
            let rgb = engine.restore(picture.pixels.unit(), side, side, donor.conditions.clone(), &Silent)?;
            *sum += psnr_of(&Pixels::of_unit(side, side, &rgb), reference);
        }
    }
    let [own, same, other] = sums.map(|sum| sum / scored.len() as f64);
    Ok(Some(Swap { pattern, n: scored.len(), own, same, other }))
}
