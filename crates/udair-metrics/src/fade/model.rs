//! FADE's parameters and the two forms in which they come: LIVE's pair of `.mat` files, or one JSON.

use serde::{Deserialize, Serialize};

use super::matlab;
use crate::linalg::{Matrix, is_covariance};
use crate::parameters::ParametersError;

/// The Gaussian of the 12 statistics of patches of one kind of pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct FogGaussian {
    /// Mean of each statistic.
    pub mean: [f64; 12],
    /// Their covariance.
    pub covariance: [[f64; 12]; 12],
}

/// What FADE compares with.
#[derive(Debug, Clone, PartialEq)]
pub struct FadeModel {
    /// What the parameters are called in every score: `live`, or the name of a fit.
    pub name: String,
    /// Of fog-free pictures.
    pub fog_free: FogGaussian,
    /// Of foggy pictures.
    pub foggy: FogGaussian,
}

/// The file's form.
#[derive(Serialize, Deserialize)]
struct Json {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default)]
    source: String,
    mu_fogfree: [f64; 12],
    cov_fogfree: Matrix<12>,
    mu_foggy: [f64; 12],
    cov_foggy: Matrix<12>,
}

impl FadeModel {
    /// Reads the JSON that [`FadeModel::to_json`] writes: `name`, `source`, `mu_fogfree` (12 numbers),
    /// `cov_fogfree` (12 rows of 12), `mu_foggy`, `cov_foggy`. Without a name the parameters are called
    /// `live` where the source says LIVE, and `unnamed` otherwise.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ParametersError> {
        let json: Json = serde_json::from_slice(bytes)?;
        let unnamed = if json.source.contains("LIVE") { "live" } else { "unnamed" };
        Self {
            name: json.name.unwrap_or_else(|| unnamed.into()),
            fog_free: FogGaussian { mean: json.mu_fogfree, covariance: json.cov_fogfree },
            foggy: FogGaussian { mean: json.mu_foggy, covariance: json.cov_foggy },
        }
        .checked()
    }

    /// Reads the two files of LIVE's release: `natural_fogfree_image_features_ps8.mat` and
    /// `natural_foggy_image_features_ps8.mat`.
    pub fn from_mats(fogfree: &[u8], foggy: &[u8]) -> Result<Self, ParametersError> {
        Self {
            name: "live".into(),
            fog_free: from_mat(fogfree, "mu_fogfreeparam", "cov_fogfreeparam")?,
            foggy: from_mat(foggy, "mu_foggyparam", "cov_foggyparam")?,
        }
        .checked()
    }

    /// The parameters as JSON, which [`FadeModel::from_json`] reads.
    pub fn to_json(&self) -> String {
        let json = Json {
            name: Some(self.name.clone()),
            source: "udair metrics fit fade".into(),
            mu_fogfree: self.fog_free.mean,
            cov_fogfree: self.fog_free.covariance,
            mu_foggy: self.foggy.mean,
            cov_foggy: self.foggy.covariance,
        };
        serde_json::to_string(&json).expect("numbers and strings have JSON")
    }

    fn checked(self) -> Result<Self, ParametersError> {
        for (gaussian, which) in
            [(&self.fog_free, "of fog-free pictures"), (&self.foggy, "of foggy pictures")]
        {
            if !gaussian.mean.iter().all(|x| x.is_finite()) || !is_covariance(&gaussian.covariance) {
                return Err(ParametersError::Numbers(which));
            }
        }
        Ok(self)
    }
}

fn from_mat(
    bytes: &[u8],
    mean: &'static str,
    covariance: &'static str,
) -> Result<FogGaussian, ParametersError> {
    let arrays = matlab::read(bytes)?;
    let numbers = |name: &'static str| matlab::named(&arrays, name);
    let mean = numbers(mean)?.try_into().map_err(|_| ParametersError::Numbers(mean))?;
    let (rows, rest) = numbers(covariance)?.as_chunks::<12>();
    match <Matrix<12>>::try_from(rows) {
        Ok(covariance) if rest.is_empty() => Ok(FogGaussian { mean, covariance }),
        _ => Err(ParametersError::Numbers(covariance)),
    }
}
