//! What can go wrong in an evaluation.

use std::path::PathBuf;

use thiserror::Error;
use udair::{EngineError, ImageError, RestoreError};

/// An error of an evaluation; every one names the file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StudyError {
    /// A manifest or folder could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A manifest is not as it should be.
    #[error("{}, line {line}: {message}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// The files of two folders do not pair up.
    #[error("{0}")]
    Pairs(String),
    /// A picture could not be read.
    #[error("{}: {source}", path.display())]
    Picture {
        /// The picture.
        path: PathBuf,
        /// Why not.
        source: ImageError,
    },
    /// A picture could not be restored.
    #[error("{}: {source}", path.display())]
    Restore {
        /// The picture.
        path: PathBuf,
        /// Why not.
        source: RestoreError,
    },
    /// A picture and its reference have different sizes.
    #[error("{} is {} x {}, but its reference {} is {} x {}", lq.display(), lq_size.0, lq_size.1, gt.display(), gt_size.0, gt_size.1)]
    Size {
        /// The picture.
        lq: PathBuf,
        /// Its width and height.
        lq_size: (usize, usize),
        /// The reference.
        gt: PathBuf,
        /// Its width and height.
        gt_size: (usize, usize),
    },
    /// The network could not be used, or learned nothing from the pictures.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The watch asked to stop.
    #[error("cancelled")]
    Cancelled,
}
