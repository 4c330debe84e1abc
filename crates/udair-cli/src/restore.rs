//! `udair restore`: arguments, plan, and the way of one picture from file to file.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use udair::{Limits, Options, Picture, Report, Watch};
use udair_image::{EncodeOptions, Format, remove_stale_temps, write_atomic};

use crate::args::{Compute, Pictures};
use crate::batch::{self, Done, Voice};
use crate::exit::Exit;
use crate::format;
use crate::inputs::{self, Input, Source};
use crate::model::{self, Model};
use crate::names::Shown;
use crate::outputs::{self, Job, Target};
use crate::problem::Problem;
use crate::record::{Record, Status};

/// Restore photos
///
/// Says of each photo what spoiled it and how sure that is, and writes `<stem>.restored.<ext>`
/// beside it. Size, bit depth, alpha channel, colour profile and metadata stay. A photo that is found
/// clean comes back as it is.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct RestoreArgs {
    #[command(flatten)]
    pictures: Pictures,

    /// Where to write: a file, a folder (the tree is kept), or `-` for stdout
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,

    /// Replace results that exist
    #[arg(long, conflicts_with = "skip_existing")]
    overwrite: bool,

    /// Leave out pictures whose complete result exists
    #[arg(long)]
    skip_existing: bool,

    /// Leave EXIF and XMP metadata out of the result (the colour profile stays)
    #[arg(long)]
    strip: bool,

    /// Format of the results [default: that of the picture]
    #[arg(long, value_name = "FORMAT", value_parser = format::parser())]
    format: Option<Format>,

    /// Quality of JPEG results, 1 to 100 [default: 95]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: Option<u8>,

    /// How much of the change to apply, 0 (none) to 1
    #[arg(long, value_name = "0..1", default_value = "1", value_parser = strength)]
    strength: f32,

    /// Restore photos that are found clean, too
    #[arg(long)]
    always: bool,

    /// Print one JSON object a picture, and a summary, on stdout
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    compute: Compute,
}

/// Everything decided before the first picture is read.
struct Plan {
    model: Model,
    options: Options,
    limits: Limits,
    existing: Existing,
    format: Option<Format>,
    quality: Option<u8>,
    strip: bool,
}

/// What to do about a result that exists.
#[derive(Clone, Copy)]
enum Existing {
    Refuse,
    Replace,
    Skip,
}

pub(crate) fn run(args: &RestoreArgs) -> anyhow::Result<Exit> {
    let inputs = inputs::resolve(&args.pictures.paths, args.output.as_deref())?;
    let jobs = outputs::assign(inputs, args.output.as_deref(), args.format)?;
    if args.json && jobs.iter().any(|job| job.target == Target::Stdout) {
        return Err(Problem::new("stdout cannot carry both the picture and --json")
            .hint("name a file with -o")
            .into());
    }
    args.compute.start()?;
    let plan = Plan {
        model: model::load(&args.compute)?,
        options: Options { strength: args.strength, always: args.always, ..Options::default() },
        limits: Limits::default(),
        existing: match (args.overwrite, args.skip_existing) {
            (true, _) => Existing::Replace,
            (_, true) => Existing::Skip,
            _ => Existing::Refuse,
        },
        format: args.format,
        quality: args.quality,
        strip: args.strip,
    };
    if jobs.is_empty() {
        eprintln!("nothing to do: no pictures found");
        return Ok(Exit::NothingToDo);
    }
    prepare_folders(&jobs)?;
    let voice = Voice { json: args.json, data: false, model: plan.model.name.clone() };
    Ok(batch::run(&jobs, &voice, |job| &job.input, |job, watch| plan.restore(job, watch))?)
}

/// Removes what a killed run left behind in the folders that this run writes to.
fn prepare_folders(jobs: &[Job]) -> anyhow::Result<()> {
    let folders: BTreeSet<&Path> = jobs
        .iter()
        .filter_map(|job| match &job.target {
            Target::File(path) => Some(folder_of(path)),
            Target::Stdout => None,
        })
        .collect();
    for folder in folders.into_iter().filter(|folder| folder.is_dir()) {
        remove_stale_temps(folder).with_context(|| format!("cannot clean up in {}", Shown(folder)))?;
    }
    Ok(())
}

impl Plan {
    /// Takes one picture from its source to its target.
    fn restore(&self, job: &Job, watch: &dyn Watch) -> Result<Done, Problem> {
        let Job { input: Input { source, .. }, target } = job;
        if let Target::File(path) = target
            && let Some(skipped) = self.existing(source, path)?
        {
            return Ok(skipped);
        }
        let bytes = read(source, &self.limits)?;
        let picture = Picture::decode(&bytes, &self.limits)?;
        let (mut restored, report) = self.model.restorer()?.restore(&picture, &self.options, watch)?;
        let format = self.target_format(target, &picture);
        let untouched = report.status == udair::Status::Unchanged
            && format == picture.format()
            && self.quality.is_none()
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
        let (to, output) = match &job.target {
            Target::File(path) => (format!(" -> {}", Shown(path)), path.to_string_lossy().into_owned()),
            Target::Stdout => (String::new(), "-".into()),
        };
        record.output = Some(output);
        record.width = Some(picture.width());
        record.height = Some(picture.height());
        record.seconds = Some(report.seconds);
        let (name, found, did) = (Shown(source.path()), record.found(false), report.status.id());
        let line = format!("{name}: {found}; {did} in {:.2} s{to}", report.seconds);
        (record, line)
    }
}

/// What reading the picture dropped, and what the format cannot keep.
fn losses(picture: &Picture, format: Format) -> Vec<String> {
    picture.read_losses().iter().chain(&picture.losses(format)).map(ToString::to_string).collect()
}

/// Reads a picture whole, within the limit on files.
pub(crate) fn read(source: &Source, limits: &Limits) -> Result<Vec<u8>, Problem> {
    let limit = limits.file_bytes;
    let mut bytes = Vec::new();
    let within = match source {
        Source::Stdin => std::io::stdin().lock().take(limit + 1).read_to_end(&mut bytes)?,
        Source::File(path) => open(path)?.take(limit + 1).read_to_end(&mut bytes)?,
    };
    if within as u64 > limit {
        return Err(Problem::new(format!("the file is larger than {} MiB", limit >> 20)));
    }
    Ok(bytes)
}

fn open(path: &Path) -> Result<File, Problem> {
    File::open(path).map_err(|error| match error.kind() {
        // A mistyped command is taken for a path.
        ErrorKind::NotFound if path.extension().is_none() && path.components().count() == 1 => {
            Problem::new("no such picture or command").hint("`udair --help` lists the commands")
        }
        ErrorKind::NotFound => Problem::new("no such picture"),
        _ => error.into(),
    })
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn strength(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(strength) if (0.0..=1.0).contains(&strength) => Ok(strength),
        _ => Err("it must lie between 0 and 1".into()),
    }
}
