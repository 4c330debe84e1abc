//! Seconds per sample of a training step of the preset `small`: 64-px crops, batches of 12, forward,
//! backward and optimiser.
//!
//! `cargo run --release -p udair-train --example step_time`

use std::error::Error;
use std::time::Instant;

use burn::tensor::{Device, Distribution, Tensor};
use udair_engine::Config;
use udair_nn::{Mode, Scope, Udair, initial_weights};
use udair_train::adamw::AdamW;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 12;
const SIZE: usize = 64;
const STEPS: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let config = Config::small();
    let device = Device::flex().autodiff();
    let mut net = Udair::from_weights(&initial_weights(&config, 1)?, &device);
    let mut optimiser = AdamW::new(config.parameter_count(), &Device::flex());
    let optim = udair_train::config::Config::default().optim;
    let pictures =
        Tensor::<4>::random([BATCH, 3, SIZE, SIZE], Distribution::Uniform(0.0, 1.0), &Device::flex());
    let mut rows = Vec::new();
    for step in 0..STEPS {
        let start = Instant::now();
        let output = net.forward(pictures.clone(), Mode { dropout: Some(step as u64), ..Mode::EVALUATE });
        let loss = (output.picture - pictures.clone()).abs().mean() + output.analysis.commitment();
        let forward = start.elapsed().as_secs_f64();
        let gradient = net.gradients(loss.backward());
        let backward = start.elapsed().as_secs_f64();
        let moved = optimiser.step(net.flat(Scope::Learned), gradient, 1e-4, &optim);
        net = net.with_flat(Scope::Learned, &moved).update_codebooks(&output.analysis);
        let all = start.elapsed().as_secs_f64();
        rows.push([all, forward, backward - forward, all - backward].map(|s| s / BATCH as f64));
    }
    rows.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let [all, forward, backward, rest] = rows[STEPS / 2];
    println!("{all:.4} s/sample: forward {forward:.4}, backward {backward:.4}, optimiser {rest:.4}");
    Ok(())
}
