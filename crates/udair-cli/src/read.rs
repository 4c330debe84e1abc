//! Reading a file or stdin whole.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use udair::Limits;

use crate::inputs::Source;
use crate::problem::Problem;

/// Reads a picture whole, within the limit on files.
pub(crate) fn read(source: &Source, limits: &Limits) -> Result<Vec<u8>, Problem> {
    let limit = limits.file_bytes;
    let mut bytes = Vec::new();
    let within = match source {
        Source::Stdin => std::io::stdin().lock().take(limit + 1).read_to_end(&mut bytes)?,
        Source::File(path) => open(path)?.take(limit + 1).read_to_end(&mut bytes)?,
    };
    if within as u64 > limit {
        return Err(Problem::new(format!("the file is larger than {} MiB", limit >> 20)));
    }
    Ok(bytes)
}

fn open(path: &Path) -> Result<File, Problem> {
    File::open(path).map_err(|error| match error.kind() {
        // A mistyped command is taken for a path.
        ErrorKind::NotFound if path.extension().is_none() && path.components().count() == 1 => {
            Problem::new("no such picture or command").hint("`udair --help` lists the commands")
        }
        ErrorKind::NotFound => Problem::new("no such picture"),
        _ => error.into(),
    })
}
