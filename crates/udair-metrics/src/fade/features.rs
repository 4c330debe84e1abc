//! The twelve statistics of a patch: of normalised luminance, contrast energy, entropy, darkness and
//! colour, each as `ln(1 + f)`.

use std::sync::LazyLock;

use rayon::prelude::*;

use super::LEAST;
use super::energy::contrast_energy;
use crate::colour;
use crate::image::Rgb8;
use crate::nss::{Border, Mode, local};
use crate::plane::Plane;
use crate::score::NotApplicable;
use crate::simd::{multiply, sum};

/// Side of a patch in pixels.
pub(super) const PATCH: usize = 8;
const PIXELS: usize = PATCH * PATCH;
type Patch = [f64; PIXELS];

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
        let image = image.top_left(columns * PATCH, rows * PATCH);
        let maps = Maps::of(&image, mode);
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
    fn of(image: &'a Rgb8, mode: Mode) -> Self {
        let (width, height) = image.size();
        let grey = Plane::of(image, colour::grey_matlab);
        let local = local(&grey, Border::Replicate);
        let normalised = local.normalise(&grey, mode);
        let vertical = Plane::by_rows(width, height, |y, out| {
            multiply(normalised.row(y), normalised.row((y + height - 1) % height), out);
        });
        let energies = [
            contrast_energy(&Plane::of(image, colour::luma_full), GREY_NOISE),
            contrast_energy(&Plane::of(image, yellow_blue), YELLOW_BLUE_NOISE),
            contrast_energy(&Plane::of(image, red_green), RED_GREEN_NOISE),
        ];
        Self { image, grey, normalised, vertical, mean: local.mean, deviation: local.deviation, energies }
    }

    fn features(&self, column: usize, row: usize) -> Features {
        let patch = |plane: &Plane| cut(|y| plane.row(y), column, row);
        let [grey, yellow_blue, red_green] = self.energies.each_ref().map(patch);
        let statistics = Statistics {
            normalised: &patch(&self.normalised),
            vertical: &patch(&self.vertical),
            mean: &patch(&self.mean),
            deviation: &patch(&self.deviation),
            energies: [&grey, &yellow_blue, &red_green],
            grey: &patch(&self.grey),
            pixels: &cut(|y| self.image.row(y), column, row),
        };
        statistics.features()
    }
}

/// Copies a patch out of rows.
fn cut<'a, T: Copy + Default + 'a>(
    rows: impl Fn(usize) -> &'a [T],
    column: usize,
    row: usize,
) -> [T; PIXELS] {
    let mut patch = [T::default(); PIXELS];
    for (i, out) in patch.as_chunks_mut::<PATCH>().0.iter_mut().enumerate() {
        *out = rows(row * PATCH + i).as_chunks::<PATCH>().0[column];
    }
    patch
}

/// One patch of every map.
struct Statistics<'a> {
    normalised: &'a Patch,
    vertical: &'a Patch,
    mean: &'a Patch,
    deviation: &'a Patch,
    energies: [&'a Patch; 3],
    grey: &'a Patch,
    pixels: &'a [[u8; 3]; PIXELS],
}

impl Statistics<'_> {
    fn features(&self) -> Features {
        // 0 / 0 in black: then the patch is left out.
        let variation: Patch = std::array::from_fn(|i| self.deviation[i] / self.mean[i]);
        let [grey, yellow_blue, red_green] = self.energies.map(mean);
        let features = [
            variance(self.normalised),
            variance_where(self.vertical, |v| v >= 0.0),
            variance_where(self.vertical, |v| v <= 0.0),
            mean(self.deviation),
            mean(&variation),
            grey,
            yellow_blue,
            red_green,
            entropy(self.grey),
            mean(&self.pixels.map(darkest)),
            mean(&self.pixels.map(saturation)),
            colourfulness(self.pixels),
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

fn mean<const N: usize>(values: &[f64; N]) -> f64 {
    sum(values) / N as f64
}

/// Over `n - 1`.
pub(super) fn variance<const N: usize>(values: &[f64; N]) -> f64 {
    let mean = mean(values);
    sum(&values.map(|v| (v - mean) * (v - mean))) / (N - 1) as f64
}

/// Variance of some of the values, over `n - 1`; NaN of nothing and 0 of one value.
fn variance_where(values: &Patch, counted: impl Fn(f64) -> bool) -> f64 {
    let n = sum(&values.map(|v| f64::from(u8::from(counted(v)))));
    let mean = sum(&values.map(|v| if counted(v) { v } else { 0.0 })) / n;
    let squares = sum(&values.map(|v| if counted(v) { (v - mean) * (v - mean) } else { 0.0 }));
    if n == 1.0 { 0.0 } else { squares / (n - 1.0).max(0.0) }
}

/// Of the distribution of grey levels, in bits: the mean of `log2(64 / n)` over pixels whose level
/// occurs n times.
fn entropy(grey: &Patch) -> f64 {
    static BITS: LazyLock<[f64; PIXELS + 1]> =
        LazyLock::new(|| std::array::from_fn(|n| (PIXELS as f64 / n.max(1) as f64).log2()));
    let mut counts = [0_u8; 256];
    grey.iter().for_each(|&level| counts[level as usize] += 1);
    mean(&grey.map(|level| BITS[usize::from(counts[level as usize])]))
}

/// Of the three channels, in 0..=1.
fn darkest(rgb: [u8; 3]) -> f64 {
    f64::from(rgb.into_iter().fold(u8::MAX, u8::min)) / 255.0
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
    (variance(&rg) + variance(&yb)).sqrt() + 0.3 * mean(&rg).hypot(mean(&yb))
}
