//! The network, ready to run: packed weights behind three calls.

use crate::backbone::Backbone;
use crate::daam::Daam;
use crate::grid::Grid;
use crate::kernels::Isa;
use crate::pad::Pad;
use crate::run::{Pool, Run};
use crate::{Config, EngineError, Identification, Identifier, Watch, Weights};

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
    /// or asked for ([`Engine::d2`]): it is the largest of the three.
    pub d2: Option<Map>,
    /// Code numbers of the coarse codebook, one a position at 1/8.
    pub codes_t: Vec<u32>,
    /// Code numbers of the fine codebook, one a position at 1/4.
    pub codes_b: Vec<u32>,
    /// What identification compares: for D4, D3 and D2 the channel means, then `ln(v + 1e-8)` of the
    /// population variances v; 28 C numbers.
    pub feature: Vec<f64>,
}

/// A network with its weights packed for this machine.
///
/// Work runs on the rayon pool that the caller is in; the result has the same bytes for any number
/// of threads.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    identifier: Option<Identifier>,
    daam: Daam,
    backbone: Backbone,
    isa: Isa,
    pool: Pool,
}

impl Engine {
    /// Packs the weights for the fastest instruction set of this machine.
    pub fn new(weights: &Weights) -> Result<Self, EngineError> {
        Self::with_isa(weights, Isa::detect())
    }

    /// Packs the weights for the given instruction set.
    pub fn with_isa(weights: &Weights, isa: Isa) -> Result<Self, EngineError> {
        Ok(Self {
            config: weights.config.clone(),
            identifier: weights.identifier.clone(),
            daam: Daam::load(weights)?,
            backbone: Backbone::load(weights)?,
            isa,
            pool: Pool::default(),
        })
    }

    /// Shape of the network.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The instruction set that the kernels run on.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Runs the degradation analysis. `rgb` holds `height * width * 3` sRGB values in [0, 1].
    pub fn conditions(
        &self,
        rgb: &[f32],
        width: usize,
        height: usize,
        watch: &dyn Watch,
    ) -> Result<Conditions, EngineError> {
        let pad = self.pad(rgb, width, height)?;
        let run = Run::new(self.isa, &self.pool, watch, self.config.analysis_macs(width, height));
        self.daam.conditions(&run, &pad.centred(rgb)?, pad.grid)
    }

    /// Names the degradation; `None` where the weights hold no identification.
    pub fn identify(&self, conditions: &Conditions) -> Option<Identification> {
        self.identifier.as_ref().map(|identifier| identifier.identify(&conditions.feature))
    }

    /// The condition D2 as a map, for those who want to see or change it.
    pub fn d2(&self, conditions: &Conditions, watch: &dyn Watch) -> Result<Map, EngineError> {
        let run = Run::new(self.isa, &self.pool, watch, 1);
        self.daam.enlarger().map(&run, &conditions.d3)
    }

    /// Restores the picture under the given conditions, which must be of a picture of this size.
    /// The result has the shape of `rgb` and is not clipped. Picture and conditions are taken by
    /// value because their memory is given back on the way.
    pub fn restore(
        &self,
        rgb: Vec<f32>,
        width: usize,
        height: usize,
        conditions: Conditions,
        watch: &dyn Watch,
    ) -> Result<Vec<f32>, EngineError> {
        let pad = self.pad(&rgb, width, height)?;
        self.check(&conditions, pad.grid)?;
        let work = self.config.macs(width, height) - self.config.analysis_macs(width, height);
        let run = Run::new(self.isa, &self.pool, watch, work);
        let mut x = pad.centred(&rgb)?;
        drop(rgb);
        self.backbone.restore(&run, &mut x, pad.grid, conditions, self.daam.enlarger())?;
        pad.crop(&x)
    }

    fn pad(&self, rgb: &[f32], width: usize, height: usize) -> Result<Pad, EngineError> {
        let expected = width.saturating_mul(height).saturating_mul(3);
        if rgb.len() != expected || expected == 0 {
            return Err(EngineError::Shape { width, height, expected, got: rgb.len() });
        }
        Ok(Pad::new(self.config.pad, width, height))
    }

    fn check(&self, conditions: &Conditions, grid: Grid) -> Result<(), EngineError> {
        let maps = [(Some(&conditions.d4), 3), (Some(&conditions.d3), 2), (conditions.d2.as_ref(), 1)];
        for (map, level) in maps {
            let Some(map) = map else { continue };
            let size = Grid::new(grid.height >> level, grid.width >> level, self.config.channels(level));
            if map.data.len() != size.len() || map.width != size.width || map.channels != size.channels {
                return Err(EngineError::Conditions { width: grid.width, height: grid.height });
            }
        }
        Ok(())
    }

    /// Bytes of working memory that a picture of this size takes at most, weights not included:
    /// the picture itself, its conditions, the feature maps and the scratch of every thread.
    pub fn memory(&self, width: usize, height: usize) -> usize {
        let grid = Pad::new(self.config.pad, width, height).grid;
        let pixels = grid.height.saturating_mul(grid.width);
        let c = self.config.channels(0);
        // Values a full-size pixel: the areas of full size and of 1/2, which lie in one; beside them
        // at worst the map that leaves 1/2, or the inner areas and conditions; the picture twice.
        let below = (2 * c / 4).max(4 * c / 16 * 2 + 8 * c / 64 * 3 + 4 * c / 16);
        let values = 2 * c + below + 2 * 3;
        let maps = pixels.saturating_mul(values * 4);
        let scratch = rayon::current_num_threads() * (crate::block::STRIP_VALUES * 4 + (4 << 20));
        maps.saturating_add(scratch)
    }
}
