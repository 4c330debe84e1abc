//! Scores of a picture before and after, by the metrics that the paper uses for its task.

use serde::Serialize;
use udair::{ImageError, Pattern, Picture};
use udair_metrics::{Metric, Parameters, Rgb8, psnr, ssim};

/// The PSNR that stands for identical pictures, in dB: infinity has no mean and no JSON.
pub const PSNR_OF_IDENTICAL: f64 = 100.0;

/// What the scores against references are, for headings: metric and variant.
pub const SCORES: &str = "PSNR rgb, SSIM gaussian (mean of the channels), of 8-bit sRGB";

/// One metric of one picture, or its means over several. The names are those of the JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricScore {
    /// Name of the metric, such as `niqe`.
    pub metric: &'static str,
    /// Name of the variant.
    pub variant: String,
    /// `higher` or `lower`.
    pub better: String,
    /// The degraded picture's value.
    pub value_in: Option<f64>,
    /// The restored picture's value.
    pub value: Option<f64>,
    /// Why a value is missing.
    pub reason: Option<String>,
}

/// Mean of one metric over the pictures of a group that have a value before and after.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricMean {
    /// Name of the metric.
    pub metric: &'static str,
    /// Name of the variant.
    pub variant: String,
    /// `higher` or `lower`.
    pub better: String,
    /// Pictures that have both values.
    pub n: usize,
    /// Mean of the degraded pictures.
    pub value_in: Option<f64>,
    /// Mean of the restored pictures.
    pub value: Option<f64>,
    /// Pictures whose value is worse after than before.
    pub worse: usize,
}

/// The metrics for a picture of known task: PSNR and SSIM where there is a reference. Without one,
/// FADE for haze and NIQE with BRISQUE for the rest; water is measured by UIQM and UCIQE in any case.
/// These are the paper's choices (URHI, LIME, UFO-120), and NIQE with BRISQUE where it has none.
pub fn metrics_of(task: Option<&str>, reference: bool) -> Vec<Metric> {
    let is = |pattern: Pattern| task == Some(pattern.id());
    let compared: &[&str] = if reference { &["psnr", "ssim"] } else { &[] };
    let alone: &[&str] = match () {
        () if is(Pattern::Underwater) => &["uiqm", "uciqe"],
        () if reference => &[],
        () if is(Pattern::Dehaze) => &["fade"],
        () => &["niqe", "brisque"],
    };
    compared.iter().chain(alone).map(|name| name.parse().expect("these metrics exist")).collect()
}

/// 8-bit sRGB pixels.
#[derive(Debug)]
pub(crate) struct Pixels {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) rgb: Vec<u8>,
}

/// PSNR in dB and SSIM; SSIM is missing where the picture is smaller than its window.
#[derive(Clone, Copy)]
pub(crate) struct Scores {
    pub(crate) psnr: f64,
    pub(crate) ssim: Option<f64>,
}

impl Pixels {
    pub(crate) fn of(picture: &Picture) -> Result<Self, ImageError> {
        Ok(Self { width: picture.width(), height: picture.height(), rgb: picture.to_rgb8()? })
    }

    /// From values that are 0 to 1 inside the range of 8 bits.
    pub(crate) fn of_unit(width: usize, height: usize, rgb: &[f32]) -> Self {
        let rgb = rgb.iter().map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8).collect();
        Self { width, height, rgb }
    }

    /// The values, from 0 to 1.
    pub(crate) fn unit(&self) -> Vec<f32> {
        self.rgb.iter().map(|&v| f32::from(v) / 255.0).collect()
    }

    pub(crate) fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn view(&self) -> Rgb8<'_> {
        Rgb8::new(self.width, self.height, &self.rgb).expect("a picture has its size")
    }
}

/// Scores `picture` against `reference`, which has the same size.
pub(crate) fn of(picture: &Pixels, reference: &Pixels) -> Scores {
    let (picture, reference) = (picture.view(), reference.view());
    Scores { psnr: psnr(&picture, &reference).min(PSNR_OF_IDENTICAL), ssim: ssim(&picture, &reference) }
}

