//! The way of one picture from its source to its target.

use std::io::Write;
use std::path::Path;

use udair::{Picture, Report, Restorer};
use udair_image::{EncodeOptions, Format, write_atomic};

use super::{Existing, Plan, folder_of};
use crate::batch::Done;
use crate::inputs::{Input, Source};
use crate::names::Shown;
use crate::outputs::{Job, Target};
use crate::problem::Problem;
use crate::progress::Watched;
use crate::read::read;
use crate::record::{Record, Status};

impl Plan {
    /// Takes one picture from its source to its target.
    pub(super) fn restore(&self, job: &Job, watch: &Watched<'_>) -> Result<Done, Problem> {
        let Job { input: Input { source, .. }, target } = job;
        if let Target::File(path) = target
            && let Some(skipped) = self.existing(source, path)?
        {
            return Ok(skipped);
        }
        let bytes = read(source, &self.limits)?;
        let picture = self.view.of(Picture::decode(&bytes, &self.limits)?)?;
        let restorer = self.model.restorer()?;
        if let Some(note) = waiting(restorer, &picture)? {
            watch.note(&format!("{}: {note}", Shown(source.path())));
        }
        let (mut restored, report) = restorer.restore(&picture, &self.options, watch)?;
        let format = self.target_format(target, &picture);
        let untouched = report.status == udair::Status::Unchanged
            && format == picture.format()
            && self.quality.is_none()
            && self.view.mark().is_none()
            && !self.strip;
        if self.strip {
            restored.strip_metadata();
        }
        // What was not touched is passed on byte for byte, not encoded anew.
        let (encoded, warnings) = if untouched {
            (bytes, Vec::new())
        } else {
            (self.encode(&restored, format)?, losses(&restored, format))
        };
        self.write(target, &encoded)?;
        let (record, line) = self.record(job, &picture, &report);
        Ok(Done { record, line, warnings })
    }

    /// `Some` where the picture is to be skipped, an error where its result exists.
    fn existing(&self, source: &Source, path: &Path) -> Result<Option<Done>, Problem> {
        if path.symlink_metadata().is_err() {
            return Ok(None);
        }
        match self.existing {
            Existing::Refuse => Err(Problem::new(format!("{} exists", Shown(path)))
                .hint("--overwrite replaces results, --skip-existing keeps them")),
            // A result counts as done only when it is a whole picture.
            Existing::Skip if Picture::open(path, &self.limits).is_ok() => {
                let mut record = self.blank(source, Status::Skipped);
                record.output = Some(path.to_string_lossy().into_owned());
                let line = format!("{}: skipped, {} exists", Shown(source.path()), Shown(path));
                Ok(Some(Done { record, line, warnings: Vec::new() }))
            }
            Existing::Replace | Existing::Skip => Ok(None),
        }
    }

    /// The format asked for, else the one that the target's name says, else the picture's own.
    fn target_format(&self, target: &Target, picture: &Picture) -> Format {
        let named = match target {
            Target::File(path) => path.extension().and_then(|e| e.to_str()).and_then(Format::from_extension),
            Target::Stdout => None,
        };
        self.format.or(named).unwrap_or(picture.format())
    }

    fn encode(&self, picture: &Picture, format: Format) -> Result<Vec<u8>, Problem> {
        let defaults = EncodeOptions::default();
        let options = EncodeOptions {
            format: Some(format),
            quality: self.quality.unwrap_or(defaults.quality),
            ..defaults
        };
        Ok(picture.encode(&options)?)
    }

    fn write(&self, target: &Target, bytes: &[u8]) -> Result<(), Problem> {
        match target {
            Target::Stdout => {
                let mut stdout = std::io::stdout().lock();
                stdout.write_all(bytes)?;
                stdout.flush()?;
            }
            Target::File(path) => {
                std::fs::create_dir_all(folder_of(path))?;
                write_atomic(path, bytes, !matches!(self.existing, Existing::Refuse))?;
            }
        }
        Ok(())
    }

    fn blank(&self, source: &Source, status: Status) -> Record {
        Record::new(source.path().to_string_lossy().into_owned(), &self.model.name, status)
    }

    fn record(&self, job: &Job, picture: &Picture, report: &Report) -> (Record, String) {
        let source = &job.input.source;
        let status = match report.status {
            udair::Status::Restored => Status::Restored,
            udair::Status::Unchanged => Status::Unchanged,
        };
        let mut record = self.blank(source, status);
        record.findings(&report.findings);
        report.adaptation.iter().for_each(|adaptation| record.adaptation(adaptation));
        let (to, output) = match &job.target {
            Target::File(path) => (format!(" -> {}", Shown(path)), path.to_string_lossy().into_owned()),
            Target::Stdout => (String::new(), "-".into()),
        };
        record.output = Some(output);
        record.width = Some(picture.width());
        record.height = Some(picture.height());
        record.region = self.view.region.map(|r| [r.x, r.y, r.width, r.height]);
        record.preview = self.view.preview;
        record.precision = Some(self.model.machine.precision.name());
        record.storage = Some(self.model.machine.storage.name());
        record.device = Some(self.model.device.clone());
        record.seconds = Some(report.seconds);
        let (name, found, did) = (Shown(source.path()), record.found(false), report.status.id());
        let part =
            self.view.mark().map(|mark| format!("{mark} of {} x {}, ", picture.width(), picture.height()));
        let part = part.unwrap_or_default();
        let adapted = report.adaptation.as_ref().map(|a| format!(", {}", a.decision)).unwrap_or_default();
        let how = self.model.shortcuts().filter(|_| report.status == udair::Status::Restored);
        let how = how.map(|how| format!(" ({how})")).unwrap_or_default();
        let line = format!("{name}: {part}{found}; {did} in {:.2} s{how}{adapted}{to}", report.seconds);
        (record, line)
    }
}

/// Says how long a large picture will take, if that is long.
fn waiting(restorer: &Restorer, picture: &Picture) -> Result<Option<String>, Problem> {
    /// Pixels below which no measurement is made, and seconds below which nothing is said.
    const LARGE: (usize, f64) = (1 << 20, 10.0);
    let (width, height) = (picture.width(), picture.height());
    if width * height < LARGE.0 {
        return Ok(None);
    }
    let seconds = restorer.estimate(width, height)?;
    let time = if seconds < 120.0 {
        format!("{seconds:.0} seconds")
    } else {
        format!("{:.0} minutes", seconds / 60.0)
    };
    Ok((seconds >= LARGE.1)
        .then(|| format!("about {time} for {width} x {height} pixels, less if they are clean or hazy")))
}

/// What reading the picture dropped, and what the format cannot keep.
fn losses(picture: &Picture, format: Format) -> Vec<String> {
    picture.read_losses().iter().chain(&picture.losses(format)).map(ToString::to_string).collect()
}
