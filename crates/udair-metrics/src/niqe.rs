//! NIQE: how far the statistics of a picture are from those of pristine pictures (Mittal,
//! Soundararajan and Bovik, "Making a completely blind image quality analyzer", IEEE SPL 20(3), 2013).
//!
//! Eighteen natural-scene statistics of every block of 96 x 96 pixels at two scales are described by
//! one Gaussian, and compared with a Gaussian of pristine pictures. All as in LIVE's release.

mod model;

use rayon::prelude::*;

use crate::area::Area;
use crate::colour;
use crate::image::Rgb8;
use crate::linalg::{Matrix, inverse_form};
use crate::nss::{self, Border, Mode};
use crate::plane::Plane;
use crate::score::NotApplicable;
use model::Features;
pub use model::{NiqeFit, NiqeModel};
pub(crate) use model::{gaussian, mean};

/// Side of a block in pixels.
const BLOCK: usize = 96;

/// Which grey is measured, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Niqe {
    /// The grey.
    pub luma: NiqeLuma,
    /// What becomes of rounding noise in areas of one colour.
    pub mode: Mode,
}

/// The grey that NIQE measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum NiqeLuma {
    /// MATLAB's `rgb2gray`: LIVE's release, and `BasicSR` with `convert_to='gray'`.
    #[default]
    Grey,
    /// BT.601 luma in the studio range, rounded: `BasicSR`'s default, `convert_to='y'`.
    Y,
}

/// NIQE as LIVE's release computes it, with LIVE's parameters; lower is better.
pub fn niqe(image: &Rgb8) -> Result<f64, NotApplicable> {
    Niqe::default().of(image, NiqeModel::live())
}

impl Niqe {
    /// The distance to `model`.
    ///
    /// # Errors
    /// [`NotApplicable`] where the picture holds fewer than two blocks, or fewer than two with contrast.
    pub fn of(self, image: &Rgb8, model: &NiqeModel) -> Result<f64, NotApplicable> {
        let blocks = self.blocks(image)?;
        let features: Vec<Features> = blocks.into_iter().map(|block| block.features).collect();
        let (mean, covariance) = gaussian(&features)
            .ok_or(NotApplicable::Undefined("fewer than two blocks have contrast in both directions"))?;
        let difference: Features = std::array::from_fn(|i| model.mean[i] - mean[i]);
        let pooled: Matrix<36> = std::array::from_fn(|i| {
            std::array::from_fn(|j| f64::midpoint(model.covariance[i][j], covariance[i][j]))
        });
        Ok(inverse_form(&pooled, &difference).sqrt())
    }

    /// The features of every block.
    fn blocks(self, image: &Rgb8) -> Result<Vec<Block>, NotApplicable> {
        let (columns, rows) = (image.width() / BLOCK, image.height() / BLOCK);
        if columns * rows < 2 {
            return Err(NotApplicable::TooFewBlocks { least: 2, side: BLOCK });
        }
        let image = image.top_left(columns * BLOCK, rows * BLOCK);
        let fine = match self.luma {
            NiqeLuma::Grey => Plane::of(&image, colour::grey_matlab),
            NiqeLuma::Y => Plane::of(&image, colour::luma_studio_numpy),
        };
        let coarse = fine.halved();
        let local = nss::local(&fine, Border::Replicate);
        let fine = local.normalise(&fine, self.mode);
        let coarse = nss::local(&coarse, Border::Replicate).normalise(&coarse, self.mode);
        let block = |i: usize| {
            let (x, y) = (i % columns, i / columns);
            let area = |plane, side| Area { plane, x: x * side, y: y * side, width: side, height: side };
            let mut features = [0.0; 36];
            features[..18].copy_from_slice(&block_features(&area(&fine, BLOCK)));
            features[18..].copy_from_slice(&block_features(&area(&coarse, BLOCK / 2)));
            Block { features, sharpness: area(&local.deviation, BLOCK).mean() }
        };
        Ok((0..columns * rows).into_par_iter().map(block).collect())
    }
}

struct Block {
    features: Features,
    /// Mean deviation, by which the blocks of pristine pictures are chosen.
    sharpness: f64,
}

/// Shape and mean scale of the luminance; shape, mean and both scales of four products of neighbours.
fn block_features(area: &Area) -> [f64; 18] {
    let mut features = [0.0; 18];
    let luminance = area.moments().asymmetric();
    features[0] = luminance.shape;
    features[1] = f64::midpoint(luminance.scale(luminance.left), luminance.scale(luminance.right));
    for (features, (dy, dx)) in features[2..].chunks_exact_mut(4).zip([(0, 1), (1, 0), (1, 1), (1, -1)]) {
        let pair = area.pair_moments(dy, dx).asymmetric();
        let (left, right) = (pair.scale(pair.left), pair.scale(pair.right));
        features.copy_from_slice(&[pair.shape, (right - left) * pair.mean_per_scale(), left, right]);
    }
    features
}
