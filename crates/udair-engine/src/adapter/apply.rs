//! An adapter over a whole map of any size, a strip of rows at a time.

use rayon::prelude::*;

use super::layer::{Layer, Reduce};
use crate::kernels::{Buffer, Isa, gelu};
use crate::{EngineError, Map};

/// Cells whose hidden values a thread holds at once, about.
const STRIP: usize = 1024;

/// The map that the adapter makes of `map` under the gate found in the steps, and its root mean
/// square change relative to the root mean square.
pub(super) fn apply(
    isa: Isa,
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
    let rows = (STRIP / map.width).clamp(1, map.height);
    let strips = data.par_chunks_mut(rows * len).zip(map.data.par_chunks(rows * len)).enumerate();
    let squares = strips.map(|(strip, (out, before))| {
        self::strip(isa, layer, &reduce, map, strip * rows, out, residual)?;
        Ok(squares(out, before))
    });
    let squares: Vec<(f64, f64)> = squares.collect::<Result<_, EngineError>>()?;
    let (change, size) = squares.iter().fold((0.0, 0.0), |sum, s| (sum.0 + s.0, sum.1 + s.1));
    Ok((Map { data, ..*map }, (change / size.max(f64::MIN_POSITIVE)).sqrt()))
}

/// The rows of `out`, which start at row `first`.
fn strip(
    isa: Isa,
    layer: &Layer<'_>,
    reduce: &Reduce,
    map: &Map,
    first: usize,
    out: &mut [f32],
    residual: bool,
) -> Result<(), EngineError> {
    let len = map.width * map.channels;
    let rows = out.len() / len;
    // The rows above and below take part in the depthwise convolution.
    let (above, below) = (first.saturating_sub(1), (first + rows + 1).min(map.height));
    let mut active = Buffer::zeros((below - above) * 2 * len)?;
    layer.expand(&map.data[above * len..], (below - above) * map.width, &mut active);
    gelu(isa, &mut active);
    let zeros = vec![0.0; 2 * len];
    let row = |y: usize| {
        let inside = y.checked_sub(above).and_then(|y| active.get(y * 2 * len..(y + 1) * 2 * len));
        inside.unwrap_or(&zeros)
    };
    let mut mixed = Buffer::zeros(rows * 2 * len)?;
    for (y, mixed) in (first..).zip(mixed.chunks_exact_mut(2 * len)) {
        layer.mix_row([y.checked_sub(1).map_or(&zeros, row), row(y), row(y + 1)], mixed);
    }
    gelu(isa, &mut mixed);
    reduce.apply(&mixed, rows * map.width, out, residual);
    Ok(())
}

/// The sums of squares of what changed and of what was, each in sixteen parts that the compiler makes
/// a vector of.
fn squares(after: &[f32], before: &[f32]) -> (f64, f64) {
    let (mut change, mut size) = ([0.0_f32; 16], [0.0_f32; 16]);
    for (after, before) in after.chunks(16).zip(before.chunks(16)) {
        for (i, (a, b)) in after.iter().zip(before).enumerate() {
            change[i] += (a - b) * (a - b);
            size[i] += b * b;
        }
    }
    let sum = |parts: [f32; 16]| parts.into_iter().map(f64::from).sum();
    (sum(change), sum(size))
}
