//! What a caller may ask for, and what it is told.

use udair_engine::{Identification, Likeness};

use crate::{Adapt, Adaptation, Coral, Entropy, Pattern};

/// How to restore.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// How much of the change to apply, from 0 (the picture as it is) to 1.
    pub strength: f32,
    /// Restore pictures that are found clean, too.
    pub always: bool,
    /// Keep of the picture what the damage leaves: brightness, colour, contrast and texture under noise, and
    /// what lies between the streaks of light rain; and undo darkness and haze over wide areas as in a version of the
    /// picture that is as small as the crops of training. Without it the result is the network's alone.
    pub tones: bool,
    /// Whether to adapt to the picture.
    pub adapt: Adapt,
    /// How to adapt. The guard holds for [`Adapt::Auto`] alone.
    pub coral: Coral,
    /// How to adapt by [`Adapt::Tent`] and [`Adapt::Sar`].
    pub entropy: Entropy,
    /// [`Adapt::Auto`] trusts a finding from this confidence on, from 0 to 1.
    pub sure: f32,
    /// [`Adapt::Auto`] adapts only pictures that lie as far from the anchor as those that adaptation
    /// helped when the weights were made.
    pub far: bool,
    /// The pattern whose anchor an adaptation aims at, instead of the one that is found. It changes
    /// neither what is found nor anything else.
    pub anchor: Option<Pattern>,
}

impl Options {
    /// Pictures with a shorter side, in pixels, are not adapted: a window of the steps is this wide.
    pub const SHORTEST_ADAPTED: usize = 64;
    /// The default of [`Options::sure`].
    pub const SURE: f32 = 0.8;
}

impl Default for Options {
    fn default() -> Self {
        Self {
            strength: 1.0,
            always: false,
            tones: true,
            adapt: Adapt::default(),
            coral: Coral::default(),
            entropy: Entropy::default(),
            sure: Self::SURE,
            far: true,
            anchor: None,
        }
    }
}

/// What spoiled a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Findings {
    /// The most probable pattern, [`Pattern::Mixed`] where it has two at once, or [`Pattern::None`]
    /// where it is like none of them.
    pub pattern: Pattern,
    /// Its probability, from 0 to 1: the sum of both where there are two; 0 for [`Pattern::None`].
    pub confidence: f32,
    /// The two patterns of [`Pattern::Mixed`], the more probable one first; else empty.
    pub several: Vec<Pattern>,
    /// Squared distance to the nearest anchor, in units of the spread within a pattern; `None` where
    /// the weights hold no identification.
    pub distance: Option<f32>,
    /// Every pattern with its probability, in the order of the weights.
    pub patterns: Vec<(Pattern, f32)>,
}

impl Findings {
    /// What a network finds.
    pub(crate) fn of(identification: Option<Identification>) -> Self {
        let Some(identification) = identification else { return Self::default() };
        let named = |id: &str| id.parse().unwrap_or(Pattern::None);
        let best = identification.best();
        let patterns: Vec<_> =
            identification.findings.iter().map(|f| (named(&f.pattern), f.probability)).collect();
        let probability =
            |of: Pattern| patterns.iter().filter(|(p, _)| *p == of).map(|(_, p)| p).sum::<f32>();
        let (pattern, several) = match &identification.verdict {
            Likeness::One => (named(&best.pattern), Vec::new()),
            Likeness::Both(first, second) => (Pattern::Mixed, vec![named(first), named(second)]),
            Likeness::Unknown => (Pattern::None, Vec::new()),
        };
        let confidence = match pattern {
            Pattern::Mixed => several.iter().copied().map(probability).sum(),
            pattern => probability(pattern),
        };
        let distance = identification.findings.iter().map(|f| f.distance).min_by(f32::total_cmp);
        Self { pattern, confidence, several, distance, patterns }
    }

    /// Probability that the picture is clean; `None` where something else is more probable.
    pub(crate) fn clean(&self) -> Option<f32> {
        let best = self.patterns.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        best.filter(|(pattern, _)| *pattern == Pattern::Clean && self.several.is_empty()).map(|b| b.1)
    }
}

impl Default for Findings {
    /// Nothing was identified.
    fn default() -> Self {
        Self { pattern: Pattern::None, confidence: 0.0, several: vec![], distance: None, patterns: vec![] }
    }
}

/// Whether the pixels were touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Restored.
    Restored,
    /// Left exactly as they were: the picture was found clean, or the strength was 0.
    Unchanged,
}

impl Status {
    /// The id used in JSON.
    pub fn id(self) -> &'static str {
        match self {
            Self::Restored => "restored",
            Self::Unchanged => "unchanged",
        }
    }
}

/// What was found in a picture and done to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Whether the pixels were touched.
    pub status: Status,
    /// What spoiled the picture.
    pub findings: Findings,
    /// What became of adaptation; `None` where it was off or the pixels were not touched.
    pub adaptation: Option<Adaptation>,
    /// Wall-clock seconds of identification and restoration; decoding and encoding not included.
    pub seconds: f64,
}
