//! What can go wrong in training, by who must act.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// An error of the trainer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The configuration cannot be used: the message names the key.
    #[error("{0}")]
    Config(String),
    /// The data cannot be used.
    #[error(transparent)]
    Data(#[from] crate::data::DataError),
    /// The threads that make batches ended early.
    #[error("a thread that makes batches panicked")]
    Loader,
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A checkpoint cannot be used.
    #[error("{}: {message}", path.display())]
    Checkpoint {
        /// Its directory.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The loss is no longer a number.
    #[error("the loss of step {step} is {loss}\nhint: lower optim.lr or optim.clip")]
    Diverged {
        /// The step.
        step: u64,
        /// The loss.
        loss: f32,
    },
    /// The network or its weights file.
    #[error(transparent)]
    Engine(#[from] udair_engine::EngineError),
}

impl TrainError {
    /// Adds the file's name to an I/O error.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        |source| Self::Io { path, source }
    }

    pub(crate) fn checkpoint(path: &Path, message: impl Into<String>) -> Self {
        Self::Checkpoint { path: path.to_path_buf(), message: message.into() }
    }
}
