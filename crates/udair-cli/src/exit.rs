//! Exit codes: scripts rely on them.

use std::process::ExitCode;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All done.
    Done = 0,
    /// Some files failed; the rest was written, and the failures were listed.
    SomeFailed = 1,
    /// The command line, a configuration or the model is wrong; nothing was done.
    Usage = 2,
    /// There was nothing to do.
    NothingToDo = 3,
    /// Interrupted (128 + SIGINT, as shells report it).
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
