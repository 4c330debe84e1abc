//! `udair bench`: how fast the network runs here, against what the machine can do at best.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Mutex;
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use udair_engine::{Config, Engine, EngineError, Machine, Silent, Tensor, Watch, Weights, parameters};

use crate::args::Compute;
use crate::exit::Exit;
use crate::model;

/// Time the network on this machine
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Size of the picture, in pixels
    #[arg(long, value_name = "WxH", default_value = "512x512", value_parser = size)]
    size: (usize, usize),

    /// Timed runs, of which the median is reported; before more than one, one is not counted
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,

    /// Time a preset with random weights instead of a model: `small` or `base`
    #[arg(long, value_name = "PRESET", value_parser = ["small", "base"])]
    preset: Option<String>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    compute: Compute,
}

/// What was measured. Rates are in units of a second.
#[derive(Debug, Serialize)]
struct Bench {
    model: String,
    width: usize,
    height: usize,
    threads: usize,
    simd: &'static str,
    precision: &'static str,
    storage: &'static str,
    /// Median of the runs.
    seconds: f64,
    gflops: f64,
    gemm_peak_gflops: f64,
    /// Share of the machine's gemm peak.
    share_of_peak: f64,
    bandwidth_gbytes: f64,
    /// Time that moving the maps alone would take, as a share of the run.
    share_of_memory_floor: f64,
    peak_rss_mib: Option<f64>,
    stages: Vec<Stage>,
}

/// One part of the network, from the last run.
#[derive(Debug, Serialize)]
struct Stage {
    name: &'static str,
    seconds: f64,
}

pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<Exit> {
    args.compute.start()?;
    model::on_cpu(&args.compute)?;
    let (engine, model) = match args.preset.as_deref() {
        None => (model::engine(&args.compute)?, args.compute.model.clone()),
        Some(preset) => {
            let config = if preset == "base" { Config::base() } else { Config::small() };
            let engine = model::Machine::of(&args.compute)?.engine(&random(&config)?)?;
            (model::bounded(engine, &args.compute), format!("{preset} (random weights)"))
        }
    };
    let bench = measure(&engine, model, args.size, args.runs)?;
    let text = if args.json { serde_json::to_string(&bench)? + "\n" } else { describe(&bench) };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(Exit::Done)
}

fn measure(
    engine: &Engine,
    model: String,
    (width, height): (usize, usize),
    runs: u32,
) -> anyhow::Result<Bench> {
    engine.memory(width, height)?;
    let once = |watch: &dyn Watch| -> anyhow::Result<f64> {
        // Made anew, so that no copy takes part in the peak of memory.
        let rgb: Vec<f32> = (0..width * height * 3).map(|i| (i * 7919 % 256) as f32 / 255.0).collect();
        let start = Instant::now();
        let conditions = engine.conditions(&rgb, width, height, watch)?;
        engine.restore(rgb, width, height, conditions, watch)?;
        Ok(start.elapsed().as_secs_f64())
    };
    if runs > 1 {
        once(&Silent)?;
    }
    let mut seconds = (1..runs).map(|_| once(&Silent)).collect::<anyhow::Result<Vec<_>>>()?;
    let stages = Stages::default();
    seconds.push(once(&stages)?);
    let stages = stages.finish();
    seconds.sort_by(f64::total_cmp);
    let seconds = seconds[seconds.len() / 2];
    let machine = Machine::measure(engine.isa())?;
    let flops = 2.0 * engine.config().macs(width, height) as f64;
    let traffic = engine.config().traffic(width, height) as f64;
    Ok(Bench {
        model,
        width,
        height,
        threads: rayon::current_num_threads(),
        simd: engine.isa().name(),
        precision: engine.precision().name(),
        storage: engine.storage().name(),
        seconds,
        gflops: flops / seconds / 1e9,
        gemm_peak_gflops: machine.gemm / 1e9,
        share_of_peak: flops / seconds / machine.gemm,
        bandwidth_gbytes: machine.bandwidth / 1e9,
        share_of_memory_floor: traffic / machine.bandwidth / seconds,
        peak_rss_mib: udair_study::peak_rss_mib(),
        stages,
    })
}

