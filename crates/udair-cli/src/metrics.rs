//! `udair metrics`: the quality of pictures by named metrics, alone or against references.

mod fit;
mod pairs;
pub(crate) mod parameters;
mod show;
mod summary;

use std::fmt::Write as _;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use rayon::prelude::*;
use udair::{Limits, Picture};
use udair_metrics::{Metric, Parameters, Rgb8, Score};

use crate::exit::Exit;
use crate::interrupt;
use crate::names::Shown;
use crate::problem::Problem;
use crate::progress::Progress;
use pairs::Pair;
use show::Form;

/// Measure the quality of pictures
///
/// Prints a row for each picture, and for each metric the mean with its 95 % bootstrap interval.
/// Values of different variants must not be compared; the column's heading names the variant.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = after_help())]
pub(crate) struct MetricsArgs {
    #[command(subcommand)]
    fit: Option<FitVerb>,

    /// Pictures, folders, globs, or `@LIST` (a file that holds one path a line)
    #[arg(value_name = "PATH", required_unless_present = "manifest")]
    paths: Vec<PathBuf>,

    /// References: a folder whose files pair with the pictures by stem, or one picture for all
    #[arg(long = "ref", value_name = "DIR|FILE")]
    reference: Option<PathBuf>,

    /// Table of pictures: tab-separated columns task, source, lq, gt; paths relative to the table
    #[arg(long, value_name = "FILE", conflicts_with_all = ["paths", "reference"])]
    manifest: Option<PathBuf>,

    /// Metrics, each with a variant if it is not the first one below [default: psnr,ssim with
    /// references, niqe,brisque without]
    #[arg(long, value_name = "NAME[:VARIANT],…", value_delimiter = ',', value_parser = metric)]
    metric: Vec<Metric>,

    /// FADE's parameters: a JSON file, or one of the two .mat files of LIVE's release
    /// [default: `$UDAIR_FADE_PARAMS`]
    #[arg(long, value_name = "FILE")]
    fade_params: Option<PathBuf>,

    /// NIQE's parameters, from `udair metrics fit niqe` [default: LIVE's, built in]
    #[arg(long, value_name = "FILE")]
    niqe_params: Option<PathBuf>,

    /// Print one JSON object for each picture and metric
    #[arg(long, conflicts_with = "csv")]
    json: bool,

    /// Print comma-separated values, a line for each picture and metric
    #[arg(long)]
    csv: bool,
}

#[derive(Debug, Subcommand)]
enum FitVerb {
    Fit(fit::FitArgs),
}

/// All metrics and variants; the first of each is the default.
fn after_help() -> String {
    let mut text = String::from("Metrics and variants:");
    let mut last = "";
    for metric in Metric::all() {
        // The parts of UIQM have its variants.
        if matches!(metric.name(), "uicm" | "uism" | "uiconm") {
            continue;
        }
        let (name, better) = if metric.name() == last {
            ("", String::new())
        } else {
            (metric.name(), metric.better().to_string())
        };
        last = metric.name();
        let _ = write!(text, "\n  {name:<8} {better:<7} {:<16} {}", metric.variant(), metric.about());
    }
    text + "\n\nuicm, uism and uiconm are the parts of uiqm, in the same variants. psnr, ssim and ms-ssim need \
            references; `psnr:y-crop4` leaves out 4 pixels on each side."
}

/// Parses a metric for an option.
pub(crate) fn metric(text: &str) -> Result<Metric, String> {
    text.parse().map_err(|error: udair_metrics::UnknownMetric| {
        format!("{error} (there are {})", error.known.join(", "))
    })
}

/// What was measured of one picture.
struct Measured {
    pair: Pair,
    scores: Result<Vec<Score>, Problem>,
}

