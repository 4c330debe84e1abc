//! Trains from a configuration file.
//!
//! `cargo run --release -p udair-train --example train -- CONFIG [--set key=value]... [--runs DIR]
//! [--resume RUN] [--print-config] [--fast-dev-run] [--overfit N]`
//!
//! Ctrl-C saves and returns; `--resume` goes on in a run's folder with the configuration in it.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Device;
use udair_engine::Weights;
use udair_train::batches::{self, Overfit};
use udair_train::config::Config;
use udair_train::run::{COLUMNS, RunFolder};
use udair_train::trainer::{Event, Observer, train};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Default)]
struct Arguments {
    config: Option<PathBuf>,
    overrides: Vec<String>,
    runs: Option<PathBuf>,
    resume: Option<PathBuf>,
    print: bool,
    fast: bool,
    overfit: Option<u64>,
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut parsed = Arguments::default();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--set" => parsed.overrides.push(value()?),
            "--runs" => parsed.runs = Some(value()?.into()),
            "--resume" => parsed.resume = Some(value()?.into()),
            "--overfit" => parsed.overfit = Some(value()?.parse()?),
            "--print-config" => parsed.print = true,
            "--fast-dev-run" => parsed.fast = true,
            _ => parsed.config = Some(word.into()),
        }
    }
    Ok(parsed)
}

/// Prints events; asked to stop by Ctrl-C.
struct Printer(Arc<AtomicBool>);

impl Observer for Printer {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Step(row, left) => {
                let named = COLUMNS.iter().zip(row).map(|(name, value)| format!("{name} {value:.4}"));
                println!("{} left {left:.0} s", named.collect::<Vec<_>>().join(" "));
            }
            Event::Validation(step, found) => {
                println!(
                    "validation after {step}: mean {:.3} dB, identified {:?}, perplexity {:?}, {:?}",
                    found.mean(),
                    found.identified,
                    found.perplexity,
                    found.sources
                );
            }
            other => println!("{other:?}"),
        }
    }

    fn stop(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = arguments()?;
    let file = match &arguments.resume {
        Some(run) => run.join("config.toml"),
        None => arguments.config.clone().ok_or("usage: train CONFIG | --resume RUN")?,
    };
    let mut config = Config::read(&std::fs::read_to_string(&file)?, &arguments.overrides)?;
    if arguments.fast {
        config = config.fast_dev_run();
    }
    let init = match config.init.as_str() {
        "" => None,
        path => Some(Weights::from_bytes(&std::fs::read(path)?)?),
    };
    if arguments.print {
        print!("{}", config.to_toml());
        return Ok(());
    }
    let (mut batches, pairs) = batches::open(&config)?;
    if let Some(count) = arguments.overfit {
        batches = Arc::new(Overfit { batches, count });
    }
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    ctrlc::set_handler(move || asked.store(true, Ordering::Relaxed))?;
    let runs = arguments.runs.unwrap_or_else(|| Path::new("runs").into());
    let mut run = match &arguments.resume {
        Some(run) => RunFolder::open(run)?,
        None => RunFolder::create(&runs, &config)?,
    };
    println!("{}", run.path().display());
    let outcome = train(&config, init, batches, &pairs, &Device::flex(), &mut run, &mut Printer(stop))?;
    println!("{outcome:?}");
    Ok(())
}
