//! Image-quality metrics whose numbers can be compared.
//!
//! "SSIM" and "UCIQE" are names of many programs that give different numbers for one picture. Here
//! every variant reproduces one published program, to the last digits that this program itself
//! determines, and every [`Score`] says which.
//!
//! | metric | measures | better | reference | default variant |
//! |---|---|---|---|---|
//! | [`psnr`] | squared error, in dB | higher | yes | RGB |
//! | [`ssim`] | similarity of structure | higher | yes | Gaussian window, RGB |
//! | [`ms_ssim`] | the same on five scales | higher | yes | pyiqa |
//! | [`niqe`] | distance from pristine statistics | lower | no | LIVE's release |
//! | [`brisque`] | predicted opinion | lower | no | LIVE's release |
//! | [`fade`] | density of fog, with a [map](fade_map) | lower | no | LIVE's release |
//! | [`Uiqm`] | colour, sharpness and contrast under water | higher | no | FUnIE-GAN |
//! | [`uciqe`] | chroma, contrast and saturation under water | higher | no | JOU, MATLAB |
//!
//! All take pixels, not files: 8-bit sRGB as [`Rgb8`]. All arithmetic is in `f64`, on all cores, and the
//! result does not depend on their number or on the processor's vectors.
//!
//! # One metric
//! ```
//! use udair_metrics::{Rgb8, Ssim, psnr, ssim};
//! let reference: Vec<u8> = (0..64 * 48 * 3).map(|i| (i * 7 % 256) as u8).collect();
//! let darker: Vec<u8> = reference.iter().map(|value| value / 2).collect();
//! let (image, reference) = (Rgb8::new(64, 48, &darker)?, Rgb8::new(64, 48, &reference)?);
//! println!("{:.2} dB, SSIM {:?}", psnr(&image, &reference), ssim(&image, &reference));
//! let as_scikit_image_does = Ssim::Skimage.of(&image, &reference)?;
//! # assert!(as_scikit_image_does < 1.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Metrics by name
//! [`Metric`] parses names such as `ssim:skimage` or `psnr:y-crop4`, lists all variants, and gives a
//! [`Score`]: a value, or a reason why the metric is [`NotApplicable`] to a picture. That is a result
//! and no failure: NIQE needs two blocks of 96 pixels, and the statistics of a blank picture are
//! undefined.
//! ```
//! use udair_metrics::{Metric, Parameters, Rgb8};
//! let blank = [200; 3 * 64 * 64];
//! let image = Rgb8::new(64, 64, &blank)?;
//! let niqe: Metric = "niqe".parse()?;
//! let score = niqe.score(&image, None, &Parameters::default());
//! assert_eq!(score.to_string(), "niqe:compat not applicable: fewer than 2 blocks of 96 x 96 pixels");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Learned parameters
//! The parameters of NIQE and BRISQUE are built in; they are LIVE's, and its notices lie beside them in
//! `params/`. FADE's are not part of the crate: [`FadeModel`] reads LIVE's files. [`NiqeFit`] and
//! [`FadeFit`] make parameters from one's own pictures, under a name that every score then shows.

mod area;
mod brisque;
mod colour;
mod fade;
mod image;
mod lab;
mod linalg;
mod ms_ssim;
mod niqe;
mod nss;
mod numbers;
mod parameters;
mod plane;
mod psnr;
mod registry;
mod resize;
mod score;
mod simd;
mod ssim;
mod uciqe;
mod uiqm;

pub use brisque::{brisque, brisque_features};
pub use fade::{FadeFit, FadeMap, FadeModel, FogGaussian, fade, fade_features, fade_map};
pub use image::{Rgb8, SizeError};
pub use ms_ssim::ms_ssim;
pub use niqe::{Niqe, NiqeFit, NiqeLuma, NiqeModel, niqe};
pub use nss::Mode;
pub use parameters::ParametersError;
pub use psnr::{Psnr, psnr};
pub use registry::{Metric, Parameters, UnknownMetric};
pub use score::{Better, NotApplicable, Score};
pub use ssim::{Ssim, ssim};
pub use uciqe::{Uciqe, uciqe};
pub use uiqm::{Uiqm, UiqmParts};
