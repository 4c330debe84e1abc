//! Why a picture could not be read or written, by who must act, and what they can do.

use std::io;

use thiserror::Error;

use crate::Format;

/// An error of this crate. Callers add the name of the file that it concerns.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImageError {
    /// Input: the bytes are no picture in any known format.
    #[error("not a picture in a known format")]
    Unknown,
    /// Input: the file contradicts itself or ends early.
    #[error("a damaged {format} file: {what}")]
    Damaged {
        /// What the file claims to be.
        format: Format,
        /// What is wrong with it.
        what: String,
    },
    /// Input: samples that do not fit the picture.
    #[error("unusable samples: {0}")]
    Samples(String),
    /// Limits: the file asks for more than [`Limits`](crate::Limits) allow.
    #[error("too large: {what} is {value}, the limit is {limit}")]
    Limit {
        /// The quantity, with its unit.
        what: &'static str,
        /// What the file asks for.
        value: u64,
        /// What is allowed.
        limit: u64,
    },
    /// Limits: the system gave no memory.
    #[error("not enough memory for {bytes} bytes")]
    Memory {
        /// What was asked for.
        bytes: usize,
    },
    /// Unsupported: a proper file of a kind that is not read.
    #[error("unsupported: {what}")]
    Unsupported {
        /// The kind.
        what: String,
        /// How to turn it into something that is read.
        hint: String,
    },
    /// Unsupported: the picture does not fit the format that was asked for.
    #[error("{format} cannot hold this picture: {what}")]
    Unfit {
        /// The format that was asked for.
        format: Format,
        /// What does not fit.
        what: String,
    },
    /// I/O: the system refused a step of reading or writing.
    #[error("cannot {step}: {source}")]
    Io {
        /// The step.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl ImageError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Unknown => Some("PNG, JPEG, WebP, TIFF, BMP and PNM are read"),
            Self::Damaged { .. } => Some("copy or export the picture again"),
            Self::Limit { .. } => Some("reduce the picture or raise the limit"),
            Self::Memory { .. } => Some("close other programs or reduce the picture"),
            Self::Unsupported { hint, .. } => Some(hint),
            Self::Unfit { .. } => Some("choose another format, such as PNG"),
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::AlreadyExists => Some("allow overwriting or choose another name"),
                io::ErrorKind::StorageFull => Some("free some space"),
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
                    Some("check the path and the permissions")
                }
                _ => None,
            },
            Self::Samples(_) => None,
        }
    }

    pub(crate) fn damaged(format: Format, what: impl ToString) -> Self {
        Self::Damaged { format, what: what.to_string() }
    }

    pub(crate) fn unsupported(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into(), hint: hint.into() }
    }
}
