//! What is wrong with a data set, all of it, before a training run finds out one picture at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use udair_image::sha256;

use super::{DataError, Manifest, Rgb8, paired_folders};

/// What [`check`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Counts and sizes, one row for each split, task and source.
    pub rows: Vec<Row>,
    /// Files that are missing or cannot be decoded, with the reason.
    pub unreadable: Vec<(PathBuf, String)>,
    /// Pairs whose pictures differ in size.
    pub mismatched: Vec<Mismatch>,
    /// Groups of files with the same bytes that stand in more than one split.
    pub duplicates: Vec<Vec<PathBuf>>,
}

impl Report {
    /// True where there is nothing to mend.
    pub fn is_clean(&self) -> bool {
        self.unreadable.is_empty() && self.mismatched.is_empty() && self.duplicates.is_empty()
    }
}

/// One source of one task in one split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Name of the split, empty where there is only one.
    pub split: String,
    /// Id of the pattern.
    pub task: String,
    /// Data set.
    pub source: String,
    /// Pairs.
    pub pairs: usize,
    /// Degraded pictures without a clean one.
    pub degraded: usize,
    /// Clean pictures without a degraded one.
    pub clean: usize,
    /// Bytes of the files.
    pub bytes: u64,
    /// Width and height of the picture of the fewest pixels.
    pub smallest: Option<(usize, usize)>,
    /// Width and height of the picture of the most pixels.
    pub largest: Option<(usize, usize)>,
}

/// A pair whose pictures differ in size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The degraded picture.
    pub lq: PathBuf,
    /// Its width and height.
    pub lq_size: (usize, usize),
    /// The clean picture.
    pub gt: PathBuf,
    /// Its width and height.
    pub gt_size: (usize, usize),
}

/// Decodes and hashes every picture of the data in `dir`: its `manifest.tsv`, else those of its folders,
/// each a split, else its paired folders. Runs on `threads` threads.
pub fn check(dir: &Path, threads: usize) -> Result<Report, DataError> {
    let splits = splits(dir)?;
    let files: BTreeSet<PathBuf> = splits
        .iter()
        .flat_map(|(_, manifest)| &manifest.entries)
        .flat_map(|entry| entry.files().map(Path::to_path_buf).collect::<Vec<_>>())
        .collect();
    let files: Vec<PathBuf> = files.into_iter().collect();
    let found: BTreeMap<&Path, File> =
        files.iter().map(PathBuf::as_path).zip(inspect_all(&files, threads)).collect();

    let unreadable =
        found.iter().filter_map(|(path, file)| Some((path.to_path_buf(), file.size.clone().err()?)));
    Ok(Report {
        rows: rows(&splits, &found),
        unreadable: unreadable.collect(),
        mismatched: mismatched(&splits, &found),
        duplicates: duplicates(&splits, &found),
    })
}

/// The manifests of `dir` with the names of their splits.
fn splits(dir: &Path) -> Result<Vec<(String, Manifest)>, DataError> {
    let manifest = dir.join("manifest.tsv");
    if manifest.exists() {
        return Ok(vec![(String::new(), Manifest::read(&manifest)?)]);
    }
    let mut splits = Vec::new();
    for entry in fs::read_dir(dir).map_err(DataError::io(dir))? {
        let manifest = entry.map_err(DataError::io(dir))?.path().join("manifest.tsv");
        if manifest.exists() {
            let folder = manifest.parent().and_then(Path::file_name).unwrap_or_default();
            splits.push((folder.to_string_lossy().into_owned(), Manifest::read(&manifest)?));
        }
    }
    splits.sort_by(|a, b| a.0.cmp(&b.0));
    if splits.is_empty() {
        splits.push((String::new(), paired_folders(dir, "pairs", "folders")?));
    }
    Ok(splits)
}

/// What a file turned out to be.
#[derive(Debug, Clone)]
struct File {
    bytes: u64,
    hash: String,
    /// Width and height, or why it cannot be decoded.
    size: Result<(usize, usize), String>,
}

fn inspect(path: &Path) -> File {
    let (bytes, hash) = match fs::read(path) {
        Ok(bytes) => (bytes.len() as u64, sha256(&bytes)),
        Err(_) => (0, String::new()),
    };
    let size = Rgb8::open(path).map(|picture| (picture.width, picture.height)).map_err(|error| match error {
        DataError::Picture { message, .. } => message,
        other => other.to_string(),
    });
    File { bytes, hash, size }
}

fn inspect_all(files: &[PathBuf], threads: usize) -> Vec<File> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = files.get(at) else { return done };
            done.push((at, inspect(path)));
        }
    };
    let mut done: Vec<(usize, File)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("decoding returns errors")).collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, file)| file).collect()
}

