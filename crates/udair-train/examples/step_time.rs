//! One training step of the preset `small` on request, so that a driver can interleave it with other
//! programs: forward, L1 and commitment, backward, `AdamW`, codebooks.
//!
//! `step_time SIZE BATCH [f32|bf16]`: runs two steps on random crops and prints `ready`. Every line on stdin then
//! runs one more and prints the seconds it took; at the end the peak memory in MiB is printed, and on
//! stderr the median seconds of the parts.

use std::error::Error;
use std::io::BufRead;
use std::time::Instant;

use burn::tensor::{Device, Distribution, Tensor};
use udair_engine::Config;
use udair_engine::planar::Arithmetic;
use udair_nn::{Mode, Udair, initial_weights};
use udair_train::optimiser::Optimiser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [size, batch, precision @ ..] = &arguments[..] else {
        return Err("usage: step_time SIZE BATCH [f32|bf16]".into());
    };
    let (size, batch): (usize, usize) = (size.parse()?, batch.parse()?);
    let precision = precision.first().map_or("f32", String::as_str);
    let arithmetic = Arithmetic::named(precision).ok_or("this machine does not have that precision")?;
    let config = Config::small();
    let device = Device::flex().autodiff();
    let mut net = Udair::from_weights(&initial_weights(&config, 1)?, &device).with_arithmetic(arithmetic);
    let mut optimiser = Optimiser::new(config.parameter_count(), Vec::new(), &Device::flex());
    let optim = udair_train::config::Config::default().optim;
    let uniform = Distribution::Uniform(0.0, 1.0);
    let pictures = Tensor::<4>::random([batch, 3, size, size], uniform, &Device::flex());
    let mut step = |number: u64| {
        let start = Instant::now();
        let output = net.forward(pictures.clone(), Mode { dropout: Some(number), ..Mode::EVALUATE });
        let (analysis, _) = output.guided.expect("the preset is guided");
        let loss = (output.picture - pictures.clone()).abs().mean() + analysis.commitment();
        let forward = start.elapsed().as_secs_f64();
        let gradient = net.gradients(loss.backward());
        let backward = start.elapsed().as_secs_f64();
        let moved = optimiser.step(net.flat(), gradient, 1e-4, &optim);
        net = net.clone().with_flat(&moved).update_codebooks(&analysis);
        let all = start.elapsed().as_secs_f64();
        [all, forward, backward - forward, all - backward]
    };
    (0..2).for_each(|number| _ = step(number));
    println!("ready");
    let mut rows = Vec::new();
    for (number, line) in (2..).zip(std::io::stdin().lock().lines()) {
        line?;
        let row = step(number);
        println!("{:.6}", row[0]);
        rows.push(row);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: f64 = peak.and_then(|text| text.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(0.0);
    println!("{:.0}", kib / 1024.0);
    let median = |part: usize| {
        let mut times: Vec<f64> = rows.iter().map(|row| row[part]).collect();
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
    };
    eprintln!("forward {:.4} s, backward {:.4} s, optimiser {:.4} s", median(1), median(2), median(3));
    Ok(())
}
