//! A rectangle of a plane whose statistics are taken, with neighbours that wrap around inside it.

use std::ops::Range;

use crate::nss::Moments;
use crate::plane::Plane;
use crate::simd::{multiply, sum};

/// A rectangle of a plane.
pub(crate) struct Area<'a> {
    pub(crate) plane: &'a Plane,
    pub(crate) x: usize,
    pub(crate) y: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl<'a> Area<'a> {
    /// All of it.
    pub(crate) fn whole(plane: &'a Plane) -> Self {
        Self { plane, x: 0, y: 0, width: plane.width, height: plane.height }
    }

    fn row(&self, y: usize) -> &'a [f64] {
        &self.plane.row(self.y + y)[self.x..self.x + self.width]
    }

    pub(crate) fn mean(&self) -> f64 {
        let total: f64 = (0..self.height).map(|y| sum(self.row(y))).sum();
        total / (self.width * self.height) as f64
    }

    /// Moments of the values.
    pub(crate) fn moments(&self) -> Moments {
        self.row_moments(0..self.height)
    }

    /// Moments of some rows.
    pub(crate) fn row_moments(&self, rows: Range<usize>) -> Moments {
        let mut sum = Moments::default();
        rows.for_each(|y| sum += Moments::of(self.row(y)));
        sum
    }

    /// Moments of each value times the one `dy` rows above and `dx` columns to the left.
    pub(crate) fn pair_moments(&self, dy: isize, dx: isize) -> Moments {
        self.row_pair_moments(0..self.height, dy, dx)
    }

    /// [`Area::pair_moments`] of some rows.
    pub(crate) fn row_pair_moments(&self, rows: Range<usize>, dy: isize, dx: isize) -> Moments {
        let wrapped = |i: usize, d: isize, n: usize| (i as isize - d).rem_euclid(n as isize) as usize;
        let mut products = vec![0.0; self.width];
        let mut sum = Moments::default();
        for y in rows {
            let (row, other) = (self.row(y), self.row(wrapped(y, dy, self.height)));
            let (before, after) = other.split_at(wrapped(0, dx, self.width));
            let (head, tail) = products.split_at_mut(after.len());
            multiply(row, after, head);
            multiply(&row[after.len()..], before, tail);
            sum += Moments::of(&products);
        }
        sum
    }
}
