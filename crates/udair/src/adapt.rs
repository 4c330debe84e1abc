//! Test-time adaptation of one picture: whether, towards which pattern, and what came of it.

use std::fmt;

use udair_engine::{Conditions, Verdict, Watch};

use crate::{Findings, Network, Options, Pattern, RestoreError};

/// Confidence from which `auto` trusts a finding.
const SURE: f32 = 0.8;
/// Distance from the anchor below which `auto` leaves the conditions alone.
const NEAR: f64 = 1.0;

/// Whether to bring a picture's conditions back to those that the decoder was trained with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Adapt {
    /// Never.
    #[default]
    Off,
    /// Where the picture is named surely and lies off its pattern's anchor: see [`Decision`].
    Auto,
    /// Always, by correlation alignment, whatever the picture; nothing guards the result.
    Coral,
}

/// What was done about adaptation, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The picture was restored with adapted conditions.
    Adapted,
    /// A side is shorter than [`Options::SHORTEST_ADAPTED`](crate::Options::SHORTEST_ADAPTED) pixels.
    TooSmall,
    /// There is no anchor of this pattern.
    NoAnchor,
    /// The weights hold no anchors, or the memory does not suffice.
    NotPossible,
    /// Nothing was identified surely enough to know the anchor.
    Unsure,
    /// The conditions already lie as near to the anchor as those of training pictures.
    Near,
    /// The steps did not lower the loss enough.
    LossDidNotFall,
    /// The conditions would have changed by more than those of training pictures.
    ChangedTooMuch,
}

/// What became of the adaptation of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Adaptation {
    /// What was done, and why.
    pub decision: Decision,
    /// The pattern whose anchor was the aim.
    pub anchor: Pattern,
    /// The loss before every step and after the last; empty where no step was taken.
    pub losses: Vec<f64>,
    /// How far the conditions lay from the anchor of every pattern, in the units of the loss.
    pub distances: Vec<(Pattern, f64)>,
}

impl Adapt {
    /// Every choice, in the order of the help.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Off, Self::Coral];

    /// The id used by flags.
    pub fn id(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Auto => "auto",
            Self::Coral => "coral",
        }
    }
}

impl Decision {
    /// The id used in JSON.
    pub fn id(self) -> &'static str {
        match self {
            Self::Adapted => "adapted",
            Self::TooSmall => "too_small",
            Self::NoAnchor => "no_anchor",
            Self::NotPossible => "not_possible",
            Self::Unsure => "unsure",
            Self::Near => "near",
            Self::LossDidNotFall => "loss_did_not_fall",
            Self::ChangedTooMuch => "changed_too_much",
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Adapted => "adapted",
            Self::TooSmall => "not adapted: the picture is too small",
            Self::NoAnchor => "not adapted: there is no anchor of this pattern",
            Self::NotPossible => "not adapted: the weights hold no anchors, or too little memory",
            Self::Unsure => "not adapted: the degradation is not sure enough",
            Self::Near => "not adapted: near enough to what was trained",
            Self::LossDidNotFall => "not adapted: the steps did not help",
            Self::ChangedTooMuch => "not adapted: the change would be too large",
        })
    }
}

/// Adapts the conditions of a picture of this width and height as the options say. They come back as
/// they were wherever the decision is another than [`Decision::Adapted`].
pub(crate) fn adapt(
    network: &dyn Network,
    (width, height): (usize, usize),
    mut conditions: Conditions,
    findings: &Findings,
    options: &Options,
    watch: &dyn Watch,
) -> Result<(Conditions, Adaptation), RestoreError> {
    let settings = settings(options);
    let anchor = options.anchor.unwrap_or(findings.pattern);
    let mut report = Adaptation { decision: Decision::TooSmall, anchor, losses: vec![], distances: vec![] };
    if width.min(height) < Options::SHORTEST_ADAPTED {
        return Ok((conditions, report));
    }
    if !network.can_adapt(width, height) {
        report.decision = Decision::NotPossible;
        return Ok((conditions, report));
    }
    let distances = network.anchor_distances(&mut conditions, &settings, watch)?;
    report.distances = distances.iter().filter_map(|(id, d)| Some((id.parse().ok()?, *d))).collect();
    if let Some(decision) = report.reason_against(findings, options) {
        report.decision = decision;
        return Ok((conditions, report));
    }
    let adapted = network.adapt(conditions, anchor.id(), &settings, watch)?;
    report.losses = adapted.losses.iter().map(|levels| levels.iter().sum()).collect();
    report.decision = match adapted.verdict {
        Verdict::Adapted => Decision::Adapted,
        Verdict::LossDidNotFall => Decision::LossDidNotFall,
        Verdict::ChangedTooMuch => Decision::ChangedTooMuch,
    };
    Ok((adapted.conditions, report))
}

/// How the engine is to adapt: guarded, unless adaptation is forced.
fn settings(options: &Options) -> udair_engine::Adaptation {
    let settings = udair_engine::Adaptation { steps: options.adapt_steps, ..Default::default() };
    match options.adapt {
        Adapt::Coral => udair_engine::Adaptation { guard: None, ..settings },
        Adapt::Auto | Adapt::Off => settings,
    }
}

impl Adaptation {
    /// Why no step is to be taken, if so.
    fn reason_against(&self, findings: &Findings, options: &Options) -> Option<Decision> {
        let own = self.distances.iter().find(|(pattern, _)| *pattern == self.anchor);
        let Some(&(_, distance)) = own else { return Some(Decision::NoAnchor) };
        match options.adapt {
            Adapt::Auto if options.anchor.is_none() && findings.confidence < SURE => Some(Decision::Unsure),
            Adapt::Auto if distance < NEAR => Some(Decision::Near),
            _ => None,
        }
    }
}
