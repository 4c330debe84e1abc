//! Plain tables: words to the left, numbers to the right, two spaces between columns.

use std::fmt::{self, Write};

/// A table; the first row is the heading.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    /// Columns that hold words.
    words: usize,
}

impl Table {
    /// A table whose first `words` columns hold words and the others numbers.
    pub(crate) fn new(words: usize, heading: &[&str]) -> Self {
        Self { rows: vec![heading.iter().map(ToString::to_string).collect()], words }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                if column > 0 {
                    line.push_str("  ");
                }
                if column < self.words {
                    write!(line, "{cell:<width$}")?;
                } else {
                    write!(line, "{cell:>width$}")?;
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A number with this many decimals; `-` where there is none.
pub(crate) fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(1, &["task", "n"]);
        table.row(["dehaze".into(), number(Some(12.345), 2)]);
        table.row(["ü".into(), number(None, 2)]);
        assert_eq!(table.to_string(), "task        n\ndehaze  12.35\nü           -\n");
    }
}
