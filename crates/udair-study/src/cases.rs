//! What to evaluate: rows of a manifest, or two folders whose files pair by stem.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::StudyError;

/// One picture to restore, with its reference where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The degraded picture; for a clean photo the photo itself.
    pub lq: PathBuf,
    /// The reference; for a clean photo the photo itself.
    pub gt: Option<PathBuf>,
    /// Id of the pattern that the picture is known to have.
    pub task: Option<String>,
    /// Name of the collection that it comes from.
    pub source: Option<String>,
}

/// The columns that a manifest must have, in any order; others are ignored.
const COLUMNS: [&str; 4] = ["task", "source", "lq", "gt"];

/// Reads a manifest: tab-separated, a header line, one picture a line, paths relative to the
/// manifest, `-` for what there is not. A row without `lq` is a good photo, scored against itself.
pub fn manifest(path: &Path) -> Result<Vec<Case>, StudyError> {
    let text = fs::read_to_string(path).map_err(|source| StudyError::Read { path: path.into(), source })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    parse(&text, folder).map_err(|(line, message)| StudyError::Manifest { path: path.into(), line, message })
}

fn parse(text: &str, folder: &Path) -> Result<Vec<Case>, (usize, String)> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let header: Vec<&str> = lines.next().ok_or((1, "it is empty".into()))?.1.split('\t').collect();
    let column = |name: &str| {
        let missing =
            || (1, format!("the column {name:?} is missing (tab-separated: {})", COLUMNS.join(", ")));
        header.iter().position(|h| h.trim() == name).ok_or_else(missing)
    };
    let [task, source, lq, gt] = [column("task")?, column("source")?, column("lq")?, column("gt")?];
    lines
        .map(|(i, line)| {
            let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
            if cells.len() != header.len() {
                let message = format!("{} cells, but the header has {}", cells.len(), header.len());
                return Err((i + 1, message));
            }
            let cell = |column: usize| Some(cells[column]).filter(|cell| !matches!(*cell, "" | "-"));
            let path = |column: usize| cell(column).map(|cell| folder.join(cell));
            let lq = path(lq).or_else(|| path(gt)).ok_or((i + 1, "neither lq nor gt is given".into()))?;
            let text = |column: usize| cell(column).map(Into::into);
            Ok(Case { lq, gt: path(gt), task: text(task), source: text(source) })
        })
        .collect()
}

/// Pairs the files of two folders by stem.
///
/// # Errors
/// [`StudyError::Pairs`] where a stem stands on one side alone or twice on one side.
pub fn pairs(lq: &Path, gt: &Path) -> Result<Vec<Case>, StudyError> {
    let (left, right) = (stems(lq)?, stems(gt)?);
    let alone = |a: &BTreeMap<String, PathBuf>, b: &BTreeMap<String, PathBuf>, missing: &Path| {
        a.iter().find(|(stem, _)| !b.contains_key(*stem)).map(|(stem, path)| {
            let message = format!("{} has no partner {stem}.* in {}", path.display(), missing.display());
            StudyError::Pairs(message)
        })
    };
    if let Some(error) = alone(&left, &right, gt).or_else(|| alone(&right, &left, lq)) {
        return Err(error);
    }
    let case = |(lq, gt)| Case { lq, gt: Some(gt), task: None, source: None };
    Ok(left.into_values().zip(right.into_values()).map(case).collect())
}

fn stems(folder: &Path) -> Result<BTreeMap<String, PathBuf>, StudyError> {
    let failed = |source| StudyError::Read { path: folder.into(), source };
    let mut stems = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden || path.is_dir() {
            continue;
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(other) = stems.insert(stem, path.clone()) {
            let message = format!("{} and {} have the same stem", other.display(), path.display());
            return Err(StudyError::Pairs(message));
        }
    }
    Ok(stems)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "task\tsource\tlq\tgt\n";

    #[test]
    fn rows_become_cases() {
        let text = format!("{HEADER}clean\turban\t-\tc.jpg\n\ndehaze\tsots\ta.jpg\tb.jpg\r\n\t-\ta.jpg\t-\n");
        let cases = parse(&text, Path::new("d")).unwrap();
        let case = |lq: &str, gt: Option<&str>, task: Option<&str>, source: Option<&str>| Case {
            lq: lq.into(),
            gt: gt.map(Into::into),
            task: task.map(Into::into),
            source: source.map(Into::into),
        };
        let expected = [
            case("d/c.jpg", Some("d/c.jpg"), Some("clean"), Some("urban")),
            case("d/a.jpg", Some("d/b.jpg"), Some("dehaze"), Some("sots")),
            case("d/a.jpg", None, None, None),
        ];
        assert_eq!(cases, expected);
    }

    #[test]
    fn broken_manifests_name_the_line() {
        for (text, line) in [
            (String::new(), 1),
            ("task\tlq\tgt\n".into(), 1),
            (format!("{HEADER}clean\turban\t-\n"), 2),
            (format!("{HEADER}\nclean\turban\t-\t-\n"), 3),
        ] {
            assert_eq!(parse(&text, Path::new("")).unwrap_err().0, line, "{text:?}");
        }
    }

    #[test]
    fn folders_pair_by_stem_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let (lq, gt) = (folder.path().join("lq"), folder.path().join("gt"));
        for name in ["lq/1.png", "lq/2.jpg", "gt/2.png", "gt/1.png", "gt/.hidden"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let cases = pairs(&lq, &gt).unwrap();
        let stems: Vec<_> = cases
            .iter()
            .map(|c| (c.lq.file_name().unwrap(), c.gt.as_ref().unwrap().file_name().unwrap()))
            .collect();
        assert_eq!(stems, [("1.png".as_ref(), "1.png".as_ref()), ("2.jpg".as_ref(), "2.png".as_ref())]);
        fs::write(lq.join("3.png"), "").unwrap();
        assert!(pairs(&lq, &gt).unwrap_err().to_string().contains("3.png"));
        assert!(pairs(&gt, &lq).is_err(), "from either side");
        fs::write(gt.join("3.png"), "").unwrap();
        fs::write(gt.join("3.jpg"), "").unwrap();
        assert!(pairs(&lq, &gt).unwrap_err().to_string().contains("same stem"));
    }
}
