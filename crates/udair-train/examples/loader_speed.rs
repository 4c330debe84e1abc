//! How many samples a second one loader thread makes, and what a trainer would wait for.
//!
//! `cargo run --release -p udair-train --no-default-features --example loader_speed -- MANIFEST`

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use udair_train::data::{Dataset, Loader, Manifest, Mix};
use udair_train::degrade::Recipe;

const PATTERNS: [&str; 6] = ["denoise", "dehaze", "derain", "lowlight", "underwater", "clean"];
const PER_PATTERN: usize = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: loader_speed MANIFEST")?;
    let manifest = Manifest::read(Path::new(&path))?;
    for (name, mix) in [("default mix", Mix::default()), ("all synthetic", Mix::synthetic_only())] {
        let patterns = PATTERNS.map(String::from);
        let dataset = Dataset::new(&manifest, &patterns, mix, Recipe::default(), 0, 2 << 30)?;
        let dataset = Arc::new(dataset.with_scenes_of(&manifest)?);
        let decode = Instant::now();
        for step in 0..600 {
            dataset.batch(step, 64, PER_PATTERN)?;
        }
        println!("{name}: 600 batches with decoding {:.1} s", decode.elapsed().as_secs_f64());
        for size in [64, 128] {
            let steps = 100;
            let start = Instant::now();
            for step in 0..steps {
                dataset.batch(step, size, PER_PATTERN)?;
            }
            let samples = (steps as usize * PATTERNS.len() * PER_PATTERN) as f64;
            println!("  {size} px, one thread: {:.0} samples/s", samples / start.elapsed().as_secs_f64());

            // A trainer that takes 20 ms a sample, about as fast as the network on two cores.
            let shared = dataset.clone();
            let mut loader = Loader::start(1, 2, 0, move |step| shared.batch(step, size, PER_PATTERN));
            for batch in loader.by_ref().take(10) {
                std::thread::sleep(Duration::from_millis(20) * batch?.len() as u32);
            }
            println!("    waited {:.2} % of the time at 50 samples/s", 100.0 * loader.waited_share());
        }
    }
    Ok(())
}
