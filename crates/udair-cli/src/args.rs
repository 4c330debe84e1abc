//! The command line. Help, man page and completions are all made from the definitions here and at
//! the head of each verb's file.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, CommandFactory, Parser, Subcommand};
use udair::Options;

use crate::{
    bench, completions, convert, data, degrade, devices, eval, identify, man, memory, metrics, restore, study,
};

const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncode: ",
    env!("CARGO_PKG_LICENSE"),
    "\nweights \"small\": research use only, under the terms of the data sets it was trained on",
);

const AFTER_HELP: &str = "\
Examples:
  udair photo.jpg                      writes photo.restored.jpg beside it
  udair restore photos -o restored     a whole folder; the tree is kept
  udair restore - < in.png > out.png   from stdin to stdout

Exit codes: 0 all done, 1 some files failed, 2 usage or model error (nothing done), 3 nothing to do,
130 interrupted";

/// Restores photos: says what spoiled each one (noise, haze, rain, darkness, water) and undoes it.
///
/// A path instead of a command means `restore`.
#[derive(Debug, Parser)]
#[command(name = "udair", version, long_version = LONG_VERSION, after_help = AFTER_HELP)]
#[command(arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Restore(restore::RestoreArgs),
    Identify(identify::IdentifyArgs),
    Eval(eval::EvalArgs),
    Metrics(metrics::MetricsArgs),
    Bench(bench::BenchArgs),
    Study(study::StudyArgs),
    Convert(convert::ConvertArgs),
    #[cfg(feature = "train")]
    Train(crate::train::TrainArgs),
    Degrade(degrade::DegradeArgs),
    Data(data::DataArgs),
    Devices(devices::DevicesArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// Which results are the network's.
#[derive(Debug, Args)]
pub(crate) struct Results {
    /// Restore pictures that are found clean, too
    #[arg(long)]
    always: bool,

    /// Take the network's result as it is. Otherwise it gets back what the damage leaves of the picture:
    /// brightness, colour, contrast and texture under noise, and what lies between the streaks of light rain. Wide
    /// areas of a dark picture get the tones that a small version of it gets, and a hazy one is undone as its
    /// small version is, which is many times faster, too
    #[arg(long)]
    network_alone: bool,
}

impl Results {
    pub(crate) fn options(&self) -> Options {
        Options { always: self.always, tones: !self.network_alone, ..Options::default() }
    }
}

/// Which weights to use, and what the machine may give.
#[derive(Debug, Args)]
pub(crate) struct Compute {
    /// Weights: `small` (built in) or a weights file
    #[arg(long, value_name = "small|FILE", default_value = "small", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) model: String,

    /// What the network multiplies in: `f32`, or `bf16` where the machine has AVX512-BF16 (faster,
    /// differs slightly)
    #[arg(long, value_name = "f32|bf16", default_value = "f32", value_parser = ["f32", "bf16"])]
    pub(crate) precision: String,

    /// What the network's maps are stored in: `f32`, or `f16` for a third less memory (slower,
    /// differs slightly)
    #[arg(long, value_name = "f32|f16", default_value = "f32", value_parser = ["f32", "f16"])]
    pub(crate) storage: String,

    /// Where attention gathers its statistics on sides longer than 640 pixels: the `whole` picture,
    /// `windows` of 512 pixels that move with the place, or by the pattern that is found: `auto`
    /// takes dark and underwater pictures as a whole
    #[arg(long, value_name = "auto|whole|windows", default_value = "auto", value_parser = ["auto", "whole", "windows"])]
    pub(crate) attention: String,

    /// What restores: the `cpu`, or a device that `udair devices` lists, such as `cuda` (whole pictures,
    /// f32; analysis stays on the CPU)
    #[arg(long, value_name = "cpu|NAME", default_value = "cpu", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) device: String,

    /// Threads to compute with [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,

    /// Memory that the program may take for one picture, such as 4GiB [default: half of what is free]
    #[arg(long, value_name = "SIZE", value_parser = memory::parse)]
    pub(crate) memory: Option<u64>,
}

impl Compute {
    /// Sets the number of threads for the whole process.
    pub(crate) fn start(&self) -> anyhow::Result<()> {
        if let Some(threads) = self.threads {
            rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build_global()?;
        }
        Ok(())
    }
}

/// Pictures to read.
#[derive(Debug, Args)]
pub(crate) struct Pictures {
    /// Pictures, folders, globs, `@LIST` (a file that holds one path a line), or `-` for stdin
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
}

/// Parses the command line; where the first word is neither a verb nor an option, it is a path and
/// `restore` is meant.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    if args.get(1).is_some_and(|first| !is_verb_or_global(first)) {
        args.insert(1, "restore".into());
    }
    Cli::try_parse_from(args)
}

fn is_verb_or_global(word: &OsStr) -> bool {
    let globals = ["-h", "--help", "-V", "--version", "help"];
    word.to_str().is_some_and(|word| {
        globals.contains(&word) || Cli::command().get_subcommands().any(|verb| verb.get_name() == word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verb(args: &[&str]) -> Verb {
        parse(std::iter::once("udair").chain(args.iter().copied()).map(Into::into)).unwrap().verb
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_bare_path_means_restore() {
        for args in [&["photo.jpg"][..], &["--json", "photo.jpg"], &["-"], &["--", "identify"]] {
            assert!(matches!(verb(args), Verb::Restore(_)), "{args:?}");
        }
        assert!(matches!(verb(&["identify", "photo.jpg"]), Verb::Identify(_)));
    }

    #[test]
    fn the_version_names_the_terms_of_the_weights() {
        assert!(LONG_VERSION.contains(udair_weights::SMALL_TERMS));
    }
}
