//! Batches of a configuration as bytes on stdout, for a trainer in another program.
//!
//! `cargo run --release -p udair-train --example stream -- CONFIG.toml THREADS [KEY=VALUE ...] | TRAINER`
//!
//! Each batch: four little-endian u32 (pictures n, side, patterns, pictures a pattern), n bytes that say
//! which pictures have a reference, then the degraded and the clean pictures, `[n, 3, side, side]` RGB in 0
//! to 255. The reader closes the pipe to end it.

use std::error::Error;
use std::io::{self, BufWriter, ErrorKind, Write};

use udair_train::batches;
use udair_train::config::Config;
use udair_train::data::{Batch, Loader};

/// Batches made ahead by each thread.
const AHEAD: usize = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, threads, overrides @ ..] = arguments.as_slice() else {
        return Err("usage: stream CONFIG.toml THREADS [KEY=VALUE ...]".into());
    };
    let config = Config::read(&std::fs::read_to_string(file)?, overrides)?;
    let (batches, _) = batches::open(&config)?;
    let steps = config.steps;
    let batches = Loader::start(threads.parse()?, AHEAD, 0, move |number| {
        let (size, per_pattern) = config.crops(number);
        batches.batch(number, size, per_pattern)
    });
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    for batch in batches.take(steps as usize) {
        match write(&batch?, &mut out) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        }
    }
    Ok(out.flush()?)
}

fn write(batch: &Batch, out: &mut impl Write) -> io::Result<()> {
    for number in [batch.len(), batch.size, batch.patterns, batch.per_pattern] {
        out.write_all(&(number as u32).to_le_bytes())?;
    }
    let referenced: Vec<u8> = batch.referenced.iter().map(|&has| has.into()).collect();
    out.write_all(&referenced)?;
    for pictures in [&batch.degraded, &batch.clean] {
        let bytes: Vec<u8> = pictures.iter().map(|value| (value * 255.0 + 0.5) as u8).collect();
        out.write_all(&bytes)?;
    }
    Ok(())
}
