//! `udair restore`: arguments and plan.

mod one;
mod view;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use udair::{Limits, Options};
use udair_image::{Format, remove_stale_temps};

use crate::adapt::AdaptArgs;
use crate::args::{Compute, Pictures, Results};
use crate::batch::{self, Voice};
use crate::exit::Exit;
use crate::format;
use crate::inputs;
use crate::model::{self, Model};
use crate::names::Shown;
use crate::outputs::{self, Job, Target};
use crate::problem::Problem;
use view::View;

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

    #[command(flatten)]
    results: Results,

    #[command(flatten)]
    view: View,

    #[command(flatten)]
    adapt: AdaptArgs,

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
    view: View,
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
    let jobs = outputs::assign(inputs, args.output.as_deref(), args.format, args.view.mark())?;
    if args.json && jobs.iter().any(|job| job.target == Target::Stdout) {
        return Err(Problem::new("stdout cannot carry both the picture and --json")
            .hint("name a file with -o")
            .into());
    }
    args.compute.start()?;
    let plan = Plan {
        model: model::load(&args.compute)?,
        options: args.adapt.apply(Options { strength: args.strength, ..args.results.options() })?,
        limits: Limits::default(),
        existing: match (args.overwrite, args.skip_existing) {
            (true, _) => Existing::Replace,
            (_, true) => Existing::Skip,
            _ => Existing::Refuse,
        },
        format: args.format,
        quality: args.quality,
        strip: args.strip,
        view: args.view,
    };
    if jobs.is_empty() {
        eprintln!("nothing to do: no pictures found");
        return Ok(Exit::NothingToDo);
    }
    clean_up(&jobs);
    let voice = Voice { json: args.json, data: false, model: plan.model.name.clone() };
    Ok(batch::run(&jobs, &voice, |job| &job.input, |job, watch| plan.restore(job, watch))?)
}

/// Removes what a killed run left behind in the folders that this run writes to.
fn clean_up(jobs: &[Job]) {
    let folders: BTreeSet<&Path> = jobs
        .iter()
        .filter_map(|job| match &job.target {
            Target::File(path) => Some(folder_of(path)),
            Target::Stdout => None,
        })
        .collect();
    for folder in folders.into_iter().filter(|folder| folder.is_dir()) {
        if let Err(error) = remove_stale_temps(folder) {
            eprintln!("warning: cannot clean up in {}: {error}", Shown(folder));
        }
    }
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
