//! `udair study prototypes`: codes, conditions and identification, as tables and figures.

use std::cell::Cell;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use udair::{Pattern, Picture};
use udair_image::{EncodeOptions, Format, write_atomic};
use udair_study::{Drawing, Prototypes, cases, prototypes, thinned};

use crate::args::Compute;
use crate::exit::Exit;
use crate::model;
use crate::names::Shown;
use crate::progress::Progress;
use crate::table::{Table, number};

/// Measure what the degradation analysis tells apart
///
/// How much the codes say about the pattern, what another picture's conditions cost, and how pictures
/// are named as they are spoiled more and more.
#[derive(Debug, Args)]
pub(crate) struct PrototypesArgs {
    /// Table of pictures: tab-separated columns task, source, lq, gt
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,

    /// Write the figures into this folder, as SVG and PNG
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Pictures of each source, at most
    #[arg(long, value_name = "N", default_value = "20")]
    per_source: usize,

    /// Side of the squares that are looked at, in pixels
    #[arg(long, value_name = "N", default_value = "256")]
    side: usize,

    #[command(flatten)]
    compute: Compute,
}

pub(crate) fn run(args: &PrototypesArgs) -> anyhow::Result<Exit> {
    args.compute.start()?;
    let engine = model::engine(&args.compute)?;
    let cases = cases::manifest(&args.manifest)?;
    let cases = thinned(&cases, args.per_source);
    let (progress, count) = (Progress::new(cases.len()), Cell::new(0));
    let done = || {
        let _ = progress.picture(count.replace(count.get() + 1));
    };
    let found = prototypes(&engine, &cases, args.side, &done)?;
    progress.finish();
    print(&found)?;
    if let Some(folder) = &args.out {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", Shown(folder)))?;
        found.drawings.iter().try_for_each(|drawing| write(folder, drawing))?;
    }
    Ok(Exit::Done)
}

fn print(found: &Prototypes) -> io::Result<()> {
    let mut table = Table::new(1, &["codebook", "codes in use", "information on the pattern"]);
    for (name, usage) in ["coarse", "fine"].iter().zip(&found.usage) {
        table.row([(*name).into(), number(Some(usage.perplexity), 0), number(Some(usage.information), 3)]);
    }
    writeln!(io::stdout(), "{table}")?;
    let heading = ["conditions of", "n", "the picture", "another of its pattern", "another pattern"];
    let mut table = Table::new(1, &heading);
    for swap in &found.swaps {
        table.row([
            swap.pattern.label().into(),
            swap.n.to_string(),
            format!("{:.2} dB", swap.own),
            format!("{:+.2}", swap.same - swap.own),
            format!("{:+.2}", swap.other - swap.own),
        ]);
    }
    writeln!(io::stdout(), "{table}")?;
    let mut table = Table::new(1, &["good photos with", "n", "named rightly", "probability"]);
    for strength in &found.strengths {
        let probability = number(Some(strength.probability), 2);
        table.row([strength.shift.clone(), strength.n.to_string(), strength.right.to_string(), probability]);
    }
    writeln!(io::stdout(), "{table}")?;
    let mut table = Table::new(1, &["known", "n", "named rightly"]);
    for (i, pattern) in Pattern::SINGLE.iter().enumerate() {
        let (known, right) = (found.confusion.known[i], found.confusion.counts[i][i]);
        table.row([pattern.label().into(), known.to_string(), right.to_string()]);
    }
    write!(io::stdout(), "{table}")
}

fn write(folder: &Path, drawing: &Drawing) -> anyhow::Result<()> {
    let (width, height) = drawing.figure.size();
    let picture = Picture::from_rgb8(width, height, drawing.figure.pixels())?;
    let png = EncodeOptions { format: Some(Format::Png), ..EncodeOptions::default() };
    let files = [("png", picture.encode(&png)?), ("svg", drawing.figure.svg().into_bytes())];
    for (extension, bytes) in files {
        let path = folder.join(drawing.name).with_extension(extension);
        write_atomic(&path, &bytes, true).with_context(|| format!("cannot write {}", Shown(&path)))?;
    }
    Ok(())
}
