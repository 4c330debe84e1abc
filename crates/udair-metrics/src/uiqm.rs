//! UIQM: how colourful, sharp and rich in contrast an underwater picture is (Panetta, Gao and Agaian,
//! "Human-visual-system-inspired underwater image quality measures", IEEE JOE 41(3), 2016).
//!
//! `UIQM = 0.0282 UICM + 0.2953 UISM + 3.5753 UIConM`. The paper leaves the constants of its
//! logarithmic contrast, the treatment of black blocks and the Sobel norm open, and no public program
//! reproduces its printed contrasts; papers print what [`Uiqm::Funie`] computes, most of them without
//! saying so. Values of different programs must not be compared.

mod blocks;
mod colourfulness;
mod contrast;
mod matlab5;
mod sharpness;

use colourfulness::{Trim, colourfulness};
use contrast::{Contrast, contrast};
use sharpness::sharpness;

use crate::image::Rgb8;
use crate::resize;
use crate::score::NotApplicable;

/// Whose UIQM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Uiqm {
    /// `uqim_utils.py` of FUnIE-GAN, from which most underwater papers have their numbers: blocks of
    /// 10 x 10, trimmed mean one element short, variance of all pixels, blue weighted 0.144 by a slip.
    #[default]
    Funie,
    /// The same on the picture resized to 256 x 256 by Pillow, as FUnIE-GAN's script reports it.
    Funie256,
    /// The paper as far as it goes: blocks of 8 x 8, mean and variance trimmed, contrast of the
    /// intensity after Michelson.
    Paper,
    /// [`Uiqm::Paper`] with the paper's logarithmic operators (PLIP, gamma 1026) in the contrast.
    PaperPlip,
    /// The MATLAB scripts that come with several fusion papers: blocks of 5 x 5 after enlarging to a
    /// multiple of 5, Sobel sums not weighted by the channel. The contrast is unbounded where the
    /// enlarged picture overshoots below 0.
    Matlab5,
}

/// The three measures and their sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UiqmParts {
    /// Colourfulness.
    pub uicm: f64,
    /// Sharpness.
    pub uism: f64,
    /// Contrast.
    pub uiconm: f64,
}

impl UiqmParts {
    /// The weighted sum; higher is better.
    pub fn uiqm(&self) -> f64 {
        0.0282 * self.uicm + 0.2953 * self.uism + 3.5753 * self.uiconm
    }
}

impl Uiqm {
    /// All parts of a picture.
    ///
    /// ```
    /// use udair_metrics::{Rgb8, Uiqm};
    ///
    /// let pixels: Vec<u8> = (0..32 * 32 * 3).map(|i| (i * i % 251) as u8).collect();
    /// let parts = Uiqm::Funie.of(&Rgb8::new(32, 32, &pixels)?)?;
    /// assert_eq!(parts.uiqm(), 0.0282 * parts.uicm + 0.2953 * parts.uism + 3.5753 * parts.uiconm);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`NotApplicable::TooSmall`] where the picture holds no block: 10, 8 or 5 pixels a side.
    pub fn of(self, image: &Rgb8) -> Result<UiqmParts, NotApplicable> {
        let least = match self {
            Self::Funie256 => 1,
            Self::Funie => 10,
            Self::Paper | Self::PaperPlip => 8,
            Self::Matlab5 => 5,
        };
        if image.width().min(image.height()) < least {
            return Err(NotApplicable::TooSmall { least });
        }
        Ok(match self {
            Self::Funie => UiqmParts {
                uicm: colourfulness(image, Trim::Funie),
                uism: sharpness(image, 10, [0.299, 0.587, 0.144]),
                uiconm: contrast(image, 10, Contrast::AllChannels),
            },
            Self::Funie256 => {
                let resized = resize::bicubic(image, 256, 256);
                return Self::Funie.of(&resized.view());
            }
            Self::Paper => {
                UiqmParts { uiconm: contrast(image, 8, Contrast::Intensity), ..Self::paper(image) }
            }
            Self::PaperPlip => UiqmParts { uiconm: contrast(image, 8, Contrast::Plip), ..Self::paper(image) },
            Self::Matlab5 => UiqmParts {
                uicm: colourfulness(image, Trim::Matlab),
                uism: matlab5::sharpness(image),
                uiconm: matlab5::contrast(image),
            },
        })
    }

    /// Colourfulness and sharpness as the paper has them.
    fn paper(image: &Rgb8) -> UiqmParts {
        UiqmParts {
            uicm: colourfulness(image, Trim::Paper),
            uism: sharpness(image, 8, [0.299, 0.587, 0.114]),
            uiconm: 0.0,
        }
    }
}
