//! FADE's parameters from one's own pictures.

use super::features::{Features, Patches};
use super::model::{FadeModel, FogGaussian};
use crate::image::Rgb8;
use crate::niqe::gaussian;
use crate::nss::Mode;
use crate::score::NotApplicable;

/// Collects the statistics of fog-free and of foggy pictures and fits a Gaussian to each.
///
/// Every patch of every picture counts, unless a statistic is undefined there. Choose several hundred
/// varied pictures of each kind: LIVE used 500.
#[derive(Debug, Clone, Default)]
pub struct FadeFit {
    fog_free: Vec<Features>,
    foggy: Vec<Features>,
}

impl FadeFit {
    /// Takes in a fog-free picture; says how many patches it gave.
    pub fn add_fogfree(&mut self, image: &Rgb8) -> usize {
        add(&mut self.fog_free, image)
    }

    /// Takes in a foggy picture; says how many patches it gave.
    pub fn add_foggy(&mut self, image: &Rgb8) -> usize {
        add(&mut self.foggy, image)
    }

    /// The two Gaussians under a name that every score will show.
    ///
    /// # Errors
    /// [`NotApplicable::TooFewBlocks`] where either kind has fewer than 13 patches, from which no
    /// covariance of 12 statistics can be had.
    pub fn model(&self, name: &str) -> Result<FadeModel, NotApplicable> {
        let fit = |rows: &[Features]| {
            let too_few = NotApplicable::TooFewBlocks { least: 13, side: super::PATCH };
            if rows.len() < 13 {
                return Err(too_few);
            }
            let (mean, covariance) = gaussian(rows).ok_or(too_few)?;
            Ok(FogGaussian { mean, covariance })
        };
        Ok(FadeModel { name: name.into(), fog_free: fit(&self.fog_free)?, foggy: fit(&self.foggy)? })
    }
}

/// Pictures that are too small have no patches.
fn add(rows: &mut Vec<Features>, image: &Rgb8) -> usize {
    let before = rows.len();
    if let Ok(patches) = Patches::of(image, Mode::Compat) {
        rows.extend(patches.features.into_iter().filter(|row| row.iter().all(|f| !f.is_nan())));
    }
    rows.len() - before
}
