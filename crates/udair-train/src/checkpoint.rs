//! Checkpoints: directories that are complete or not there.
//!
//! `iter-00001000/` holds `model.safetensors`, `ema.safetensors`, `optim.safetensors` and
//! `state.json`, which carries the SHA-256 of the others. A checkpoint is written into a sibling
//! with another name, flushed to disk and renamed; `last` and `best` are one-line files with the
//! name of a directory. Resuming takes the newest checkpoint whose checksums hold.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use udair_image::sha256;

use crate::TrainError;

/// Version of the layout.
const SCHEMA: u32 = 1;
/// The file that makes a directory a checkpoint.
const STATE: &str = "state.json";

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct State {
    /// Version of the layout.
    pub schema: u32,
    /// Steps done.
    pub step: u64,
    /// Pictures seen.
    pub samples: u64,
    /// Steps of the optimiser's moments.
    pub optimiser_steps: u32,
    /// Best mean validation PSNR so far, in dB.
    pub best: Option<f32>,
    /// SHA-256 of every other file, in hexadecimal.
    pub sha256: BTreeMap<String, String>,
}

/// A folder of checkpoints.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    folder: PathBuf,
    keep: usize,
}

/// Files of a checkpoint by name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What there is to resume from.
#[derive(Debug)]
pub struct Newest {
    /// The newest valid checkpoint; `None` where there is none.
    pub valid: Option<(State, Files)>,
    /// Newer ones that are damaged, the newest first.
    pub damaged: Vec<PathBuf>,
}

impl Checkpoints {
    /// The checkpoints in `folder`, of which the newest `keep` are kept.
    pub fn new(folder: &Path, keep: usize) -> Self {
        Self { folder: folder.to_path_buf(), keep: keep.max(1) }
    }

    /// Writes a checkpoint, makes it the last (and `best`, where it is), and removes old ones.
    /// Returns its directory.
    pub fn save(&self, mut state: State, files: &Files, best: bool) -> Result<PathBuf, TrainError> {
        state.schema = SCHEMA;
        state.sha256 = files.iter().map(|(name, bytes)| (name.clone(), sha256(bytes))).collect();
        let name = format!("iter-{:08}", state.step);
        let (target, temporary) = (self.folder.join(&name), self.folder.join(format!(".{name}.new")));
        remove(&temporary)?;
        fs::create_dir_all(&temporary).map_err(TrainError::io(&temporary))?;
        for (file, bytes) in files {
            write(&temporary.join(file), bytes)?;
        }
        let json = serde_json::to_vec_pretty(&state).expect("a state is plain data");
        write(&temporary.join(STATE), &json)?;
        flush_folder(&temporary)?;
        remove(&target)?;
        fs::rename(&temporary, &target).map_err(TrainError::io(&target))?;
        flush_folder(&self.folder)?;
        self.point("last", &name)?;
        if best {
            self.point("best", &name)?;
        }
        self.prune()?;
        Ok(target)
    }

    /// The newest checkpoint whose files are what they were when it was saved.
    pub fn newest(&self) -> Result<Newest, TrainError> {
        let mut newest = Newest { valid: None, damaged: Vec::new() };
        for path in self.list()?.into_iter().rev() {
            match Self::load(&path) {
                Ok(found) => {
                    newest.valid = Some(found);
                    break;
                }
                Err(_) => newest.damaged.push(path),
            }
        }
        Ok(newest)
    }

    /// Reads one checkpoint.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] where a file is missing or changed.
    pub fn load(path: &Path) -> Result<(State, Files), TrainError> {
        let read = |file: &str| {
            let path = path.join(file);
            fs::read(&path).map_err(TrainError::io(&path))
        };
        let state: State = serde_json::from_slice(&read(STATE)?)
            .map_err(|error| TrainError::checkpoint(path, format!("{STATE}: {error}")))?;
        if state.schema != SCHEMA {
            let message = format!("its layout has version {}, not {SCHEMA}", state.schema);
            return Err(TrainError::checkpoint(path, message));
        }
        let mut files = Files::new();
        for (name, expected) in &state.sha256 {
            let bytes = read(name)?;
            if sha256(&bytes) != *expected {
                return Err(TrainError::checkpoint(path, format!("{name} is damaged")));
            }
            files.insert(name.clone(), bytes);
        }
        Ok((state, files))
    }

