//! Why a file of learned parameters cannot be used.

use thiserror::Error;

use crate::fade::MatError;

/// The bytes are not the parameters that were asked for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ParametersError {
    /// Not the JSON that `to_json` writes.
    #[error("not parameters in JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Not one of the MATLAB files of FADE's release.
    #[error("not parameters in a MATLAB file: {0}")]
    Matlab(#[from] MatError),
    /// A number is missing, infinite or NaN, or a covariance is not symmetric.
    #[error("the numbers {0} are not a mean and a symmetric covariance")]
    Numbers(&'static str),
}
