//! Peak signal-to-noise ratio: the peak against the mean squared error, `10 log10(255² / mse)`.
//!
//! Papers on haze, low light and water score RGB and the whole picture; papers on super-resolution
//! score luma without as many pixels of border as the scale has ([`Rgb8::crop`]).

use rayon::prelude::*;

use crate::colour;
use crate::image::Rgb8;
use crate::resize;

/// Which numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Psnr {
    /// All three channels: scikit-image, `BasicSR`.
    #[default]
    Rgb,
    /// BT.601 luma in the studio range, not rounded: `BasicSR`'s `test_y_channel`.
    Y,
    /// [`Psnr::Y`] rounded to whole numbers: MATLAB's `rgb2ycbcr`, the classic papers on super-resolution.
    YRounded,
    /// All three channels of `[0, 1]` data with 1e-8 added to the squared error: pyiqa, at most 80 dB.
    Pyiqa,
    /// [`Psnr::Pyiqa`] of BT.601 luma in the full range, not rounded: pyiqa's `psnry`.
    PyiqaY,
    /// Both pictures at 256 x 256 (Pillow's bicubic) and Pillow's grey `L`: FUnIE-GAN's script.
    Funie,
}

/// PSNR of all channels in dB; higher is better, `+inf` for equal pictures.
///
/// # Panics
/// Where the pictures differ in size.
///
/// ```
/// use udair_metrics::{Rgb8, psnr};
/// let (black, grey) = ([0; 12], [16; 12]);
/// let decibels = psnr(&Rgb8::new(2, 2, &black)?, &Rgb8::new(2, 2, &grey)?);
/// assert!((decibels - 24.0485).abs() < 1e-4);
/// # Ok::<(), udair_metrics::SizeError>(())
/// ```
pub fn psnr(image: &Rgb8, reference: &Rgb8) -> f64 {
    Psnr::Rgb.of(image, reference)
}

impl Psnr {
    /// The score in dB.
    ///
    /// # Panics
    /// Where the pictures differ in size.
    pub fn of(self, image: &Rgb8, reference: &Rgb8) -> f64 {
        assert_eq!(image.size(), reference.size(), "PSNR compares pictures of one size");
        let decibels = |mse: f64| 10.0 * (255.0 * 255.0 / mse).log10();
        let capped = |mse: f64| -10.0 * (mse / (255.0 * 255.0) + 1e-8).log10();
        match self {
            Self::Rgb => decibels(error(image, reference)),
            Self::Y => decibels(error_of(image, reference, colour::luma_studio)),
            Self::YRounded => decibels(error_of(image, reference, colour::luma_studio_matlab)),
            Self::Pyiqa => capped(error(image, reference)),
            Self::PyiqaY => capped(error_of(image, reference, colour::luma_full)),
            Self::Funie => {
                let [image, reference] = [image, reference].map(|image| resize::bicubic(image, 256, 256));
                decibels(error_of(&image.view(), &reference.view(), colour::grey_pillow))
            }
        }
    }
}

/// Mean squared error of all channels. Exact: the sum is one of whole numbers.
fn error(image: &Rgb8, reference: &Rgb8) -> f64 {
    // So many squares of at most 255² fit 32 bits.
    const CHUNK: usize = 32 << 10;
    let row = |y: usize| -> u64 {
        let (a, b) = (image.row(y).as_flattened(), reference.row(y).as_flattened());
        let square = |(&a, &b): (&u8, &u8)| u32::from(a.abs_diff(b)).pow(2);
        let sum = |(a, b): (&[u8], &[u8])| u64::from(a.iter().zip(b).map(square).sum::<u32>());
        a.chunks(CHUNK).zip(b.chunks(CHUNK)).map(sum).sum()
    };
    let sum: u64 = (0..image.height()).into_par_iter().map(row).sum();
    sum as f64 / (3 * image.width() * image.height()) as f64
}

/// Mean squared error of one number a pixel.
fn error_of(image: &Rgb8, reference: &Rgb8, value: impl Fn([u8; 3]) -> f64 + Sync) -> f64 {
    let square = |(&a, &b): (&[u8; 3], &[u8; 3])| (value(a) - value(b)).powi(2);
    // Rows are summed in their order, so that the number of threads does not show.
    let rows: Vec<f64> = (0..image.height())
        .into_par_iter()
        .map(|y| image.row(y).iter().zip(reference.row(y)).map(square).sum())
        .collect();
    rows.iter().sum::<f64>() / (image.width() * image.height()) as f64
}
