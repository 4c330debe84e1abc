//! What the user named, as a list of pictures: files, folders, globs, lists and stdin.
//!
//! Folders are walked in a fixed order, symbolic links to folders are not followed (they may lead
//! back), and pictures that udair made itself (`*.restored.*`) are left out.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use walkdir::WalkDir;

use crate::names::{Shown, count};
use crate::problem::Problem;

/// One picture to read.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) source: Source,
    /// Where it lies below the folder or the fixed part of the glob that it was found by; the bare
    /// name for a file that was named itself.
    pub(crate) relative: PathBuf,
    /// What already went wrong, such as a folder that may not be read.
    pub(crate) fault: Option<Problem>,
}

/// Where a picture comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Stdin,
    File(PathBuf),
}

impl Source {
    /// The path; `-` for stdin.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Stdin => Path::new("-"),
            Self::File(path) => path,
        }
    }
}

/// Everything the arguments name, in their order, nothing twice.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    pub(crate) list: Vec<Input>,
    /// True where a folder, glob or list was named, so that one picture or many may have come of it.
    pub(crate) many: bool,
    seen: HashSet<PathBuf>,
    left_out: usize,
}

/// Resolves the arguments; what lies in the folder `output` is a result and no input.
pub(crate) fn resolve(paths: &[PathBuf], output: Option<&Path>) -> Result<Inputs, Problem> {
    let mut inputs = Inputs::default();
    for path in paths {
        match path.to_str() {
            Some("-") => inputs.push(Source::Stdin, PathBuf::from("-"), None),
            Some(text) if text.starts_with('@') && text.len() > 1 && !path.exists() => {
                inputs.many = true;
                for line in list(Path::new(&text[1..]))? {
                    inputs.named(&line, output);
                }
            }
            Some(text) if text.contains(['*', '?', '[']) && !path.exists() => inputs.glob(text, output)?,
            _ => inputs.named(path, output),
        }
    }
    if inputs.left_out > 0 {
        let photos = count(inputs.left_out, "photo");
        eprintln!("note: {photos} in formats that are not read (such as HEIC and raw) left out");
    }
    Ok(inputs)
}

impl Inputs {
    fn push(&mut self, source: Source, relative: PathBuf, fault: Option<Problem>) {
        let plain = source.path().components().filter(|c| *c != Component::CurDir).collect();
        if self.seen.insert(plain) {
            self.list.push(Input { source, relative, fault });
        }
    }

    /// A path that was named itself: a folder is walked, anything else is taken for a picture.
    fn named(&mut self, path: &Path, output: Option<&Path>) {
        if path.is_dir() {
            self.many = true;
            self.walk(path, path, output);
        } else {
            let name = path.file_name().map_or_else(|| path.into(), PathBuf::from);
            self.push(Source::File(path.into()), name, None);
        }
    }

    fn walk(&mut self, folder: &Path, root: &Path, output: Option<&Path>) {
        let inside_output = |path: &Path| output.is_some_and(|o| path != root && same(path, o));
        let walk = WalkDir::new(folder).sort_by_file_name().into_iter();
        for entry in walk.filter_entry(|entry| !inside_output(entry.path())) {
            match entry {
                Ok(entry) => {
                    let path = entry.path();
                    // A link counts by what it leads to; one that leads nowhere is named as a failure.
                    let folder = entry.file_type().is_dir() || path.is_dir();
                    if !folder && is_picture(path) && !is_restored(path) {
                        let relative = path.strip_prefix(root).unwrap_or(path).into();
                        self.push(Source::File(path.into()), relative, None);
                    } else if !folder && is_foreign(path) {
                        self.left_out += 1;
                    }
                }
                Err(error) => {
                    let path = error.path().unwrap_or(folder).to_path_buf();
                    let cause = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                    self.push(Source::File(path.clone()), path, Some(Problem::new(cause)));
                }
            }
        }
    }

