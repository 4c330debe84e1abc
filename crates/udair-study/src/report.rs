//! What an evaluation found. The first five types are the JSON that `udair eval` writes.

use std::collections::BTreeMap;

use serde::Serialize;
use udair::{Adaptation, Decision, Pattern};

use crate::score::{self, MetricMean, MetricScore};

/// A whole evaluation.
#[derive(Debug, Clone, Serialize)]
pub struct Evaluation {
    /// Which weights.
    pub weights: WeightsId,
    /// Highest resident memory of the process, in MiB, where the system tells.
    pub peak_rss_mib: Option<f64>,
    /// One entry a picture, in the order of the cases.
    pub images: Vec<ImageResult>,
    /// Means over the pictures of a task and source, in order of first appearance.
    pub groups: Vec<Group>,
    /// Pictures whose pattern is known, and how many were named rightly.
    pub identification: Identified,
    /// True where adaptation was told the true patterns.
    pub oracle: bool,
    /// Pictures that are not here because the weights were trained on them.
    pub left_out: usize,
}

/// Which weights were evaluated.
#[derive(Debug, Clone, Serialize)]
pub struct WeightsId {
    /// Name or file.
    pub name: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

/// One picture. Scores are null without a reference; PSNR in dB, capped at
/// [`PSNR_OF_IDENTICAL`](crate::PSNR_OF_IDENTICAL) for identical pictures.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are those of the JSON, and the line above explains them")]
pub struct ImageResult {
    pub lq: String,
    pub gt: Option<String>,
    pub task: Option<String>,
    pub source: Option<String>,
    pub pattern: &'static str,
    pub confidence: f32,
    pub patterns: Vec<Probability>,
    pub several: Vec<&'static str>,
    pub distance: Option<f32>,
    #[serde(flatten)]
    pub adaptation: AdaptationResult,
    pub psnr_in: Option<f64>,
    pub psnr: Option<f64>,
    pub ssim_in: Option<f64>,
    pub ssim: Option<f64>,
    /// By the metrics of the task, or those that were asked for.
    pub scores: Vec<MetricScore>,
    /// Wall-clock seconds without decoding, encoding and scoring.
    pub seconds: f64,
}

/// What became of the adaptation of a picture; empty where it was off or the picture was left alone.
#[derive(Debug, Clone, Default, Serialize)]
pub struct AdaptationResult {
    /// Whether the conditions are adapted.
    pub adapted: bool,
    /// Id of what was decided.
    pub adaptation: Option<&'static str>,
    /// The loss before every step and after the last.
    pub adapt_losses: Vec<f64>,
    /// The distance to the anchor of every pattern, in the units of the loss.
    pub anchor_distances: BTreeMap<&'static str, f64>,
    /// Share of the places that were sure enough to count, where entropy was minimised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapt_used: Option<f64>,
}

impl AdaptationResult {
    pub(crate) fn of(adaptation: &Adaptation) -> Self {
        Self {
            adapted: adaptation.decision == Decision::Adapted,
            adaptation: Some(adaptation.decision.id()),
            adapt_losses: adaptation.losses.clone(),
            anchor_distances: adaptation.distances.iter().map(|(pattern, d)| (pattern.id(), *d)).collect(),
            adapt_used: adaptation.used,
        }
    }
}

/// One pattern with its probability.
#[derive(Debug, Clone, Serialize)]
pub struct Probability {
    /// Id of the pattern.
    pub id: &'static str,
    /// Probability from 0 to 1.
    pub p: f32,
}

/// Means over pictures of one task and source.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are those of the JSON and of `ImageResult`")]
pub struct Group {
    pub task: Option<String>,
    pub source: Option<String>,
    pub n: usize,
    pub psnr_in: Option<f64>,
    pub psnr: Option<f64>,
    pub ssim_in: Option<f64>,
    pub ssim: Option<f64>,
    pub scores: Vec<MetricMean>,
    pub seconds: f64,
}

/// How many pictures of known pattern were named rightly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Identified {
    /// Pictures whose pattern is known.
    pub n: usize,
    /// Those that were named rightly.
    pub correct: usize,
}

/// Counts of known pattern (row) and found pattern (column), in the order of [`Pattern::SINGLE`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Confusion {
    /// The counts.
    pub counts: [[usize; 6]; 6],
    /// Pictures of each known pattern; those named none of the six are in no column.
    pub known: [usize; 6],
}

/// Shares of pictures that were named rightly, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accuracy {
    /// Over all pictures.
    pub plain: f64,
    /// The mean over the patterns that occur.
    pub macro_average: f64,
}

impl Evaluation {
    /// The confusion of the pictures that `include` admits and whose pattern is known.
    pub fn confusion(&self, include: impl Fn(&ImageResult) -> bool) -> Confusion {
        let mut confusion = Confusion::default();
        for image in self.images.iter().filter(|image| include(image)) {
            if let Some(Ok(known)) = image.task.as_deref().map(str::parse) {
                confusion.add(known, image.pattern.parse().ok());
            }
        }
        confusion
    }

