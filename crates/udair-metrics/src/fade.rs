//! FADE: how dense fog looks, without a reference (Choi, You and Bovik, "Referenceless prediction of
//! perceptual fog density and perceptual image defogging", IEEE TIP 24(11), 2015).
//!
//! Twelve statistics of every patch of 8 x 8 pixels are compared with a Gaussian of fog-free and one
//! of foggy pictures: `FADE = Df / (Dff + 1)`, where `Df` is the mean distance to the fog-free and
//! `Dff` that to the foggy one. All as in LIVE's release. LIVE's parameters are not part of this crate:
//! [`FadeModel`] reads them from the bytes of a file.

mod energy;
mod features;
mod fit;
mod matlab;
mod model;

pub use fit::FadeFit;
pub(crate) use matlab::MatError;
pub use model::{FadeModel, FogGaussian};

use features::{Features, PATCH, Patches};

use crate::image::Rgb8;
use crate::linalg::{Matrix, inverse};
use crate::niqe::mean;
use crate::nss::Mode;
use crate::score::NotApplicable;

/// Fog density of each patch.
#[derive(Debug, Clone, PartialEq)]
pub struct FadeMap {
    /// Patches in a row.
    pub width: usize,
    /// Rows of patches.
    pub height: usize,
    /// `Df / (Dff + 1)` of every patch of 8 x 8 pixels, row by row from the top; NaN where a statistic
    /// is undefined.
    pub data: Vec<f64>,
}

/// Perceived fog density, 0 or more; lower is less fog.
///
/// # Errors
/// [`NotApplicable`] where a side is shorter than 16 pixels, or where no patch has all statistics.
pub fn fade(image: &Rgb8, model: &FadeModel, mode: Mode) -> Result<f64, NotApplicable> {
    let distances = distances(&Patches::of(image, mode)?, model);
    let complete = || distances.iter().flatten();
    let n = complete().count() as f64;
    if n == 0.0 {
        return Err(NotApplicable::Undefined("no patch has both rising and falling contrast"));
    }
    let fog_free = complete().map(|d| d.fog_free).sum::<f64>() / n;
    let foggy = complete().map(|d| d.foggy).sum::<f64>() / n;
    Ok(fog_free / (foggy + 1.0))
}

/// The density of every patch, from which [`fade`] is *not* the mean: it divides mean distances.
///
/// # Errors
/// [`NotApplicable::TooSmall`] where a side is shorter than 16 pixels.
pub fn fade_map(image: &Rgb8, model: &FadeModel, mode: Mode) -> Result<FadeMap, NotApplicable> {
    let patches = Patches::of(image, mode)?;
    let density = |d: Option<Distances>| d.map_or(f64::NAN, |d| d.fog_free / (d.foggy + 1.0));
    let data = distances(&patches, model).into_iter().map(density).collect();
    Ok(FadeMap { width: patches.columns, height: patches.rows, data })
}

/// Mean of each of the twelve statistics, `ln(1 + f)`, over the patches where it is defined: variance of
/// the normalised luminance, of its positive and of its negative vertical products; deviation, deviation
/// over mean; contrast energies of grey, yellow-blue and red-green; entropy, dark channel, saturation,
/// colourfulness.
///
/// # Errors
/// [`NotApplicable::TooSmall`] where a side is shorter than 16 pixels.
pub fn fade_features(image: &Rgb8, mode: Mode) -> Result<[f64; 12], NotApplicable> {
    Ok(mean(&Patches::of(image, mode)?.features))
}

/// Distances of a patch to the two Gaussians.
#[derive(Debug, Clone, Copy)]
struct Distances {
    fog_free: f64,
    foggy: f64,
}

/// `None` for patches with an undefined statistic.
fn distances(patches: &Patches, model: &FadeModel) -> Vec<Option<Distances>> {
    let fog_free = Metric::of(&model.fog_free);
    let foggy = Metric::of(&model.foggy);
    let of = |features: &Features| {
        let defined = features.iter().all(|f| !f.is_nan());
        defined.then(|| Distances { fog_free: fog_free.distance(features), foggy: foggy.distance(features) })
    };
    patches.features.iter().map(of).collect()
}

/// Distance to a Gaussian.
///
/// The release adds the variance `v` of a patch's own statistics to every element of the covariance
/// `S`, and halves: `d^2 = (mu - f) ((S + v 1 1')/2)^-1 (mu - f)'`. That is a change of rank one, so one
/// inverse serves all patches (Sherman and Morrison).
struct Metric<'a> {
    mean: &'a Features,
    inverse: Matrix<12>,
    /// Sums of the rows of the inverse.
    rows: Features,
    /// Sum of the whole inverse.
    total: f64,
}

impl<'a> Metric<'a> {
    fn of(gaussian: &'a FogGaussian) -> Self {
        let inverse = inverse(&gaussian.covariance);
        let rows = inverse.map(|row| row.iter().sum());
        Self { mean: &gaussian.mean, inverse, rows, total: rows.iter().sum() }
    }

    fn distance(&self, features: &Features) -> f64 {
        let v = features::variance(features);
        let d: Features = std::array::from_fn(|i| self.mean[i] - features[i]);
        let dot = |a: &Features, b: &Features| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let plain: f64 = self.inverse.iter().zip(&d).map(|(row, di)| di * dot(row, &d)).sum();
        let along = dot(&self.rows, &d);
        let square = 2.0 * (plain - v * along * along / (1.0 + v * self.total));
        square.max(0.0).sqrt()
    }
}

/// Shortest side that can be measured: the border of the contrast filter copies 10 pixels.
const LEAST: usize = 2 * PATCH;
