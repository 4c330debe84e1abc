//! Scores of a picture against its reference.

use udair::{ImageError, Picture};
use udair_metrics::{Rgb8, psnr, ssim};

/// The PSNR that stands for identical pictures, in dB: infinity has no mean and no JSON.
pub const PSNR_OF_IDENTICAL: f64 = 100.0;

/// What the scores are, for headings: metric and variant.
pub const SCORES: &str = "PSNR rgb, SSIM gaussian (mean of the channels), of 8-bit sRGB";

/// 8-bit sRGB pixels.
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