/// PSNR alone, in dB.
pub(crate) fn psnr_of(picture: &Pixels, reference: &Pixels) -> f64 {
    psnr(&picture.view(), &reference.view()).min(PSNR_OF_IDENTICAL)
}

/// Scores a picture before and after by `metrics`.
pub(crate) fn by_metrics(
    metrics: &[Metric],
    parameters: &Parameters,
    [before, after]: [&Pixels; 2],
    reference: Option<&Pixels>,
) -> Vec<MetricScore> {
    let reference = reference.map(Pixels::view);
    let score = |metric: &Metric| {
        let [input, output] =
            [before, after].map(|picture| metric.score(&picture.view(), reference.as_ref(), parameters));
        let finite = |value: &Result<f64, _>| {
            value.as_ref().ok().map(|value| if value.is_infinite() { PSNR_OF_IDENTICAL } else { *value })
        };
        let reason = [&input, &output].into_iter().find_map(|score| score.value.as_ref().err());
        MetricScore {
            metric: metric.name(),
            variant: output.variant.clone(),
            better: metric.better().to_string(),
            value_in: finite(&input.value),
            value: finite(&output.value),
            reason: reason.map(ToString::to_string),
        }
    };
    metrics.iter().map(score).collect()
}

/// Means of each metric over the pictures that have both values, in order of first appearance.
pub(crate) fn means<'a>(pictures: impl Iterator<Item = &'a [MetricScore]>) -> Vec<MetricMean> {
    let mut means: Vec<MetricMean> = Vec::new();
    for score in pictures.flatten() {
        let same = |mean: &MetricMean| (mean.metric, &mean.variant) == (score.metric, &score.variant);
        let i = means.iter().position(same).unwrap_or_else(|| {
            let MetricScore { metric, variant, better, .. } = score.clone();
            means.push(MetricMean { metric, variant, better, n: 0, value_in: None, value: None, worse: 0 });
            means.len() - 1
        });
        let (Some(before), Some(after)) = (score.value_in, score.value) else { continue };
        let mean = &mut means[i];
        mean.n += 1;
        mean.worse += usize::from(if score.better == "lower" { after > before } else { after < before });
        for (sum, value) in [(&mut mean.value_in, before), (&mut mean.value, after)] {
            *sum = Some(sum.unwrap_or(0.0) + value);
        }
    }
    for mean in &mut means {
        for sum in [&mut mean.value_in, &mut mean.value].into_iter().flatten() {
            *sum /= mean.n as f64;
        }
    }
    means
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_has_its_metrics() {
        for (task, reference, expected) in [
            (Some("denoise"), true, "psnr:rgb ssim:gaussian"),
            (None, true, "psnr:rgb ssim:gaussian"),
            (Some("dehaze"), false, "fade:compat"),
            (Some("lowlight"), false, "niqe:compat brisque:compat"),
            (None, false, "niqe:compat brisque:compat"),
            (Some("underwater"), true, "psnr:rgb ssim:gaussian uiqm:funie uciqe:jou-matlab"),
            (Some("underwater"), false, "uiqm:funie uciqe:jou-matlab"),
        ] {
            let names: Vec<String> = metrics_of(task, reference).iter().map(ToString::to_string).collect();
            assert_eq!(names.join(" "), expected, "{task:?} {reference}");
        }
    }

    #[test]
    fn means_count_what_has_both_values() {
        let score = |better: &str, value_in, value| MetricScore {
            metric: "m",
            variant: "v".into(),
            better: better.into(),
            value_in,
            value,
            reason: None,
        };
        let pictures = [
            [score("lower", Some(2.0), Some(1.0))],
            [score("lower", Some(4.0), Some(5.0))],
            [score("lower", Some(9.0), None)],
        ];
        let means = means(pictures.iter().map(<[_; 1]>::as_slice));
        assert_eq!(means.len(), 1);
        assert_eq!((means[0].n, means[0].worse), (2, 1));
        assert_eq!((means[0].value_in, means[0].value), (Some(3.0), Some(3.0)));
    }
}
