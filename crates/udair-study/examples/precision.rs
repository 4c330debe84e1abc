//! How far bf16 is from f32 on a manifest's pictures, and how much faster.
//!
//! ```sh
//! cargo run --release -p udair-study --example precision -- MANIFEST [WEIGHTS]
//! ```

use std::path::Path;
use std::time::Instant;

use udair::{Limits, Picture, Silent, Weights};
use udair_engine::{Engine, Isa, Precision};
use udair_study::cases;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let manifest = args.next().ok_or("usage: precision MANIFEST [WEIGHTS]")?;
    let weights = match args.next() {
        Some(path) => Weights::from_bytes(&std::fs::read(path)?)?,
        None => Weights::from_bytes(udair_weights::SMALL)?,
    };
    let bf16 = Precision::named("bf16").ok_or("this machine has no AVX512-BF16")?;
    let engine = |precision| Engine::with_precision(&weights, Isa::detect(), precision);
    let engines = [engine(Precision::f32())?, engine(bf16)?];
    let (mut worst, mut sum, mut seconds, mut n) = (f64::INFINITY, 0.0, [0.0; 2], 0);
    for case in cases::manifest(Path::new(&manifest))? {
        let picture = Picture::open(&case.lq, &Limits::default())?;
        let (rgb, width, height) = (picture.srgb()?, picture.width(), picture.height());
        let mut results = Vec::new();
        for (engine, seconds) in engines.iter().zip(&mut seconds) {
            let start = Instant::now();
            let conditions = engine.conditions(&rgb, width, height, &Silent)?;
            results.push(engine.restore(rgb.clone(), width, height, conditions, &Silent)?);
            *seconds += start.elapsed().as_secs_f64();
        }
        let squares = results[0].iter().zip(&results[1]).map(|(a, b)| f64::from(a - b).powi(2));
        let psnr = -10.0 * (squares.sum::<f64>() / results[0].len() as f64).log10();
        println!("{psnr:6.2} dB  {}", case.lq.display());
        (worst, sum, n) = (worst.min(psnr), sum + psnr, n + 1);
    }
    println!("{n} pictures: mean {:.2} dB, least {worst:.2} dB", sum / f64::from(n));
    println!("bf16 took {:.3} of the time of f32", seconds[1] / seconds[0]);
    Ok(())
}
