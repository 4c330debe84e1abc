//! What happened to one picture: a JSON object for programs, a line for people.

use serde::Serialize;
use udair::{Adaptation, Decision, Findings, Pattern};

/// The outcome of one picture; `restore --json` and `identify --json` print one a line.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Record {
    pub(crate) input: String,
    pub(crate) output: Option<String>,
    pub(crate) status: Status,
    pub(crate) pattern: Option<&'static str>,
    pub(crate) confidence: Option<f32>,
    pub(crate) patterns: Option<Vec<Probability>>,
    pub(crate) several: Option<Vec<&'static str>>,
    pub(crate) distance: Option<f32>,
    pub(crate) adapted: Option<bool>,
    pub(crate) adaptation: Option<&'static str>,
    pub(crate) adapt_losses: Option<Vec<f64>>,
    pub(crate) anchor_distances: Option<Vec<Distance>>,
    pub(crate) width: Option<usize>,
    pub(crate) height: Option<usize>,
    /// Left, top, width and height of the part that was asked for.
    pub(crate) region: Option<[usize; 4]>,
    /// The result is a quick look, smaller than the picture.
    pub(crate) preview: bool,
    pub(crate) model: String,
    /// What the network multiplied in.
    pub(crate) precision: Option<&'static str>,
    /// What its maps were stored in.
    pub(crate) storage: Option<&'static str>,
    /// What restored: `cpu`, or the name of another device.
    pub(crate) device: Option<String>,
    pub(crate) seconds: Option<f64>,
    pub(crate) error: Option<String>,
}

/// What became of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Restored,
    Unchanged,
    Skipped,
    Identified,
    Failed,
}

/// One pattern with its probability.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Probability {
    pub(crate) id: &'static str,
    pub(crate) p: f32,
}

/// One pattern with the distance to its anchor, in the units of the adaptation's loss.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Distance {
    pub(crate) id: &'static str,
    pub(crate) distance: f64,
}

/// Counts of a batch; the last line of `--json`.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Summary {
    pub(crate) files: usize,
    pub(crate) restored: usize,
    pub(crate) unchanged: usize,
    pub(crate) skipped: usize,
    pub(crate) identified: usize,
    pub(crate) failed: usize,
    pub(crate) interrupted: bool,
    pub(crate) seconds: f64,
}

impl Record {
    /// A record of which only the picture is known.
    pub(crate) fn new(input: String, model: &str, status: Status) -> Self {
        Self {
            input,
            output: None,
            status,
            pattern: None,
            confidence: None,
            patterns: None,
            several: None,
            distance: None,
            adapted: None,
            adaptation: None,
            adapt_losses: None,
            anchor_distances: None,
            width: None,
            height: None,
            region: None,
            preview: false,
            model: model.into(),
            precision: None,
            storage: None,
            device: None,
            seconds: None,
            error: None,
        }
    }

    pub(crate) fn findings(&mut self, findings: &Findings) {
        self.pattern = Some(findings.pattern.id());
        self.confidence = Some(findings.confidence);
        let probability = |&(pattern, p): &(Pattern, f32)| Probability { id: pattern.id(), p };
        self.patterns = Some(findings.patterns.iter().map(probability).collect());
        self.several = Some(findings.several.iter().map(|pattern| pattern.id()).collect());
        self.distance = findings.distance;
    }

    pub(crate) fn adaptation(&mut self, adaptation: &Adaptation) {
        self.adapted = Some(adaptation.decision == Decision::Adapted);
        self.adaptation = Some(adaptation.decision.id());
        self.adapt_losses = Some(adaptation.losses.clone());
        let distance = |&(pattern, distance): &(Pattern, f64)| Distance { id: pattern.id(), distance };
        self.anchor_distances = Some(adaptation.distances.iter().map(distance).collect());
    }

    /// What was found and how sure that is, for people; the runners-up too where `all` is set.
    pub(crate) fn found(&self, all: bool) -> String {
        let label = |id: &str| id.parse().map_or("?", Pattern::label);
        let (Some(pattern), Some(confidence)) = (self.pattern, self.confidence) else { return String::new() };
        if pattern == Pattern::None.id() {
            return label(pattern).into();
        }
        let several: Vec<_> = self.several.iter().flatten().map(|id| label(id)).collect();
        let what = if several.is_empty() { label(pattern).into() } else { several.join(" and ") };
        let mut text = format!("{what}, {} sure", percent(confidence));
        if all && several.is_empty() {
            let mut rest: Vec<_> = self
                .patterns
                .iter()
                .flatten()
                .filter(|other| other.id != pattern && other.p >= 0.01)
                .collect();
            rest.sort_by(|a, b| b.p.total_cmp(&a.p));
            let rest: Vec<_> =
                rest.iter().map(|other| format!("{} {}", label(other.id), percent(other.p))).collect();
            if !rest.is_empty() {
                text = format!("{text} ({})", rest.join(", "));
            }
        }
        text
    }
}

fn percent(p: f32) -> String {
    format!("{:.0} %", 100.0 * p)
}

impl Summary {
    pub(crate) fn add(&mut self, status: Status) {
        self.files += 1;
        *match status {
            Status::Restored => &mut self.restored,
            Status::Unchanged => &mut self.unchanged,
            Status::Skipped => &mut self.skipped,
            Status::Identified => &mut self.identified,
            Status::Failed => &mut self.failed,
        } += 1;
    }

    /// The counts that are not zero, for people.
    pub(crate) fn line(&self) -> String {
        let counts = [
            (self.restored, "restored"),
            (self.unchanged, "unchanged"),
            (self.skipped, "skipped"),
            (self.identified, "identified"),
            (self.failed, "failed"),
        ];
        let parts: Vec<_> =
            counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        format!("{} in {:.1} s", parts.join(", "), self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_said_in_words() {
        let mut record = Record::new("a.png".into(), "small", Status::Identified);
        assert_eq!(record.found(true), "");
        record.findings(&Findings {
            pattern: Pattern::Dehaze,
            confidence: 0.934,
            patterns: vec![(Pattern::Clean, 0.004), (Pattern::Derain, 0.0616), (Pattern::Dehaze, 0.934)],
            ..Findings::default()
        });
        assert_eq!(record.found(false), "haze, 93 % sure");
        assert_eq!(record.found(true), "haze, 93 % sure (rain 6 %)");
        record.findings(&Findings {
            pattern: Pattern::Mixed,
            confidence: 0.9,
            several: vec![Pattern::Derain, Pattern::Denoise],
            ..Findings::default()
        });
        assert_eq!(record.found(true), "rain and noise, 90 % sure");
    }
}
