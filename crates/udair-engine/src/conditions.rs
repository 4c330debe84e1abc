//! What the degradation analysis says about a picture, as maps.

use crate::EngineError;
use crate::grid::Grid;

/// A feature map: `height` rows of `width` pixels of `channels` interleaved values.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// Channels a pixel.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Pixels a row.
    pub width: usize,
    /// `height * width * channels` values.
    pub data: Vec<f32>,
}

impl Map {
    pub(crate) fn new(grid: Grid, data: Vec<f32>) -> Self {
        Self { channels: grid.channels, height: grid.height, width: grid.width, data }
    }

    /// Row `y`.
    pub fn row(&self, y: usize) -> &[f32] {
        let len = self.width * self.channels;
        &self.data[y * len..][..len]
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "rows that are computed can fail, and this one stands in for them"
    )]
    pub(crate) fn copy_row(&self, y: usize, out: &mut [f32]) -> Result<(), EngineError> {
        out.copy_from_slice(self.row(y));
        Ok(())
    }
}

/// What the degradation analysis (DAAM) says about a picture: the maps that guide the decoder.
#[derive(Debug, Clone)]
pub struct Conditions {
    /// D4: 8C channels at 1/8 of the padded size.
    pub d4: Map,
    /// D3 = D: 4C channels at 1/4.
    pub d3: Map,
    /// D2: 2C channels at 1/2. It follows from D3, so it is left out (`None`) unless it was changed
    /// or asked for ([`crate::Engine::d2`]): it is the largest of the three.
    pub d2: Option<Map>,
    /// Code numbers of the coarse codebook, one a position at 1/8.
    pub codes_t: Vec<u32>,
    /// Code numbers of the fine codebook, one a position at 1/4.
    pub codes_b: Vec<u32>,
    /// What identification compares: for D4, D3 and D2 the channel means, then `ln(v + 1e-8)` of the
    /// population variances v; 28 C numbers.
    pub feature: Vec<f64>,
    /// The same over each of the [`PARTS`](crate::PARTS) of a picture, row after row; empty where the
    /// picture is smaller than 128 pixels a side, so that its parts say little.
    pub parts: Vec<Vec<f64>>,
}
