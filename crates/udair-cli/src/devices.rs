//! `udair devices`: what can restore here, and whether it restores the same.

use std::io::Write as _;
use std::time::Instant;

use clap::Args;
use udair::{EngineError, Network, Silent};
use udair_engine::Isa;

use crate::args::Compute;
use crate::exit::Exit;
use crate::model;
#[cfg(feature = "train")]
use crate::probe::{self, report};
use crate::table::Table;

/// List the devices that `--device` takes
///
/// Every device is tried with a small computation. A driver that is missing or broken is told, and
/// harms nothing.
#[derive(Debug, Args)]
pub(crate) struct DevicesArgs {
    /// Also restore a made-up picture of this size on each, and compare with the CPU
    #[arg(long, value_name = "WxH", value_parser = crate::bench::size)]
    check: Option<(usize, usize)>,

    /// Try the devices of this back end alone, for the process that started this one
    #[arg(long, value_name = "NAME", hide = true)]
    back_end: Option<String>,

    #[command(flatten)]
    compute: Compute,
}

pub(crate) fn run(args: &DevicesArgs) -> anyhow::Result<Exit> {
    args.compute.start()?;
    let mut failed = false;
    let text = match (&args.back_end, args.check) {
        (Some(name), _) => report(name),
        (None, None) => list(),
        (None, Some(size)) => check(&args.compute, size, &mut failed)?,
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(if failed { Exit::SomeFailed } else { Exit::Done })
}

/// Said where no back end is compiled in.
const ALONE: &str = "This build has no others; the features cuda, vulkan and metal add them.\n";

fn cpu() -> String {
    format!("{}, {} threads", Isa::detect().name(), rayon::current_num_threads())
}

#[cfg(not(feature = "train"))]
fn list() -> String {
    let mut table = Table::new(2, &["device", "state"]);
    table.row(["cpu".into(), cpu()]);
    format!("{table}{ALONE}")
}

#[cfg(not(feature = "train"))]
fn report(_back_end: &str) -> String {
    String::new()
}

#[cfg(feature = "train")]
fn list() -> String {
    let mut table = Table::new(2, &["device", "state"]);
    table.row([udair_nn::device::CPU.into(), cpu()]);
    for (name, state) in probe::devices() {
        table.row([name, state]);
    }
    let more = if udair_nn::device::BACK_ENDS.is_empty() { ALONE } else { "" };
    format!("{table}{more}")
}

/// A picture of smooth colours, edges and noise: `height * width * 3` values.
fn made_up((width, height): (usize, usize)) -> Vec<f32> {
    let value = |at: usize| {
        let (x, y, channel) = (at / 3 % width, at / 3 / width, at % 3);
        let smooth = ((x + 2 * channel * y) as f32 / 90.0).sin() * 0.3 + 0.5;
        let edge = if (x / 40 + y / 56).is_multiple_of(2) { 0.1 } else { -0.1 };
        let noise = ((at * 7919) % 1009) as f32 / 1009.0 - 0.5;
        (smooth + edge + 0.15 * noise).clamp(0.0, 1.0)
    };
    (0..width * height * 3).map(value).collect()
}

/// The picture restored by a network, and the seconds it took.
fn timed(
    network: &dyn Network,
    rgb: &[f32],
    (width, height): (usize, usize),
) -> Result<(Vec<f32>, f64), EngineError> {
    let start = Instant::now();
    let conditions = network.conditions(rgb, width, height, &Silent)?;
    let restored = network.restore(rgb.to_vec(), width, height, conditions, &Silent)?;
    Ok((restored, start.elapsed().as_secs_f64()))
}

#[cfg(not(feature = "train"))]
fn check(compute: &Compute, size: (usize, usize), _failed: &mut bool) -> anyhow::Result<String> {
    let engine = model::engine(compute)?;
    let (_, seconds) = timed(&engine, &made_up(size), size)?;
    Ok(format!("cpu: {seconds:.3} s\n"))
}

#[cfg(feature = "train")]
fn check(compute: &Compute, size: (usize, usize), failed: &mut bool) -> anyhow::Result<String> {
    /// Repetitions, of which the fastest counts.
    const RUNS: usize = 5;
    /// The largest difference that other kernels may make, in units of the full range.
    const TOLERANCE: f32 = 1e-3;

    let engine = model::engine(compute)?.with_attention(udair_engine::Attention::Whole);
    let weights = model::weights(compute)?;
    let rgb = made_up(size);
    let mut fastest = f64::INFINITY;
    let mut expected = Vec::new();
    for _ in 0..RUNS {
        let (restored, seconds) = timed(&engine, &rgb, size)?;
        (expected, fastest) = (restored, fastest.min(seconds));
    }
    let mut table = Table::new(1, &["device", "seconds", "first", "largest difference", ""]);
    table.row(["cpu".into(), format!("{fastest:.4}"), String::new(), String::new(), String::new()]);
    for (name, state) in probe::devices() {
        let ready = if state == probe::READY { Ok(()) } else { Err(state) };
        let tried = ready.and_then(|()| {
            let machine = model::Machine::of(compute).map_err(|problem| problem.to_string())?;
            let engine = machine.engine(&weights).map_err(|error| error.to_string())?;
            let network = crate::device::OnDevice::new(engine, &weights, &name)?;
            let once = || timed(&network, &rgb, size).map_err(|error| error.to_string());
            let (restored, first) = once()?;
            let mut fastest = f64::INFINITY;
            for _ in 0..RUNS {
                fastest = fastest.min(once()?.1);
            }
            let worst = restored.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            Ok((first, fastest, worst))
        });
        table.row(match tried {
            Ok((first, fastest, worst)) => {
                let equal = worst <= TOLERANCE;
                *failed |= !equal;
                let verdict = if equal { "equal" } else { "DIFFERS" };
                [name, format!("{fastest:.4}"), format!("{first:.2}"), format!("{worst:.1e}"), verdict.into()]
            }
            Err(reason) => {
                *failed = true;
                [name, String::new(), String::new(), String::new(), reason]
            }
        });
    }
    Ok(table.to_string())
}
