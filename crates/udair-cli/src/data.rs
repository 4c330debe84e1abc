//! `udair data`: what a training set holds, and what is wrong with it, before training finds out.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use udair_train::data::{self, Report};

use crate::exit::Exit;
use crate::names::Shown;
use crate::table::Table;

/// Check training data, or make a manifest of pictures in any layout
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Check(CheckArgs),
    Index(IndexArgs),
}

/// Count pictures and find files that cannot be read, pairs of different sizes, and duplicates
/// across splits
///
/// Reads DIR's manifest.tsv, else those of its folders, each a split, else its paired folders (gt
/// and lq, or what data sets call them). Exit code 1 where there is something to mend.
#[derive(Debug, Args)]
struct CheckArgs {
    /// Folder of the data
    #[arg(value_name = "DIR")]
    dir: PathBuf,

    /// Threads to decode with
    #[arg(long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u16).range(1..))]
    threads: u16,
}

/// Pair degraded with clean pictures by their names and print a manifest
#[derive(Debug, Args)]
struct IndexArgs {
    /// Degraded pictures, such as 'noisy/**/*.png'
    #[arg(long, value_name = "GLOB")]
    lq: String,

    /// Clean pictures
    #[arg(long, value_name = "GLOB")]
    gt: String,

    /// Pattern of the pairs: denoise, dehaze, derain, lowlight, underwater, or one of your own
    #[arg(long, value_name = "ID")]
    task: String,

    /// Name of the data set
    #[arg(long, value_name = "NAME", default_value = "mine")]
    source: String,

    /// Write manifest.tsv into this folder instead of printing it
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: DataArgs) -> anyhow::Result<Exit> {
    match args.what {
        What::Check(args) => check(&args),
        What::Index(args) => index(&args),
    }
}

fn check(args: &CheckArgs) -> anyhow::Result<Exit> {
    let report = data::check(&args.dir, args.threads.into())?;
    write!(io::stdout(), "{}", table(&report))?;
    for (path, message) in &report.unreadable {
        eprintln!("cannot be read: {}: {message}", Shown(path));
    }
    for pair in &report.mismatched {
        let ((w, h), (u, v)) = (pair.lq_size, pair.gt_size);
        eprintln!("sizes differ: {} is {w} x {h}, {} is {u} x {v}", Shown(&pair.lq), Shown(&pair.gt));
    }
    for files in &report.duplicates {
        let names: Vec<String> = files.iter().map(|file| Shown(file).to_string()).collect();
        eprintln!("in several splits: {}", names.join(", "));
    }
    Ok(if report.is_clean() { Exit::Done } else { Exit::SomeFailed })
}

fn table(report: &Report) -> Table {
    let heading =
        ["split", "task", "source", "pairs", "degraded only", "clean only", "MiB", "smallest", "largest"];
    let mut table = Table::new(3, &heading);
    let size = |size: Option<(usize, usize)>| size.map_or("-".into(), |(w, h)| format!("{w}x{h}"));
    for row in &report.rows {
        let split = if row.split.is_empty() { "-".into() } else { row.split.clone() };
        let counts = [row.pairs, row.degraded, row.clean].map(|n| n.to_string());
        let mib = format!("{:.1}", row.bytes as f64 / f64::from(1 << 20));
        let names = [split, row.task.clone(), row.source.clone()];
        table.row(names.into_iter().chain(counts).chain([mib, size(row.smallest), size(row.largest)]));
    }
    table
}

fn index(args: &IndexArgs) -> anyhow::Result<Exit> {
    let manifest = data::index(&args.lq, &args.gt, &args.task, &args.source)?;
    if manifest.entries.is_empty() {
        eprintln!("no pictures match");
        return Ok(Exit::NothingToDo);
    }
    match &args.output {
        Some(folder) => {
            let path = manifest.write(folder)?;
            eprintln!("{}: {} pairs", Shown(&path), manifest.entries.len());
        }
        None => write!(io::stdout(), "{}", manifest.to_text(std::path::Path::new("")))?,
    }
    Ok(Exit::Done)
}
