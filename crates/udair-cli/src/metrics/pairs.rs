//! Which pictures to measure, and against which references: by stem, by manifest, or one for all.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use udair_study::cases;

use crate::inputs::{self, Input, Inputs, Source};
use crate::names::Shown;
use crate::problem::Problem;

/// A picture, and its reference where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) image: PathBuf,
    pub(super) reference: Option<PathBuf>,
}

/// The rows of a manifest, as `udair eval` reads it.
pub(super) fn of_manifest(path: &Path) -> anyhow::Result<Vec<Pair>> {
    Ok(cases::manifest(path)?.into_iter().map(|case| Pair { image: case.lq, reference: case.gt }).collect())
}

/// The named pictures; where `reference` is a folder, each with the file there that has its stem.
///
/// A picture without a partner, a reference without one where a folder, glob or list was named, and a
/// stem that occurs twice are errors.
pub(super) fn of_paths(paths: &[PathBuf], reference: Option<&Path>) -> Result<Vec<Pair>, Problem> {
    let Inputs { list, many, .. } = inputs::resolve(paths, None)?;
    let images = files(list)?;
    let Some(reference) = reference else {
        return Ok(images.into_iter().map(|image| Pair { image, reference: None }).collect());
    };
    if !reference.is_dir() {
        if !reference.exists() {
            return Err(Problem::new("there is no such file or folder").about(reference));
        }
        let pair = |image| Pair { image, reference: Some(reference.into()) };
        return Ok(images.into_iter().map(pair).collect());
    }
    let mut references = by_stem(files(inputs::resolve(&[reference.into()], None)?.list)?)?;
    by_stem(images.clone())?;
    let mut pairs = Vec::with_capacity(images.len());
    for image in images {
        match references.remove(stem(&image).as_os_str()) {
            Some(found) => pairs.push(Pair { image, reference: Some(found) }),
            None => {
                return Err(
                    Problem::new(format!("no reference with its stem in {}", Shown(reference))).about(&image)
                );
            }
        }
    }
    match references.into_values().next() {
        // Of single pictures nobody expects that they are all.
        Some(alone) if many && !pairs.is_empty() => {
            Err(Problem::new("no picture with the stem of this reference").about(&alone))
        }
        _ => Ok(pairs),
    }
}

fn files(inputs: Vec<Input>) -> Result<Vec<PathBuf>, Problem> {
    let file = |input: Input| match (input.fault, input.source) {
        (Some(fault), source) => Err(fault.about(source.path())),
        (None, Source::File(path)) => Ok(path),
        (None, Source::Stdin) => Err(Problem::new("metrics are not taken of stdin").hint("name a file")),
    };
    inputs.into_iter().map(file).collect()
}

fn by_stem(files: Vec<PathBuf>) -> Result<BTreeMap<OsString, PathBuf>, Problem> {
    let mut stems = BTreeMap::new();
    for file in files {
        if let Some(other) = stems.insert(stem(&file), file.clone()) {
            return Err(Problem::new(format!("{} has the same stem", Shown(&other))).about(&file));
        }
    }
    Ok(stems)
}

/// The name up to its extension. What udair made of a picture, `name.restored.png`, has its stem.
fn stem(path: &Path) -> OsString {
    let stem = path.file_stem().unwrap_or_default();
    match stem.to_str().and_then(|stem| stem.strip_suffix(".restored")) {
        Some(stem) => stem.into(),
        None => stem.into(),
    }
}
