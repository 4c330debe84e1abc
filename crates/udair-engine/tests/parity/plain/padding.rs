//! Padding by reflection, step by step as the words say it.

use udair_engine::{Map, Padding};

use super::ops::{at, build};

const MEAN: [f32; 3] = [0.4488, 0.4371, 0.4040];

/// A picture made divisible, minus the mean.
pub(crate) struct Padded {
    pub(crate) map: Map,
    top: usize,
    left: usize,
    height: usize,
    width: usize,
}

impl Padded {
    pub(crate) fn new(padding: Padding, picture: &Map) -> Self {
        let rows = positions(padding, picture.height);
        let columns = positions(padding, picture.width);
        let map = build([3, rows.len(), columns.len()], |y, x, out| {
            let pixel = at(picture, rows[y] as isize, columns[x] as isize).unwrap();
            (0..3).for_each(|c| out[c] = pixel[c] - MEAN[c]);
        });
        let (top, left) = (padding.split(picture.height).0, padding.split(picture.width).0);
        Self { map, top, left, height: picture.height, width: picture.width }
    }

    /// The picture's part of a padded map, plus the mean.
    pub(crate) fn restored(&self, map: &Map) -> Map {
        build([3, self.height, self.width], |y, x, out| {
            let pixel = at(map, (y + self.top) as isize, (x + self.left) as isize).unwrap();
            (0..3).for_each(|c| out[c] = pixel[c] + MEAN[c]);
        })
    }
}

/// Which positions a padded side shows: mirrored at both ends as often as it takes, the end itself
/// not repeated; a side of one is copied.
fn positions(padding: Padding, length: usize) -> Vec<usize> {
    let (before, after) = padding.split(length);
    let mirrored = |mut position: isize| {
        let last = length as isize - 1;
        while last > 0 && !(0..=last).contains(&position) {
            position = if position < 0 { -position } else { 2 * last - position };
        }
        if last == 0 { 0 } else { position as usize }
    };
    (-(before as isize)..(length + after) as isize).map(mirrored).collect()
}
