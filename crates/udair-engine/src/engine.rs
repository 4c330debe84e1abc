//! The network, ready to run: packed weights behind three calls.

use crate::{Config, EngineError, Identification, Watch, Weights};

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

/// What the degradation analysis (DAAM) says about a picture: the maps that guide the decoder.
#[derive(Debug, Clone)]
pub struct Conditions {
    /// D4: 8C channels at 1/8 of the padded size.
    pub d4: Map,
    /// D3 = D: 4C channels at 1/4.
    pub d3: Map,
    /// D2: 2C channels at 1/2.
    pub d2: Map,
    /// Code numbers of the coarse codebook, one a position at 1/8.
    pub codes_t: Vec<u32>,
    /// Code numbers of the fine codebook, one a position at 1/4.
    pub codes_b: Vec<u32>,
}

/// A network with its weights packed for this machine.
#[derive(Debug)]
pub struct Engine {
    weights: Weights,
}

impl Engine {
    /// Packs the weights.
    pub fn new(weights: &Weights) -> Result<Self, EngineError> {
        Ok(Self { weights: weights.clone() })
    }

    /// Shape of the network.
    pub fn config(&self) -> &Config {
        &self.weights.config
    }

    /// Runs the degradation analysis. `rgb` holds `height * width * 3` sRGB values in [0, 1].
    pub fn conditions(
        &self,
        _rgb: &[f32],
        _width: usize,
        _height: usize,
        _watch: &dyn Watch,
    ) -> Result<Conditions, EngineError> {
        unimplemented!()
    }

    /// Names the degradation; `None` where the weights hold no identification.
    pub fn identify(&self, conditions: &Conditions) -> Option<Identification> {
        self.weights.identifier.as_ref().map(|i| i.identify(&crate::identify::feature(conditions)))
    }

    /// Restores the picture under the given conditions. The result is not clipped.
    pub fn restore(
        &self,
        _rgb: &[f32],
        _width: usize,
        _height: usize,
        _conditions: &Conditions,
        _watch: &dyn Watch,
    ) -> Result<Vec<f32>, EngineError> {
        unimplemented!()
    }

    /// Bytes of working memory that a picture of this size takes at most, weights not included.
    pub fn memory(&self, _width: usize, _height: usize) -> usize {
        unimplemented!()
    }
}
