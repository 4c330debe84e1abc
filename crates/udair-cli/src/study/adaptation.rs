//! `udair study adaptation`: every way to adapt, on pictures of known reference and on shifts of them.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use udair::Restorer;
use udair_engine::{Aim, Anchor, Engine, Weights};
use udair_study::{Summary, Trial, cases, methods, summary, thinned, towards_maps, trials};

use crate::args::Compute;
use crate::exit::Exit;
use crate::model;
use crate::names::Shown;
use crate::progress::Progress;
use crate::table::Table;

/// Measure what adaptation gains
///
/// Restores the central squares of pictures, and of shifts made from them, without adaptation and with
/// every way of it. Prints gains in dB with 95 % intervals.
#[derive(Debug, Args)]
pub(crate) struct AdaptationArgs {
    /// Table of pictures: tab-separated columns task, source, lq, gt
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,

    /// Pictures of each source, at most
    #[arg(long, value_name = "N", default_value = "8")]
    per_source: usize,

    /// Side of the squares, in pixels
    #[arg(long, value_name = "N", default_value = "256")]
    side: usize,

    /// Only the methods whose names begin with this, such as `auto`
    #[arg(long, value_name = "TEXT", default_value = "")]
    methods: String,

    /// Also align with the reference's anchors, from the file that `study anchors --maps` wrote
    #[arg(long, value_name = "FILE")]
    maps: Option<PathBuf>,

    #[command(flatten)]
    compute: Compute,
}

pub(crate) fn run(args: &AdaptationArgs) -> anyhow::Result<Exit> {
    args.compute.start()?;
    let model = model::load(&args.compute)?;
    let cases = cases::manifest(&args.manifest)?;
    let cases = thinned(&cases, args.per_source);
    let mut methods = methods();
    methods.retain(|method| method.name.starts_with(&args.methods));
    let (progress, count) = (Progress::new(cases.len()), Cell::new(0));
    let done = || {
        let _ = progress.picture(count.replace(count.get() + 1));
    };
    let mut all = trials(model.restorer()?, &cases, &methods, args.side, &done)?;
    if let Some(path) = &args.maps {
        let towards_maps = [towards_maps()];
        all.extend(trials(&with_maps(args, path)?, &cases, &towards_maps, args.side, &|| ())?);
        methods.extend(towards_maps);
    }
    let trials = all;
    progress.finish();

    let shifted = |trial: &Trial| trial.set.contains(", ");
    let names: Vec<&str> = methods.iter().map(|method| method.name).collect();
    for (what, shifts, reference) in [
        ("pictures as they are", false, true),
        ("shifted pictures", true, true),
        ("pictures without a reference", false, false),
    ] {
        let mut table = Table::new(1, &HEADING);
        for name in &names {
            let own = trials
                .iter()
                .filter(|t| t.method == *name && shifted(t) == shifts && t.gain.is_some() == reference);
            row(&mut table, name, summary(own));
        }
        writeln!(io::stdout(), "{what}\n\n{table}")?;
    }
    let sets: BTreeSet<(&str, &str)> = trials.iter().map(|t| (t.label.id(), t.set.as_str())).collect();
    for name in names.iter().filter(|name| !name.starts_with('-')) {
        let mut table = Table::new(1, &HEADING);
        for (label, set) in &sets {
            let own = trials.iter().filter(|t| t.method == *name && t.set == *set && t.label.id() == *label);
            row(&mut table, &format!("{label}: {set}"), summary(own));
        }
        writeln!(io::stdout(), "{name}, by set\n\n{table}")?;
    }
    Ok(Exit::Done)
}

/// The model with averaged maps for anchors.
fn with_maps(args: &AdaptationArgs, path: &Path) -> anyhow::Result<Restorer> {
    let weights = model::weights(&args.compute)?;
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", Shown(path)))?;
    let anchors = Anchor::from_bytes(&bytes, &weights.patterns).with_context(|| Shown(path).to_string())?;
    let aims = anchors.into_iter().map(|anchor| Aim { anchor, worth: 0.0 }).collect();
    Ok(Restorer::new(Engine::new(&Weights { aims: Some(aims), ..weights })?)?)
}

const HEADING: [&str; 8] =
    ["", "n", "gain dB", "95 % interval", "worst", "lost > 0.1 dB", "adapted", "change /255"];

fn row(table: &mut Table, name: &str, summary: Option<Summary>) {
    let Some(summary) = summary else { return };
    let [gain, interval, worst, harmed] = match (summary.gain, summary.worst) {
        (Some((_, gain, [low, high])), Some(worst)) => [
            format!("{gain:+.3}"),
            format!("{low:+.3} to {high:+.3}"),
            format!("{worst:+.3}"),
            format!("{:.1} %", 100.0 * summary.harmed),
        ],
        _ => ["-"; 4].map(String::from),
    };
    let adapted = format!("{:.0} %", 100.0 * summary.adapted);
    let change = format!("{:.2}", summary.change);
    table.row([name.into(), summary.n.to_string(), gain, interval, worst, harmed, adapted, change]);
}
