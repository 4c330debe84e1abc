//! Published data sets by name, each read in the layout that its authors (or, where they publish an
//! archive without a description, the reference code for it) give it.
//!
//! Only layouts that can be cited are here; the doc comment of each says where it is described. All
//! other folders go through [`super::paired_folders`], [`super::index`] or a manifest.

mod deblurring;
mod dehazing;
mod denoising;
mod deraining;
mod lowlight;
mod underwater;

use std::path::Path;
use std::str::FromStr;

use super::pairing::{Found, Role, Spare};
use super::{DataError, Manifest};

/// The part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Everything below the folder.
    All,
    /// What the authors train on.
    Train,
    /// What the authors test on.
    Test,
}

impl FromStr for Split {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "all" => Ok(Self::All),
            "train" => Ok(Self::Train),
            "test" => Ok(Self::Test),
            _ => Err(format!("{name:?} is no split: all, train or test")),
        }
    }
}

/// A published data set.
#[derive(Debug)]
pub struct Layout {
    /// Its name in flags and its `source` in manifests.
    pub name: &'static str,
    /// Id of the pattern that its pictures train.
    pub task: &'static str,
    /// The layout in words, with where it is described.
    pub described: &'static str,
    /// What a picture is, by its path below the folder.
    role: fn(&Path) -> Option<(Role, String)>,
    /// Which split a picture belongs to; none where the authors publish no split.
    split: Option<fn(&Path) -> Option<Split>>,
    /// Whether it holds pairs, or single pictures alone.
    paired: bool,
}

/// All of them.
pub const LAYOUTS: [&Layout; 19] = [
    &denoising::SIDD,
    &denoising::POLYU,
    &denoising::BSD400,
    &denoising::WED,
    &denoising::CBSD68,
    &denoising::KODAK,
    &dehazing::OTS,
    &dehazing::SOTS,
    &dehazing::URHI,
    &deraining::REALRAIN_1K,
    &deraining::LHP_RAIN,
    &deraining::RAIN100L,
    &deraining::RAIN100H,
    &lowlight::LOL_V1,
    &lowlight::LOL_1500,
    &lowlight::LIME,
    &underwater::UIEB,
    &underwater::UFO_120,
    &deblurring::GOPRO,
];

impl Layout {
    /// The data set of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        LAYOUTS.into_iter().find(|layout| layout.name == name)
    }

    /// Reads the data set below `root`, or a part of it. A degraded picture without its clean one is an
    /// error; the other way round it is not, since subsets are common.
    pub fn read(&self, root: &Path, split: Split) -> Result<Manifest, DataError> {
        let splits = match (split, self.split) {
            (Split::All, _) => None,
            (_, Some(splits)) => Some(splits),
            (_, None) => {
                let message = format!("{} was published without a split", self.name);
                return Err(DataError::layout(root, message, "read all of it and give a split list"));
            }
        };
        let found = Found::below(root, |path| {
            let wanted = splits.is_none_or(|splits| splits(path) == Some(split));
            if wanted { (self.role)(path) } else { None }
        })?;
        if self.paired {
            found.pairs(root, self.task, self.name, Spare::Allowed)
        } else {
            found.singles(root, self.task, self.name)
        }
    }
}

/// The names of the folders of a path, outermost first.
fn folders(path: &Path) -> Vec<&str> {
    let mut parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    parts.pop();
    parts
}

/// The file name without its extension.
fn stem(path: &Path) -> Option<&str> {
    path.file_stem()?.to_str()
}

/// Role by the folder that holds the file, key by the folders above it and the file's stem.
fn by_folder(path: &Path, degraded: &str, clean: &str) -> Option<(Role, String)> {
    let mut folders = folders(path);
    let own = folders.pop()?;
    let role = match own {
        _ if own == degraded => Role::Degraded,
        _ if own == clean => Role::Clean,
        _ => return None,
    };
    Some((role, format!("{}/{}", folders.join("/"), stem(path)?)))
}

/// Every picture is a clean one, wherever it lies.
#[expect(clippy::unnecessary_wraps, reason = "the signature of all roles")]
fn photo(path: &Path) -> Option<(Role, String)> {
    Some((Role::Clean, path.with_extension("").to_string_lossy().into_owned()))
}

/// Every picture is a degraded one without a reference.
fn unpaired(path: &Path) -> Option<(Role, String)> {
    photo(path).map(|(_, key)| (Role::Degraded, key))
}

/// Split by folders of one of these names.
fn split_by_folder(path: &Path, train: &[&str], test: &[&str]) -> Option<Split> {
    let folders = folders(path);
    let any = |names: &[&str]| folders.iter().any(|folder| names.contains(folder));
    if any(train) { Some(Split::Train) } else { any(test).then_some(Split::Test) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::touch;

    /// Reads a fixture and gives back (lq, gt) relative to it, `-` for none.
    pub(super) fn read(name: &str, files: &[&str], split: Split) -> Result<Vec<(String, String)>, String> {
        let folder = touch(files);
        let layout = Layout::named(name).expect("a published layout");
        let manifest = layout.read(folder.path(), split).map_err(|error| error.to_string())?;
        assert!(manifest.entries.iter().all(|e| e.task == layout.task && e.source == name));
        let text = manifest.to_text(folder.path());
        let columns = text.lines().skip(1).map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            (columns[2].to_string(), columns[3].to_string())
        });
        Ok(columns.collect())
    }

    pub(super) fn pair(lq: &str, gt: &str) -> (String, String) {
        (lq.into(), gt.into())
    }

    #[test]
    fn names_are_unique_and_say_where_they_are_described() {
        let mut names: Vec<&str> = LAYOUTS.iter().map(|layout| layout.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), LAYOUTS.len());
        assert!(LAYOUTS.iter().all(|layout| layout.described.contains('(')));
        assert!(Layout::named("imagenet").is_none());
    }

    #[test]
    fn a_wrong_folder_and_an_unpublished_split_are_errors() {
        let error = read("uieb", &["photos/1.png"], Split::All).expect_err("no such folders");
        assert!(
            error.contains("no degraded pictures of the uieb layout") && error.contains("hint:"),
            "{error}"
        );
        let error = read("uieb", &["raw-890/1.png"], Split::Train).expect_err("no split");
        assert!(error.contains("without a split"), "{error}");
    }
}
