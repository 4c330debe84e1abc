//! The list of pictures that training and evaluation read: `manifest.tsv`.
//!
//! One line a picture or pair: `task`, `source`, `lq` (degraded), `gt` (clean), tabs between, `-` for
//! none. Paths are relative to the manifest's folder. Blank lines and lines that start with `#` are
//! skipped, and so is a first line with the column names.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use super::{DataError, files};
use crate::rng::Stream;

const COLUMNS: &str = "task\tsource\tlq\tgt";

/// A picture, or a pair of a degraded and a clean one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Id of the pattern: `denoise`, `dehaze`, …, `clean`.
    pub task: String,
    /// Which data set it comes from.
    pub source: String,
    /// The degraded picture.
    pub lq: Option<PathBuf>,
    /// The clean picture.
    pub gt: Option<PathBuf>,
}

impl Entry {
    /// The files of this entry, one or two.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        [&self.lq, &self.gt].into_iter().flatten().map(PathBuf::as_path)
    }

    /// The file name without its extension: that of the degraded picture where there is one.
    pub fn name(&self) -> String {
        let stem = self.files().next().and_then(Path::file_stem);
        stem.map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// A list of entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The entries, in the order of the file.
    pub entries: Vec<Entry>,
}

impl Manifest {
    /// Reads a manifest; paths come back joined to its folder.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let text = fs::read_to_string(path).map_err(DataError::io(path))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut entries = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') || (entries.is_empty() && line == COLUMNS) {
                continue;
            }
            let entry = parse(line, folder).map_err(|message| DataError::Manifest {
                path: path.to_path_buf(),
                line: number + 1,
                message,
            })?;
            entries.push(entry);
        }
        Ok(Self { entries })
    }

    /// The text of this manifest for a file in `folder`: paths below it become relative.
    pub fn to_text(&self, folder: &Path) -> String {
        let mut text = format!("{COLUMNS}\n");
        for entry in &self.entries {
            let column = |file: &Option<PathBuf>| match file {
                Some(file) => slashed(file.strip_prefix(folder).unwrap_or(file)),
                None => "-".into(),
            };
            let (lq, gt) = (column(&entry.lq), column(&entry.gt));
            writeln!(text, "{}\t{}\t{lq}\t{gt}", entry.task, entry.source).expect("strings take any text");
        }
        text
    }

    /// Writes `manifest.tsv` into `folder`; returns its path.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, DataError> {
        let path = folder.join("manifest.tsv");
        files::write(&path, self.to_text(folder).as_bytes())?;
        Ok(path)
    }

    /// One entry of those that share a clean picture, drawn by `seed`: the paper takes one hazy picture of
    /// each scene of OTS. Entries without a clean picture stay.
    #[must_use]
    pub fn one_per_reference(&self, seed: u64) -> Self {
        let mut groups: BTreeMap<&Path, Vec<&Entry>> = BTreeMap::new();
        let mut entries = Vec::new();
        for entry in &self.entries {
            match &entry.gt {
                Some(gt) => groups.entry(gt).or_default().push(entry),
                None => entries.push(entry.clone()),
            }
        }
        for (index, group) in groups.into_values().enumerate() {
            entries.push(group[Stream::new(seed, 0, index as u64).below(group.len())].clone());
        }
        Self { entries }
    }

    /// Only the entries whose [`Entry::name`] is in the split list at `path` (one name a line, with or
    /// without folders and extension; blank lines and `#` comments are skipped). A name that no entry has
    /// is an error: a split that silently lost pictures is another split.
    pub fn listed(&self, path: &Path) -> Result<Self, DataError> {
        let text = fs::read_to_string(path).map_err(DataError::io(path))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut wanted: HashSet<String> = lines.map(bare).collect();
        let listed = |entry: &&Entry| wanted.contains(&entry.name());
        let entries: Vec<Entry> = self.entries.iter().filter(listed).cloned().collect();
        entries.iter().for_each(|entry| _ = wanted.remove(&entry.name()));
        match wanted.iter().min() {
            None => Ok(Self { entries }),
            Some(name) => Err(DataError::layout(
                path,
                format!("{} names of the list are not in the data, {name:?} among them", wanted.len()),
                "a split list holds file names of the degraded pictures",
            )),
        }
    }
}

