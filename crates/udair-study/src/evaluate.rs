//! Restores and scores case after case.

use std::path::Path;

use udair::{Limits, Options, Picture, Restorer, Watch};
use udair_metrics::{Metric, Parameters};

use crate::handling::{Handling, Of};
use crate::report::{AdaptationResult, Evaluation, ImageResult, Probability, WeightsId};
use crate::score::{self, Pixels, metrics_of};
use crate::{Case, StudyError};

/// How to evaluate.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// How to restore.
    pub options: Options,
    /// Aim adaptation at the true pattern of each case, as the paper's program does. What comes out
    /// says nothing about pictures whose pattern nobody knows.
    pub oracle: bool,
    /// Pictures that were left out beforehand ([`unseen`](crate::unseen)), for the report.
    pub left_out: usize,
    /// What may be decoded.
    pub limits: Limits,
    /// What becomes of every picture before it is restored.
    pub handling: Handling,
    /// Metrics for every picture; [those of its task](crate::metrics_of) where there are none.
    pub metrics: Vec<Metric>,
    /// Learned numbers that some metrics need.
    pub parameters: Parameters,
}

/// Follows an evaluation.
pub trait Observer {
    /// Case `index` (from 0) starts; its restoration reports to the returned watch.
    fn start(&self, index: usize) -> Box<dyn Watch + '_>;
    /// A case is done; `restored` is what `udair restore` would have written.
    ///
    /// # Errors
    /// Whatever is returned ends the evaluation.
    fn done(&self, case: &Case, result: &ImageResult, restored: &Picture) -> Result<(), StudyError>;
}

/// Restores every case and scores it.
///
/// # Errors
/// The first picture that cannot be read or restored, or whose reference has another size, ends the
/// evaluation: means over what is left would not be the means that were asked for.
pub fn evaluate(
    restorer: &Restorer,
    weights: WeightsId,
    cases: &[Case],
    settings: &Settings,
    observer: &dyn Observer,
) -> Result<Evaluation, StudyError> {
    let mut images = Vec::with_capacity(cases.len());
    for (index, case) in cases.iter().enumerate() {
        let watch = observer.start(index);
        let (result, restored) = one(restorer, case, index, settings, watch.as_ref())?;
        observer.done(case, &result, &restored)?;
        images.push(result);
    }
    let groups = Evaluation::group(
        &images,
        |i| (i.task.clone(), i.source.clone()),
        |i| (i.task.clone(), i.source.clone()),
    );
    let mut evaluation = Evaluation {
        weights,
        peak_rss_mib: peak_rss_mib(),
        images,
        groups,
        identification: crate::Identified::default(),
        oracle: settings.oracle,
        left_out: settings.left_out,
    };
    evaluation.identification = evaluation.confusion(|_| true).identified();
    Ok(evaluation)
}

fn one(
    restorer: &Restorer,
    case: &Case,
    index: usize,
    settings: &Settings,
    watch: &dyn Watch,
) -> Result<(ImageResult, Picture), StudyError> {
    let input = read(&case.lq, index, Of::Input, settings)?;
    let label = case.task.as_deref().filter(|_| settings.oracle).and_then(|task| task.parse().ok());
    let options = Options { anchor: label.or(settings.options.anchor), ..settings.options.clone() };
    let restored = restorer.restore(&input, &options, watch);
    let (restored, report) = restored.map_err(|source| match source {
        udair::RestoreError::Cancelled => StudyError::Cancelled,
        source => StudyError::Restore { path: case.lq.clone(), source },
    })?;
    let pixels = |path: &Path, picture: &Picture| Pixels::of(picture).map_err(|e| failed(path, e));
    let (before, after) = (pixels(&case.lq, &input)?, pixels(&case.lq, &restored)?);
    let reference = match &case.gt {
        None => None,
        Some(path) => Some(pixels(path, &read(path, index, Of::Reference, settings)?)?),
    };
    if let (Some(reference), Some(gt)) = (&reference, &case.gt)
        && before.size() != reference.size()
    {
        let (lq_size, gt_size) = (before.size(), reference.size());
        return Err(StudyError::Size { lq: case.lq.clone(), lq_size, gt: gt.clone(), gt_size });
    }
    let compared = reference.as_ref().map(|r| [score::of(&before, r), score::of(&after, r)]);
    let of_task;
    let metrics = if settings.metrics.is_empty() {
        of_task = metrics_of(case.task.as_deref(), reference.is_some());
        &of_task
    } else {
        &settings.metrics
    };
    let scores = score::by_metrics(metrics, &settings.parameters, [&before, &after], reference.as_ref());
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let findings = &report.findings;
    let probability = |&(pattern, p): &(udair::Pattern, f32)| Probability { id: pattern.id(), p };
    let result = ImageResult {
        lq: text(&case.lq),
        gt: case.gt.as_deref().map(text),
        task: case.task.clone(),
        source: case.source.clone(),
        pattern: findings.pattern.id(),
        confidence: findings.confidence,
        patterns: findings.patterns.iter().map(probability).collect(),
        several: findings.several.iter().map(|pattern| pattern.id()).collect(),
        distance: findings.distance,
        adaptation: report.adaptation.as_ref().map(AdaptationResult::of).unwrap_or_default(),
        psnr_in: compared.map(|s| s[0].psnr),
        psnr: compared.map(|s| s[1].psnr),
        ssim_in: compared.and_then(|s| s[0].ssim),
        ssim: compared.and_then(|s| s[1].ssim),
        scores,
        seconds: report.seconds,
    };
    Ok((result, restored))
}

/// Reads a picture and handles it as asked.
fn read(path: &Path, index: usize, of: Of, settings: &Settings) -> Result<Picture, StudyError> {
    let whole = Picture::open(path, &settings.limits).map_err(|e| failed(path, e))?;
    settings.handling.apply(whole, index as u64, of).map_err(|e| failed(path, e))
}

fn failed(path: &Path, source: udair::ImageError) -> StudyError {
    StudyError::Picture { path: path.into(), source }
}

/// The highest resident memory of this process so far, in MiB, where the system tells (Linux).
pub fn peak_rss_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}
