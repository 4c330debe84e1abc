//! Cost of every metric for a picture of one megapixel: beside the Python programs that are usual for
//! it, and beside the time that it takes to read the pixels from memory once.
//!
//! `cargo bench -p udair-metrics --bench speed [-- WORD]` measures the metrics whose name holds WORD, or
//! all. With `UDAIR_PEERS_PYTHON=$(benches/peers/metrics/setup.sh)` in the environment the Python peers
//! run too, turn by turn with ours on the same pixels, and their values are compared. The output is a
//! table in Markdown.

mod peer;

use std::time::Instant;

use peer::Peer;
use rayon::prelude::*;
use udair_metrics::{FadeFit, FadeModel, Metric, Parameters, Rgb8};

const SIDE: usize = 1024;
const MEGAPIXELS: f64 = (SIDE * SIDE) as f64 / 1e6;
/// Turns; the median counts.
const TURNS: usize = 7;

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
        "\n| metric | ms/MP, {threads} threads | 1 thread | Python | times | value | Python's | floor, ms/MP | times |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for metric in Metric::all().filter(|metric| metric.to_string().contains(&word)) {
        let score = || metric.score(&image_view, Some(&reference_view), &parameters).value;
        let value = score()?;
        let (mut all, mut one, mut python) = (Vec::new(), Vec::new(), Vec::new());
        for _turn in 0..TURNS {
            all.push(seconds(score));
            one.push(single.install(|| seconds(score)));
            python.extend(peer.as_mut().map(|peer| peer.run(&metric)).transpose()?.flatten());
        }
        let [all, one] = [all, one].map(median);
        let bytes = SIDE * SIDE * 3 * if metric.needs_reference() { 2 } else { 1 };
        let floor = bytes as f64 / bandwidth;
        let ms = |seconds: f64| 1e3 * seconds / MEGAPIXELS;
        let (time, times, peers) = match python.first() {
            Some(&(peers, _)) => {
                let time = median(python.iter().map(|&(_, seconds)| seconds).collect());
                (format!("{:.1}", ms(time)), format!("{:.0}", time / all), format!("{peers:.6}"))
            }
            None => ("-".into(), "-".into(), "-".into()),
        };
        println!(
            "| {metric} | {:.2} | {:.2} | {time} | {times} | {value:.6} | {peers} | {:.3} | {:.0} |",
            ms(all),
            ms(one),
            ms(floor),
            all / floor,
        );
    }
    Ok(())
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

fn seconds<T>(work: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    std::hint::black_box(work());
    start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Bytes a second that all threads together read from memory.
fn bandwidth() -> f64 {
    let words = vec![1_u64; 1 << 25];
    let read = || seconds(|| words.par_chunks(1 << 16).map(|part| part.iter().sum::<u64>()).sum::<u64>());
    let best = (0..5).map(|_| read()).fold(f64::INFINITY, f64::min);
    (words.len() * 8) as f64 / best
}
