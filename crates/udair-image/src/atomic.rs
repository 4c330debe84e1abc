//! Files that are absent, old, or complete, whatever happens while they are written.
//!
//! The bytes go to a sibling `.NAME.PID-N.udair-tmp`, are forced to the disk, and take the place of the
//! target in one step. A killed run leaves such a sibling at most; [`remove_stale_temps`] finds it.

mod disk;
mod stale;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use self::disk::{Disk, Os};
use crate::ImageError;

pub use self::stale::remove_stale_temps;

/// How the names of unfinished files end.
const SUFFIX: &str = ".udair-tmp";
/// Bytes of the target's name in the sibling's: file systems allow 255 in all.
const NAME: usize = 200;

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Writes a file that is complete or not there. With `overwrite` it takes the place of an existing
/// file, keeping its permissions and following a symbolic link; without, an existing file stays.
///
/// # Errors
/// [`ImageError::Io`] with the step that failed; of kind `AlreadyExists` for an existing file. The
/// unfinished sibling is removed and the target is as it was, unless the step was the last one,
/// `sync the folder`, after which the new file stands but may not outlive a loss of power.
pub fn write_atomic(path: &Path, bytes: &[u8], overwrite: bool) -> Result<(), ImageError> {
    stale::started();
    write(&mut Os, path, bytes, overwrite)
}

fn write(disk: &mut impl Disk, path: &Path, bytes: &[u8], overwrite: bool) -> Result<(), ImageError> {
    let io = |step| move |source| ImageError::Io { step, source };
    let target = if overwrite { disk.resolve(path) } else { path.to_path_buf() };
    let temp = temporary(&target);
    let mut file = disk.create(&temp).map_err(io("create a file beside the target"))?;
    let written = (|| {
        file.write_all(bytes).map_err(io("write the file"))?;
        if overwrite {
            disk.copy_permissions(&target, &file).map_err(io("set the permissions"))?;
        }
        disk.sync(&file).map_err(io("force the file to the disk"))?;
        drop(file);
        if overwrite {
            disk.replace(&temp, &target).map_err(io("replace the file"))
        } else {
            disk.place(&temp, &target).map_err(io("create the file"))
        }
    })();
    if written.is_err() {
        disk.remove(&temp);
        return written;
    }
    disk.sync_folder(folder(&target)).map_err(io("sync the folder"))
}

/// A name beside the target that no other write uses.
fn temporary(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default();
    let mut temp = OsString::from(".");
    if name.len() <= NAME {
        temp.push(name);
    } else {
        let name = name.to_string_lossy();
        temp.push(&name[..name.floor_char_boundary(NAME)]);
    }
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    temp.push(format!(".{}-{number}{SUFFIX}", std::process::id()));
    target.with_file_name(temp)
}

/// The folder of a file; a bare name is in the current one.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}
