//! UCIQE: colourfulness, contrast and saturation of underwater pictures (Yang and Sowmya, "An
//! underwater color image quality evaluation metric", IEEE TIP 24(12), 2015):
//! `0.4680 σ_chroma + 0.2745 contrast of L + 0.2576 mean saturation`, in CIE L\*a\*b\*.
//!
//! The paper states no units, and its literal reading gives 10 to 40; the values of 0 to 1 that papers
//! print come from programs that each read it in their own way.

mod contrast;

use rayon::prelude::*;

use crate::image::Rgb8;
use crate::lab::{D65, lab, lab_8bit, lab_opencv};
use crate::plane::Plane;
use crate::simd::wide;

/// Which program's UCIQE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Uciqe {
    /// `UCIQE.m` of the first author's institution: 8-bit Lab (D50) over 255 with the offset of a and
    /// b left in; contrast by MATLAB's `stretchlim`.
    #[default]
    JouMatlab,
    /// `UCIQE.py` of the same place, which most Python papers use: OpenCV's 8-bit Lab, and contrast
    /// relative to the range of L, because `numpy.histogram` spans the data.
    JouPython,
    /// `UCIQE.py` of `TongJiayan`: OpenCV's 8-bit Lab with the offset, standard deviation of the chroma,
    /// saturation as chroma over L, which explodes on dark pictures.
    Tong,
    /// The paper, literally: Lab in its own units (L to 100), means of the top and bottom percent, and
    /// saturation as chroma over L.
    PaperLab,
    /// As [`Uciqe::PaperLab`], with L and chroma over 100 and saturation `C / sqrt(C² + L²)`: centred,
    /// and bounded.
    Norm,
}

/// UCIQE in its default variant, [`Uciqe::JouMatlab`]; higher is better. Defined for every picture.
///
/// ```
/// use udair_metrics::{Rgb8, uciqe};
/// // A picture of one grey: `stretchlim` gives it the full contrast.
/// let score = uciqe(&Rgb8::new(2, 2, &[119; 12])?);
/// assert!((score - 0.484_829_519).abs() < 1e-9);
/// # Ok::<(), udair_metrics::SizeError>(())
/// ```
pub fn uciqe(image: &Rgb8) -> f64 {
    Uciqe::JouMatlab.of(image)
}

impl Uciqe {
    /// The score. Defined for every picture.
    pub fn of(self, image: &Rgb8) -> f64 {
        let Parts { deviation, contrast, saturation } = match self {
            Self::JouMatlab => jou(&Lab8::of(image, lab_8bit), contrast::stretch_limits),
            Self::JouPython => jou(&Lab8::of(image, lab_opencv), contrast::numpy_limits),
            Self::Tong => tong(&Lab8::of(image, lab_opencv)),
            Self::PaperLab => paper(image, 1.0, |chroma, l| chroma / l),
            Self::Norm => paper(image, 100.0, |chroma, l| chroma / (chroma * chroma + l * l).sqrt()),
        };
        0.4680 * deviation + 0.2745 * contrast + 0.2576 * saturation
    }
}

struct Parts {
    /// How the chroma varies.
    deviation: f64,
    contrast: f64,
    /// Mean of the saturation.
    saturation: f64,
}

/// The variation is of the reciprocal chroma, around its mean: `sqrt(mean |1 - (mean C / C)²|)`.
fn jou(lab: &Lab8, limits: fn(&[u64; 256]) -> f64) -> Parts {
    let mean = lab.chroma_mean(|chroma| chroma);
    Parts {
        deviation: lab.chroma_mean(|chroma| (1.0 - (mean / chroma).powi(2)).abs()).sqrt(),
        contrast: limits(&lab.lightness),
        saturation: lab.mean(bounded_saturation),
    }
}

fn tong(lab: &Lab8) -> Parts {
    let mean = lab.chroma_mean(|chroma| chroma);
    Parts {
        deviation: lab.chroma_mean(|chroma| (chroma - mean).powi(2)).sqrt(),
        contrast: contrast::order_statistics(&lab.lightness),
        saturation: lab.mean(|pixels| pixels.iter().map(|&[l, a, b]| defined(chroma(a, b) / level(l))).sum()),
    }
}

