//! The command `udair`: restores photos.
//!
//! Every verb has three layers: typed arguments (clap), a resolved plan, and its execution; each
//! verb is one file. This crate is the only place that prints: data to stdout, messages to stderr.

#![deny(clippy::print_stdout)]

mod adapt;
mod allocator;
mod args;
mod batch;
mod bench;
mod completions;
mod convert;
mod data;
mod degrade;
#[cfg(feature = "train")]
mod device;
mod devices;
mod eval;
mod exit;
mod format;
#[cfg(feature = "train")]
mod gradients;
mod identify;
mod inputs;
mod interrupt;
mod man;
mod memory;
mod metrics;
mod model;
mod names;
mod outputs;
#[cfg(feature = "train")]
mod probe;
mod problem;
mod progress;
mod read;
mod record;
mod restore;
mod study;
mod table;
#[cfg(feature = "train")]
mod train;
#[cfg(feature = "train")]
mod variant;

use std::process::ExitCode;

use crate::args::{Cli, Verb};
use crate::exit::Exit;

fn main() -> ExitCode {
    let cli = match args::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come back as errors of their own kind; a closed pipe is no news here.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() };
        }
    };
    run(cli)
        .unwrap_or_else(|error| {
            problem::print(&error);
            Exit::Usage
        })
        .into()
}

/// An error means that nothing was done; what fails on the way is reported by the verb itself.
fn run(cli: Cli) -> anyhow::Result<Exit> {
    match cli.verb {
        Verb::Restore(args) => restore::run(&args),
        Verb::Identify(args) => identify::run(&args),
        Verb::Eval(args) => eval::run(&args),
        Verb::Metrics(args) => metrics::run(args),
        Verb::Bench(args) => bench::run(&args),
        Verb::Study(args) => study::run(&args),
        Verb::Convert(args) => convert::run(args),
        #[cfg(feature = "train")]
        Verb::Train(args) => train::run(args),
        Verb::Degrade(args) => degrade::run(&args),
        Verb::Data(args) => data::run(args),
        Verb::Devices(args) => devices::run(&args),
        Verb::Completions(args) => completions::run(&args),
        Verb::Man(args) => man::run(&args),
    }
}
