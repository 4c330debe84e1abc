//! `udair eval`: scores of restored pictures against their references.

mod tables;

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{ArgGroup, Args};
use udair::{Picture, Watch};
use udair_image::{EncodeOptions, Format, write_atomic};
use udair_metrics::{Metric, Parameters};
use udair_study::{
    Case, Evaluation, Handling, ImageResult, Observer, Settings, StudyError, WeightsId, cases, evaluate,
    unseen,
};

use crate::adapt::AdaptArgs;
use crate::args::{Compute, Results};
use crate::exit::Exit;
use crate::names::Shown;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::{interrupt, metrics, model};

/// Score restored pictures against references
///
/// Prints scores of every picture before and after, means over each source and task, and how many
/// pictures were named rightly. Pictures with a reference are scored by PSNR and SSIM; those without
/// by what is usual for their task: FADE for haze, UIQM and UCIQE under water, else NIQE and BRISQUE.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["manifest", "lq"]))]
pub(crate) struct EvalArgs {
    /// Table of pictures: tab-separated columns task, source, lq, gt; paths relative to the table
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,

    /// Folder of degraded pictures, paired with --gt by file stem
    #[arg(long, value_name = "DIR", requires = "gt")]
    lq: Option<PathBuf>,

    /// Folder of references
    #[arg(long, value_name = "DIR", requires = "lq")]
    gt: Option<PathBuf>,

    #[command(flatten)]
    results: Results,

    /// Metrics for all pictures, by the names that `udair metrics --help` lists [default: those that are
    /// usual for the task]
    #[arg(long, value_name = "NAME[:VARIANT],…", value_delimiter = ',', value_parser = metrics::metric)]
    metric: Vec<Metric>,

    /// FADE's parameters: a JSON file, or one of the two .mat files of LIVE's release
    /// [default: `$UDAIR_FADE_PARAMS`]
    #[arg(long, value_name = "FILE")]
    fade_params: Option<PathBuf>,

    /// Write all results as JSON, `-` for stdout instead of the tables
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Write the restored pictures as PNG into this folder
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,

    /// Score one random square crop of each picture, N pixels a side
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    crops: Option<usize>,

    /// Rescale each picture and its reference by a random factor of this range, after cropping
    #[arg(long, value_name = "A..B", value_parser = factors)]
    rescale: Option<(f64, f64)>,

    /// Compress each picture as JPEG of a random quality of this range, last of all
    #[arg(long, value_name = "A..B", value_parser = qualities)]
    jpeg: Option<(u8, u8)>,

    /// Seed of --crops, --rescale and --jpeg
    #[arg(long, value_name = "S", default_value = "0")]
    seed: u64,

    #[command(flatten)]
    adapt: AdaptArgs,

    /// Aim each adaptation at the true pattern of the manifest, as the paper's program does. The
    /// results say so: a picture from outside has no such label
    #[arg(long, requires = "manifest", conflicts_with = "pattern")]
    oracle: bool,

    #[command(flatten)]
    compute: Compute,
}

pub(crate) fn run(args: &EvalArgs) -> anyhow::Result<Exit> {
    let cases = match (&args.manifest, &args.lq, &args.gt) {
        (Some(manifest), _, _) => cases::manifest(manifest)?,
        (None, Some(lq), Some(gt)) => cases::pairs(lq, gt)?,
        _ => return Err(Problem::new("name a --manifest, or --lq and --gt").into()),
    };
    if cases.is_empty() {
        eprintln!("nothing to do: no pictures found");
        return Ok(Exit::NothingToDo);
    }
    if let Some(folder) = &args.save {
        refuse_twins(folder, &cases)?;
    }
    let parameters = Parameters { niqe: None, fade: metrics::parameters::fade(args.fade_params.as_deref())? };
    args.compute.start()?;
    let model = model::load(&args.compute)?;
    let (cases, left_out) = unseen(cases, &model.trained_on()?)?;
    if cases.is_empty() {
        eprintln!("nothing to do: the weights were trained on all {left_out} pictures");
        return Ok(Exit::NothingToDo);
    }
    interrupt::listen()?;
    let settings = Settings {
        options: args.adapt.apply(args.results.options())?,
        oracle: args.oracle,
        left_out,
        handling: Handling { crop: args.crops, rescale: args.rescale, jpeg: args.jpeg, seed: args.seed },
        metrics: args.metric.clone(),
        parameters,
        ..Settings::default()
    };
    let follow = Follow { progress: Progress::new(cases.len()), save: args.save.as_deref() };
    let weights = WeightsId { name: model.name.clone(), sha256: model.sha256() };
    let evaluation = evaluate(model.restorer()?, weights, &cases, &settings, &follow);
    follow.progress.finish();
    match evaluation {
        Ok(evaluation) => {
            publish(&evaluation, args.json.as_deref())?;
            Ok(Exit::Done)
        }
        Err(StudyError::Cancelled) => Ok(Exit::Interrupted),
        Err(error) => {
            eprintln!("error: {error}");
            Ok(Exit::SomeFailed)
        }
    }
}

