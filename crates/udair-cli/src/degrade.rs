//! `udair degrade`: pairs of a degraded and a clean picture, made from clean photos.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use udair_train::data::{Manifest, Rgb8, Synthesis};
use udair_train::degrade::{Kind, Recipe, Transmission};

use crate::args::Pictures;
use crate::exit::Exit;
use crate::inputs::{self, Input, Source};
use crate::interrupt;
use crate::names::Shown;
use crate::problem::Problem;

/// Spoil clean photos on purpose: noise, haze, rain, darkness, water, or a mixture
///
/// Writes lq/, gt/ and manifest.tsv, ready for training or evaluation. What is drawn depends on
/// --seed and on a photo's place in the list alone.
#[derive(Debug, Args)]
pub(crate) struct DegradeArgs {
    #[command(flatten)]
    pictures: Pictures,

    /// What to do to them: denoise, dehaze, derain, lowlight, underwater or mixed; named, as in
    /// manifests, by what undoes it
    #[arg(long, value_name = "KIND", value_parser = |id: &str| id.parse::<Kind>())]
    kind: Kind,

    /// Folder to write into
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    /// TOML file with ranges to draw from
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,

    /// Hazy and clear pairs (a manifest.tsv) whose depths haze and water may borrow
    #[arg(long, value_name = "FILE")]
    scenes: Option<PathBuf>,

    /// Factor on the strength that is drawn; 0 leaves the photos as they are
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    strength: f32,

    /// Degraded versions of each photo
    #[arg(long, value_name = "N", default_value_t = 1)]
    versions: usize,

    /// Seed of every draw
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

pub(crate) fn run(args: &DegradeArgs) -> anyhow::Result<Exit> {
    let photos = photos(args)?;
    if photos.is_empty() {
        eprintln!("no pictures found");
        return Ok(Exit::NothingToDo);
    }
    let recipe = match &args.recipe {
        None => Recipe::default(),
        Some(path) => {
            let text =
                std::fs::read_to_string(path).with_context(|| format!("cannot read {}", Shown(path)))?;
            Recipe::from_toml(&text).with_context(|| Shown(path).to_string())?
        }
    };
    let scenes = args.scenes.as_deref().map(scenes).transpose()?.unwrap_or_default();
    let (kind, strength) = (args.kind, args.strength);
    let synthesis = Synthesis { kind, recipe, scenes, strength, versions: args.versions, seed: args.seed };
    interrupt::listen()?;
    let manifest = synthesis.write(&photos, &args.output, |_| {
        if interrupt::requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    eprintln!("{}: {} pairs", Shown(&args.output), manifest.entries.len());
    Ok(if interrupt::requested() { Exit::Interrupted } else { Exit::Done })
}

/// The files that the arguments name.
fn photos(args: &DegradeArgs) -> Result<Vec<PathBuf>, Problem> {
    let inputs = inputs::resolve(&args.pictures.paths, Some(&args.output))?;
    let file = |input: Input| match (input.fault, input.source) {
        (Some(fault), source) => Err(fault.about(source.path())),
        (None, Source::Stdin) => Err(Problem::new("photos to degrade must be files")),
        (None, Source::File(path)) => Ok(path),
    };
    inputs.list.into_iter().map(file).collect()
}

/// Depths of the hazy pairs of a manifest.
fn scenes(path: &Path) -> anyhow::Result<Vec<Transmission>> {
    let mut scenes = Vec::new();
    for entry in Manifest::read(path)?.entries.iter().filter(|entry| entry.task == Kind::Haze.id()) {
        if let (Some(lq), Some(gt)) = (&entry.lq, &entry.gt) {
            let (hazy, clear) = (Rgb8::open(lq)?, Rgb8::open(gt)?);
            scenes.extend(Transmission::from_pair(&clear.photo(), &hazy.photo()));
        }
    }
    Ok(scenes)
}
