//! `udair study anchors`: learns identification, anchors and their worth from training pictures.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use clap::Args;
use udair::{Options, Pattern, Restorer};
use udair_engine::{Aim, Anchor, Engine, Weights};
use udair_image::write_atomic;
use udair_study::{Case, Gain, averaged_maps, cases, gains, kept_out, learn, thinned, unseen, worth};

use crate::args::Compute;
use crate::exit::Exit;
use crate::model;
use crate::names::Shown;
use crate::progress::Progress;

/// Learn identification and anchors from training pictures
///
/// Writes the weights with `identify.*` and `anchors.*` made anew. A tenth of the pictures is kept out
/// of the fit, for calibration and for trials of adaptation; training leaves out the same with
/// `data.keep_out = true`. Takes minutes; name training pictures only.
#[derive(Debug, Args)]
pub(crate) struct AnchorsArgs {
    /// Table of training pictures: tab-separated columns task, source, lq, gt
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,

    /// The weights file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Pictures of each source to learn from, at most
    #[arg(long, value_name = "N", default_value = "100")]
    per_source: usize,

    /// Pictures of each source to try adaptation on, at most, of those that are kept out
    #[arg(long, value_name = "N", default_value = "12")]
    trials: usize,

    /// Also write the reference's anchors, averages of whole condition maps, into a file of their own
    #[arg(long, value_name = "FILE")]
    maps: Option<PathBuf>,

    #[command(flatten)]
    compute: Compute,
}

/// Side of the squares that adaptation is tried on, in pixels.
const SIDE: usize = 256;

pub(crate) fn run(args: &AnchorsArgs) -> anyhow::Result<Exit> {
    args.compute.start()?;
    let weights = model::weights(&args.compute)?;
    let cases = cases::manifest(&args.manifest)?;
    let others: Vec<Case> = cases.iter().filter(|case| kept_out(case)).cloned().collect();
    let (all, few) = (thinned(&cases, args.per_source), thinned(&others, args.trials));
    let trained_on = weights.trained_on();
    let (_, trained) = unseen(others.clone(), &trained_on)?;
    let progress = Progress::new(all.len() + few.len());
    let count = AtomicUsize::new(0);
    let done = || {
        let _ = progress.picture(count.fetch_add(1, Ordering::Relaxed));
    };
    let learned = learn(&weights, &all, &done)?;
    let untried = |aim: &Aim| Aim { worth: 0.0, ..aim.clone() };
    let aims: Vec<Aim> = learned.aims.iter().map(untried).collect();
    let mut weights = Weights { identifier: Some(learned.identifier), aims: Some(aims), ..weights };
    let restorer = Restorer::with_network(Box::new(Engine::new(&weights)?));
    let gains = gains(&restorer, &few, &Options::default(), SIDE, &done)?;
    progress.finish();

    let (views, right) = learned.kept_out;
    let mut said =
        format!("fitted to {} pictures; {right} of {views} views of others named rightly\n", learned.fitted);
    if trained > 0 {
        let of = others.len();
        let line = format!(
            "of the {of} pictures kept out, {trained} were trained on: what is calibrated flatters\n"
        );
        said.push_str(&line);
    }
    for (aim, name) in weights.aims.iter_mut().flatten().zip(&weights.patterns) {
        let own: Vec<Gain> = gains.iter().filter(|(p, _)| p.id() == name).map(|(_, gain)| *gain).collect();
        let bound = worth(&own);
        aim.worth = bound.map_or(f32::MAX, |bound| bound as f32);
        let mean = |gains: &[Gain]| gains.iter().map(|g| g.gain).sum::<f64>() / gains.len().max(1) as f64;
        let beyond: Vec<Gain> =
            own.iter().filter(|gain| gain.distance >= f64::from(aim.worth)).copied().collect();
        let label = name.parse().map_or("?", Pattern::label);
        let line = match bound {
            Some(bound) => format!(
                "{label}: adaptation is worth it from a distance of {bound:.2}: {} of {} trials, {:+.3} dB\n",
                beyond.len(),
                own.len(),
                mean(&beyond)
            ),
            None => format!(
                "{label}: adaptation is never worth it ({} trials, {:+.3} dB)\n",
                own.len(),
                mean(&own)
            ),
        };
        said.push_str(&line);
    }
    let bytes = weights.to_bytes(true)?;
    write_atomic(&args.output, &bytes, true)
        .with_context(|| format!("cannot write {}", Shown(&args.output)))?;
    if let Some(path) = &args.maps {
        let maps = averaged_maps(&weights, &all)?;
        let bytes = Anchor::to_bytes(&maps, &weights.patterns)?;
        write_atomic(path, &bytes, true).with_context(|| format!("cannot write {}", Shown(path)))?;
    }
    // Last: the file stands even where nobody reads on.
    io::stdout().write_all(said.as_bytes())?;
    Ok(Exit::Done)
}
