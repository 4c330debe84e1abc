//! What can go wrong with data, each with what to do about it.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// An error of the data.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file or folder could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line of a manifest cannot be used.
    #[error("{}, line {line}: {message}\nhint: a line is task, source, lq, gt with tabs between; - for none", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// A folder is not laid out as it was said to be.
    #[error("{}: {message}\nhint: {hint}", root.display())]
    Layout {
        /// The folder.
        root: PathBuf,
        /// What is missing or left over.
        message: String,
        /// What would help.
        hint: String,
    },
    /// A picture cannot be decoded or encoded.
    #[error("{}: {message}", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The data do not suffice for what is asked of them.
    #[error("{message}\nhint: {hint}")]
    Insufficient {
        /// What is missing.
        message: String,
        /// What would help.
        hint: String,
    },
}

impl DataError {
    /// Adds the file's name to an I/O error.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        |source| Self::Io { path, source }
    }

    pub(crate) fn layout(root: &Path, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Layout { root: root.to_path_buf(), message: message.into(), hint: hint.into() }
    }

    pub(crate) fn picture(path: &Path, message: &impl ToString) -> Self {
        Self::Picture { path: path.to_path_buf(), message: message.to_string() }
    }

    pub(crate) fn insufficient(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Insufficient { message: message.into(), hint: hint.into() }
    }
}
