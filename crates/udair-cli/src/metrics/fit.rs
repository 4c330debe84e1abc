//! `udair metrics fit`: parameters of NIQE and FADE from one's own pictures.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use udair_image::write_atomic;
use udair_metrics::{FadeFit, NiqeFit, NotApplicable, Rgb8};

use super::Pixels;
use super::pairs::of_paths;
use crate::exit::Exit;
use crate::interrupt;
use crate::names::{Shown, count};
use crate::problem::Problem;
use crate::progress::Progress;

/// Make parameters of NIQE or FADE from your own pictures
#[derive(Debug, Args)]
pub(crate) struct FitArgs {
    #[command(subcommand)]
    model: Model,
}

#[derive(Debug, Subcommand)]
enum Model {
    /// NIQE's model of pristine pictures, for --niqe-params
    Niqe {
        /// Pristine pictures, folders, globs or `@LIST`: a hundred or more
        #[arg(value_name = "PATH", required = true)]
        pristine: Vec<PathBuf>,
        #[command(flatten)]
        target: Target,
    },
    /// FADE's models of fog-free and foggy pictures, for --fade-params
    Fade {
        /// Fog-free pictures, folders, globs or `@LIST`
        #[arg(long, value_name = "PATH", required = true, num_args = 1..)]
        fogfree: Vec<PathBuf>,
        /// Foggy pictures, folders, globs or `@LIST`
        #[arg(long, value_name = "PATH", required = true, num_args = 1..)]
        foggy: Vec<PathBuf>,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Debug, Args)]
struct Target {
    /// Where to write the parameters, as JSON
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// What scores call the parameters [default: the stem of the output]
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,

    /// Replace a file that exists
    #[arg(long)]
    overwrite: bool,
}

impl Target {
    /// `live` is what the published parameters are called.
    fn name(&self) -> Result<String, Problem> {
        let stem = || self.output.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match self.name.clone().unwrap_or_else(stem) {
            name if name.is_empty() || name == "live" => {
                Err(Problem::new(format!("parameters of one's own cannot be called {name:?}"))
                    .hint("choose a --name"))
            }
            name => Ok(name),
        }
    }

    fn write(&self, json: &str) -> Result<(), Problem> {
        write_atomic(&self.output, json.as_bytes(), self.overwrite)
            .map_err(|error| Problem::from(error).about(&self.output))
    }
}

pub(super) fn run(args: FitArgs) -> anyhow::Result<Exit> {
    interrupt::listen()?;
    let too_few = |reason: NotApplicable| {
        Problem::new(format!("the pictures do not suffice: {reason}")).hint("name more, or larger ones")
    };
    match args.model {
        Model::Niqe { pristine, target } => {
            let name = target.name()?;
            let mut fit = NiqeFit::default();
            if let Some(exit) = take(&pristine, "sharp block", |image| fit.add(image))? {
                return Ok(exit);
            }
            target.write(&fit.model(&name).map_err(too_few)?.to_json())?;
        }
        Model::Fade { fogfree, foggy, target } => {
            let name = target.name()?;
            let mut fit = FadeFit::default();
            let mut exit = take(&fogfree, "fog-free patch", |image| fit.add_fogfree(image))?;
            if exit.is_none() {
                exit = take(&foggy, "foggy patch", |image| fit.add_foggy(image))?;
            }
            if let Some(exit) = exit {
                return Ok(exit);
            }
            target.write(&fit.model(&name).map_err(too_few)?.to_json())?;
        }
    }
    Ok(Exit::Done)
}

/// Adds every picture; one that cannot be read is an error, because the parameters would be others.
/// `Some` where the user interrupted, or there was nothing.
fn take(paths: &[PathBuf], noun: &str, mut add: impl FnMut(&Rgb8) -> usize) -> Result<Option<Exit>, Problem> {
    let pairs = of_paths(paths, None)?;
    if pairs.is_empty() {
        eprintln!("nothing to do: no pictures found");
        return Ok(Some(Exit::NothingToDo));
    }
    let progress = Progress::new(pairs.len());
    let mut total = 0;
    for (index, pair) in pairs.iter().enumerate() {
        if interrupt::requested() {
            return Ok(Some(Exit::Interrupted));
        }
        progress.picture(index);
        let added = add(&pixels(&pair.image)?.view());
        if added == 0 {
            progress.aside(|| eprintln!("warning: {}: no {noun} in it", Shown(&pair.image)));
        }
        total += added;
    }
    progress.finish();
    eprintln!("{} from {}", count(total, noun), count(pairs.len(), "picture"));
    Ok(None)
}

fn pixels(path: &Path) -> Result<Pixels, Problem> {
    Pixels::open(path).map_err(|problem| problem.about(path))
}
