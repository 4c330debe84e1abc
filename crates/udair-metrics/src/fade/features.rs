//! The twelve statistics of a patch: of normalised luminance, contrast energy, entropy, darkness and
//! colour, each as `ln(1 + f)`.

use rayon::prelude::*;

use super::LEAST;
use super::energy::contrast_energy;
use crate::colour;
use crate::image::Rgb8;
use crate::nss::{Border, Mode, local};
use crate::plane::Plane;
use crate::score::NotApplicable;

/// Side of a patch in pixels.
pub(super) const PATCH: usize = 8;
const PIXELS: usize = PATCH * PATCH;

/// Noise thresholds of the contrast energies of grey, yellow-blue and red-green, in 8-bit units.
const GREY_NOISE: f64 = 9.225_496_406_318_721e-4 * 255.0;
const YELLOW_BLUE_NOISE: f64 = 8.969_246_659_629_488e-4 * 255.0;
const RED_GREEN_NOISE: f64 = 2.069_284_034_165_411e-4 * 255.0;

pub(super) type Features = [f64; 12];

/// The statistics of all patches, row by row.
pub(super) struct Patches {
    pub(super) columns: usize,
    pub(super) rows: usize,
    pub(super) features: Vec<Features>,
}

impl Patches {
    pub(super) fn of(image: &Rgb8, mode: Mode) -> Result<Self, NotApplicable> {
        if image.width().min(image.height()) < LEAST {
            return Err(NotApplicable::TooSmall { least: LEAST });
        }
        let (columns, rows) = (image.width() / PATCH, image.height() / PATCH);
        let maps = Maps::of(image, columns * PATCH, rows * PATCH, mode);
        let features =
            (0..columns * rows).into_par_iter().map(|i| maps.features(i % columns, i / columns)).collect();
        Ok(Self { columns, rows, features })
    }
}

/// What is computed for the whole picture before it is cut into patches.
struct Maps<'a> {
    image: &'a Rgb8<'a>,
    grey: Plane,
    normalised: Plane,
    /// Normalised luminance times that of the pixel above; the first row meets the last.
    vertical: Plane,
    mean: Plane,
    deviation: Plane,
    /// Contrast energies of grey, yellow-blue and red-green.
    energies: [Plane; 3],
}

impl<'a> Maps<'a> {
    fn of(image: &'a Rgb8, width: usize, height: usize, mode: Mode) -> Self {
        let plane = |of: fn([u8; 3]) -> f64| {
            Plane::by_rows(width, height, |y, out| {
                out.iter_mut().zip(image.row(y)).for_each(|(out, &pixel)| *out = of(pixel));
            })
        };
        let grey = plane(colour::grey_matlab);
        let local = local(&grey, Border::Replicate);
        let normalised = local.normalise(&grey, mode);
        let vertical = Plane::by_rows(width, height, |y, out| {
            let above = normalised.row((y + height - 1) % height);
            out.iter_mut().zip(normalised.row(y)).zip(above).for_each(|((out, a), b)| *out = a * b);
        });
        let energies = [
            contrast_energy(&plane(colour::luma_full), GREY_NOISE),
            contrast_energy(&plane(yellow_blue), YELLOW_BLUE_NOISE),
            contrast_energy(&plane(red_green), RED_GREEN_NOISE),
        ];
        Self { image, grey, normalised, vertical, mean: local.mean, deviation: local.deviation, energies }
    }

    fn features(&self, column: usize, row: usize) -> Features {
        let patch = |plane: &Plane| -> [f64; PIXELS] {
            let mut values = [0.0; PIXELS];
            for (i, out) in values.chunks_exact_mut(PATCH).enumerate() {
                out.copy_from_slice(&plane.row(row * PATCH + i)[column * PATCH..][..PATCH]);
            }
            values
        };
        let mut pixels = [[0; 3]; PIXELS];
        for (i, out) in pixels.chunks_exact_mut(PATCH).enumerate() {
            out.copy_from_slice(&self.image.row(row * PATCH + i)[column * PATCH..][..PATCH]);
        }
        let vertical = patch(&self.vertical);
        let deviation = patch(&self.deviation);
        // 0 / 0 in black: then the patch is left out.
        let variation = deviation.iter().zip(patch(&self.mean)).map(|(s, mu)| s / mu);
        let [grey, yellow_blue, red_green] = self.energies.each_ref().map(|energy| mean(patch(energy)));
        let features = [
            variance(patch(&self.normalised)),
            variance(vertical.into_iter().filter(|&v| v >= 0.0)),
            variance(vertical.into_iter().filter(|&v| v <= 0.0)),
            mean(deviation),
            mean(variation),
            grey,
            yellow_blue,
            red_green,
            entropy(&patch(&self.grey)),
            mean(pixels.map(|rgb| f64::from(rgb.into_iter().fold(u8::MAX, u8::min)) / 255.0)),
            mean(pixels.map(saturation)),
            colourfulness(&pixels),
        ];
        features.map(f64::ln_1p)
    }
}

/// `(R + G) / 2 - B`.
fn yellow_blue([r, g, b]: [u8; 3]) -> f64 {
    0.5 * f64::from(r) + 0.5 * f64::from(g) - f64::from(b)
}

/// `R - G`.
fn red_green([r, g, _]: [u8; 3]) -> f64 {
    f64::from(r) - f64::from(g)
}

/// NaN of nothing.
fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, n) = values.into_iter().fold((0.0, 0.0), |(sum, n), v| (sum + v, n + 1.0));
    sum / n
}

/// Over `n - 1`; NaN of nothing and 0 of one value.
pub(super) fn variance<I: IntoIterator<Item = f64, IntoIter: Clone>>(values: I) -> f64 {
    let values = values.into_iter();
    let mean = mean(values.clone());
    let (sum, n) = values.fold((0.0, 0_u32), |(sum, n), v| (sum + (v - mean).powi(2), n + 1));
    if n == 1 { 0.0 } else { sum / f64::from(n.saturating_sub(1)) }
}

/// Of the distribution of grey levels, in bits.
fn entropy(grey: &[f64; PIXELS]) -> f64 {
    let mut counts = [0_u8; 256];
    grey.iter().for_each(|&level| counts[level as usize] += 1);
    let bits = |&n: &u8| {
        let p = f64::from(n) / PIXELS as f64;
        if n == 0 { 0.0 } else { -p * p.log2() }
    };
    counts.iter().map(bits).sum()
}

/// Of HSV; 0 for black.
fn saturation(rgb: [u8; 3]) -> f64 {
    let most = rgb.into_iter().fold(0, u8::max);
    let least = rgb.into_iter().fold(u8::MAX, u8::min);
    if most == 0 { 0.0 } else { f64::from(most - least) / f64::from(most) }
}

/// After Hasler and Süsstrunk (2003): spread and mean of the opponent colours.
fn colourfulness(pixels: &[[u8; 3]; PIXELS]) -> f64 {
    let (rg, yb) = (pixels.map(red_green), pixels.map(yellow_blue));
    (variance(rg) + variance(yb)).sqrt() + 0.3 * mean(rg).hypot(mean(yb))
}
