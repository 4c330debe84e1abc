//! Metrics by name: `ssim`, `ssim:skimage`, `psnr:y-crop4`.

mod table;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::fade::FadeModel;
use crate::image::Rgb8;
use crate::niqe::NiqeModel;
use crate::score::{Better, NotApplicable, Score};
use table::{Entry, TABLE, Variant};

/// A metric in one of its variants.
///
/// ```
/// use udair_metrics::{Metric, Parameters, Rgb8};
/// let metric: Metric = "psnr:y".parse()?;
/// let (image, reference) = ([10; 48], [20; 48]);
/// let (image, reference) = (Rgb8::new(4, 4, &image)?, Rgb8::new(4, 4, &reference)?);
/// let score = metric.score(&image, Some(&reference), &Parameters::default());
/// assert_eq!((score.metric, score.variant.as_str()), ("psnr", "y"));
/// assert!(score.value.is_ok());
/// assert!("ssimm".parse::<Metric>().unwrap_err().to_string().contains("did you mean ssim?"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    entry: &'static Entry,
    variant: &'static Variant,
    /// Pixels that are left out on each side.
    crop: usize,
}

/// Learned numbers that some metrics need.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    /// NIQE's; LIVE's where there are none.
    pub niqe: Option<NiqeModel>,
    /// FADE's; where there are none it is not applicable.
    pub fade: Option<FadeModel>,
}

/// No metric or variant has this name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no {kind} {text:?}{}", suggestion.as_ref().map(|name| format!("; did you mean {name}?")).unwrap_or_default())]
pub struct UnknownMetric {
    /// What was looked for: a metric, or a variant of one.
    pub kind: String,
    /// What was given.
    pub text: String,
    /// The nearest name, where one is near.
    pub suggestion: Option<String>,
    /// All names that would do.
    pub known: Vec<&'static str>,
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    /// Parses `metric` or `metric:variant`; metrics with a reference take `-cropN` behind the variant.
    fn from_str(text: &str) -> Result<Self, UnknownMetric> {
        let (name, variant) =
            text.split_once(':').map_or((text, None), |(name, variant)| (name, Some(variant)));
        let name = name.trim().to_ascii_lowercase();
        // The luma variants are often called metrics of their own.
        let (name, implied) = match name.as_str() {
            "psnr-y" => ("psnr", Some("y")),
            "ssim-y" => ("ssim", Some("y")),
            name => (name, None),
        };
        let names = || TABLE.iter().map(|entry| entry.name);
        let Some(entry) = TABLE.iter().find(|entry| entry.name == name) else {
            return Err(unknown("metric".into(), name, names().collect()));
        };
        let Some(text) = variant.or(implied) else {
            return Ok(Self { entry, variant: &entry.variants[0], crop: 0 });
        };
        let text = text.trim().to_ascii_lowercase();
        let (text, crop) = match text.rsplit_once("-crop") {
            Some((variant, crop)) if entry.reference => match crop.parse() {
                Ok(crop) => (variant, crop),
                Err(_) => (text.as_str(), 0),
            },
            _ => (text.as_str(), 0),
        };
        let known = || entry.variants.iter().map(|variant| variant.name);
        match entry.variants.iter().find(|variant| variant.name == text) {
            Some(variant) => Ok(Self { entry, variant, crop }),
            None => Err(unknown(format!("variant of {name}"), text, known().collect())),
        }
    }
}

fn unknown(kind: String, text: &str, known: Vec<&'static str>) -> UnknownMetric {
    let near = known.iter().map(|name| (strsim::damerau_levenshtein(text, name), name));
    let suggestion = near.min().filter(|&(distance, name)| distance <= name.len().div_ceil(3));
    let suggestion = suggestion.map(|(_, name)| (*name).to_owned());
    UnknownMetric { kind, text: text.into(), suggestion, known }
}

impl Metric {
    /// Every metric in every variant, the default variant of each metric first.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE
            .iter()
            .flat_map(|entry| entry.variants.iter().map(move |variant| Self { entry, variant, crop: 0 }))
    }

    /// Name of the metric.
    pub fn name(&self) -> &'static str {
        self.entry.name
    }

    /// Name of the variant.
    pub fn variant(&self) -> String {
        match self.crop {
            0 => self.variant.name.to_owned(),
            crop => format!("{}-crop{crop}", self.variant.name),
        }
    }

    /// The program that the variant reproduces, in a few words.
    pub fn about(&self) -> &'static str {
        self.variant.about
    }

    /// Which direction is good.
    pub fn better(&self) -> Better {
        self.entry.better
    }

    /// Whether the metric compares with a reference.
    pub fn needs_reference(&self) -> bool {
        self.entry.reference
    }

    /// Scores a picture, which must have the size of its reference where the metric compares.
    pub fn score(&self, image: &Rgb8, reference: Option<&Rgb8>, parameters: &Parameters) -> Score {
        let mut variant = self.variant();
        if let Some(name) = self.variant.kind.parameters(parameters) {
            variant = format!("{variant}+{name}");
        }
        let value = self.value(image, reference, parameters).and_then(|value| {
            if value.is_nan() {
                Err(NotApplicable::Undefined("nothing is divided by nothing"))
            } else {
                // Nobody wants to read "-0".
                Ok(value + 0.0)
            }
        });
        Score { metric: self.name(), variant, better: self.better(), value }
    }

    fn value(
        &self,
        image: &Rgb8,
        reference: Option<&Rgb8>,
        parameters: &Parameters,
    ) -> Result<f64, NotApplicable> {
        if !self.entry.reference {
            return self.variant.kind.alone(image, parameters);
        }
        let reference = reference.ok_or(NotApplicable::NoReference)?;
        if image.size() != reference.size() {
            return Err(NotApplicable::SizesDiffer { image: image.size(), reference: reference.size() });
        }
        match (image.crop(self.crop), reference.crop(self.crop)) {
            (Some(image), Some(reference)) => self.variant.kind.against(&image, &reference),
            _ => Err(NotApplicable::TooSmall { least: self.crop.saturating_mul(2).saturating_add(1) }),
        }
    }
}

impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        (self.name(), self.variant.name, self.crop) == (other.name(), other.variant.name, other.crop)
    }
}

impl Eq for Metric {}

impl fmt::Display for Metric {
    /// `metric:variant`, which parses to the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}:{}", self.name(), self.variant()))
    }
}