fn describe(bench: &Bench) -> String {
    let Bench { width, height, threads, simd, precision, storage, seconds, .. } = bench;
    let mut text = format!(
        "{} at {width}x{height}, {threads} threads, {simd}, {precision}, maps in {storage}: {seconds:.3} s\n\
         {:.1} GFLOP/s, {:.0} % of the {:.1} that an f32 matrix product in cache reaches here\n\
         moving the maps alone would take {:.0} % of the time, at {:.1} GB/s\n",
        bench.model,
        bench.gflops,
        bench.share_of_peak * 100.0,
        bench.gemm_peak_gflops,
        bench.share_of_memory_floor * 100.0,
        bench.bandwidth_gbytes
    );
    if let Some(mib) = bench.peak_rss_mib {
        let _ = writeln!(text, "peak memory {mib:.0} MiB");
    }
    for stage in &bench.stages {
        let _ = writeln!(text, "  {:14} {:.3} s", stage.name, stage.seconds);
    }
    text
}

/// Notes when each part of the network was entered.
#[derive(Debug, Default)]
struct Stages(Mutex<Vec<(&'static str, Instant)>>);

impl Stages {
    fn finish(&self) -> Vec<Stage> {
        let entered = self.lock().clone();
        let ends = entered.iter().skip(1).map(|&(_, at)| at).chain([Instant::now()]);
        let seconds = entered.iter().zip(ends).map(|(&(name, from), to)| (name, (to - from).as_secs_f64()));
        seconds.map(|(name, seconds)| Stage { name, seconds }).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(&'static str, Instant)>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Watch for Stages {
    fn progress(&self, _done: f32) {}

    fn stage(&self, name: &'static str) {
        self.lock().push((name, Instant::now()));
    }

    fn cancelled(&self) -> bool {
        false
    }
}

/// Weights that compute nothing sensible, at a scale that keeps every value finite.
fn random(config: &Config) -> Result<Weights, EngineError> {
    let mut state = 1_u32;
    let mut value = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let tensors = parameters(config).into_iter().map(|parameter| {
        let fan_in: usize = parameter.shape.iter().skip(1).product();
        let scale = 1.0 / (fan_in.max(1) as f32).sqrt();
        let data = (0..parameter.len()).map(|_| scale * value()).collect();
        (parameter.name, Tensor { shape: parameter.shape, data })
    });
    Weights::new(config.clone(), Vec::new(), BTreeMap::new(), tensors.collect(), None)
}

pub(crate) fn size(text: &str) -> Result<(usize, usize), String> {
    let sides = text.split_once(['x', 'X']).map(|(w, h)| (w.parse::<usize>(), h.parse::<usize>()));
    match sides {
        Some((Ok(width), Ok(height))) if (1..=65_535).contains(&width) && (1..=65_535).contains(&height) => {
            Ok((width, height))
        }
        _ => Err("a size is WIDTHxHEIGHT in pixels, such as 512x512".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        assert_eq!(size("640x480"), Ok((640, 480)));
        for text in ["640", "0x5", "640x", "x480", "70000x1", "-1x5"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_small_picture_is_measured() {
        let engine = Engine::new(&random(&Config::small()).unwrap()).unwrap();
        let bench = measure(&engine, "small".into(), (16, 8), 2).unwrap();
        assert!(bench.seconds > 0.0 && bench.share_of_peak < 1.5);
        let names: Vec<_> = bench.stages.iter().map(|stage| stage.name).collect();
        assert_eq!(
            names,
            [
                "analysis",
                "encoder 1",
                "encoder 1/2",
                "encoder 1/4",
                "bottleneck",
                "decoder 1/4",
                "decoder 1/2",
                "decoder 1"
            ]
        );
    }
}
