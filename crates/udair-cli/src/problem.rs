//! Errors as people read them: what was wrong, with which file, and a hint where there is one.

use std::fmt;
use std::io;
use std::path::Path;

use udair::{ImageError, RestoreError};

use crate::names::Shown;

/// A message with an optional hint.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// Names the file in the message.
    pub(crate) fn about(self, path: &Path) -> Self {
        Self { message: format!("{}: {}", Shown(path), self.message), ..self }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<ImageError> for Problem {
    fn from(error: ImageError) -> Self {
        Self { message: error.to_string(), hint: error.hint().map(Into::into) }
    }
}

impl From<RestoreError> for Problem {
    fn from(error: RestoreError) -> Self {
        let hint = match &error {
            RestoreError::Memory { largest, .. } => Some(match largest {
                Some((width, height)) => format!(
                    "the largest size that would do is {width} x {height}; `--memory` allows more memory"
                ),
                None => "`--memory` allows more memory".into(),
            }),
            other => other.hint(),
        };
        Self { message: error.to_string(), hint }
    }
}

/// Prints an error that ends the run. That the reader of stdout has gone is nobody's error.
pub(crate) fn print(error: &anyhow::Error) {
    let closed = |e: &io::Error| e.kind() == io::ErrorKind::BrokenPipe;
    if error.chain().any(|e| e.downcast_ref().is_some_and(closed)) {
        return;
    }
    eprintln!("error: {error:#}");
    if let Some(hint) = error.chain().find_map(|e| e.downcast_ref::<Problem>()?.hint.as_ref()) {
        eprintln!("hint: {hint}");
    }
}
