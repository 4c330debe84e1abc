//! The moments of a map: of all of it, and of its parts.

use std::ops::Range;

use crate::EngineError;
use crate::grid::Grid;
use crate::run::{Run, Scratch};

/// Parts of a map: three by three, each half as wide and half as high, so that neighbours overlap by half.
pub const PARTS: usize = 9;

/// Pictures whose D4 is smaller have no parts: 16 is 128 pixels of the picture.
pub const SMALLEST: usize = 16;

/// Cells along each side, of which a part has two by two.
const CELLS: usize = 4;

/// Rows that are summed up together: a row has several sums, and as many rows as that share them, so that
/// they take little memory.
const BLOCK: usize = 2 * CELLS;

/// Columns (or rows) of part `number` along a side of `length`, `number` from 0 to 2.
pub fn part(number: usize, length: usize) -> Range<usize> {
    number * length / CELLS..(number + 2) * length / CELLS
}

/// What a map shows: channel means, then `ln(v + 1e-8)` of the population variances v.
pub(crate) struct Shown {
    /// Over all positions.
    pub(crate) whole: Vec<f64>,
    /// Over the positions of each part, row after row.
    pub(crate) parts: Vec<Vec<f64>>,
}

/// The moments of a map and of its parts.
///
/// `fetch(y, out, scratch)` supplies row y. Blocks of rows are summed up one by one in f64 and joined in
/// order, so the result does not depend on the threads.
pub(crate) fn moments<F>(run: &Run<'_>, grid: Grid, fetch: F) -> Result<Shown, EngineError>
where
    F: Fn(usize, &mut [f32], &mut Scratch) -> Result<(), EngineError> + Sync,
{
    let c = grid.channels;
    let blocks: Vec<(usize, Range<usize>)> = (0..CELLS)
        .flat_map(|band| {
            let rows = cell(band, grid.height);
            rows.clone().step_by(BLOCK).map(move |y| (band, y..(y + BLOCK).min(rows.end)))
        })
        .collect();
    let sums = run.each_row(blocks.len(), |number, scratch| {
        let mut row = run.map(grid.row())?;
        let mut cells = vec![0.0_f64; CELLS * 2 * c];
        for y in blocks[number].1.clone() {
            fetch(y, &mut row, scratch)?;
            for (number, sums) in cells.chunks_exact_mut(2 * c).enumerate() {
                let columns = cell(number, grid.width);
                let (first, second) = sums.split_at_mut(c);
                for pixel in row[c * columns.start..c * columns.end].chunks_exact(c) {
                    for ((a, b), &x) in first.iter_mut().zip(second.iter_mut()).zip(pixel) {
                        *a += f64::from(x);
                        *b += f64::from(x) * f64::from(x);
                    }
                }
            }
        }
        Ok(cells)
    })?;
    let mut cells = vec![0.0; CELLS * CELLS * 2 * c];
    for ((band, _), sums) in blocks.iter().zip(sums) {
        let own = cells[band * CELLS * 2 * c..].iter_mut();
        own.zip(sums).for_each(|(cell, sum)| *cell += sum);
    }
    let over = |down: Range<usize>, across: Range<usize>, positions: usize| {
        let mut sums = vec![0.0; 2 * c];
        for at in down.flat_map(|y| across.clone().map(move |x| y * CELLS + x)) {
            sums.iter_mut().zip(&cells[at * 2 * c..][..2 * c]).for_each(|(sum, v)| *sum += v);
        }
        finished(sums, positions)
    };
    let parts = (0..PARTS).map(|number| {
        let (y, x) = (number / 3, number % 3);
        over(y..y + 2, x..x + 2, part(y, grid.height).len() * part(x, grid.width).len())
    });
    let parts = parts.collect();
    Ok(Shown { whole: over(0..CELLS, 0..CELLS, grid.width * grid.height), parts })
}

fn cell(number: usize, length: usize) -> Range<usize> {
    number * length / CELLS..(number + 1) * length / CELLS
}

/// Sums and sums of squares over so many positions as means and log variances.
fn finished(mut sums: Vec<f64>, positions: usize) -> Vec<f64> {
    let c = sums.len() / 2;
    sums.iter_mut().for_each(|sum| *sum /= positions.max(1) as f64);
    for i in 0..c {
        let variance = (sums[c + i] - sums[i] * sums[i]).max(0.0);
        sums[c + i] = (variance + 1e-8).ln();
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_a_side_and_overlap_by_half() {
        for length in [8, 9, 11, 64, 101] {
            let parts: Vec<_> = (0..3).map(|number| part(number, length)).collect();
            assert_eq!((parts[0].start, parts[2].end), (0, length));
            assert_eq!(parts[0].end, parts[2].start);
            assert!(parts.iter().all(|part| part.len().abs_diff(length / 2) <= 1), "{parts:?}");
        }
    }
}
