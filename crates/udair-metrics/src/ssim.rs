//! Structural similarity (Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error
//! visibility to structural similarity", IEEE TIP 13(4), 2004) in the variants that are in use.

mod window;

use crate::colour;
use crate::image::Rgb8;
use crate::plane::Plane;
use crate::resize;
use crate::score::NotApplicable;
pub(crate) use window::{Form, Means, compare, gaussian};

/// Which program's SSIM.
///
/// All average `(2 μa μb + C1)(2 cov + C2) / ((μa² + μb² + C1)(var a + var b + C2))` over the places of
/// a window, with `C1 = (0.01 * 255)²` and `C2 = (0.03 * 255)²`. The window is laid only where it fits
/// unless said otherwise. The population covariance is `E[ab] - E[a]E[b]`; the sample covariance is
/// that times `N / (N - 1)` for a window of N pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Ssim {
    /// Gaussian window of 11 taps with sigma 1.5, population covariance, mean of the three channels:
    /// `BasicSR`, and scikit-image with `gaussian_weights=True, sigma=1.5,
    /// use_sample_covariance=False`. What most papers mean.
    #[default]
    Gaussian,
    /// [`Ssim::Gaussian`] with the sample covariance (121 / 120): scikit-image where
    /// `use_sample_covariance=False` is left out.
    GaussianSample,
    /// Uniform window of 7 with the sample covariance (49 / 48), mean of the three channels:
    /// scikit-image's default call.
    Skimage,
    /// [`Ssim::Gaussian`] of BT.601 luma in the studio range, not rounded: `BasicSR`'s `test_y_channel`.
    Y,
    /// [`Ssim::Gaussian`] of BT.601 luma in the full range, rounded, with a contrast term of at least
    /// 0: pyiqa's `ssim`.
    Pyiqa,
    /// [`Ssim::Gaussian`] with a contrast term of at least 0: pyiqa's `ssimc`.
    PyiqaRgb,
    /// [`Ssim::Gaussian`] after means over blocks of `round(shorter side / 256)` pixels a side: piq's
    /// default, after the authors' MATLAB program of 2009.
    Piq,
    /// Uniform window of 11, population covariance, mean of the three channels: sewar's default.
    Sewar,
    /// Both pictures at 256 x 256 (Pillow's bicubic), Gaussian window of 13 taps over mirrored
    /// borders, covariance times 25 / 24: FUnIE-GAN's script.
    Funie,
}

/// SSIM in its default variant, [`Ssim::Gaussian`]: at most 1, higher is better.
///
/// `None` where a side is shorter than the window of 11 pixels.
///
/// # Panics
/// Where the pictures differ in size.
///
/// ```
/// use udair_metrics::{Rgb8, ssim};
/// let data: Vec<u8> = (0..16 * 16 * 3).map(|i| (i * 7 % 256) as u8).collect();
/// let image = Rgb8::new(16, 16, &data)?;
/// assert!((ssim(&image, &image).unwrap() - 1.0).abs() < 1e-12);
/// # Ok::<(), udair_metrics::SizeError>(())
/// ```
pub fn ssim(image: &Rgb8, reference: &Rgb8) -> Option<f64> {
    Ssim::Gaussian.of(image, reference).ok()
}

impl Ssim {
    /// The score.
    ///
    /// # Errors
    /// [`NotApplicable::TooSmall`] where a side is shorter than the window.
    ///
    /// # Panics
    /// Where the pictures differ in size.
    pub fn of(self, image: &Rgb8, reference: &Rgb8) -> Result<f64, NotApplicable> {
        assert_eq!(image.size(), reference.size(), "SSIM compares pictures of one size");
        let window = gaussian::<11>(1.5);
        let plain = Form { covariance: 1.0, clamp: false };
        let sample = |n: f64| Form { covariance: n / (n - 1.0), ..plain };
        let channels = |compare: &dyn Fn(Plane, Plane) -> Compared| of_channels(image, reference, compare);
        let luma = |luma: fn([u8; 3]) -> f64, form| {
            Ok(compare(&Plane::of(image, luma), &Plane::of(reference, luma), &window, form)?.ssim)
        };
        match self {
            Self::Gaussian => channels(&|a, b| compare(&a, &b, &window, plain)),
            Self::GaussianSample => channels(&|a, b| compare(&a, &b, &window, sample(121.0))),
            Self::Skimage => channels(&|a, b| compare(&a, &b, &[1.0 / 7.0; 7], sample(49.0))),
            Self::Y => luma(colour::luma_studio, plain),
            Self::Pyiqa => luma(colour::luma_pyiqa, Form::CLAMPED),
            Self::PyiqaRgb => channels(&|a, b| compare(&a, &b, &window, Form::CLAMPED)),
            Self::Piq => {
                let side = (image.width().min(image.height()) as f64 / 256.0).round_ties_even().max(1.0);
                let reduced = |plane: Plane| plane.block_means(side as usize);
                channels(&|a, b| compare(&reduced(a), &reduced(b), &window, plain))
            }
            Self::Sewar => channels(&|a, b| compare(&a, &b, &[1.0 / 11.0; 11], plain)),
            Self::Funie => {
                let [image, reference] = [image, reference].map(|image| resize::bicubic(image, 256, 256));
                of_channels(&image.view(), &reference.view(), &|a, b| {
                    compare(&a.mirrored(6), &b.mirrored(6), &gaussian::<13>(1.5), sample(25.0))
                })
            }
        }
    }
}

type Compared = Result<Means, NotApplicable>;

fn of_channels(
    image: &Rgb8,
    reference: &Rgb8,
    compare: &dyn Fn(Plane, Plane) -> Compared,
) -> Result<f64, NotApplicable> {
    let mut sum = 0.0;
    for c in 0..3 {
        sum += compare(Plane::channel(image, c), Plane::channel(reference, c))?.ssim;
    }
    Ok(sum / 3.0)
}
