//! The window of SSIM: a separable filter that moves down two planes, and the index in its places.

use rayon::prelude::*;

use crate::plane::Plane;
use crate::score::NotApplicable;
use crate::simd::{sum, weigh, wide};

const C1: f64 = 0.01 * 255.0 * 0.01 * 255.0;
const C2: f64 = 0.03 * 255.0 * 0.03 * 255.0;

/// What varies in the formula.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    /// Factor of variances and covariance.
    pub(crate) covariance: f64,
    /// True where a negative contrast term counts as 0.
    pub(crate) clamp: bool,
}

impl Form {
    /// As pyiqa has it.
    pub(crate) const CLAMPED: Self = Self { covariance: 1.0, clamp: true };
}

/// Means over all places of the window.
#[derive(Clone, Copy, Default)]
pub(crate) struct Means {
    /// Of the whole index.
    pub(crate) ssim: f64,
    /// Of its contrast-and-structure term alone.
    pub(crate) contrast: f64,
}

impl std::ops::AddAssign for Means {
    fn add_assign(&mut self, other: Self) {
        self.ssim += other.ssim;
        self.contrast += other.contrast;
    }
}

/// Gaussian of `K` taps, normalised.
pub(crate) fn gaussian<const K: usize>(sigma: f64) -> [f64; K] {
    let taps: [f64; K] = std::array::from_fn(|i| {
        let x = i as f64 - (K / 2) as f64;
        (-0.5 * (x / sigma).powi(2)).exp()
    });
    let sum: f64 = taps.iter().sum();
    taps.map(|tap| tap / sum)
}

/// Means over all places where the window lies inside the planes, which have one size.
pub(crate) fn compare<const K: usize>(
    a: &Plane,
    b: &Plane,
    taps: &[f64; K],
    form: Form,
) -> Result<Means, NotApplicable> {
    /// Rows of places that one task scores; each filters `K - 1` rows more.
    const BAND: usize = 64;
    if a.width.min(a.height) < K {
        return Err(NotApplicable::TooSmall { least: K });
    }
    let (width, height) = (a.width - K + 1, a.height - K + 1);
    let bands: Vec<Means> = (0..height.div_ceil(BAND))
        .into_par_iter()
        .map(|band| {
            let (first, end) = (band * BAND, height.min((band + 1) * BAND));
            let mut window = Window::new(taps, a.width);
            let mut sums = Means::default();
            for y in first..end + K - 1 {
                window.push(a.row(y), b.row(y));
                if y + 1 >= first + K {
                    sums += window.row_sums(form);
                }
            }
            sums
        })
        .collect();
    let mut sums = Means::default();
    bands.into_iter().for_each(|band| sums += band);
    let places = (width * height) as f64;
    Ok(Means { ssim: sums.ssim / places, contrast: sums.contrast / places })
}

/// The last `K` rows of a, b, a² + b² and ab, filtered along the row. The variances enter only as their
/// sum, so these four suffice.
struct Window<'a, const K: usize> {
    taps: &'a [f64; K],
    rows: [[Vec<f64>; 4]; K],
    /// The row that is replaced next.
    oldest: usize,
    squares: Vec<f64>,
    products: Vec<f64>,
    moments: [Vec<f64>; 4],
}

impl<'a, const K: usize> Window<'a, K> {
    fn new(taps: &'a [f64; K], width: usize) -> Self {
        let filtered = || std::array::from_fn(|_| vec![0.0; width - K + 1]);
        Self {
            taps,
            rows: std::array::from_fn(|_| filtered()),
            oldest: 0,
            squares: vec![0.0; width],
            products: vec![0.0; width],
            moments: filtered(),
        }
    }

    fn push(&mut self, a: &[f64], b: &[f64]) {
        powers(a, b, &mut self.squares, &mut self.products);
        let sources = [a, b, &self.squares, &self.products];
        for (source, out) in sources.into_iter().zip(&mut self.rows[self.oldest]) {
            let shifted: [&[f64]; K] = std::array::from_fn(|k| &source[k..k + out.len()]);
            weigh(shifted, self.taps, out);
        }
        self.oldest = (self.oldest + 1) % K;
    }

    fn row_sums(&mut self, form: Form) -> Means {
        for (moment, out) in self.moments.iter_mut().enumerate() {
            let rows: [&[f64]; K] =
                std::array::from_fn(|k| &self.rows[(self.oldest + k) % K][moment][..out.len()]);
            weigh(rows, self.taps, out);
        }
        let [a, b, squares, products] = &mut self.moments;
        index(a, b, squares, products, form);
        Means { ssim: sum(a), contrast: sum(b) }
    }
}

wide! {
    fn powers(a: &[f64], b: &[f64], squares: &mut [f64], products: &mut [f64]) {
        for (((square, product), a), b) in squares.iter_mut().zip(products).zip(a).zip(b) {
            *square = a * a + b * b;
            *product = a * b;
        }
    }
}

wide! {
    /// From the means of a, b, a² + b² and ab to the index, in the place of a, and its contrast term, in
    /// the place of b.
    fn index(a: &mut [f64], b: &mut [f64], squares: &[f64], products: &[f64], form: Form) {
        let least = if form.clamp { 0.0 } else { f64::NEG_INFINITY };
        for (((a, b), squares), products) in a.iter_mut().zip(b).zip(squares).zip(products) {
            let (means, mean_squares) = (*a * *b, *a * *a + *b * *b);
            let covariance = form.covariance * (products - means);
            let variances = form.covariance * (squares - mean_squares);
            let contrast = (2.0 * covariance + C2) / (variances + C2);
            *b = if contrast < least { least } else { contrast };
            *a = *b * (2.0 * means + C1) / (mean_squares + C1);
        }
    }
}