pub(crate) fn run(args: MetricsArgs) -> anyhow::Result<Exit> {
    if let Some(FitVerb::Fit(args)) = args.fit {
        return fit::run(args);
    }
    let pairs = match &args.manifest {
        Some(manifest) => pairs::of_manifest(manifest)?,
        None => pairs::of_paths(&args.paths, args.reference.as_deref())?,
    };
    if pairs.is_empty() {
        eprintln!("nothing to do: no pictures found");
        return Ok(Exit::NothingToDo);
    }
    let metrics = chosen(args.metric, pairs.iter().any(|pair| pair.reference.is_some()));
    let parameters = Parameters {
        niqe: args.niqe_params.as_deref().map(parameters::niqe).transpose()?,
        fade: parameters::fade_if_wanted(args.fade_params.as_deref(), &metrics)?,
    };
    interrupt::listen()?;
    let form = match (args.json, args.csv) {
        (true, _) => Form::Json,
        (_, true) => Form::Csv,
        _ => Form::Table,
    };
    let measured = measure_all(pairs, &metrics, &parameters);
    if interrupt::requested() {
        return Ok(Exit::Interrupted);
    }
    show::all(&measured, &metrics, form)?;
    let failed = measured.iter().filter(|one| one.scores.is_err()).count();
    Ok(if failed > 0 { Exit::SomeFailed } else { Exit::Done })
}

fn chosen(metrics: Vec<Metric>, references: bool) -> Vec<Metric> {
    if !metrics.is_empty() {
        return metrics;
    }
    let names = if references { ["psnr", "ssim"] } else { ["niqe", "brisque"] };
    names.map(|name| name.parse().expect("these metrics exist")).into()
}

/// Measures pictures side by side, large ones one after the other: a metric may take a hundred bytes a
/// pixel, and works on all cores by itself.
fn measure_all(pairs: Vec<Pair>, metrics: &[Metric], parameters: &Parameters) -> Vec<Measured> {
    /// Bytes of files that are worked on side by side.
    const TOGETHER: u64 = 8 << 20;
    let progress = Progress::new(pairs.len());
    let size = |pair: &Pair| std::fs::metadata(&pair.image).map_or(0, |file| file.len());
    let mut measured: Vec<Measured> = Vec::with_capacity(pairs.len());
    let mut rest = pairs.as_slice();
    while !rest.is_empty() && !interrupt::requested() {
        let mut bytes = 0;
        let together = rest.iter().take_while(|pair| {
            bytes += size(pair);
            bytes <= TOGETHER
        });
        let (now, later) = rest.split_at(together.count().max(1));
        progress.picture(measured.len());
        measured.par_extend(now.par_iter().map(|pair| {
            // A panic in a decoder is that picture's failure.
            let scores = catch_unwind(|| measure(pair, metrics, parameters));
            let internal = |_| Err(Problem::new("internal error").hint("please report it"));
            Measured { pair: pair.clone(), scores: scores.unwrap_or_else(internal) }
        }));
        for Measured { pair, scores } in &measured[measured.len() - now.len()..] {
            if let Err(problem) = scores {
                progress.aside(|| eprintln!("error: {}: {problem}", Shown(&pair.image)));
            }
        }
        rest = later;
    }
    progress.finish();
    measured
}

fn measure(pair: &Pair, metrics: &[Metric], parameters: &Parameters) -> Result<Vec<Score>, Problem> {
    let image = Pixels::open(&pair.image)?;
    let reference = pair.reference.as_deref();
    let reference =
        reference.map(|path| Pixels::open(path).map_err(|problem| problem.about(path))).transpose()?;
    let reference = reference.as_ref().map(Pixels::view);
    Ok(metrics.iter().map(|metric| metric.score(&image.view(), reference.as_ref(), parameters)).collect())
}

/// 8-bit sRGB pixels.
struct Pixels {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Pixels {
    fn open(path: &Path) -> Result<Self, Problem> {
        let picture = Picture::open(path, &Limits::default())?;
        Ok(Self { width: picture.width(), height: picture.height(), rgb: picture.to_rgb8()? })
    }

    fn view(&self) -> Rgb8<'_> {
        Rgb8::new(self.width, self.height, &self.rgb).expect("a picture has its size")
    }
}