    fn glob(&mut self, pattern: &str, output: Option<&Path>) -> Result<(), Problem> {
        self.many = true;
        let wrong = |e: glob::PatternError| Problem::new(format!("{pattern:?} is not a pattern: {e}"));
        let fixed: PathBuf = Path::new(pattern)
            .components()
            .take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']))
            .collect();
        let before = self.list.len();
        for path in glob::glob(pattern).map_err(wrong)?.filter_map(Result::ok) {
            if path.is_dir() {
                self.walk(&path, &fixed, output);
            } else if !is_restored(&path) {
                let relative = path.strip_prefix(&fixed).unwrap_or(&path).to_path_buf();
                self.push(Source::File(path), relative, None);
            }
        }
        if self.list.len() == before {
            eprintln!("warning: nothing matches '{pattern}'");
        }
        Ok(())
    }
}

/// Reads a list: one path a line, or separated by NUL as `find -print0` writes them.
fn list(path: &Path) -> Result<Vec<PathBuf>, Problem> {
    let bytes = std::fs::read(path)
        .map_err(|e| Problem::new(format!("cannot read the list {}: {e}", Shown(path))))?;
    let separator = if bytes.contains(&0) { 0 } else { b'\n' };
    let lines = bytes.split(|&byte| byte == separator);
    Ok(lines
        .map(|line| if separator == b'\n' { line.strip_suffix(b"\r").unwrap_or(line) } else { line })
        .filter(|line| !line.is_empty())
        .map(path_from_bytes)
        .collect())
}

#[cfg(unix)]
fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(bytes.to_vec()).into()
}

#[cfg(not(unix))]
fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    OsString::from(String::from_utf8_lossy(bytes).into_owned()).into()
}

fn same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// True for names with an extension that udair reads.
fn is_picture(path: &Path) -> bool {
    path.extension().and_then(|e| e.to_str()).and_then(udair_image::Format::from_extension).is_some()
}

/// True for photos that have to be converted first; named themselves they get an error that says how.
fn is_foreign(path: &Path) -> bool {
    const EXTENSIONS: [&str; 17] = [
        "arw", "avif", "cr2", "cr3", "dng", "exr", "gif", "heic", "heif", "jp2", "jxl", "nef", "orf", "psd",
        "raf", "raw", "rw2",
    ];
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    EXTENSIONS.contains(&extension.as_str())
}

/// True for `photo.restored.jpg`: what udair wrote is no input of the next run.
fn is_restored(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.windows(b".restored.".len()).any(|part| part == b".restored.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        folder
    }

    fn found(folder: &Path, args: &[&str], output: Option<&str>) -> Vec<String> {
        let paths: Vec<PathBuf> = args.iter().map(|arg| folder.join(arg)).collect();
        let output = output.map(|o| folder.join(o));
        let inputs = resolve(&paths, output.as_deref()).unwrap();
        inputs.list.iter().map(|input| input.relative.to_str().unwrap().replace('\\', "/")).collect()
    }

    #[test]
    fn folders_are_walked_in_order_without_results() {
        let folder =
            tree(&["b.JPG", "a.png", "x/c.webp", "x/c.restored.webp", "note.txt", "out/a.png", ".a.tmp"]);
        assert_eq!(found(folder.path(), &[""], Some("out")), ["a.png", "b.JPG", "x/c.webp"]);
        assert_eq!(found(folder.path(), &["x", "x/c.webp"], None), ["c.webp"], "nothing twice");
    }

    #[test]
    fn globs_keep_the_tree_below_their_fixed_part() {
        let folder = tree(&["p/1.png", "p/q/2.png", "p/q/2.restored.png", "p/q/note.txt"]);
        assert_eq!(found(folder.path(), &["p/**/*.png"], None), ["1.png", "q/2.png"]);
        assert_eq!(found(folder.path(), &["p/q*"], None), ["q/2.png"]);
        assert!(found(folder.path(), &["nothing*"], None).is_empty());
    }

    #[test]
    fn lists_take_lines_or_nul() {
        let folder = tree(&["a.png"]);
        for (name, content) in [("lines", "a.png\r\n\nno such.png\n"), ("nul", "a.png\0no such.png\0")] {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            assert_eq!(list(&path).unwrap(), [Path::new("a.png"), Path::new("no such.png")], "{name}");
        }
        assert!(list(&folder.path().join("absent")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_to_folders_are_not_followed_and_loops_end() {
        let folder = tree(&["a.png"]);
        std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).unwrap();
        std::os::unix::fs::symlink("loop.png", folder.path().join("loop.png")).unwrap();
        assert_eq!(found(folder.path(), &[""], None), ["a.png", "loop.png"]);
    }
}
