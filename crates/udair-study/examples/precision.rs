//! How far bf16 products and f16 maps are from f32 on a manifest's pictures, and what time they take.
//!
//! ```sh
//! cargo run --release -p udair-study --example precision -- MANIFEST [WEIGHTS]
//! ```

use std::path::Path;
use std::time::Instant;

use udair::{Limits, Picture, Silent, Weights};
use udair_engine::{Engine, Isa, Precision, Storage};
use udair_study::cases;

/// A network that takes a shortcut, and what became of it.
struct Shortcut {
    name: &'static str,
    engine: Engine,
    seconds: f64,
    psnrs: Vec<f64>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let manifest = args.next().ok_or("usage: precision MANIFEST [WEIGHTS]")?;
    let weights = match args.next() {
        Some(path) => Weights::from_bytes(&std::fs::read(path)?)?,
        None => Weights::from_bytes(udair_weights::SMALL)?,
    };
    let exact = Engine::new(&weights)?;
    let shortcut = |name, engine| Shortcut { name, engine, seconds: 0.0, psnrs: Vec::new() };
    let mut shortcuts = vec![shortcut("f16 maps", Engine::new(&weights)?.with_storage(Storage::F16))];
    if let Some(bf16) = Precision::named("bf16") {
        let engine = Engine::with_precision(&weights, Isa::detect(), bf16)?;
        shortcuts.push(shortcut("bf16 products", engine));
    }
    let mut exact_seconds = 0.0;
    for case in cases::manifest(Path::new(&manifest))? {
        let picture = Picture::open(&case.lq, &Limits::default())?;
        let (rgb, width, height) = (picture.srgb()?, picture.width(), picture.height());
        let restore = |engine: &Engine, seconds: &mut f64| -> Result<Vec<f32>, Box<dyn std::error::Error>> {
            let start = Instant::now();
            let conditions = engine.conditions(&rgb, width, height, &Silent)?;
            let result = engine.restore(rgb.clone(), width, height, conditions, &Silent)?;
            *seconds += start.elapsed().as_secs_f64();
            Ok(result)
        };
        let expected = restore(&exact, &mut exact_seconds)?;
        for Shortcut { engine, seconds, psnrs, .. } in &mut shortcuts {
            let got = restore(engine, seconds)?;
            let squares = expected.iter().zip(&got).map(|(a, b)| f64::from(a - b).powi(2));
            psnrs.push(-10.0 * (squares.sum::<f64>() / got.len() as f64).log10());
        }
    }
    for Shortcut { name, seconds, psnrs, .. } in shortcuts {
        let (count, least) = (psnrs.len(), psnrs.iter().copied().fold(f64::INFINITY, f64::min));
        println!(
            "{name}: {count} pictures, mean {:.2} dB, least {least:.2} dB, {:.3} of the time of f32",
            psnrs.iter().sum::<f64>() / count as f64,
            seconds / exact_seconds
        );
    }
    Ok(())
}
