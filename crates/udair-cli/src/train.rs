//! `udair train`: a configuration becomes weights.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use udair_engine::Weights;
use udair_nn::device;
use udair_train::batches::{self, Overfit};
use udair_train::config::Config;
use udair_train::run::{COLUMNS, RunFolder};
use udair_train::trainer::{Event, Observer, Outcome, train};

use crate::allocator;
use crate::exit::Exit;
use crate::interrupt;
use crate::names::Shown;
use crate::probe;
use crate::problem::Problem;

/// Train a network from a configuration file, or go on with a run
///
/// Writes a run folder with logs, samples, checkpoints and, at the end, weights.safetensors. Ctrl-C
/// saves and returns; --resume goes on, on the CPU to the same bytes.
#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// TOML file laid over the defaults
    #[arg(value_name = "CONFIG", required_unless_present = "resume")]
    config: Option<PathBuf>,

    /// Change a key of the configuration, such as optim.lr=2e-4; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,

    /// Weights to start from: `small` (built in) or a file; the same as --set init=...
    #[arg(long, value_name = "small|FILE")]
    init: Option<String>,

    /// Folder of the run folders
    #[arg(long, value_name = "DIR", default_value = "runs")]
    runs: PathBuf,

    /// Go on in this run folder, from its newest valid checkpoint
    #[arg(long, value_name = "RUN", conflicts_with_all = ["config", "init"])]
    resume: Option<PathBuf>,

    /// Print the complete configuration and the size of its network, and do nothing
    #[arg(long)]
    print_config: bool,

    /// Two steps that touch everything: validation, checkpoint, weights file
    #[arg(long)]
    fast_dev_run: bool,

    /// Train on the first N batches again and again
    #[arg(long, value_name = "N")]
    overfit: Option<u64>,

    /// What computes the steps: the `cpu`, or a device that `udair devices` lists
    #[arg(long, value_name = "cpu|NAME", default_value = device::CPU)]
    device: String,

    /// Threads to compute with [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

pub(crate) fn run(args: TrainArgs) -> anyhow::Result<Exit> {
    allocator::hold();
    if let Some(threads) = args.threads {
        rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build_global()?;
    }
    let file = match (&args.resume, &args.config) {
        (Some(run), _) => run.join("config.toml"),
        (None, Some(file)) => file.clone(),
        (None, None) => return Err(Problem::new("no configuration").hint("see udair train --help").into()),
    };
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", Shown(&file)))?;
    let named = args.init.iter().map(|init| format!("init={init}"));
    let overrides: Vec<String> = args.overrides.iter().cloned().chain(named).collect();
    let mut config = Config::read(&text, &overrides).with_context(|| Shown(&file).to_string())?;
    let init = initial(&config.init)?;
    if args.fast_dev_run {
        config = config.fast_dev_run();
    }
    if args.print_config {
        write!(io::stdout(), "{}\n{}", size(&config.model), config.to_toml())?;
        return Ok(Exit::Done);
    }
    let device = probe::named(&args.device)
        .map_err(|reason| Problem::new(reason).hint("`udair devices` lists what there is"))?;
    config.arithmetic()?;
    let (mut batches, pairs) = batches::open(&config)?;
    if let Some(count) = args.overfit {
        batches = Arc::new(Overfit { batches, count });
    }
    interrupt::listen()?;
    let mut run = match &args.resume {
        Some(run) => RunFolder::open(run)?,
        None => RunFolder::create(&args.runs, &config)?,
    };
    eprintln!("{}", Shown(run.path()));
    match train(&config, init, batches, &pairs, &device, &mut run, &mut Printer)? {
        Outcome::Finished(path) => {
            writeln!(io::stdout(), "{}", Shown(&path))?;
            Ok(Exit::Done)
        }
        Outcome::Stopped(step) => {
            eprintln!("stopped after {step} steps; go on with --resume {}", Shown(run.path()));
            Ok(Exit::Interrupted)
        }
    }
}

/// Parameters and cost of the network, as a comment of the file.
fn size(model: &udair_engine::Config) -> String {
    let giga = |side: usize| model.macs(side, side) as f64 / 1e9;
    let millions = model.parameter_count() as f64 / 1e6;
    format!(
        "# {millions:.2} M parameters, {:.2} GMAC at 256x256, {:.2} GMAC at 512x512",
        giga(256),
        giga(512)
    )
}

/// The weights that a run starts from.
fn initial(name: &str) -> anyhow::Result<Option<Weights>> {
    Ok(match name {
        "" => None,
        "small" => Some(Weights::from_bytes(udair_weights::SMALL)?),
        file => {
            let bytes =
                std::fs::read(file).with_context(|| format!("cannot read {}", Shown(Path::new(file))))?;
            Some(
                Weights::from_bytes(&bytes)
                    .map_err(|error| Problem::new(error.to_string()).about(Path::new(file)))?,
            )
        }
    })
}

/// Prints what happens to stderr; asked to stop by Ctrl-C.
struct Printer;

impl Observer for Printer {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Step(row, left) => {
                let shown =
                    ["step", "lr", "loss", "psnr", "perplexity_t", "perplexity_b", "samples_per_second"];
                let named = COLUMNS.iter().zip(row).filter(|(name, _)| shown.contains(name));
                let named: Vec<String> =
                    named.map(|(name, value)| format!("{name} {}", short(*value))).collect();
                eprintln!("{}, {:.0} min left", named.join(", "), left / 60.0);
            }
            Event::Validation(step, found) => {
                let known = found
                    .identified
                    .map_or(String::new(), |share| format!(", {:.1} % identified", 100.0 * share));
                eprintln!("validation after {step} steps: {:.2} dB{known}", found.mean());
                for ((pattern, source), score) in &found.sources {
                    eprintln!("  {pattern} {source}: {:.2} -> {:.2} dB", score.input, score.output);
                }
            }
            Event::Saved(path) => eprintln!("saved {}", Shown(path)),
            Event::Resumed(step, damaged) => {
                for path in damaged {
                    eprintln!("damaged, passed over: {}", Shown(path));
                }
                eprintln!("going on after {step} steps");
            }
            Event::CodebooksSeeded => eprintln!("codebooks seeded"),
        }
    }

    fn stop(&self) -> bool {
        interrupt::requested()
    }
}

/// Whole numbers as they are, others with four digits.
fn short(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.4}") }
}
