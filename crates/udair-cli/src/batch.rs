//! A batch: one picture after the other, whatever happens to the one before.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use serde::Serialize;

use crate::exit::Exit;
use crate::inputs::Input;
use crate::interrupt;
use crate::names::{Shown, count};
use crate::problem::Problem;
use crate::progress::{Progress, Watched};
use crate::record::{Record, Status, Summary};

/// How a batch speaks.
pub(crate) struct Voice {
    /// JSON lines on stdout instead of lines for people.
    pub(crate) json: bool,
    /// The lines for people are the data that was asked for, so they go to stdout.
    pub(crate) data: bool,
    /// Name of the weights, for the records.
    pub(crate) model: String,
}

/// A picture that is done.
pub(crate) struct Done {
    pub(crate) record: Record,
    /// What happened, for people.
    pub(crate) line: String,
    /// What the picture lost that nobody asked to drop.
    pub(crate) warnings: Vec<String>,
}

#[derive(Serialize)]
struct Last<'a> {
    summary: &'a Summary,
}

/// Works on every job. An error of one is reported and counted, never passed on; only a broken
/// stdout ends the batch.
pub(crate) fn run<J>(
    jobs: &[J],
    voice: &Voice,
    input: impl Fn(&J) -> &Input,
    work: impl Fn(&J, &Watched<'_>) -> Result<Done, Problem>,
) -> io::Result<Exit> {
    interrupt::listen().map_err(io::Error::other)?;
    let start = Instant::now();
    let progress = Progress::new(jobs.len());
    let mut summary = Summary::default();
    let mut failed = Vec::new();
    for (index, job) in jobs.iter().enumerate() {
        if interrupt::requested() {
            break;
        }
        let watch = progress.picture(index);
        let Input { source, fault, .. } = input(job);
        let result = match fault {
            Some(fault) => Err(fault.clone()),
            // A panic in a decoder is that picture's failure, not the batch's.
            None => catch_unwind(AssertUnwindSafe(|| work(job, &watch)))
                .unwrap_or_else(|_| Err(Problem::new("internal error").hint("please report it"))),
        };
        let record = match result {
            Ok(Done { record, line, warnings }) => {
                let name = Shown(source.path());
                let warn = || warnings.iter().for_each(|what| eprintln!("warning: {name}: {what}"));
                progress.aside(warn);
                if !voice.json {
                    progress.aside(|| say(voice.data, &line))?;
                }
                record
            }
            Err(_) if interrupt::requested() => break,
            Err(problem) => {
                let name = source.path().to_string_lossy().into_owned();
                let message = problem.message.clone();
                progress.aside(|| complain(&Shown(source.path()), &problem));
                failed.push(Shown(source.path()).to_string());
                Record { error: Some(message), ..Record::new(name, &voice.model, Status::Failed) }
            }
        };
        summary.add(record.status);
        if voice.json {
            progress.aside(|| print_json(&record))?;
        }
    }
    progress.finish();
    summary.seconds = start.elapsed().as_secs_f64();
    summary.interrupted = interrupt::requested();
    if voice.json {
        print_json(&Last { summary: &summary })?;
    }
    Ok(conclude(jobs.len(), &summary, &failed))
}

/// Says how a batch of several ended, and what failed.
fn conclude(jobs: usize, summary: &Summary, failed: &[String]) -> Exit {
    if jobs > 1 && summary.files > 0 {
        eprintln!("{}", summary.line());
        for name in failed {
            eprintln!("failed: {name}");
        }
    }
    if summary.interrupted {
        eprintln!("interrupted: {} not started or not finished", count(jobs - summary.files, "picture"));
        Exit::Interrupted
    } else if summary.failed > 0 {
        Exit::SomeFailed
    } else if summary.skipped == summary.files {
        Exit::NothingToDo
    } else {
        Exit::Done
    }
}

fn say(stdout: bool, line: &str) -> io::Result<()> {
    if stdout {
        return writeln!(io::stdout(), "{line}");
    }
    eprintln!("{line}");
    Ok(())
}

fn complain(name: &Shown<'_>, problem: &Problem) {
    eprintln!("error: {name}: {problem}");
    if let Some(hint) = &problem.hint {
        eprintln!("hint: {hint}");
    }
}

fn print_json(value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    let mut stdout = io::stdout().lock();
    stdout.write_all(&line)?;
    stdout.flush()
}
