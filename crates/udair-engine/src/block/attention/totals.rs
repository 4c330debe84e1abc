//! The sums of every cell, added up in the order of the rows whatever order the strips are worked
//! on in, so that the result does not depend on how the work is shared.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::cells::Cells;
use crate::EngineError;
use crate::block::SUM_ROWS;
use crate::run::{Lease, Run};

/// Sums of all cells on their way.
pub(super) struct Totals<'a> {
    rows: Vec<Mutex<Row<'a>>>,
    /// Blocks of [`SUM_ROWS`] rows in a full row of cells.
    blocks: usize,
    /// Values of a cell.
    len: usize,
}

/// One row of cells.
struct Row<'a> {
    /// Blocks still to come, from the next one on.
    pending: std::ops::Range<usize>,
    /// The sums so far, and what rounding has taken from them: together as exact as in f64.
    total: Option<[Lease<'a>; 2]>,
    /// Blocks that came before their turn.
    early: BTreeMap<usize, Lease<'a>>,
}

/// The sums of all cells.
pub(super) struct Sums<'a> {
    rows: Vec<Lease<'a>>,
    len: usize,
}

impl<'a> Totals<'a> {
    /// For a map of `height` rows, with `len` values a cell.
    pub(super) fn new(cells: Cells, height: usize, len: usize) -> Self {
        let (all, blocks) = (height.div_ceil(SUM_ROWS), cells.height.div_ceil(SUM_ROWS));
        let row = |row: usize| {
            let pending = row * blocks..all.min((row + 1) * blocks);
            Mutex::new(Row { pending, total: None, early: BTreeMap::new() })
        };
        Self { rows: (0..cells.rows).map(row).collect(), blocks, len }
    }

    /// Adds the sums of block `number`: the cells of its row, one behind the other.
    pub(super) fn add(&self, run: &Run<'a>, number: usize, sums: &[f32]) -> Result<(), EngineError> {
        let mut row = self.rows[number / self.blocks].lock().unwrap_or_else(PoisonError::into_inner);
        let row = &mut *row;
        if number != row.pending.start {
            row.early.insert(number, run.copy(sums)?);
            return Ok(());
        }
        row.take(run, sums)?;
        while let Some(sums) = row.early.remove(&row.pending.start) {
            row.take(run, &sums)?;
        }
        Ok(())
    }

    /// All of them, once every block is added.
    pub(super) fn finish(self) -> Sums<'a> {
        let rows = self.rows.into_iter().map(|row| row.into_inner().unwrap_or_else(PoisonError::into_inner));
        let rows = rows.map(|row| {
            let [mut total, lost] = row.total.expect("every row of cells has a block");
            total.iter_mut().zip(&*lost).for_each(|(total, lost)| *total += lost);
            total
        });
        Sums { rows: rows.collect(), len: self.len }
    }
}

impl<'a> Row<'a> {
    fn take(&mut self, run: &Run<'a>, sums: &[f32]) -> Result<(), EngineError> {
        self.pending.start += 1;
        let Some([total, lost]) = &mut self.total else {
            let mut lost = run.map(sums.len())?;
            lost.fill(0.0);
            self.total = Some([run.copy(sums)?, lost]);
            return Ok(());
        };
        for ((total, lost), &new) in total.iter_mut().zip(&mut **lost).zip(sums) {
            // Knuth's exact sum of two: what is added, and what its rounding leaves.
            let sum = *total + new;
            let added = sum - *total;
            *lost += (*total - (sum - added)) + (new - added);
            *total = sum;
        }
        Ok(())
    }
}

impl Sums<'_> {
    /// The sums of cell `number`, counted row by row.
    pub(super) fn cell(&self, number: usize) -> &[f32] {
        let columns = self.rows[0].len() / self.len;
        &self.rows[number / columns][number % columns * self.len..][..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Silent;
    use crate::kernels::Isa;
    use crate::run::Pool;

    #[test]
    fn the_order_of_arrival_changes_no_bit() {
        // Two rows of cells, the second one cut short: blocks 0..4 and 4..7.
        let cells = Cells { rows: 2, columns: 1, height: 4 * SUM_ROWS, width: 8 };
        let sums = |number: usize| [1.0 / (number + 1) as f32, 1e7 * (number as f32 - 2.5)];
        let total = |order: [usize; 7]| -> Vec<f32> {
            let pool = Pool::default();
            let run = Run::new(Isa::detect(), 0, &pool, &Silent, 1);
            let totals = Totals::new(cells, 7 * SUM_ROWS - 3, 2);
            order.into_iter().for_each(|number| totals.add(&run, number, &sums(number)).unwrap());
            let sums = totals.finish();
            [sums.cell(0), sums.cell(1)].concat()
        };
        let expected = total([0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(expected.len(), 4);
        assert_eq!(total([6, 3, 5, 0, 2, 4, 1]), expected);
        let harmonic = 1.0 + 1.0 / 2.0 + 1.0 / 3.0 + 1.0 / 4.0;
        assert!((expected[0] - harmonic).abs() < 1e-6, "{expected:?}");
    }

    #[test]
    fn sums_are_as_exact_as_in_f64() {
        let cells = Cells { rows: 1, columns: 1, height: 10_000 * SUM_ROWS, width: 8 };
        let value = |number: usize| [1.0 / (number as f32 + 3.7), 1e4 + (number % 7) as f32 * 0.3];
        let pool = Pool::default();
        let run = Run::new(Isa::detect(), 0, &pool, &Silent, 1);
        let totals = Totals::new(cells, cells.height, 2);
        let mut exact = [0.0_f64; 2];
        for number in 0..10_000 {
            totals.add(&run, number, &value(number)).unwrap();
            exact.iter_mut().zip(value(number)).for_each(|(sum, value)| *sum += f64::from(value));
        }
        assert_eq!(totals.finish().cell(0), exact.map(|sum| sum as f32));
    }
}
