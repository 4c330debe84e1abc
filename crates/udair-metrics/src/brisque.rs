//! BRISQUE: a regression from natural-scene statistics to opinion scores (Mittal, Moorthy and Bovik,
//! "No-reference image quality assessment in the spatial domain", IEEE TIP 21(12), 2012).
//!
//! Thirty-six statistics of the whole picture at two scales, and LIVE's support vector regression.

use std::sync::LazyLock;

use rayon::prelude::*;

use crate::area::Area;
use crate::colour;
use crate::image::Rgb8;
use crate::nss::{self, Border, Mode, Moments};
use crate::numbers;
use crate::plane::Plane;
use crate::score::NotApplicable;

/// BRISQUE as LIVE's MATLAB release computes it; lower is better, not clamped, about 0 to 100.
///
/// # Errors
/// [`NotApplicable::Undefined`] where a statistic is not a number, as without any contrast.
pub fn brisque(image: &Rgb8, mode: Mode) -> Result<f64, NotApplicable> {
    let features = brisque_features(image, mode);
    if features.iter().any(|x| x.is_nan()) {
        return Err(NotApplicable::Undefined("the picture has no contrast that could be measured"));
    }
    Ok(Regression::live().score(&features))
}

/// The 36 features, 18 of the picture and 18 of half the picture; NaN where one is undefined.
///
/// Shape and power of the normalised luminance; then of the products with the right, lower and both
/// diagonal neighbours each shape, mean, left and right power.
pub fn brisque_features(image: &Rgb8, mode: Mode) -> [f64; 36] {
    let grey = Plane::of(image, colour::grey_matlab);
    let mut features = [0.0; 36];
    features[18..].copy_from_slice(&scale_features(&grey.halved(), mode));
    features[..18].copy_from_slice(&scale_features(&grey, mode));
    features
}

fn scale_features(grey: &Plane, mode: Mode) -> [f64; 18] {
    let normalised = nss::local(grey, Border::Zero).normalise(grey, mode);
    let [luminance, pairs @ ..] = moments(&Area::whole(&normalised));
    let mut features = [0.0; 18];
    features[..2].copy_from_slice(&[luminance.symmetric_shape(), luminance.power()]);
    for (features, pair) in features[2..].chunks_exact_mut(4).zip(pairs.map(|pair| pair.asymmetric())) {
        // The mean is of Gaussians with these deviations, so each is turned into a scale first.
        let mean = (pair.scale(pair.right) - pair.scale(pair.left)) * pair.mean_per_scale();
        features.copy_from_slice(&[pair.shape, mean, pair.left.powi(2), pair.right.powi(2)]);
    }
    features
}

/// Moments of the values and of the products with four neighbours: sums over bands of rows that fit the
/// cache, added in their order.
fn moments(area: &Area) -> [Moments; 5] {
    const BAND: usize = 16;
    let band = |i: usize| {
        let rows = i * BAND..area.height.min((i + 1) * BAND);
        let pair = |dy, dx| area.row_pair_moments(rows.clone(), dy, dx);
        [area.row_moments(rows.clone()), pair(0, 1), pair(1, 0), pair(1, 1), pair(-1, 1)]
    };
    let bands: Vec<_> = (0..area.height.div_ceil(BAND)).into_par_iter().map(band).collect();
    let mut sums = [Moments::default(); 5];
    for band in bands {
        sums.iter_mut().zip(band).for_each(|(sum, moments)| *sum += moments);
    }
    sums
}

/// An epsilon support vector regression with a radial kernel.
struct Regression {
    least: [f64; 36],
    greatest: [f64; 36],
    /// Coefficient and scaled features.
    vectors: Vec<(f64, [f64; 36])>,
}

impl Regression {
    const GAMMA: f64 = 0.05;
    const RHO: f64 = -153.591;

    /// The parameters of LIVE's release.
    ///
    /// Copyright (c) 2011 The University of Texas at Austin; the notice lies beside them in `params/`.
    fn live() -> &'static Self {
        static LIVE: LazyLock<Regression> = LazyLock::new(|| {
            let numbers: Vec<f64> = numbers::parse(include_str!("../params/brisque-live.txt")).collect();
            let features = |from: usize| std::array::from_fn(|i| numbers[from + i]);
            let vectors = (72..numbers.len()).step_by(37).map(|at| (numbers[at], features(at + 1))).collect();
            Regression { least: features(0), greatest: features(36), vectors }
        });
        &LIVE
    }

    fn score(&self, features: &[f64; 36]) -> f64 {
        let scaled: [f64; 36] = std::array::from_fn(|i| {
            -1.0 + 2.0 * (features[i] - self.least[i]) / (self.greatest[i] - self.least[i])
        });
        let kernel = |vector: &[f64; 36]| {
            let distance: f64 = vector.iter().zip(&scaled).map(|(a, b)| (a - b).powi(2)).sum();
            (-Self::GAMMA * distance).exp()
        };
        self.vectors.iter().map(|(coefficient, vector)| coefficient * kernel(vector)).sum::<f64>() - Self::RHO
    }
}
