//! Where each result goes, decided for all pictures before the first one is touched, so that no two
//! results ever meet in one file.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use udair_image::Format;

use crate::inputs::{Input, Inputs, Source};
use crate::names::Shown;
use crate::problem::Problem;

/// One picture with the place of its result.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) input: Input,
    pub(crate) target: Target,
}

/// Where a result goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Stdout,
    File(PathBuf),
}

/// Longest file name that common file systems take, in bytes.
const LONGEST_NAME: usize = 255;

/// Assigns a target to every input.
///
/// `output` is what `-o` says. Without it a result lies beside its picture as
/// `<stem>.restored.<ext>`, and that of stdin goes to stdout. A `mark` comes behind the stem.
pub(crate) fn assign(
    inputs: Inputs,
    output: Option<&Path>,
    format: Option<Format>,
    mark: Option<&str>,
) -> Result<Vec<Job>, Problem> {
    let several = inputs.many || inputs.list.len() > 1;
    let place = Place::of(output, several)?;
    if matches!(place, Place::Stdout) && inputs.list.len() > 1 {
        return Err(Problem::new("stdout takes one picture, not several").hint("name a folder with -o"));
    }
    let jobs: Vec<Job> = inputs
        .list
        .into_iter()
        .map(|input| Ok(Job { target: place.target(&input, format, mark)?, input }))
        .collect::<Result<_, Problem>>()?;
    refuse_collisions(&jobs, matches!(place, Place::Folder(_)))?;
    Ok(jobs)
}

