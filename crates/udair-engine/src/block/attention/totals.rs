//! The sums of every cell, added up in the order of the rows whatever order the strips are worked
//! on in, so that the result does not depend on how the work is shared.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::cells::Cells;
use crate::block::SUM_ROWS;

/// Sums of all cells on their way.
pub(super) struct Totals {
    rows: Vec<Mutex<Row>>,
    /// Blocks of [`SUM_ROWS`] rows in a full row of cells.
    blocks: usize,
}

/// One row of cells.
#[derive(Default)]
struct Row {
    /// Blocks still to come, from the next one on.
    pending: std::ops::Range<usize>,
    total: Vec<f64>,
    /// Blocks that came before their turn.
    early: BTreeMap<usize, Vec<f32>>,
    /// `total` once it is complete: a large picture has many cells.
    done: Vec<f32>,
}

impl Totals {
    /// For a map of `height` rows.
    pub(super) fn new(cells: Cells, height: usize) -> Self {
        let (all, blocks) = (height.div_ceil(SUM_ROWS), cells.height.div_ceil(SUM_ROWS));
        let row = |row: usize| {
            let pending = row * blocks..all.min((row + 1) * blocks);
            Mutex::new(Row { pending, ..Row::default() })
        };
        Self { rows: (0..cells.rows).map(row).collect(), blocks }
    }

    /// Adds the sums of block `number`: the cells of its row, one behind the other.
    pub(super) fn add(&self, number: usize, sums: &[f32]) {
        let mut row = self.rows[number / self.blocks].lock().unwrap_or_else(PoisonError::into_inner);
        let row = &mut *row;
        if number != row.pending.start {
            row.early.insert(number, sums.to_vec());
            return;
        }
        row.take(sums);
        while let Some(sums) = row.early.remove(&row.pending.start) {
            row.take(&sums);
        }
    }

    /// All cells, row by row.
    pub(super) fn finish(self) -> Vec<f32> {
        let rows = self.rows.into_iter();
        rows.flat_map(|row| row.into_inner().unwrap_or_else(PoisonError::into_inner).done).collect()
    }
}

impl Row {
    fn take(&mut self, sums: &[f32]) {
        self.total.resize(sums.len(), 0.0);
        self.total.iter_mut().zip(sums).for_each(|(total, &sum)| *total += f64::from(sum));
        self.pending.start += 1;
        if self.pending.is_empty() {
            self.done = std::mem::take(&mut self.total).into_iter().map(|sum| sum as f32).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_arrival_changes_no_bit() {
        // Two rows of cells, the second one cut short: blocks 0..4 and 4..7.
        let cells = Cells { rows: 2, columns: 1, height: 4 * SUM_ROWS, width: 8 };
        let sums = |number: usize| [1.0 / (number + 1) as f32, 1e7 * (number as f32 - 2.5)];
        let run = |order: [usize; 7]| {
            let totals = Totals::new(cells, 7 * SUM_ROWS - 3);
            order.into_iter().for_each(|number| totals.add(number, &sums(number)));
            totals.finish()
        };
        let expected = run([0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(expected.len(), 4);
        assert_eq!(run([6, 3, 5, 0, 2, 4, 1]), expected);
        let harmonic = 1.0 + 1.0 / 2.0 + 1.0 / 3.0 + 1.0 / 4.0;
        assert!((expected[0] - harmonic).abs() < 1e-6, "{expected:?}");
    }
}
