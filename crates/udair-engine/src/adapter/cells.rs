//! The cells of a condition that the steps look at: four windows, or the whole map.

use crate::kernels::{Buffer, LANES};
use crate::{EngineError, Map};

/// Sides of a window in cells of D4, D3 and D2: 64 pixels of the first two. Of D2, which has a quarter of
/// the channels of D4 at sixteen times the cells, a quarter of that area tells its moments as well.
const SIDES: [usize; 3] = [8, 16, 16];

/// `count` pieces of a map, one behind the other, all of the same size.
#[derive(Debug)]
pub(crate) struct Cells {
    pub(crate) channels: usize,
    pub(crate) count: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// The values, and [`LANES`] more behind them that products may read.
    data: Buffer,
}

impl Cells {
    fn zeros(channels: usize, [count, height, width]: [usize; 3]) -> Result<Self, EngineError> {
        let data = Buffer::zeros(count * height * width * channels + LANES)?;
        Ok(Self { channels, count, height, width, data })
    }

    /// All cells of a map.
    pub(crate) fn whole(map: &Map) -> Result<Self, EngineError> {
        let mut cells = Self::zeros(map.channels, [1, map.height, map.width])?;
        cells.values_mut().copy_from_slice(&map.data);
        Ok(cells)
    }

    /// The windows of D4, D3 or D2 (level 0, 1, 2): both ends of each axis, so that a picture and its
    /// repetition show the same cells.
    pub(crate) fn windows(map: &Map, level: usize) -> Result<Self, EngineError> {
        let side = |length: usize| length.min(SIDES[level]);
        let starts = |length: usize| (0..=length - side(length)).step_by((length - side(length)).max(1));
        let (height, width) = (side(map.height), side(map.width));
        let (rows, columns): (Vec<_>, Vec<_>) = (starts(map.height).collect(), starts(map.width).collect());
        let mut cells = Self::zeros(map.channels, [rows.len() * columns.len(), height, width])?;
        let len = width * map.channels;
        let places = rows.iter().flat_map(|y| columns.iter().map(move |x| (y, x)));
        let lines = places.flat_map(|(y, x)| (*y..y + height).map(move |y| (y, x)));
        for (line, (y, x)) in cells.values_mut().chunks_exact_mut(len).zip(lines) {
            line.copy_from_slice(&map.row(y)[x * map.channels..][..len]);
        }
        Ok(cells)
    }

    /// Average-pooled to `size`: cell i of n averages positions floor(i l / n) to ceil((i + 1) l / n)
    /// of l.
    pub(crate) fn pooled(map: &Map, size: (usize, usize)) -> Result<Self, EngineError> {
        let cells = Self::whole(map)?;
        let mut pooled = Self::zeros(map.channels, [1, size.0, size.1])?;
        cells.pool(&mut pooled);
        Ok(pooled)
    }

    /// Cells in all pieces together.
    pub(crate) fn len(&self) -> usize {
        self.count * self.height * self.width
    }

    pub(crate) fn values(&self) -> &[f32] {
        &self.data[..self.len() * self.channels]
    }

    pub(crate) fn values_mut(&mut self) -> &mut [f32] {
        let len = self.len() * self.channels;
        &mut self.data[..len]
    }

    /// Values in a piece.
    pub(crate) fn piece(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// The values with those behind them.
    pub(crate) fn padded(&self) -> &[f32] {
        &self.data
    }

    /// Zeros in the same places, of other channels.
    pub(crate) fn like(&self, channels: usize) -> Result<Self, EngineError> {
        Self::zeros(channels, [self.count, self.height, self.width])
    }

    /// Zeros of one piece of another size.
    pub(crate) fn resized(&self, (height, width): (usize, usize)) -> Result<Self, EngineError> {
        Self::zeros(self.channels, [1, height, width])
    }

    /// Averages into the cells of `to`.
    pub(crate) fn pool(&self, to: &mut Self) {
        let (size, pooled) = ((self.height, self.width), (to.height, to.width));
        shares(size, pooled, self.channels, |from, at, share| {
            let to = &mut to.data[at..at + self.channels];
            to.iter_mut().zip(&self.data[from..]).for_each(|(to, v)| *to += share * v);
        });
    }

    /// The gradient of [`pool`](Self::pool): the cells of `pooled` spread over these, which are zero.
    pub(crate) fn unpool(&mut self, pooled: &Self) {
        let (size, channels) = ((self.height, self.width), self.channels);
        let data = &mut self.data;
        shares(size, (pooled.height, pooled.width), channels, |at, from, share| {
            let to = &mut data[at..at + channels];
            to.iter_mut().zip(&pooled.data[from..]).for_each(|(to, v)| *to += share * v);
        });
    }
}

/// Calls `share(cell, pooled cell, weight)` for every pair that average pooling from one size to
/// another connects; cells are given by where their values start.
fn shares(
    (height, width): (usize, usize),
    pooled: (usize, usize),
    channels: usize,
    mut share: impl FnMut(usize, usize, f32),
) {
    let window = |i: usize, cells: usize, n: usize| i * n / cells..((i + 1) * n).div_ceil(cells);
    for (y, x) in (0..pooled.0).flat_map(|y| (0..pooled.1).map(move |x| (y, x))) {
        let (rows, columns) = (window(y, pooled.0, height), window(x, pooled.1, width));
        let weight = 1.0 / (rows.len() * columns.len()) as f32;
        for (row, column) in rows.flat_map(|row| columns.clone().map(move |column| (row, column))) {
            share((row * width + column) * channels, (y * pooled.1 + x) * channels, weight);
        }
    }
}
