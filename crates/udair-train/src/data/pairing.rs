//! Which degraded picture belongs to which clean one, by where the files lie.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{DataError, Entry, Manifest};

/// Folder names of degraded pictures.
const DEGRADED: [&str; 5] = ["lq", "input", "lr", "noisy", "blur"];
/// Folder names of clean pictures.
const CLEAN: [&str; 5] = ["gt", "target", "hr", "clean", "sharp"];
/// Endings of picture files, in lower case.
const ENDINGS: [&str; 7] = ["png", "jpg", "jpeg", "bmp", "tif", "tiff", "webp"];

/// What a file is to its pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Degraded,
    Clean,
}

/// Pairs of a folder with `lq`/`gt` (or `input`/`target`, `lr`/`hr`, `noisy`/`clean`, `blur`/`sharp`)
/// folders at any depth. Two files are a pair where their paths differ in that folder and the extension
/// alone; a file without its other half is an error.
pub fn paired_folders(root: &Path, task: &str, source: &str) -> Result<Manifest, DataError> {
    let found = Found::below(root, |path| {
        let mut parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
        let last = parts.len() - 1;
        let (at, role) = parts[..last].iter().enumerate().rev().find_map(|(at, part)| {
            let part = part.to_ascii_lowercase();
            let role = if DEGRADED.contains(&part.as_str()) {
                Role::Degraded
            } else if CLEAN.contains(&part.as_str()) {
                Role::Clean
            } else {
                return None;
            };
            Some((at, role))
        })?;
        parts.remove(at);
        Some((role, Path::new(&parts.join("/")).with_extension("").to_string_lossy().into_owned()))
    })?;
    found.pairs(root, task, source, Spare::Refused)
}

/// Whether clean pictures without a degraded one are an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spare {
    Refused,
    Allowed,
}

/// The pictures of a folder, by role and key.
#[derive(Debug)]
pub(super) struct Found {
    degraded: Vec<(String, PathBuf)>,
    clean: BTreeMap<String, PathBuf>,
}

impl Found {
    /// Asks `role` about the path, relative to `root`, of every picture below it, in order of paths.
    /// Several degraded pictures may share the key of one clean picture.
    pub(super) fn below(
        root: &Path,
        role: impl Fn(&Path) -> Option<(Role, String)>,
    ) -> Result<Self, DataError> {
        let mut found = Self { degraded: Vec::new(), clean: BTreeMap::new() };
        for path in pictures(root)? {
            let relative = path.strip_prefix(root).unwrap_or(&path);
            match role(relative) {
                Some((Role::Degraded, key)) => found.degraded.push((key, path)),
                Some((Role::Clean, key)) => {
                    if let Some(other) = found.clean.insert(key, path.clone()) {
                        let message = format!("{} and {} share a name", other.display(), path.display());
                        return Err(DataError::layout(root, message, "keep one of them"));
                    }
                }
                None => {}
            }
        }
        Ok(found)
    }

    /// The pairs.
    pub(super) fn pairs(
        self,
        root: &Path,
        task: &str,
        source: &str,
        spare: Spare,
    ) -> Result<Manifest, DataError> {
        const HINT: &str = "`udair data index --lq GLOB --gt GLOB` writes a manifest for any other layout";
        if self.degraded.is_empty() {
            return Err(DataError::layout(
                root,
                format!("no degraded pictures of the {source} layout"),
                HINT,
            ));
        }
        let mut used = BTreeSet::new();
        let mut entries = Vec::new();
        for (key, lq) in self.degraded {
            let Some(gt) = self.clean.get(&key) else {
                let message = format!("{} has no clean picture", lq.display());
                return Err(DataError::layout(root, message, HINT));
            };
            used.insert(key);
            entries.push(Entry {
                task: task.into(),
                source: source.into(),
                lq: Some(lq),
                gt: Some(gt.clone()),
            });
        }
        match self.clean.iter().find(|(key, _)| !used.contains(*key)) {
            Some((_, gt)) if spare == Spare::Refused => {
                Err(DataError::layout(root, format!("{} has no degraded picture", gt.display()), HINT))
            }
            _ => Ok(Manifest { entries }),
        }
    }

    /// Every picture with a role, alone: `lq` for degraded ones, `gt` for clean ones.
    pub(super) fn singles(self, root: &Path, task: &str, source: &str) -> Result<Manifest, DataError> {
        let entry = |lq, gt| Entry { task: task.into(), source: source.into(), lq, gt };
        let degraded = self.degraded.into_iter().map(|(_, lq)| entry(Some(lq), None));
        let entries: Vec<Entry> =
            degraded.chain(self.clean.into_values().map(|gt| entry(None, Some(gt)))).collect();
        if entries.is_empty() {
            return Err(DataError::layout(
                root,
                format!("no pictures of the {source} layout"),
                "check the folder",
            ));
        }
        Ok(Manifest { entries })
    }
}

/// Picture files below `root` by their ending, hidden ones left out, in order of paths.
pub(super) fn pictures(root: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut files = Vec::new();
    let shown = |name: &str| !name.starts_with('.');
    let walk = WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| entry.depth() == 0 || entry.file_name().to_str().is_none_or(shown))
    {
        let entry = entry.map_err(|error| DataError::Io {
            path: error.path().unwrap_or(root).to_path_buf(),
            source: error.into(),
        })?;
        if entry.file_type().is_file() && is_picture(entry.path()) {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::touch;

    #[test]
    fn aliases_pair_at_any_depth() {
        for (lq, gt) in [
            ("lq/1.png", "gt/1.jpg"),
            ("input/a/1.png", "target/a/1.png"),
            ("s1/blur/1.png", "s1/sharp/1.png"),
        ] {
            let folder = touch(&[lq, gt, "readme.txt", ".hidden/lq/2.png"]);
            let manifest = paired_folders(folder.path(), "denoise", "mine").expect(lq);
            let [entry] = &manifest.entries[..] else { panic!("one pair in {lq}") };
            assert_eq!(entry.lq, Some(folder.path().join(lq)));
            assert_eq!(entry.gt, Some(folder.path().join(gt)));
        }
    }

    #[test]
    fn halves_are_errors_that_name_the_file() {
        for (files, named) in [
            (&["lq/1.png", "lq/2.png", "gt/1.png"][..], "2.png has no clean picture"),
            (&["lq/1.png", "gt/1.png", "gt/2.png"], "2.png has no degraded picture"),
            (&["photos/1.png"], "no degraded pictures"),
            (&["lq/1.png", "gt/1.png", "gt/1.jpg"], "share a name"),
        ] {
            let folder = touch(files);
            let error = paired_folders(folder.path(), "denoise", "mine").expect_err(named).to_string();
            assert!(error.contains(named) && error.contains("hint:"), "{error}");
        }
    }
}
