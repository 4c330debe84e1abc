//! The Gaussian that stands for pristine pictures: LIVE's, or one fitted to one's own.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::image::Rgb8;
use crate::linalg::{Matrix, is_covariance};
use crate::niqe::{BLOCK, Niqe};
use crate::numbers;
use crate::parameters::ParametersError;
use crate::score::NotApplicable;

/// Two scales with 18 features each.
pub(crate) type Features = [f64; 36];

/// A Gaussian of the 36 features of the blocks of pristine pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct NiqeModel {
    /// What the parameters are called in every score: `live`, or the name of a fit.
    pub name: String,
    /// Mean of each feature.
    pub mean: [f64; 36],
    /// Covariance of the features.
    pub covariance: [[f64; 36]; 36],
}

/// The file's form.
#[derive(Serialize, Deserialize)]
struct Json {
    name: String,
    mu: Vec<f64>,
    cov: Vec<f64>,
}

impl NiqeModel {
    /// The parameters of LIVE's release.
    ///
    /// Copyright (c) 2011 The University of Texas at Austin; the notice lies beside them in `params/`.
    pub fn live() -> &'static Self {
        static LIVE: LazyLock<NiqeModel> = LazyLock::new(|| {
            let mut numbers = numbers::parse(include_str!("../../params/niqe-live.txt"));
            let mut next = || numbers.next().expect("the file holds a mean and a triangle");
            let mean = std::array::from_fn(|_| next());
            let mut covariance = [[0.0; 36]; 36];
            for i in 0..36 {
                for j in 0..=i {
                    covariance[i][j] = next();
                    covariance[j][i] = covariance[i][j];
                }
            }
            NiqeModel { name: "live".into(), mean, covariance }
        });
        &LIVE
    }

    /// Reads the JSON that [`NiqeModel::to_json`] writes: `name`, `mu` (36 numbers), `cov` (1296 numbers,
    /// row by row).
    ///
    /// # Errors
    /// [`ParametersError`] where it is something else.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ParametersError> {
        let json: Json = serde_json::from_slice(bytes)?;
        let wrong = ParametersError::Numbers("`mu` and `cov`");
        let (Ok(mean), (rows, [])) = (json.mu.try_into(), json.cov.as_chunks::<36>()) else {
            return Err(wrong);
        };
        let mean: Features = mean;
        match rows.try_into() {
            Ok(covariance) if mean.iter().all(|x| x.is_finite()) && is_covariance(&covariance) => {
                Ok(Self { name: json.name, mean, covariance })
            }
            _ => Err(wrong),
        }
    }

    /// The parameters as JSON, which [`NiqeModel::from_json`] reads.
    pub fn to_json(&self) -> String {
        let json = Json {
            name: self.name.clone(),
            mu: self.mean.to_vec(),
            cov: self.covariance.as_flattened().to_vec(),
        };
        serde_json::to_string(&json).expect("numbers and strings have JSON")
    }
}

/// Fits the Gaussian to one's own pristine pictures as LIVE's release does: from each, the blocks whose
/// mean deviation is more than 0.75 of the sharpest block's.
#[derive(Debug, Clone, Default)]
pub struct NiqeFit {
    features: Vec<Features>,
}

impl NiqeFit {
    /// Takes in the sharp blocks of a pristine picture; says how many there were, 0 where the picture
    /// holds fewer than two blocks.
    pub fn add(&mut self, image: &Rgb8) -> usize {
        let blocks = Niqe::default().blocks(image).unwrap_or_default();
        let sharpest = blocks.iter().map(|block| block.sharpness).fold(0.0, f64::max);
        let before = self.features.len();
        let sharp = blocks.iter().filter(|block| block.sharpness > 0.75 * sharpest);
        self.features.extend(sharp.map(|block| block.features));
        self.features.len() - before
    }

    /// The Gaussian of all blocks so far.
    ///
    /// # Errors
    /// [`NotApplicable::TooFewBlocks`] with fewer than 37 blocks, of which no covariance of 36 features
    /// can be had.
    pub fn model(&self, name: &str) -> Result<NiqeModel, NotApplicable> {
        let complete = self.features.iter().filter(|row| row.iter().all(|x| !x.is_nan())).count();
        if complete < 37 {
            return Err(NotApplicable::TooFewBlocks { least: 37, side: BLOCK });
        }
        let (mean, covariance) = gaussian(&self.features).expect("at least two complete rows");
        Ok(NiqeModel { name: name.into(), mean, covariance })
    }
}

/// Mean of every column without its NaN, and covariance of the rows without any; `None` where fewer
/// than two such rows exist.
pub(crate) fn gaussian<const N: usize>(rows: &[[f64; N]]) -> Option<([f64; N], Matrix<N>)> {
    let complete: Vec<&[f64; N]> = rows.iter().filter(|row| row.iter().all(|x| !x.is_nan())).collect();
    if complete.len() < 2 {
        return None;
    }
    let mean = mean(rows);
    let centre: [f64; N] =
        std::array::from_fn(|i| complete.iter().map(|row| row[i]).sum::<f64>() / complete.len() as f64);
    let mut covariance = [[0.0; N]; N];
    for i in 0..N {
        for j in 0..=i {
            let sum: f64 = complete.iter().map(|row| (row[i] - centre[i]) * (row[j] - centre[j])).sum();
            covariance[i][j] = sum / (complete.len() - 1) as f64;
            covariance[j][i] = covariance[i][j];
        }
    }
    Some((mean, covariance))
}

/// Mean of every column without its NaN; NaN where nothing remains.
pub(crate) fn mean<const N: usize>(rows: &[[f64; N]]) -> [f64; N] {
    std::array::from_fn(|i| {
        let values = rows.iter().map(|row| row[i]).filter(|value| !value.is_nan());
        let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
        sum / count
    })
}