enum Place<'a> {
    Beside,
    Stdout,
    File(&'a Path),
    Folder(&'a Path),
}

impl<'a> Place<'a> {
    fn of(output: Option<&'a Path>, several: bool) -> Result<Self, Problem> {
        let Some(path) = output else { return Ok(Self::Beside) };
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        let slash = path.as_os_str().as_encoded_bytes().last().is_some_and(|&b| b == b'/' || b == b'\\');
        if path.is_dir() || slash || several {
            if path.is_file() {
                return Err(Problem::new(format!(
                    "{} is a file, but several pictures need a folder",
                    Shown(path)
                )));
            }
            return Ok(Self::Folder(path));
        }
        match path.extension().map(|e| e.to_str().and_then(Format::from_extension)) {
            Some(None) => Err(Problem::new(format!("{} has no extension of a picture", Shown(path)))
                .hint("png, jpg, webp, tiff, bmp and ppm can be written; a folder ends with a slash")),
            _ => Ok(Self::File(path)),
        }
    }

    fn target(&self, input: &Input, format: Option<Format>, mark: Option<&str>) -> Result<Target, Problem> {
        let path = match (self, &input.source) {
            (Self::Stdout, _) | (Self::Beside, Source::Stdin) => return Ok(Target::Stdout),
            (Self::File(path), _) => path.to_path_buf(),
            (Self::Folder(_), Source::Stdin) => {
                return Err(Problem::new("a picture from stdin has no name to go by in a folder")
                    .hint("name a file with -o"));
            }
            (Self::Folder(folder), Source::File(_)) => {
                let path = folder.join(&input.relative);
                match (mark, format) {
                    (None, None) => path,
                    (None, Some(format)) => path.with_extension(format.extension()),
                    (Some(mark), _) => path.with_file_name(marked_name(&path, &[mark], format)),
                }
            }
            (Self::Beside, Source::File(path)) => {
                let marks: Vec<_> = mark.into_iter().chain(["restored"]).collect();
                path.with_file_name(marked_name(path, &marks, format))
            }
        };
        Ok(Target::File(path))
    }
}

/// `<stem>.<marks>.<ext>`, the stem shortened where the name would grow too long.
fn marked_name(path: &Path, marks: &[&str], format: Option<Format>) -> OsString {
    let stem = path.file_stem().unwrap_or_default();
    let mut end = OsString::new();
    for mark in marks {
        end.push(".");
        end.push(mark);
    }
    let extension = format.map(|f| f.extension().into()).or_else(|| path.extension().map(OsString::from));
    if let Some(extension) = extension {
        end.push(".");
        end.push(extension);
    }
    let room = LONGEST_NAME.saturating_sub(end.len());
    let mut name = match stem.to_str() {
        Some(text) => OsString::from(&text[..text.floor_char_boundary(room)]),
        None => stem.to_owned(),
    };
    name.push(end);
    name
}

/// Two results in one file, or a result over another picture of the run, is never what was meant.
/// In a folder of results, names that differ by case alone collide too: it may be copied to a file
/// system that cannot tell them apart.
fn refuse_collisions(jobs: &[Job], fold_case: bool) -> Result<(), Problem> {
    let key = |path: &Path| match path.to_str() {
        Some(text) if fold_case => OsString::from(text.to_lowercase()),
        _ => path.as_os_str().to_owned(),
    };
    let inputs: HashMap<&Path, usize> =
        jobs.iter().enumerate().map(|(i, job)| (job.input.source.path(), i)).collect();
    let mut taken: HashMap<OsString, usize> = HashMap::new();
    for (i, job) in jobs.iter().enumerate() {
        let Target::File(path) = &job.target else { continue };
        if let Some(&other) = inputs.get(path.as_path()).filter(|&&other| other != i) {
            return Err(Problem::new(format!(
                "the result of {} would replace {}, which is to be restored too",
                Shown(job.input.source.path()),
                Shown(jobs[other].input.source.path())
            ))
            .hint("write the results to a folder of their own with -o"));
        }
        if let Some(other) = taken.insert(key(path), i) {
            return Err(Problem::new(format!(
                "{} and {} would both be written to {}",
                Shown(jobs[other].input.source.path()),
                Shown(job.input.source.path()),
                Shown(path)
            ))
            .hint("restore them in separate runs, to different folders"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The targets of these inputs, or the error; a name with a slash was found by walking.
    fn check(names: &[&str], output: Option<&str>, format: Option<Format>) -> Result<Vec<String>, String> {
        let mut inputs = Inputs::default();
        for name in names {
            let source = if *name == "-" { Source::Stdin } else { Source::File(name.into()) };
            inputs.list.push(Input { source, relative: name.into(), fault: None });
        }
        let jobs = assign(inputs, output.map(Path::new), format, None).map_err(|e| e.message)?;
        Ok(jobs
            .iter()
            .map(|job| match &job.target {
                Target::Stdout => "-".into(),
                Target::File(path) => path.to_str().unwrap().replace('\\', "/"),
            })
            .collect())
    }

    #[test]
    fn results_lie_beside_their_pictures() {
        assert_eq!(check(&["x/a.b.JPG", "c"], None, None).unwrap(), ["x/a.b.restored.JPG", "c.restored"]);
        assert_eq!(check(&["a.jpg"], None, Some(Format::Png)).unwrap(), ["a.restored.png"]);
        assert_eq!(check(&["-"], None, None).unwrap(), ["-"]);
    }

    #[test]
    fn results_go_where_they_are_sent() {
        assert_eq!(check(&["a.jpg"], Some("b.png"), None).unwrap(), ["b.png"]);
        assert_eq!(check(&["a.jpg"], Some("b/"), None).unwrap(), ["b/a.jpg"]);
        assert_eq!(check(&["a.jpg", "x/a.jpg"], Some("b"), None).unwrap(), ["b/a.jpg", "b/x/a.jpg"]);
        assert_eq!(check(&["a.jpg"], Some("-"), None).unwrap(), ["-"]);
        for (names, output) in [(&["a.jpg", "b.jpg"][..], "-"), (&["-"], "b/"), (&["a.jpg"], "b.gif")] {
            assert!(check(names, Some(output), None).is_err(), "{names:?} -> {output}");
        }
    }

    #[test]
    fn collisions_are_refused() {
        let png = Some(Format::Png);
        for (names, output, format) in [
            (&["a.jpg", "a.webp"], None, png),
            (&["a.jpg", "a.webp"], Some("out"), png),
            (&["a.jpg", "A.jpg"], Some("out"), None),
            (&["Ü.png", "ü.PNG"], Some("out"), None),
            (&["a.jpg", "a.restored.jpg"], None, None),
        ] {
            let result = check(names, output, format);
            assert!(result.is_err(), "{names:?} {output:?}: {result:?}");
        }
        for names in [["a.jpg", "a.webp"], ["x/a.jpg", "y/a.jpg"], ["a.jpg", "A.jpg"]] {
            let result = check(&names, None, None);
            assert!(result.is_ok(), "{names:?}: {result:?}");
        }
    }

    #[test]
    fn long_names_are_shortened_and_still_told_apart() {
        let long = "ü".repeat(125);
        let result = check(&[&format!("{long}.png")], None, None).unwrap();
        assert!(result[0].len() <= LONGEST_NAME && result[0].ends_with("ü.restored.png"), "{result:?}");
        let twins = [format!("{long}a.png"), format!("{long}b.png")];
        assert!(check(&[&twins[0], &twins[1]], None, None).is_err());
    }
}