/// The paper's reading; `unit` is what L and chroma are divided by.
fn paper(image: &Rgb8, unit: f64, saturation: impl Fn(f64, f64) -> f64 + Sync) -> Parts {
    let (lightness, chroma) = Plane::pair_by_rows(image.width(), image.height(), |y, lightness, chroma| {
        for ((&pixel, lightness), chroma) in image.row(y).iter().zip(lightness).zip(chroma) {
            let [l, a, b] = lab(pixel, &D65);
            (*lightness, *chroma) = (l / unit, (a * a + b * b).sqrt() / unit);
        }
    });
    let mean_of = |value: &(dyn Fn(f64, f64) -> f64 + Sync)| {
        mean(chroma.data.len(), |range| range.map(|i| value(lightness.data[i], chroma.data[i])).sum())
    };
    let mean = mean_of(&|_, chroma| chroma);
    Parts {
        deviation: mean_of(&|_, chroma| (chroma - mean).powi(2)).sqrt(),
        saturation: mean_of(&|l, chroma| defined(saturation(chroma, l))),
        contrast: contrast::percent_means(lightness.data),
    }
}

/// 0 for what has no saturation: black.
#[inline(always)]
fn defined(saturation: f64) -> f64 {
    if saturation.is_finite() { saturation } else { 0.0 }
}

/// A picture in 8-bit Lab. Values are over 255, and the chroma is from a and b with their offset.
struct Lab8 {
    pixels: Vec<[u8; 3]>,
    /// How often each L occurs.
    lightness: [u64; 256],
    /// How often each a and b occur, at `256 a + b`.
    colours: Vec<u32>,
}

impl Lab8 {
    fn of(image: &Rgb8, lab: impl Fn([u8; 3]) -> [u8; 3] + Sync) -> Self {
        let width = image.width();
        let mut pixels = vec![[0; 3]; width * image.height()];
        pixels.par_chunks_mut(width).enumerate().for_each(|(y, out)| {
            out.iter_mut().zip(image.row(y)).for_each(|(out, &pixel)| *out = lab(pixel));
        });
        let (mut lightness, mut colours) = ([0; 256], vec![0; 256 * 256]);
        for &[l, a, b] in &pixels {
            lightness[usize::from(l)] += 1;
            colours[256 * usize::from(a) + usize::from(b)] += 1;
        }
        Self { pixels, lightness, colours }
    }

    /// Mean of a value of the chroma, colour by colour: for a picture of one colour, exact.
    fn chroma_mean(&self, value: impl Fn(f64) -> f64) -> f64 {
        let used = self.colours.iter().enumerate().filter(|&(_, &n)| n > 0);
        let sum: f64 =
            used.map(|(i, &n)| f64::from(n) * value(chroma((i / 256) as u8, (i % 256) as u8))).sum();
        sum / self.pixels.len() as f64
    }

    /// Mean over all pixels; `sum` is of some of them.
    fn mean(&self, sum: impl Fn(&[[u8; 3]]) -> f64 + Sync) -> f64 {
        mean(self.pixels.len(), |range| sum(&self.pixels[range]))
    }
}

wide! {
    /// Sum of `C / sqrt(C² + L²)`, 0 for black: the root of a quotient of whole numbers, because all
    /// three are over 255.
    fn bounded_saturation(pixels: &[[u8; 3]]) -> f64 {
        const LANES: usize = 16;
        let mut sums = [0.0; LANES];
        for chunk in pixels.chunks(LANES) {
            for (sum, pixel) in sums.iter_mut().zip(chunk) {
                let [l, a, b] = pixel.map(i32::from);
                let chroma = a * a + b * b;
                *sum += (f64::from(chroma) / f64::from((chroma + l * l).max(1))).sqrt();
            }
        }
        sums.iter().sum()
    }
}

#[inline(always)]
fn level(x: u8) -> f64 {
    f64::from(x) / 255.0
}

#[inline(always)]
fn chroma(a: u8, b: u8) -> f64 {
    let [a, b] = [a, b].map(level);
    (a * a + b * b).sqrt()
}

/// Mean over `n` pixels; `sum` is of a range of them. Ranges are added in their order, so that the
/// number of threads does not show.
fn mean(n: usize, sum: impl Fn(std::ops::Range<usize>) -> f64 + Sync) -> f64 {
    const CHUNK: usize = 1 << 14;
    let sums: Vec<f64> =
        (0..n.div_ceil(CHUNK)).into_par_iter().map(|i| sum(i * CHUNK..n.min((i + 1) * CHUNK))).collect();
    sums.iter().sum::<f64>() / n as f64
}
