//! Where attention gathers its statistics: over the whole map, or in windows that move with the
//! place.
//!
//! Windows are made of square cells. A cell's matrix comes from the sums over the cells around it,
//! and a pixel's from the matrices of the four cells whose centres surround it, weighted by distance:
//! nothing changes abruptly anywhere. A side of at most [`WHOLE`] cells is a single window: pictures
//! of that size come out well as they are.

use crate::grid::Grid;
use crate::run::Run;

/// Side of a cell in full-size pixels.
const CELL: usize = 128;

/// Cells a side of a window.
const WINDOW: usize = 4;

/// Cells of a side that is not yet cut into windows.
const WHOLE: usize = 5;

/// The cells of a map, row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cells {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Size of a cell in pixels of the map, the last of a row or column excepted.
    pub(super) height: usize,
    pub(super) width: usize,
}

/// Pixels of a row that lie between the centres of the same two columns of cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    /// First pixel, and the one behind the last.
    pub(super) from: usize,
    pub(super) to: usize,
    /// The columns to the left and to the right.
    pub(super) left: usize,
    pub(super) right: usize,
}

impl Cells {
    pub(super) fn of(run: &Run<'_>, grid: Grid) -> Self {
        let Some(full_width) = run.windows else {
            return Self { rows: 1, columns: 1, height: grid.height, width: grid.width };
        };
        let side = CELL * grid.width / full_width;
        let along = |length: usize| match length.div_ceil(side) {
            count if count <= WHOLE => (1, length),
            count => (count, side),
        };
        let ((rows, height), (columns, width)) = (along(grid.height), along(grid.width));
        Self { rows, columns, height, width }
    }

    pub(super) fn count(self) -> usize {
        self.rows * self.columns
    }

    /// The cells of the window around cell (`row`, `column`).
    pub(super) fn window(self, row: usize, column: usize) -> impl Iterator<Item = usize> {
        let around = |at: usize, count: usize| {
            let first = at.saturating_sub(WINDOW / 2).min(count.saturating_sub(WINDOW));
            first..(first + WINDOW).min(count)
        };
        let columns = around(column, self.columns);
        around(row, self.rows)
            .flat_map(move |row| columns.clone().map(move |column| row * self.columns + column))
    }

    /// The rows of cells above and below row `y`, and how much of the lower one it takes.
    pub(super) fn above_and_below(self, y: usize) -> (usize, usize, f32) {
        between(y, self.height, self.rows)
    }

    /// How much pixel `x` takes of the right one of its two columns.
    pub(super) fn right_share(self, x: usize) -> f32 {
        between(x, self.width, self.columns).2
    }

    /// The spans of the pixels `from..to`.
    pub(super) fn spans(self, from: usize, to: usize) -> impl Iterator<Item = Span> {
        let mut from = from;
        std::iter::from_fn(move || {
            let (left, right, _) = between(from, self.width, self.columns);
            // Centres lie half a cell behind the edges.
            let next = if self.columns == 1 {
                to
            } else {
                (from + self.width / 2) / self.width * self.width + self.width.div_ceil(2)
            };
            let span = Span { from, to: next.min(to), left, right };
            from = span.to;
            (span.from < span.to).then_some(span)
        })
    }
}

/// The two of `count` cells of `side` pixels whose centres are around pixel `at`, and the share of
/// the second.
fn between(at: usize, side: usize, count: usize) -> (usize, usize, f32) {
    let place = (at as f32 + 0.5) / side as f32 - 0.5;
    let first = (place.max(0.0) as usize).min(count - 1);
    let second = (first + 1).min(count - 1);
    (first, second, (place - first as f32).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELLS: Cells = Cells { rows: 1, columns: 6, height: 100, width: 16 };

    #[test]
    fn shares_move_evenly_between_centres() {
        assert_eq!(between(0, 16, 6), (0, 1, 0.0));
        assert_eq!(between(7, 16, 6), (0, 1, 0.0));
        assert_eq!(between(8, 16, 6), (0, 1, 1.0 / 32.0));
        assert_eq!(between(23, 16, 6), (0, 1, 31.0 / 32.0));
        assert_eq!(between(24, 16, 6), (1, 2, 1.0 / 32.0));
        assert_eq!(between(95, 16, 6), (5, 5, 15.0 / 32.0), "both are the last cell");
        assert_eq!(between(50, 100, 1).1, 0);
    }

    #[test]
    fn spans_cover_every_pixel_once_between_two_centres() {
        for (from, to) in [(0, 96), (0, 16), (16, 32), (8, 24), (5, 6), (80, 91)] {
            let spans: Vec<_> = CELLS.spans(from, to).collect();
            assert_eq!(spans.first().map(|span| span.from), Some(from));
            assert_eq!(spans.last().map(|span| span.to), Some(to));
            assert!(spans.windows(2).all(|pair| pair[0].to == pair[1].from));
            for span in spans {
                for x in span.from..span.to {
                    let (left, right, _) = between(x, CELLS.width, CELLS.columns);
                    assert_eq!((left, right), (span.left, span.right), "{x}");
                }
            }
        }
        let whole = Cells { columns: 1, width: 77, ..CELLS };
        assert_eq!(whole.spans(0, 77).collect::<Vec<_>>(), [Span { from: 0, to: 77, left: 0, right: 0 }]);
    }

    #[test]
    fn windows_stay_inside_and_whole() {
        let columns = |column| CELLS.window(0, column).collect::<Vec<_>>();
        assert_eq!(columns(0), [0, 1, 2, 3]);
        assert_eq!(columns(1), [0, 1, 2, 3]);
        assert_eq!(columns(3), [1, 2, 3, 4]);
        assert_eq!(columns(5), [2, 3, 4, 5]);
        let grid = Cells { rows: 5, ..CELLS };
        assert_eq!(grid.window(4, 0).count(), 16);
        assert_eq!(grid.window(4, 0).next(), Some(6));
    }
}
