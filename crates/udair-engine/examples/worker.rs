//! Runs the network on request, so that a driver can interleave it with other programs.
//!
//! `worker WEIGHTS WIDTH HEIGHT INPUT OUTPUT`: reads INPUT (height * width * 3 little-endian f32),
//! runs once, writes OUTPUT in the same form and prints `ready`. Every line on stdin then runs the
//! network once more and prints the seconds it took; at the end the peak memory in MiB is printed.
//! The simplest complete use of the engine, too.

use std::io::BufRead;
use std::time::Instant;

use udair_engine::{Engine, Silent, Weights};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [weights, width, height, input, output] = arguments.as_slice() else {
        return Err("usage: worker WEIGHTS WIDTH HEIGHT INPUT OUTPUT".into());
    };
    let (width, height) = (width.parse()?, height.parse()?);
    let engine = Engine::new(&Weights::from_bytes(&std::fs::read(weights)?)?)?;
    let bytes = std::fs::read(input)?;
    let rgb: Vec<f32> = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    let run = || -> Result<Vec<f32>, Failure> {
        let conditions = engine.conditions(&rgb, width, height, &Silent)?;
        Ok(engine.restore(rgb.clone(), width, height, conditions, &Silent)?)
    };
    let restored: Vec<u8> = run()?.iter().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(output, restored)?;
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        line?;
        let start = Instant::now();
        run()?;
        println!("{:.6}", start.elapsed().as_secs_f64());
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: f64 = peak.and_then(|text| text.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(0.0);
    println!("{:.0}", kib / 1024.0);
    Ok(())
}
