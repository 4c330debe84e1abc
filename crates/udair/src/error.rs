//! What can go wrong between a picture and its restoration, by who must act.

use std::path::PathBuf;

use thiserror::Error;
use udair_engine::EngineError;
use udair_image::ImageError;

/// An error of a [`Restorer`](crate::Restorer). Callers add the name of the picture.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The weights file could not be read.
    #[error("cannot read the weights file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The weights are not usable.
    #[error("{}{source}", prefix(path.as_ref()))]
    Weights {
        /// The file, where the weights came from one.
        path: Option<PathBuf>,
        /// What is wrong with them.
        source: EngineError,
    },
    /// The picture needs more memory than it may take.
    #[error(
        "{width} x {height} pixels need at least {} MiB, but {} MiB may be used",
        least.div_ceil(1 << 20),
        budget >> 20
    )]
    Memory {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Bytes that the work takes at least.
        least: usize,
        /// Bytes that it may take.
        budget: usize,
        /// The largest width and height of the same shape that would do.
        largest: Option<(usize, usize)>,
    },
    /// The network produced something that is no picture.
    #[error("the network's result is unusable: {0}")]
    Output(&'static str),
    /// The watch asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// The engine failed.
    #[error(transparent)]
    Engine(EngineError),
    /// The restored pixels could not be put back into the picture.
    #[error(transparent)]
    Image(#[from] ImageError),
}

impl RestoreError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Read { .. } => Some("check the path and the permissions".into()),
            Self::Weights { .. } => {
                Some("`udair convert` turns checkpoints of the reference into weights files".into())
            }
            Self::Memory { largest: Some((width, height)), .. } => {
                Some(format!("the largest size that would do is {width} x {height}"))
            }
            Self::Memory { largest: None, .. } => Some("allow more memory".into()),
            Self::Output(_) => Some("check the weights file".into()),
            Self::Engine(EngineError::Variant) => {
                Some("udair-cli built with --features train runs it, though slowly".into())
            }
            Self::Engine(EngineError::Memory { .. }) => Some("close other programs".into()),
            Self::Image(error) => error.hint().map(Into::into),
            Self::Cancelled | Self::Engine(_) => None,
        }
    }
}

impl From<EngineError> for RestoreError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Cancelled => Self::Cancelled,
            other => Self::Engine(other),
        }
    }
}

fn prefix(path: Option<&PathBuf>) -> String {
    path.map(|path| format!("{}: ", path.display())).unwrap_or_default()
}
