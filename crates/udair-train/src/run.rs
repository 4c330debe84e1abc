//! The folder of a run and what is written into it while it goes on.
//!
//! `config.toml` (effective), `metrics.csv` (one row a log step, columns never change),
//! `validation.csv` and `samples/` (one row and one picture a validation), `tb/` (event files),
//! `checkpoints/`, and at the end `weights.safetensors`. A folder is never overwritten: a new run
//! of the same name gets the next free number.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::TrainError;
use crate::checkpoint::State;
use crate::config::Config;
use crate::data::save_png;
use crate::tensorboard::EventWriter;
use crate::validation::Validation;

/// Columns of `metrics.csv`, and tags of the scalars.
pub const COLUMNS: [&str; 17] = [
    "step",
    "samples",
    "lr",
    "loss",
    "l1",
    "log_mse",
    "fft",
    "cscl",
    "moments",
    "commit",
    "grad_norm",
    "perplexity_t",
    "perplexity_b",
    "temperature",
    "psnr",
    "samples_per_second",
    "waited_share",
];

/// An open run.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    csv: File,
    events: EventWriter,
}

impl RunFolder {
    /// Starts a new folder below `runs`: `name`, or `name-2`, `name-3`, ...
    pub fn create(runs: &Path, config: &Config) -> Result<Self, TrainError> {
        fs::create_dir_all(runs).map_err(TrainError::io(runs))?;
        let names = (1..).map(|n| if n == 1 { config.name.clone() } else { format!("{}-{n}", config.name) });
        for path in names.map(|name| runs.join(name)) {
            match fs::create_dir(&path) {
                Ok(()) => {
                    let file = path.join("config.toml");
                    fs::write(&file, config.to_toml()).map_err(TrainError::io(&file))?;
                    return Self::open(&path);
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(TrainError::io(&path)(error)),
            }
        }
        unreachable!("there are infinitely many names")
    }

    /// Goes on in an existing folder.
    pub fn open(path: &Path) -> Result<Self, TrainError> {
        let csv = table(&path.join("metrics.csv"), &COLUMNS.join(","))?;
        let events = path.join("tb");
        let events = EventWriter::create(&events, "udair").map_err(TrainError::io(&events))?;
        Ok(Self { path: path.to_path_buf(), csv, events })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the checkpoints.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// Writes one row, in the order of [`COLUMNS`].
    pub fn row(&mut self, values: &[f64; COLUMNS.len()]) -> Result<(), TrainError> {
        let row: Vec<String> = values.iter().map(f64::to_string).collect();
        writeln!(self.csv, "{}", row.join(",")).map_err(TrainError::io(&self.path))?;
        let step = values[0] as u64;
        for (tag, &value) in COLUMNS.iter().zip(values).skip(1) {
            self.scalar(&format!("train/{tag}"), step, value as f32)?;
        }
        self.events.flush().map_err(TrainError::io(&self.path))
    }

    /// Writes what a validation found, and its picture.
    pub fn validated(&mut self, state: &State, found: &Validation) -> Result<(), TrainError> {
        let step = state.step;
        let names = found.sources.keys().map(|(pattern, source)| format!("{pattern}/{source}"));
        let fixed = ["step", "samples", "mean", "identified", "perplexity_t", "perplexity_b"];
        let columns: Vec<String> = fixed.map(String::from).into_iter().chain(names).collect();
        let (identified, [t, b]) = (found.identified.unwrap_or(f32::NAN), found.perplexity);
        let mut row = vec![step.to_string(), state.samples.to_string()];
        row.extend([found.mean(), identified, t, b].map(|value| format!("{value:.4}")));
        for ((pattern, source), score) in &found.sources {
            row.push(format!("{:.4}", score.output));
            self.scalar(&format!("val/psnr/{pattern}/{source}"), step, score.output)?;
            self.scalar(&format!("val/gain/{pattern}/{source}"), step, score.output - score.input)?;
        }
        self.scalar("val/psnr", step, found.mean())?;
        self.scalar("val/identified", step, identified)?;
        self.scalar("val/perplexity_t", step, t)?;
        self.scalar("val/perplexity_b", step, b)?;
        let file = self.path.join("validation.csv");
        writeln!(table(&file, &columns.join(","))?, "{}", row.join(",")).map_err(TrainError::io(&file))?;
        let samples = self.path.join("samples");
        fs::create_dir_all(&samples).map_err(TrainError::io(&samples))?;
        let picture = samples.join(format!("{step:08}.png"));
        save_png(&picture, &found.samples)?;
        let bytes = fs::read(&picture).map_err(TrainError::io(&picture))?;
        let (width, height) = (found.samples.width, found.samples.height);
        self.events
            .picture("val/samples", step, width, height, &bytes)
            .map_err(TrainError::io(&self.path))?;
        self.events.flush().map_err(TrainError::io(&self.path))
    }

    /// Writes one value for `TensorBoard` alone.
    fn scalar(&mut self, tag: &str, step: u64, value: f32) -> Result<(), TrainError> {
        self.events.scalar(tag, step, value).map_err(TrainError::io(&self.path))
    }
}

/// Opens a table to append to; a new one gets its header.
fn table(path: &Path, header: &str) -> Result<File, TrainError> {
    let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(TrainError::io(path))?;
    if file.metadata().map_err(TrainError::io(path))?.len() == 0 {
        writeln!(file, "{header}").map_err(TrainError::io(path))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_numbered_and_never_overwritten() {
        let runs = tempfile::tempdir().unwrap();
        let config = Config { name: "try".into(), ..Config::default() };
        let first = RunFolder::create(runs.path(), &config).unwrap();
        let second = RunFolder::create(runs.path(), &config).unwrap();
        assert_eq!(first.path(), runs.path().join("try"));
        assert_eq!(second.path(), runs.path().join("try-2"));
        let text = fs::read_to_string(second.path().join("config.toml")).unwrap();
        assert_eq!(Config::read(&text, &[]).unwrap(), config);
    }

    #[test]
    fn the_table_has_one_header_however_often_it_is_opened() {
        let runs = tempfile::tempdir().unwrap();
        let path = RunFolder::create(runs.path(), &Config::default()).unwrap().path().to_path_buf();
        for step in [1.0, 2.0] {
            let mut row = [0.5; COLUMNS.len()];
            row[0] = step;
            RunFolder::open(&path).unwrap().row(&row).unwrap();
        }
        let text = fs::read_to_string(path.join("metrics.csv")).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], COLUMNS.join(","));
        assert_eq!(lines.len(), 3);
        assert!(lines[2].starts_with("2,0.5,"));
    }
}