    /// The directory that `last` or `best` names.
    pub fn pointed(&self, pointer: &str) -> Option<PathBuf> {
        let name = fs::read_to_string(self.folder.join(pointer)).ok()?;
        Some(self.folder.join(name.trim()))
    }

    /// All checkpoints, oldest first.
    fn list(&self) -> Result<Vec<PathBuf>, TrainError> {
        if !self.folder.exists() {
            return Ok(Vec::new());
        }
        let mut paths = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(TrainError::io(&self.folder))? {
            let entry = entry.map_err(TrainError::io(&self.folder))?;
            if entry.file_name().to_string_lossy().starts_with("iter-") {
                paths.push(entry.path());
            }
        }
        paths.sort();
        Ok(paths)
    }

    fn point(&self, pointer: &str, name: &str) -> Result<(), TrainError> {
        let (path, temporary) = (self.folder.join(pointer), self.folder.join(format!(".{pointer}.new")));
        write(&temporary, format!("{name}\n").as_bytes())?;
        fs::rename(&temporary, &path).map_err(TrainError::io(&path))
    }

    fn prune(&self) -> Result<(), TrainError> {
        let paths = self.list()?;
        let best = self.pointed("best");
        let old = paths.len().saturating_sub(self.keep);
        paths[..old].iter().filter(|path| Some(*path) != best.as_ref()).try_for_each(|path| remove(path))
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let mut file = File::create(path).map_err(TrainError::io(path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(TrainError::io(path))
}

/// Makes renames inside a folder last through a power cut, where the system can.
fn flush_folder(path: &Path) -> Result<(), TrainError> {
    if cfg!(unix) {
        File::open(path).and_then(|folder| folder.sync_all()).map_err(TrainError::io(path))
    } else {
        Ok(())
    }
}

fn remove(path: &Path) -> Result<(), TrainError> {
    if path.exists() { fs::remove_dir_all(path).map_err(TrainError::io(path)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> Files {
        Files::from([("model.safetensors".to_string(), text.as_bytes().to_vec())])
    }

    fn at(step: u64) -> State {
        State { step, ..State::default() }
    }

    #[test]
    fn the_newest_valid_one_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::new(folder.path(), 5);
        assert!(checkpoints.newest().unwrap().valid.is_none());
        let paths: Vec<PathBuf> = (1..=4)
            .map(|step| checkpoints.save(at(step), &files(&format!("step {step}")), false).unwrap())
            .collect();
        fs::write(paths[3].join("model.safetensors"), "step").unwrap();
        fs::remove_file(paths[2].join(STATE)).unwrap();
        // What a kill in the middle of saving leaves behind.
        fs::create_dir(folder.path().join(".iter-00000009.new")).unwrap();
        let found = checkpoints.newest().unwrap();
        let (state, loaded) = found.valid.unwrap();
        assert_eq!((state.step, loaded), (2, files("step 2")));
        assert_eq!(found.damaged, [paths[3].clone(), paths[2].clone()]);
    }

    #[test]
    fn old_ones_go_and_the_best_stays() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::new(folder.path(), 2);
        for step in 1..=5 {
            checkpoints.save(at(step), &files("x"), step == 2).unwrap();
        }
        let names: Vec<String> = checkpoints
            .list()
            .unwrap()
            .iter()
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["iter-00000002", "iter-00000004", "iter-00000005"]);
        assert_eq!(checkpoints.pointed("last").unwrap(), folder.path().join("iter-00000005"));
        assert_eq!(checkpoints.pointed("best").unwrap(), folder.path().join("iter-00000002"));
    }

    #[test]
    fn saving_twice_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::new(folder.path(), 2);
        checkpoints.save(at(1), &files("old"), false).unwrap();
        let path = checkpoints.save(at(1), &files("new"), false).unwrap();
        assert_eq!(Checkpoints::load(&path).unwrap().1, files("new"));
    }
}
