//! A manifest of pictures in any layout, from one pattern of paths for each side.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{DataError, Entry, Manifest};

/// Pairs the files that match `lq` with those that match `gt` (globs, as in `noisy/**/*.png`).
///
/// Two files are a pair where the paths below the fixed part of the patterns are the same but for the
/// extension; where no two are, where the file names are. Every degraded picture needs a clean one; a
/// clean one may serve several or none.
pub fn index(lq: &str, gt: &str, task: &str, source: &str) -> Result<Manifest, DataError> {
    let (degraded, clean) = (matches(lq)?, matches(gt)?);
    let keys: [fn(&Path, &Path) -> String; 2] = [below, name];
    let mut unpaired = None;
    for key in keys {
        let mut by_key = BTreeMap::new();
        let mut twice = None;
        for file in &clean.files {
            if let Some(other) = by_key.insert(key(file, &clean.fixed), file) {
                twice = Some((other, file));
            }
        }
        let missing = degraded.files.iter().find(|file| !by_key.contains_key(&key(file, &degraded.fixed)));
        match (missing, twice) {
            (None, None) => {
                let entry = |file: &PathBuf| Entry {
                    task: task.into(),
                    source: source.into(),
                    lq: Some(file.clone()),
                    gt: Some(by_key[&key(file, &degraded.fixed)].clone()),
                };
                return Ok(Manifest { entries: degraded.files.iter().map(entry).collect() });
            }
            (_, Some((a, b))) => {
                unpaired.get_or_insert(format!("{} and {} share a name", a.display(), b.display()));
            }
            (Some(file), None) => {
                unpaired.get_or_insert(format!("{} has no clean picture", file.display()));
            }
        }
    }
    Err(DataError::layout(
        &clean.fixed,
        unpaired.unwrap_or_default(),
        "both sides of a pair need the same name, apart from folder and extension",
    ))
}

/// What a glob matches.
struct Matches {
    /// The folders of the pattern up to its first wildcard.
    fixed: PathBuf,
    files: Vec<PathBuf>,
}

fn matches(pattern: &str) -> Result<Matches, DataError> {
    let wild = |part: &std::ffi::OsStr| part.to_string_lossy().contains(['*', '?', '[']);
    let fixed: PathBuf = Path::new(pattern).iter().take_while(|part| !wild(part)).collect();
    let fixed =
        if fixed == Path::new(pattern) { fixed.parent().unwrap_or(&fixed).to_path_buf() } else { fixed };
    let failed =
        |message: String| DataError::layout(Path::new(pattern), message, "put the pattern in quotes");
    let paths = glob::glob(pattern).map_err(|error| failed(error.to_string()))?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.map_err(|error| DataError::Io { path: error.path().into(), source: error.into() })?;
        if path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(failed("no file matches".into()));
    }
    Ok(Matches { fixed, files })
}

fn below(file: &Path, fixed: &Path) -> String {
    file.strip_prefix(fixed).unwrap_or(file).with_extension("").to_string_lossy().into_owned()
}

fn name(file: &Path, _fixed: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::touch;

    fn run(files: &[&str], lq: &str, gt: &str) -> Result<Vec<(String, String)>, String> {
        let folder = touch(files);
        let pattern = |glob: &str| folder.path().join(glob).display().to_string();
        let manifest =
            index(&pattern(lq), &pattern(gt), "derain", "mine").map_err(|error| error.to_string())?;
        let text = manifest.to_text(folder.path());
        let columns = text.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
        Ok(columns.map(|c| (c[2].to_string(), c[3].to_string())).collect())
    }

    fn pair(lq: &str, gt: &str) -> (String, String) {
        (lq.into(), gt.into())
    }

    #[test]
    fn paths_below_the_fixed_part_decide() {
        let files = ["wet/a/1.jpg", "wet/b/1.jpg", "dry/a/1.png", "dry/b/1.png"];
        let pairs = run(&files, "wet/**/*.jpg", "dry/**/*.png").expect("pairs");
        assert_eq!(pairs, [pair(files[0], files[2]), pair(files[1], files[3])]);
    }

    #[test]
    fn names_decide_where_folders_differ() {
        let files = ["s1/wet/1.png", "s2/wet/2.png", "dry/1.png", "dry/2.png", "dry/3.png"];
        let pairs = run(&files, "s*/wet/*.png", "dry/*.png").expect("pairs");
        assert_eq!(pairs, [pair(files[0], files[2]), pair(files[1], files[3])]);
    }

    #[test]
    fn errors_name_what_is_left_over() {
        let files = ["wet/1.png", "wet/2.png", "dry/1.png"];
        assert!(run(&files, "wet/*.png", "dry/*.png").is_err_and(|e| e.contains("2.png has no clean")));
        assert!(run(&files, "wet/*.jpg", "dry/*.png").is_err_and(|e| e.contains("no file matches")));
        assert!(run(&files, "wet/[", "dry/*.png").is_err_and(|e| e.contains("hint:")));
    }
}
