//! An adapter over a whole map of any size, a strip of rows at a time.

use rayon::prelude::*;

use super::layer::{Layer, Reduce};
use crate::kernels::gelu;
use crate::run::{Run, Scratch};
use crate::{EngineError, Map};

/// Hidden values of a strip, about: both its maps stay in the cache.
const STRIP: usize = 1 << 16;

/// Bands of rows that are made side by side, each strip after strip.
const BANDS: usize = 8;

/// The map that the adapter makes of `map` under the gate found in the steps, and its root mean
/// square change relative to the root mean square.
pub(super) fn apply(
    run: &Run<'_>,
    layer: &Layer<'_>,
    gate: &[f32],
    map: &Map,
    residual: bool,
) -> Result<(Map, f64), EngineError> {
    let reduce = layer.reduce(gate)?;
    let len = map.width * map.channels;
    let mut data = Vec::new();
    let missing = |_| EngineError::Memory { bytes: map.data.len() * 4 };
    data.try_reserve_exact(map.data.len()).map_err(missing)?;
    if residual {
        data.extend_from_slice(&map.data);
    } else {
        data.resize(map.data.len(), 0.0);
    }
    let rows = map.height.div_ceil(BANDS);
    let bands = data.par_chunks_mut(rows * len).zip(map.data.par_chunks(rows * len)).enumerate();
    let squares = bands.map(|(number, (out, before))| {
        run.with_scratch(|scratch| band(layer, &reduce, map, number * rows, out, residual, scratch))?;
        Ok(squares(out, before))
    });
    let squares: Vec<(f64, f64)> = squares.collect::<Result<_, EngineError>>()?;
    let (change, size) = squares.iter().fold((0.0, 0.0), |sum, s| (sum.0 + s.0, sum.1 + s.1));
    Ok((Map { data, ..*map }, (change / size.max(f64::MIN_POSITIVE)).sqrt()))
}

/// The rows of `out`, which start at row `first`.
fn band(
    layer: &Layer<'_>,
    reduce: &Reduce,
    map: &Map,
    first: usize,
    out: &mut [f32],
    residual: bool,
    scratch: &mut Scratch,
) -> Result<(), EngineError> {
    let len = map.width * map.channels;
    let hidden = 2 * len;
    let most = (STRIP / hidden).max(1);
    // From the row above a strip to the row below it: both take part in the depthwise convolution.
    let [active, mixed] = scratch.pieces([(most + 2) * hidden, most * hidden])?;
    let mut y = first;
    for out in out.chunks_mut(most * len) {
        let rows = out.len() / len;
        // The last two rows of a strip are the first two of the next.
        let known = if y == first { 0 } else { 2 };
        active.copy_within(most * hidden..(most + known) * hidden, 0);
        for (i, active) in active[..(rows + 2) * hidden].chunks_exact_mut(hidden).enumerate().skip(known) {
            match (y + i).checked_sub(1).filter(|&y| y < map.height) {
                Some(y) => layer.expand(&map.data[y * len..], map.width, active),
                None => active.fill(0.0),
            }
        }
        gelu(layer.isa, &mut active[known * hidden..(rows + 2) * hidden]);
        for (rows, mixed) in
            active.windows(3 * hidden).step_by(hidden).zip(mixed.chunks_exact_mut(hidden)).take(rows)
        {
            let (above, rest) = rows.split_at(hidden);
            let (row, below) = rest.split_at(hidden);
            layer.mix_row([above, row, below], mixed);
        }
        let mixed = &mut mixed[..rows * hidden];
        gelu(layer.isa, mixed);
        reduce.apply(mixed, rows * map.width, out, residual);
        y += rows;
    }
    Ok(())
}

/// The sums of squares of what changed and of what was: in f32 over a few thousand values, each in sixteen
/// parts that the compiler makes a vector of, and in f64 beyond.
fn squares(after: &[f32], before: &[f32]) -> (f64, f64) {
    const FEW: usize = 1 << 12;
    let parts = after.chunks(FEW).zip(before.chunks(FEW)).map(|(after, before)| {
        let (mut change, mut size) = ([0.0_f32; 16], [0.0_f32; 16]);
        for (after, before) in after.chunks(16).zip(before.chunks(16)) {
            for (i, (a, b)) in after.iter().zip(before).enumerate() {
                change[i] += (a - b) * (a - b);
                size[i] += b * b;
            }
        }
        [change, size].map(|parts| parts.into_iter().map(f64::from).sum::<f64>())
    });
    parts.fold((0.0, 0.0), |sum, [change, size]| (sum.0 + change, sum.1 + size))
}