    /// Means over the pictures of each task that are admitted by `key`, under its value.
    pub(crate) fn group<K: Ord>(
        images: &[ImageResult],
        key: impl Fn(&ImageResult) -> K,
        head: impl Fn(&ImageResult) -> (Option<String>, Option<String>),
    ) -> Vec<Group> {
        let mut order: BTreeMap<K, usize> = BTreeMap::new();
        let mut members: Vec<Vec<&ImageResult>> = Vec::new();
        for image in images {
            let next = members.len();
            let i = *order.entry(key(image)).or_insert(next);
            if i == next {
                members.push(Vec::new());
            }
            members[i].push(image);
        }
        members.iter().map(|group| Group::of(head(group[0]), group)).collect()
    }

    /// Means over all pictures of each task, whatever their source.
    pub fn tasks(&self) -> Vec<Group> {
        Self::group(&self.images, |i| i.task.clone(), |i| (i.task.clone(), None))
    }
}

impl Group {
    fn of((task, source): (Option<String>, Option<String>), images: &[&ImageResult]) -> Self {
        let mean = |score: fn(&ImageResult) -> Option<f64>| {
            let scores: Vec<f64> = images.iter().copied().filter_map(score).collect();
            (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
        };
        Self {
            task,
            source,
            n: images.len(),
            psnr_in: mean(|i| i.psnr_in),
            psnr: mean(|i| i.psnr),
            ssim_in: mean(|i| i.ssim_in),
            ssim: mean(|i| i.ssim),
            scores: score::means(images.iter().map(|image| image.scores.as_slice())),
            seconds: mean(|i| Some(i.seconds)).unwrap_or(0.0),
        }
    }
}

impl Confusion {
    /// Counts a picture of known pattern, unless that is none of the six.
    pub(crate) fn add(&mut self, known: Pattern, found: Option<Pattern>) {
        let index = |pattern: Pattern| Pattern::SINGLE.iter().position(|single| *single == pattern);
        let Some(row) = index(known) else { return };
        self.known[row] += 1;
        if let Some(column) = found.and_then(index) {
            self.counts[row][column] += 1;
        }
    }

    /// How many pictures, and how many on the diagonal.
    pub fn identified(&self) -> Identified {
        Identified { n: self.known.iter().sum(), correct: (0..6).map(|i| self.counts[i][i]).sum() }
    }

    /// The shares named rightly; `None` where no picture's pattern is known.
    pub fn accuracy(&self) -> Option<Accuracy> {
        let Identified { n, correct } = self.identified();
        let recalls: Vec<f64> = (0..6)
            .filter(|&i| self.known[i] > 0)
            .map(|i| self.counts[i][i] as f64 / self.known[i] as f64)
            .collect();
        (n > 0).then(|| Accuracy {
            plain: correct as f64 / n as f64,
            macro_average: recalls.iter().sum::<f64>() / recalls.len() as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(task: Option<&str>, pattern: &'static str, psnr: Option<f64>) -> ImageResult {
        ImageResult {
            lq: "a".into(),
            gt: None,
            task: task.map(Into::into),
            source: Some("s".into()),
            pattern,
            confidence: 1.0,
            patterns: Vec::new(),
            several: Vec::new(),
            distance: None,
            adaptation: AdaptationResult::default(),
            psnr_in: None,
            psnr,
            ssim_in: None,
            ssim: None,
            scores: Vec::new(),
            seconds: 2.0,
        }
    }

    fn evaluation() -> Evaluation {
        let images = vec![
            image(Some("dehaze"), "dehaze", Some(20.0)),
            image(Some("denoise"), "clean", Some(30.0)),
            image(Some("dehaze"), "dehaze", Some(22.0)),
            image(Some("dehaze"), "none", None),
            image(Some("mixed"), "denoise", None),
            image(None, "denoise", None),
        ];
        let weights = WeightsId { name: "w".into(), sha256: "0".into() };
        Evaluation {
            weights,
            peak_rss_mib: None,
            images,
            groups: Vec::new(),
            identification: Identified::default(),
            oracle: false,
            left_out: 0,
        }
    }

    #[test]
    fn confusion_counts_known_patterns_only() {
        let confusion = evaluation().confusion(|_| true);
        assert_eq!(confusion.known, [1, 3, 0, 0, 0, 0]);
        assert_eq!(confusion.counts[1], [0, 2, 0, 0, 0, 0]);
        assert_eq!(confusion.counts[0], [0, 0, 0, 0, 0, 1]);
        assert_eq!(confusion.identified(), Identified { n: 4, correct: 2 });
        let accuracy = confusion.accuracy().unwrap();
        assert_eq!((accuracy.plain, accuracy.macro_average), (0.5, (2.0 / 3.0) / 2.0));
        assert_eq!(Confusion::default().accuracy(), None);
    }

    #[test]
    fn means_leave_out_what_has_no_score() {
        let tasks = evaluation().tasks();
        let names: Vec<_> = tasks.iter().map(|g| (g.task.as_deref(), g.n, g.psnr)).collect();
        let expected = [
            (Some("dehaze"), 3, Some(21.0)),
            (Some("denoise"), 1, Some(30.0)),
            (Some("mixed"), 1, None),
            (None, 1, None),
        ];
        assert_eq!(names, expected);
        assert_eq!(tasks[0].seconds, 2.0);
    }
}
