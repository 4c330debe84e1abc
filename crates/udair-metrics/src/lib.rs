//! Image-quality metrics whose numbers can be compared.
//!
//! "SSIM" or "UCIQE" are names of many programs that give different numbers for one picture. Here
//! every score says which of them it reproduces.

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
