//! Every step of writing fails once, and the target is old or complete each time.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::disk::{Disk, Os};
use super::{NAME, SUFFIX, temporary, write, write_atomic};
use crate::ImageError;

/// A disk that fails at one call, and otherwise writes seven bytes at a time and is interrupted at
/// every second write.
struct Failing {
    fails_at: usize,
    error: ErrorKind,
    calls: Rc<Cell<usize>>,
}

struct Stuttering {
    file: File,
    fails_at: usize,
    error: ErrorKind,
    calls: Rc<Cell<usize>>,
    interrupted: bool,
}

fn call(calls: &Cell<usize>, fails_at: usize, error: ErrorKind) -> io::Result<()> {
    let call = calls.replace(calls.get() + 1);
    if call == fails_at { Err(error.into()) } else { Ok(()) }
}

impl Failing {
    fn step(&self) -> io::Result<()> {
        call(&self.calls, self.fails_at, self.error)
    }
}

impl Write for Stuttering {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(ErrorKind::Interrupted.into());
        }
        call(&self.calls, self.fails_at, self.error)?;
        self.file.write(&bytes[..bytes.len().min(7)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Disk for Failing {
    type File = Stuttering;

    fn resolve(&mut self, path: &Path) -> PathBuf {
        Os.resolve(path)
    }

    fn create(&mut self, path: &Path) -> io::Result<Stuttering> {
        self.step()?;
        let Self { fails_at, error, .. } = *self;
        Ok(Stuttering {
            file: Os.create(path)?,
            fails_at,
            error,
            calls: self.calls.clone(),
            interrupted: false,
        })
    }

    fn copy_permissions(&mut self, from: &Path, to: &Stuttering) -> io::Result<()> {
        self.step()?;
        Os.copy_permissions(from, &to.file)
    }

    fn sync(&mut self, file: &Stuttering) -> io::Result<()> {
        self.step()?;
        Os.sync(&file.file)
    }

    fn replace(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        Os.replace(from, to)
    }

    fn place(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        Os.place(from, to)
    }

    fn remove(&mut self, path: &Path) {
        Os.remove(path);
    }

    fn sync_folder(&mut self, folder: &Path) -> io::Result<()> {
        self.step()?;
        Os.sync_folder(folder)
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Fails every call in turn; gives back how many calls a whole write takes.
fn fail_everywhere(old: Option<&[u8]>, overwrite: bool, error: ErrorKind) -> usize {
    let new: Vec<u8> = (0..40).collect();
    for fails_at in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("picture.png");
        old.iter().for_each(|old| fs::write(&target, old).unwrap());
        let mut disk = Failing { fails_at, error, calls: Rc::default() };
        let result = write(&mut disk, &target, &new, overwrite);
        let found = fs::read(&target).ok();
        if disk.calls.get() <= fails_at {
            result.unwrap();
            assert_eq!(found, Some(new));
            return fails_at;
        }
        match result.unwrap_err() {
            ImageError::Io { step: "sync the folder", .. } => assert_eq!(found.as_deref(), Some(&new[..])),
            ImageError::Io { source, .. } => {
                assert_eq!(source.kind(), error);
                assert_eq!(found.as_deref(), old, "call {fails_at}");
            }
            other => panic!("{other}"),
        }
        assert!(names(folder.path()).iter().all(|name| name == "picture.png"), "call {fails_at}");
    }
    unreachable!("the loop ends with the first whole write")
}

#[test]
fn a_failed_write_leaves_the_old_file_and_no_other() {
    for error in [ErrorKind::StorageFull, ErrorKind::Other, ErrorKind::WriteZero] {
        // Create, six writes of seven bytes, permissions, sync, rename, sync of the folder.
        assert_eq!(fail_everywhere(Some(b"old"), true, error), 11);
        assert_eq!(fail_everywhere(None, true, error), 11);
        assert_eq!(fail_everywhere(None, false, error), 10);
    }
}

#[test]
fn an_existing_file_stays_without_overwriting() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a.png");
    write_atomic(&target, b"one", false).unwrap();
    let error = write_atomic(&target, b"two", false).unwrap_err();
    assert!(matches!(&error, ImageError::Io { source, .. } if source.kind() == ErrorKind::AlreadyExists));
    assert!(error.hint().unwrap().contains("overwrit"));
    assert_eq!(fs::read(&target).unwrap(), b"one");
    write_atomic(&target, b"two", true).unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"two");
    assert_eq!(names(folder.path()), ["a.png"]);
}

#[test]
fn errors_name_the_step() {
    let folder = tempfile::tempdir().unwrap();
    let error = write_atomic(&folder.path().join("none/a.png"), b"", true).unwrap_err();
    assert_eq!(error.to_string().split(':').next(), Some("cannot create a file beside the target"));
    assert!(error.hint().unwrap().contains("path"));
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_permissions_kept() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real.png"), folder.path().join("link.png"));
    fs::write(&real, b"old").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&real, &link).unwrap();
    write_atomic(&link, b"new", true).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&real).unwrap(), b"new");
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(write_atomic(&link, b"newer", false).is_err());
    assert_eq!(fs::read(&real).unwrap(), b"new");
}

#[test]
fn hostile_names_have_temporaries_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let long = format!("{}.png", "é".repeat(120));
    for name in ["a b.png", "-x.png", "\"quoted\".png", "line\nbreak.png", &long, ".hidden", "🙂.png"] {
        let path = folder.path().join(name);
        let temp = temporary(&path);
        assert_ne!(temp, temporary(&path));
        assert_eq!(temp.parent(), path.parent());
        let temp = temp.file_name().unwrap().to_str().unwrap();
        assert!(temp.starts_with('.') && temp.ends_with(SUFFIX) && temp.len() <= NAME + 50, "{temp}");
        write_atomic(&path, name.as_bytes(), false).unwrap();
        assert_eq!(fs::read(&path).unwrap(), name.as_bytes());
    }
}
