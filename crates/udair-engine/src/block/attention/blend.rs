//! The matrices of windowed attention, made where and when a strip needs them.

use super::Attention;
use super::cells::{Cells, Span};
use super::totals::Sums;
use crate::EngineError;
use crate::kernels::{Packed, Precision};
use crate::run::{Lease, Run};

/// Columns of cells that are kept: those to the left, at and to the right of a tile.
const KEPT: usize = 3;

/// The matrices of the cells that a strip of rows lies between.
pub(super) struct Blend<'r, 'a> {
    run: &'r Run<'a>,
    attention: &'r Attention,
    sums: &'r Sums<'a>,
    cells: Cells,
    /// The first row of cells, and how many.
    first: usize,
    rows: usize,
    /// Columns of cells by number, each with the matrices of its rows.
    columns: [Option<(usize, Vec<Packed<Lease<'a>>>)>; KEPT],
    /// Left and right matrices, one behind the other, as the last row of pixels needed them.
    mixed: Packed<Lease<'a>>,
}

impl<'r, 'a> Blend<'r, 'a> {
    /// For the `count` rows of pixels from `first` on.
    pub(super) fn new(
        run: &'r Run<'a>,
        attention: &'r Attention,
        sums: &'r Sums<'a>,
        cells: Cells,
        first: usize,
        count: usize,
    ) -> Result<Self, EngineError> {
        let (top, bottom) = (cells.above_and_below(first).0, cells.above_and_below(first + count - 1).1);
        let c = attention.channels;
        let mixed = Packed::empty(2 * c, c, attention.precision, run.map(Packed::len(2 * c, c))?);
        Ok(Self {
            run,
            attention,
            sums,
            cells,
            first: top,
            rows: bottom + 1 - top,
            columns: [None, None, None],
            mixed,
        })
    }

    /// The matrices to the left and the right of a span in row `y` of the map, one behind the other.
    pub(super) fn matrices(&mut self, y: usize, span: Span) -> Result<&Packed<Lease<'a>>, EngineError> {
        let (above, below, share) = self.cells.above_and_below(y);
        for (part, column) in [span.left, span.right].into_iter().enumerate() {
            self.ensure(column)?;
            if let Some((_, matrices)) = &self.columns[column % KEPT] {
                let (above, below) = (&matrices[above - self.first], &matrices[below - self.first]);
                self.mixed.mix(part, above, below, share);
            }
        }
        Ok(&self.mixed)
    }

    fn ensure(&mut self, column: usize) -> Result<(), EngineError> {
        let place = &mut self.columns[column % KEPT];
        if place.as_ref().is_some_and(|(held, _)| *held == column) {
            return Ok(());
        }
        let mut sum = self.run.map(self.attention.sum_len())?;
        let matrices = (self.first..self.first + self.rows).map(|row| {
            sum.fill(0.0);
            for cell in self.cells.window(row, column) {
                sum.iter_mut().zip(self.sums.cell(cell)).for_each(|(sum, cell)| *sum += cell);
            }
            self.attention.matrix(self.run, &sum, Precision::f32())
        });
        *place = Some((column, matrices.collect::<Result<_, _>>()?));
        Ok(())
    }
}
