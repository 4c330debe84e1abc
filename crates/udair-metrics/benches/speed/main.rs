//! Cost of every metric for a picture of one megapixel: beside the Python programs that are usual for
//! it, and beside the time that it takes to read the pixels from memory once.
//!
//! `cargo bench -p udair-metrics --bench speed [-- WORD]` measures the metrics whose name holds WORD, or
//! all. With `UDAIR_PEERS_PYTHON=$(benches/peers/metrics/setup.sh)` in the environment the Python peers
//! run too, turn by turn with ours on the same pixels, and their values are compared. The output is a
//! table in Markdown: clock time with all threads, processor time with one.

mod peer;

use std::fs;
use std::time::Instant;

use peer::Peer;
use rayon::prelude::*;
use udair_metrics::{FadeFit, FadeModel, Metric, Parameters, Rgb8};

// As in the command `udair`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SIDE: usize = 1024;
const MEGAPIXELS: f64 = (SIDE * SIDE) as f64 / 1e6;
/// Turns; the best on the clock counts, because other work on the machine only adds.
const TURNS: usize = 15;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let word = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    let (image, reference) = pictures();
    let view = |data| Rgb8::new(SIDE, SIDE, data);
    let (image_view, reference_view) = (view(&image)?, view(&reference)?);
    let parameters = Parameters { fade: Some(fade_parameters(&image_view)?), ..Parameters::default() };
    let mut peer = Peer::start(SIDE, [&image, &reference], parameters.fade.as_ref())?;
    let single = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let threads = rayon::current_num_threads();
    let bandwidth = bandwidth();

    println!("{SIDE} x {SIDE} pixels, {threads} threads, memory reads at {:.1} GB/s", bandwidth / 1e9);
    println!(
        "\n| metric | ms/MP | CPU ms/MP | Python ms/MP | CPU | times | CPU | value | Python's | times the floor |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for metric in Metric::all().filter(|metric| metric.to_string().contains(&word)) {
        let score = || metric.score(&image_view, Some(&reference_view), &parameters).value;
        let value = score()?;
        let (mut all, mut one, mut python) = (Vec::new(), Vec::new(), Vec::new());
        for _turn in 0..TURNS {
            all.push(Cost::of(score).wall);
            one.push(single.install(|| Cost::of(score)).cpu);
            python.extend(peer.as_mut().map(|peer| peer.run(&metric)).transpose()?.flatten());
        }
        let ours = [best(all), mean(&one)];
        let ms = |seconds: f64| 1e3 * seconds / MEGAPIXELS;
        let mut peers = ["-"; 5].map(String::from);
        if let Some(first) = python.first() {
            let theirs = [
                best(python.iter().map(|answer| answer.seconds)),
                mean(&python.iter().map(|answer| answer.cpu_seconds).collect::<Vec<_>>()),
            ];
            let [wall, cpu] = theirs.map(|seconds| format!("{:.1}", ms(seconds)));
            // A metric that takes less than a tick has no measured processor time.
            let times =
                |i: usize| if ours[i] > 0.0 { format!("{:.1}", theirs[i] / ours[i]) } else { "-".into() };
            let [faster, cheaper] = [0, 1].map(times);
            peers = [wall, cpu, faster, cheaper, format!("{:.6}", first.value)];
        }
        let [wall, cpu, faster, cheaper, peer_value] = peers;
        let bytes = SIDE * SIDE * 3 * if metric.needs_reference() { 2 } else { 1 };
        println!(
            "| {metric} | {:.2} | {:.2} | {wall} | {cpu} | {faster} | {cheaper} | {value:.6} | {peer_value} | {:.1} |",
            ms(ours[0]),
            ms(ours[1]),
            ours[0] / (bytes as f64 / bandwidth),
        );
    }
    Ok(())
}

/// What one call takes.
struct Cost {
    /// Seconds on the clock.
    wall: f64,
    /// Seconds of all threads on a processor, which other work on the machine hardly lengthens.
    cpu: f64,
}

impl Cost {
    fn of<T>(work: impl FnOnce() -> T) -> Self {
        let (start, cpu) = (Instant::now(), cpu_seconds());
        std::hint::black_box(work());
        Self { wall: start.elapsed().as_secs_f64(), cpu: cpu_seconds() - cpu }
    }
}

/// Processor time of all threads so far, from Linux's scheduler; NaN on other systems.
fn cpu_seconds() -> f64 {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return f64::NAN };
    let nanoseconds = |task: fs::DirEntry| -> Option<f64> {
        let statistics = fs::read_to_string(task.path().join("schedstat")).ok()?;
        statistics.split_whitespace().next()?.parse().ok()
    };
    tasks.flatten().filter_map(nanoseconds).sum::<f64>() / 1e9
}

/// Integers from a linear congruential generator on two crossing gradients and a chequered board, and
/// the same under a colour cast: nothing has to be read from a file.
fn pictures() -> (Vec<u8>, Vec<u8>) {
    let mut state: u32 = 12345;
    let mut reference = Vec::with_capacity(SIDE * SIDE * 3);
    for (y, x, c) in (0..SIDE).flat_map(|y| (0..SIDE).flat_map(move |x| (0..3).map(move |c| (y, x, c)))) {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 24) as usize & 31;
        let board = if (x / 12 + y / 12) % 2 == 1 { 40 } else { 0 };
        reference.push(((x * (c + 1) * 2 + y * (3 - c)) / 4 + board + noise) as u8);
    }
    let cast = [(0.5, 0.0), (0.9, 10.0), (0.8, 20.0)];
    let image = reference.iter().zip(cast.iter().cycle());
    (image.map(|(&x, (gain, offset))| (f64::from(x) * gain + offset).round() as u8).collect(), reference)
}

/// Any parameters take the same time; these come from the picture itself.
fn fade_parameters(image: &Rgb8) -> Result<FadeModel, Failure> {
    let mut fit = FadeFit::default();
    fit.add_fogfree(image);
    fit.add_foggy(&image.crop(100).ok_or("the picture is larger")?);
    Ok(fit.model("bench")?)
}

fn best(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(f64::INFINITY, f64::min)
}

/// Processor time is counted in ticks, which only a mean makes finer.
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Bytes a second that all threads together read from memory.
fn bandwidth() -> f64 {
    let words = vec![1_u64; 1 << 25];
    let sum = || words.par_chunks(1 << 16).map(|part| part.iter().sum::<u64>()).sum::<u64>();
    (words.len() * 8) as f64 / best((0..5).map(|_| Cost::of(sum).wall))
}