/// Slashes on every platform, so that a manifest can move.
fn slashed(path: &Path) -> String {
    path.components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
        .replace("//", "/")
}

fn bare(name: &str) -> String {
    let name = Path::new(name);
    name.file_stem().unwrap_or(name.as_os_str()).to_string_lossy().into_owned()
}

fn parse(line: &str, folder: &Path) -> Result<Entry, String> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [task, source, lq, gt] = columns[..] else {
        return Err(format!("{} columns instead of 4", columns.len()));
    };
    let file = |column: &str| match column {
        "-" => Ok(None),
        "" => Err("an empty column".to_string()),
        path => Ok(Some(folder.join(path))),
    };
    let (lq, gt) = (file(lq)?, file(gt)?);
    if task.is_empty() || source.is_empty() {
        return Err("an empty column".into());
    }
    if lq.is_none() && gt.is_none() {
        return Err("neither lq nor gt".into());
    }
    Ok(Entry { task: task.into(), source: source.into(), lq, gt })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Manifest, DataError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m.tsv");
        fs::write(&path, text).expect("written");
        let mut manifest = Manifest::read(&path)?;
        for entry in &mut manifest.entries {
            for file in [&mut entry.lq, &mut entry.gt].into_iter().flatten() {
                *file = file.strip_prefix(folder.path()).expect("inside").to_path_buf();
            }
        }
        Ok(manifest)
    }

    #[test]
    fn comments_blank_lines_and_column_names_are_skipped() {
        let manifest = read(
            "task\tsource\tlq\tgt\n\n# by hand\ndenoise\tsidd\ta/1.png\tb/1.png\n  \nclean\tbsd\t-\tc.jpg\n",
        )
        .expect("readable");
        let [pair, photo] = &manifest.entries[..] else { panic!("two entries") };
        assert_eq!((pair.name(), photo.name()), ("1".into(), "c".into()));
        assert_eq!(pair.files().count(), 2);
        assert_eq!((photo.lq.clone(), photo.gt.clone()), (None, Some("c.jpg".into())));
        let text = manifest.to_text(Path::new(""));
        assert_eq!(read(&text).expect("its own output"), manifest);
    }

    #[test]
    fn errors_name_the_line() {
        for (text, message) in [
            ("a\tb\tc\n", "3 columns instead of 4"),
            ("\n\na\tb\t-\t-\n", "line 3: neither lq nor gt"),
            ("a\t\tc\td\n", "an empty column"),
            ("a\tb\t\td\n", "an empty column"),
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(message) && error.contains("hint:"), "{error}");
        }
    }

    #[test]
    fn one_of_each_scene_is_drawn() {
        let entry = |lq: &str, gt: &str| Entry {
            task: "dehaze".into(),
            source: "ots".into(),
            lq: Some(lq.into()),
            gt: Some(gt.into()),
        };
        let hazy = ["1", "2", "3", "4"].map(|beta| entry(&format!("a_{beta}.jpg"), "a.jpg"));
        let manifest = Manifest { entries: [&hazy[..], &[entry("b_1.jpg", "b.jpg")]].concat() };
        let one = manifest.one_per_reference(3);
        assert_eq!(one.entries.len(), 2);
        assert_eq!(one, manifest.one_per_reference(3));
        let drawn: HashSet<String> =
            (0..40).map(|seed| manifest.one_per_reference(seed).entries[0].name()).collect();
        assert_eq!(drawn.len(), 4, "every one gets its turn");
    }

    #[test]
    fn split_lists_keep_their_names_and_miss_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let list = folder.path().join("test.txt");
        let entry = |name: &str| Entry {
            task: "dehaze".into(),
            source: "ots".into(),
            lq: Some(name.into()),
            gt: Some("x.png".into()),
        };
        let manifest = Manifest { entries: vec![entry("hazy/1.png"), entry("hazy/2.png")] };
        fs::write(&list, "# held out\n\nhazy/2.png\n").expect("written");
        assert_eq!(manifest.listed(&list).expect("found").entries, [entry("hazy/2.png")]);
        fs::write(&list, "3\n").expect("written");
        assert!(manifest.listed(&list).expect_err("lost").to_string().contains("\"3\""));
    }
}
