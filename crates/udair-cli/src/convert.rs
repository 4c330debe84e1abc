//! `udair convert`: checkpoints of the reference implementation become weights files.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use udair_engine::{Imported, import};
use udair_image::write_atomic;

use crate::exit::Exit;
use crate::names::{Shown, count};
use crate::problem::Problem;

/// Turn a checkpoint into a weights file for --model
///
/// Reads PyTorch's .pth and .ckpt and .safetensors, under the tensor names of the reference
/// implementation. A pickle is read as data; nothing in it is executed. Whatever the network does
/// not use is listed.
#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// The checkpoint
    #[arg(value_name = "FILE")]
    checkpoint: PathBuf,

    /// Where to write [default: <stem>.udair.safetensors beside the checkpoint]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Store 16-bit numbers: half the size, about three digits
    #[arg(long)]
    half: bool,

    /// Replace a file that exists
    #[arg(long)]
    overwrite: bool,
}

pub(crate) fn run(args: ConvertArgs) -> anyhow::Result<Exit> {
    let ConvertArgs { checkpoint, output, half, overwrite } = args;
    let output = output.unwrap_or_else(|| checkpoint.with_extension("udair.safetensors"));
    let bytes = std::fs::read(&checkpoint).with_context(|| format!("cannot read {}", Shown(&checkpoint)))?;
    let imported = import(&bytes)
        .map_err(|error| Problem::new(format!("{}: {error}", Shown(&checkpoint))).hint(error.hint()))?;
    write_atomic(&output, &imported.weights.to_bytes(half)?, overwrite)
        .map_err(|error| Problem::from(error).about(&output))?;
    report(&imported, &output);
    Ok(Exit::Done)
}

fn report(imported: &Imported, output: &Path) {
    let Imported { weights, prefixes, dead, unknown, other } = imported;
    let values = count(weights.config.parameter_count(), "parameter");
    eprintln!("{}: width {}, {values}", Shown(output), weights.config.width);
    let lists = [
        ("prefix taken off", prefixes),
        ("not used by the network", dead),
        ("not known, left out", unknown),
        ("not a tensor of the network, left out", other),
    ];
    for (what, names) in lists {
        for name in names {
            eprintln!("{what}: {name}");
        }
    }
    if weights.identifier.is_none() {
        eprintln!("note: checkpoints hold no identification; `udair identify` will say \"none\"");
    }
}