fn rows(splits: &[(String, Manifest)], found: &BTreeMap<&Path, File>) -> Vec<Row> {
    let mut rows: BTreeMap<(&str, &str, &str), Row> = BTreeMap::new();
    for (split, manifest) in splits {
        for entry in &manifest.entries {
            let row = rows.entry((split, &entry.task, &entry.source)).or_insert_with(|| Row {
                split: split.clone(),
                task: entry.task.clone(),
                source: entry.source.clone(),
                pairs: 0,
                degraded: 0,
                clean: 0,
                bytes: 0,
                smallest: None,
                largest: None,
            });
            match (&entry.lq, &entry.gt) {
                (Some(_), Some(_)) => row.pairs += 1,
                (Some(_), None) => row.degraded += 1,
                _ => row.clean += 1,
            }
            for file in entry.files().filter_map(|path| found.get(path)) {
                row.bytes += file.bytes;
                if let Ok(size) = file.size {
                    let pixels = |(width, height): (usize, usize)| width * height;
                    row.smallest = row.smallest.into_iter().chain([size]).min_by_key(|&size| pixels(size));
                    row.largest = row.largest.into_iter().chain([size]).max_by_key(|&size| pixels(size));
                }
            }
        }
    }
    rows.into_values().collect()
}

fn mismatched(splits: &[(String, Manifest)], found: &BTreeMap<&Path, File>) -> Vec<Mismatch> {
    let size = |path: &Path| found.get(path).and_then(|file| file.size.clone().ok());
    let entries = splits.iter().flat_map(|(_, manifest)| &manifest.entries);
    let differing = entries.filter_map(|entry| {
        let (lq, gt) = (entry.lq.clone()?, entry.gt.clone()?);
        let (lq_size, gt_size) = (size(&lq)?, size(&gt)?);
        (lq_size != gt_size).then_some(Mismatch { lq, lq_size, gt, gt_size })
    });
    differing.collect()
}

fn duplicates(splits: &[(String, Manifest)], found: &BTreeMap<&Path, File>) -> Vec<Vec<PathBuf>> {
    let mut groups: BTreeMap<&str, BTreeSet<(&str, &Path)>> = BTreeMap::new();
    for (split, manifest) in splits {
        for path in manifest.entries.iter().flat_map(super::Entry::files) {
            if let Some(file) = found.get(path).filter(|file| file.size.is_ok()) {
                groups.entry(&file.hash).or_default().insert((split, path));
            }
        }
    }
    let across = groups.into_values().filter(|group| {
        let splits: BTreeSet<&str> = group.iter().map(|(split, _)| *split).collect();
        splits.len() > 1
    });
    across.map(|group| group.into_iter().map(|(_, path)| path.to_path_buf()).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::pictures;

    #[test]
    fn everything_wrong_is_reported_at_once() {
        let folder = pictures(&[
            ("train/lq/1.png", 8, 6),
            ("train/gt/1.png", 8, 6),
            ("train/lq/2.png", 8, 6),
            ("train/gt/2.png", 4, 6),
            ("test/lq/3.png", 5, 5),
        ]);
        let path = |name: &str| folder.path().join(name);
        fs::copy(path("train/lq/1.png"), path("test/lq/same.png")).expect("copied");
        fs::write(path("test/lq/broken.png"), b"\x89PNG\r\n").expect("written");
        let pair = |n: u8| format!("denoise\ta\tlq/{n}.png\tgt/{n}.png\n");
        fs::write(path("train/manifest.tsv"), pair(1) + &pair(2)).expect("written");
        let lines = ["3", "same", "broken", "missing"].map(|n| format!("denoise\ta\tlq/{n}.png\t-\n"));
        fs::write(path("test/manifest.tsv"), lines.concat()).expect("written");

        let report = check(folder.path(), 2).expect("a report");
        assert!(!report.is_clean());
        let rows: Vec<_> =
            report.rows.iter().map(|r| (r.split.as_str(), r.pairs, r.degraded, r.clean)).collect();
        assert_eq!(rows, [("test", 0, 4, 0), ("train", 2, 0, 0)]);
        assert_eq!((report.rows[1].smallest, report.rows[1].largest), (Some((4, 6)), Some((8, 6))));
        let unreadable: Vec<_> = report.unreadable.iter().map(|(path, _)| path.clone()).collect();
        assert_eq!(unreadable, [path("test/lq/broken.png"), path("test/lq/missing.png")]);
        assert_eq!(report.mismatched.len(), 1);
        assert_eq!(report.mismatched[0].gt_size, (4, 6));
        assert!(report.duplicates.contains(&vec![path("test/lq/same.png"), path("train/lq/1.png")]));
        assert_eq!(report, check(folder.path(), 1).expect("a report"), "whatever the threads");
    }

    #[test]
    fn good_folders_are_clean() {
        let folder = pictures(&[("lq/1.png", 8, 6), ("gt/1.png", 8, 6)]);
        let report = check(folder.path(), 1).expect("a report");
        assert!(report.is_clean());
        assert_eq!((report.rows.len(), report.rows[0].pairs), (1, 1));
        let hash = sha256(&fs::read(folder.path().join("lq/1.png")).unwrap());
        assert_eq!(hash.len(), 64);
    }
}