/// Tables to stdout, unless the JSON goes there.
fn publish(evaluation: &Evaluation, json: Option<&Path>) -> anyhow::Result<()> {
    let text = || Ok::<_, serde_json::Error>(serde_json::to_string_pretty(evaluation)? + "\n");
    let mut stdout = std::io::stdout().lock();
    match json {
        Some(path) if path == Path::new("-") => stdout.write_all(text()?.as_bytes())?,
        Some(path) => {
            write_atomic(path, text()?.as_bytes(), true)
                .with_context(|| format!("cannot write {}", Shown(path)))?;
            stdout.write_all(tables::all(evaluation).as_bytes())?;
        }
        None => stdout.write_all(tables::all(evaluation).as_bytes())?,
    }
    Ok(stdout.flush()?)
}

/// Shows progress and saves pictures.
struct Follow<'a> {
    progress: Progress,
    save: Option<&'a Path>,
}

impl Observer for Follow<'_> {
    fn start(&self, index: usize) -> Box<dyn Watch + '_> {
        Box::new(self.progress.picture(index))
    }

    fn done(&self, case: &Case, _: &ImageResult, restored: &Picture) -> Result<(), StudyError> {
        let Some(folder) = self.save else { return Ok(()) };
        let path = saved(folder, case);
        let failed = |source| StudyError::Picture { path: path.clone(), source };
        let png = EncodeOptions { format: Some(Format::Png), ..EncodeOptions::default() };
        let bytes = restored.encode(&png).map_err(failed)?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|source| StudyError::Read { path: folder.into(), source })?;
        }
        write_atomic(&path, &bytes, true).map_err(failed)
    }
}

/// Where a restored picture is saved: `<task>/<source>/<stem>.png`, as far as they are known.
fn saved(folder: &Path, case: &Case) -> PathBuf {
    let mut path = folder.to_path_buf();
    path.extend(case.task.iter().chain(&case.source));
    let mut name = case.lq.file_stem().unwrap_or_default().to_owned();
    name.push(".png");
    path.join(name)
}

fn refuse_twins(folder: &Path, cases: &[Case]) -> Result<(), Problem> {
    let mut seen = HashSet::new();
    match cases.iter().map(|case| saved(folder, case)).find(|path| !seen.insert(path.clone())) {
        Some(path) => Err(Problem::new(format!("two pictures would be saved as {}", Shown(&path)))
            .hint("give them different sources in the manifest")),
        None => Ok(()),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| "it must be a whole number, 1 or more".into())
}

/// `A..B`, or one value for both.
fn range<T: std::str::FromStr + PartialOrd + Copy>(
    text: &str,
    least: T,
    most: T,
    wanted: &str,
) -> Result<(T, T), String> {
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    let parsed = from.parse().ok().zip(to.parse().ok());
    let inside = parsed.filter(|(from, to): &(T, T)| least <= *from && from <= to && *to <= most);
    inside.ok_or_else(|| format!("it must be a range such as {wanted}"))
}

fn factors(text: &str) -> Result<(f64, f64), String> {
    range(text, 0.05, 4.0, "0.7..1, between 0.05 and 4")
}

fn qualities(text: &str) -> Result<(u8, u8), String> {
    range(text, 1, 100, "75..95, between 1 and 100")
}
