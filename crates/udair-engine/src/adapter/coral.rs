//! Correlation alignment (Sun and Saenko, "Deep CORAL", ECCV 2016 workshops): how far the covariance
//! of features lies from an anchor's, and the gradient to the features.
//!
//! C = (Fᵀ F - (1ᵀ F)ᵀ (1ᵀ F) / n) / (n - 1) for n cells of d channels. The gradient of a loss L(C) is
//! 2 / (n - 1) (F - mean) dL/dC.

use rayon::prelude::*;

use super::cells::Cells;
use super::products::{CHUNK, PARTS, total};
use crate::EngineError;
use crate::anchors::Moments;
use crate::kernels::{Buffer, Epilogue, Gram, Isa, LANES, Output, Packed, gram, matmul, sum_columns};

/// How the difference D of two covariances (and m of two means) becomes a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Alignment {
    /// `1e5 ||D|| / (4 d²)`, Frobenius norm: what the reference computes.
    Root,
    /// `||D||² / (4 d²)`: the paper's formula.
    Squared,
    /// `||D||² / ||C||² + mean ||m||² / tr C` with the anchor's covariance C: free of the features'
    /// scale, so that the three levels count alike, and sees the cluster's centre.
    Relative {
        /// Weight of the difference of the means.
        mean: f32,
    },
}

impl Alignment {
    /// True where the loss sees means, so that biases have a gradient.
    pub(super) fn sees_means(self) -> bool {
        matches!(self, Self::Relative { mean } if mean > 0.0)
    }
}

/// Mean and covariance over all cells.
pub(crate) fn moments(isa: Isa, cells: &Cells) -> Result<Moments, EngineError> {
    let (n, d) = (cells.len(), cells.channels);
    let parts = || cells.values().par_chunks(part(n) * d);
    let sums = parts().map(|part| {
        let mut sums = vec![0.0_f64; d];
        for chunk in part.chunks(CHUNK * d) {
            let mut own = vec![0.0; d];
            sum_columns(isa, chunk, &mut own);
            sums.iter_mut().zip(own).for_each(|(sum, v)| *sum += f64::from(v));
        }
        sums
    });
    let mean: Vec<f32> = total(sums.collect(), d).into_iter().map(|sum| (sum / n as f64) as f32).collect();
    let row = Gram::row(d);
    let products = parts().map(|part| {
        let mut centred = Buffer::zeros(CHUNK * d + LANES)?;
        let mut sums = vec![0.0; d * row];
        for chunk in part.chunks(CHUNK * d) {
            centre(chunk, &mean, &mut centred);
            let shape = Gram { channels: d, pixels: chunk.len() / d, stride: d };
            gram(isa, &centred, &centred, shape, &mut sums);
        }
        Ok(sums)
    });
    let sums = total(products.collect::<Result<_, EngineError>>()?, d * row);
    let scale = 1.0 / (n.max(2) - 1) as f32;
    let covariance = sums.chunks_exact(row).flat_map(|row| row[..d].iter().map(|v| v * scale)).collect();
    Ok(Moments { mean, covariance })
}

/// Cells of a part of `cells`: whole chunks.
fn part(cells: usize) -> usize {
    cells.div_ceil(PARTS).next_multiple_of(CHUNK)
}

/// Cells minus their mean.
fn centre(cells: &[f32], mean: &[f32], centred: &mut [f32]) {
    for (to, from) in centred.chunks_exact_mut(mean.len()).zip(cells.chunks_exact(mean.len())) {
        to.iter_mut().zip(from.iter().zip(mean)).for_each(|(to, (v, m))| *to = v - m);
    }
}

/// A loss with what its gradient needs.
struct Loss {
    value: f64,
    /// The difference of the covariances, and its factor in the gradient to the covariance.
    difference: Vec<f64>,
    slope: f64,
    /// The difference of the means, and its factor in the gradient to the mean.
    shift: Vec<f64>,
    mean_slope: f64,
}

impl Loss {
    fn of(alignment: Alignment, moments: &Moments, anchor: &Moments) -> Self {
        let wide = |v: &f32| f64::from(*v);
        let minus = |target: &[f32], source: &[f32]| -> Vec<f64> {
            target.iter().zip(source).map(|(t, s)| wide(t) - wide(s)).collect()
        };
        let difference = minus(&moments.covariance, &anchor.covariance);
        let shift = minus(&moments.mean, &anchor.mean);
        let squares = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>();
        let d = anchor.mean.len();
        let (norm, size) = (squares(&difference), (4 * d * d) as f64);
        let (value, slope, mean_slope) = match alignment {
            Alignment::Root => {
                let root = norm.sqrt();
                (1e5 * root / size, if root > 0.0 { 1e5 / (size * root) } else { 0.0 }, 0.0)
            }
            Alignment::Squared => (norm / size, 2.0 / size, 0.0),
            Alignment::Relative { mean } => {
                let scale = anchor.covariance.iter().map(|v| wide(v).powi(2)).sum::<f64>();
                let scale = scale.max(f64::MIN_POSITIVE);
                let trace = anchor.covariance.iter().step_by(d + 1).map(wide).sum::<f64>();
                let weight = f64::from(mean) / trace.max(f64::MIN_POSITIVE);
                (norm / scale + weight * squares(&shift), 2.0 / scale, 2.0 * weight)
            }
        };
        Self { value, difference, slope, shift, mean_slope }
    }
}

/// The loss of features that have these moments.
pub(super) fn distance(alignment: Alignment, moments: &Moments, anchor: &Moments) -> f64 {
    Loss::of(alignment, moments, anchor).value
}

/// The loss of features, and its gradient into `gradient` where that is wanted.
pub(super) fn loss(
    isa: Isa,
    alignment: Alignment,
    features: &Cells,
    anchor: &Moments,
    gradient: Option<&mut Cells>,
) -> Result<f64, EngineError> {
    let (n, d) = (features.len(), features.channels);
    let moments = moments(isa, features)?;
    let loss = Loss::of(alignment, &moments, anchor);
    if let Some(gradient) = gradient {
        let factor = 2.0 * loss.slope / (n.max(2) - 1) as f64;
        let weights = Packed::new(d, d, |k, c| (loss.difference[k * d + c] * factor) as f32)?;
        let mut bias = Buffer::zeros(d + LANES)?;
        let shares = bias.iter_mut().zip(&loss.shift);
        shares.for_each(|(b, m)| *b = (m * loss.mean_slope / n as f64) as f32);
        let epilogue = Epilogue { bias: Some(&bias), ..Epilogue::default() };
        let (output, piece) = (Output::interleaved(d), part(n) * d);
        let pieces = gradient.values_mut().par_chunks_mut(piece).zip(features.values().par_chunks(piece));
        pieces.try_for_each(|(gradient, features)| {
            let mut centred = Buffer::zeros(CHUNK * d)?;
            for (gradient, features) in gradient.chunks_mut(CHUNK * d).zip(features.chunks(CHUNK * d)) {
                centre(features, &moments.mean, &mut centred);
                let pixels = features.len() / d;
                matmul(isa, &[&centred], d, pixels, &weights, gradient, output, epilogue);
            }
            Ok::<_, EngineError>(())
        })?;
    }
    Ok(loss.value)
}
