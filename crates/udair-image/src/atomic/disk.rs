//! The steps of writing a file, as the system does them; a test replaces them by failing ones.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub(super) trait Disk {
    type File: Write;
    /// The file behind a symbolic link.
    fn resolve(&mut self, path: &Path) -> PathBuf;
    /// Creates a file that must not exist.
    fn create(&mut self, path: &Path) -> io::Result<Self::File>;
    /// Gives a file the permissions of another, if that exists.
    fn copy_permissions(&mut self, from: &Path, to: &Self::File) -> io::Result<()>;
    fn sync(&mut self, file: &Self::File) -> io::Result<()>;
    /// Renames over whatever is there.
    fn replace(&mut self, from: &Path, to: &Path) -> io::Result<()>;
    /// Renames, but never over a file.
    fn place(&mut self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file as well as it can.
    fn remove(&mut self, path: &Path);
    fn sync_folder(&mut self, folder: &Path) -> io::Result<()>;
}

pub(super) struct Os;

impl Disk for Os {
    type File = File;

    fn resolve(&mut self, path: &Path) -> PathBuf {
        fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
    }

    fn create(&mut self, path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).open(path)
    }

    fn copy_permissions(&mut self, from: &Path, to: &File) -> io::Result<()> {
        match fs::metadata(from) {
            Ok(old) => to.set_permissions(old.permissions()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn sync(&mut self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn replace(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn place(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        // A hard link fails where a file is, in one step; renaming would replace it.
        match fs::hard_link(from, to) {
            Ok(()) => fs::remove_file(from),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            // File systems without hard links leave a moment between looking and renaming.
            Err(_) if fs::symlink_metadata(to).is_err() => fs::rename(from, to),
            Err(_) => Err(io::ErrorKind::AlreadyExists.into()),
        }
    }

    fn remove(&mut self, path: &Path) {
        // What cannot be removed now is found by the next run.
        let _ = fs::remove_file(path);
    }

    fn sync_folder(&mut self, folder: &Path) -> io::Result<()> {
        // Only Unix opens folders as files; elsewhere the rename itself is as safe as it gets.
        if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
    }
}
