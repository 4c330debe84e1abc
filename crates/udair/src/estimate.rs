//! How long a picture will take, before it is started.

use std::sync::OnceLock;
use std::time::Instant;

use udair_engine::Silent;

use crate::{Network, RestoreError};

/// Pixels a side of the picture that is timed.
const SIDE: usize = 128;

/// Seconds a pixel, once they have been measured.
#[derive(Debug, Default)]
pub(crate) struct Estimate(OnceLock<f64>);

impl Estimate {
    /// Seconds for `width` x `height` pixels. The first call restores a small picture of noise; the
    /// time of a picture is proportional to its pixels.
    pub(crate) fn seconds(
        &self,
        network: &dyn Network,
        width: usize,
        height: usize,
    ) -> Result<f64, RestoreError> {
        let measured = match self.0.get() {
            Some(&measured) => measured,
            None => *self.0.get_or_init({
                let measured = measure(network)?;
                move || measured
            }),
        };
        Ok(measured * width as f64 * height as f64)
    }
}

fn measure(network: &dyn Network) -> Result<f64, RestoreError> {
    let mut best = f64::INFINITY;
    // The first run also gets the machine's memory and clock going.
    for _ in 0..2 {
        let rgb: Vec<f32> = (0..SIDE * SIDE * 3).map(|i| (i * 7919 % 256) as f32 / 255.0).collect();
        let start = Instant::now();
        let conditions = network.conditions(&rgb, SIDE, SIDE, &Silent)?;
        network.restore(rgb, SIDE, SIDE, conditions, &Silent)?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best / (SIDE * SIDE) as f64)
}
