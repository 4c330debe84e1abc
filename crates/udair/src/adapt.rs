//! Test-time adaptation of one picture: whether, towards which pattern, and what came of it.

use std::fmt;

use udair_engine::{Conditions, Verdict, Watch};

use crate::{AnchorDistance, Coral, Findings, Network, Options, Pattern, RestoreError};

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
    /// Always, by entropy minimisation (TENT); needs [`Differentiable`](crate::Differentiable).
    Tent,
    /// Always, by sharpness-aware entropy minimisation of what is sure (SAR); needs
    /// [`Differentiable`](crate::Differentiable).
    Sar,
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
    /// The conditions lie so near to the anchor that adaptation did not help training pictures.
    Near,
    /// The steps did not lower the loss enough.
    LossDidNotFall,
    /// The conditions would have changed by more than those of training pictures.
    ChangedTooMuch,
    /// No place of the picture was sure enough to count for SAR.
    NothingSure,
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
    /// Share of the places that were sure enough to count, where entropy was minimised.
    pub used: Option<f64>,
}

impl Adapt {
    /// Every choice, in the order of the help.
    pub const ALL: [Self; 5] = [Self::Auto, Self::Off, Self::Coral, Self::Tent, Self::Sar];

    /// The id used by flags.
    pub fn id(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Auto => "auto",
            Self::Coral => "coral",
            Self::Tent => "tent",
            Self::Sar => "sar",
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
            Self::NothingSure => "nothing_sure",
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
            Self::NothingSure => "not adapted: no place was sure enough",
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
    // Who forces adaptation gets it.
    let guard = options.coral.guard.filter(|_| options.adapt == Adapt::Auto);
    let settings = Coral { guard, ..options.coral.clone() };
    let anchor = options.anchor.unwrap_or(findings.pattern);
    let decision = Decision::TooSmall;
    let mut report = Adaptation { decision, anchor, losses: vec![], distances: vec![], used: None };
    if width.min(height) < Options::SHORTEST_ADAPTED {
        return Ok((conditions, report));
    }
    if !network.can_adapt(width, height) {
        report.decision = Decision::NotPossible;
        return Ok((conditions, report));
    }
    let distances = network.anchor_distances(&mut conditions, &settings, watch)?;
    report.distances = distances.iter().filter_map(|d| Some((d.pattern.parse().ok()?, d.distance))).collect();
    let own = distances.iter().find(|d| d.pattern == anchor.id());
    if let Some(decision) = reason_against(own, findings, options) {
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

/// Why no step is to be taken, if so.
fn reason_against(own: Option<&AnchorDistance>, findings: &Findings, options: &Options) -> Option<Decision> {
    let Some(AnchorDistance { distance, worth, .. }) = own else { return Some(Decision::NoAnchor) };
    match options.adapt {
        Adapt::Auto if options.anchor.is_none() && findings.confidence < options.sure => {
            Some(Decision::Unsure)
        }
        Adapt::Auto if options.far && distance < worth => Some(Decision::Near),
        _ => None,
    }
}
