//! What this machine can do at best, measured: the yardstick of a benchmark.

use std::time::{Duration, Instant};

use rayon::prelude::*;

use crate::EngineError;
use crate::kernels::{Buffer, Epilogue, Isa, Output, Packed, matmul};

/// Peak rates of the current rayon pool.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    /// Operations a second (two a multiply-accumulate) of a matrix product that stays in cache.
    pub gemm: f64,
    /// Bytes a second that all threads together read and write when nothing stays in cache.
    pub bandwidth: f64,
}

impl Machine {
    /// Measures for about half a second.
    pub fn measure(isa: Isa) -> Result<Self, EngineError> {
        Ok(Self { gemm: gemm(isa)?, bandwidth: bandwidth()? })
    }
}

fn gemm(isa: Isa) -> Result<f64, EngineError> {
    const PIXELS: usize = 64;
    const CHANNELS: usize = 128;
    let threads = rayon::current_num_threads();
    let weights = Packed::new(CHANNELS, CHANNELS, |k, n| (k + n) as f32 * 1e-3)?;
    let worker = || -> Result<f64, EngineError> {
        let input = Buffer::zeros(PIXELS * CHANNELS)?;
        let mut out = Buffer::zeros(PIXELS * CHANNELS)?;
        let (start, mut rounds) = (Instant::now(), 0_u32);
        while start.elapsed() < Duration::from_millis(250) {
            for _ in 0..20 {
                let output = Output::interleaved(CHANNELS);
                matmul(isa, &[&input], CHANNELS, PIXELS, &weights, &mut out, output, Epilogue::default());
            }
            rounds += 20;
        }
        std::hint::black_box(&out);
        Ok(f64::from(rounds) * (2 * PIXELS * CHANNELS * CHANNELS) as f64 / start.elapsed().as_secs_f64())
    };
    let rates = (0..threads).into_par_iter().map(|_| worker()).collect::<Result<Vec<_>, _>>()?;
    Ok(rates.iter().sum())
}

fn bandwidth() -> Result<f64, EngineError> {
    const VALUES: usize = 16 << 20;
    let mut map = Buffer::zeros(VALUES)?;
    map.fill(1.0);
    let chunk = VALUES.div_ceil(rayon::current_num_threads());
    let (start, mut rounds) = (Instant::now(), 0_u32);
    while start.elapsed() < Duration::from_millis(250) {
        map.par_chunks_mut(chunk).for_each(|part| part.iter_mut().for_each(|v| *v = *v * 0.5 + 0.5));
        rounds += 1;
    }
    Ok(f64::from(rounds) * (2 * 4 * VALUES) as f64 / start.elapsed().as_secs_f64())
}
