//! The network, ready to run: packed weights behind three calls.

use half::f16;

use crate::backbone::Backbone;
use crate::conditions::{Conditions, Map};
use crate::daam::Daam;
use crate::grid::Grid;
use crate::kernels::{Isa, Precision};
use crate::pad::Pad;
use crate::plan::Plan;
use crate::run::{Pool, Run};
use crate::samples::Samples;
use crate::source::Source;
use crate::storage::Storage;
use crate::{Adapters, Aim, Config, EngineError, Identification, Identifier, Watch, Weights};

/// Bytes of maps that are kept for the next picture of the same size, within the budget.
const KEPT: usize = 256 << 20;

/// Where channel attention gathers its statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Attention {
    /// Over the whole picture, as the paper does.
    #[default]
    Whole,
    /// In windows of 512 pixels that move with the place, on sides longer than 640: nearer to the
    /// crops that networks are trained on. No seam: the matrices change linearly from pixel to pixel.
    Windows,
    /// In windows, but over the whole picture where identification finds it dark or taken under
    /// water: by how much to brighten, and what is white, can only be told from all of it.
    ByPattern,
}

/// Patterns whose pictures [`Attention::ByPattern`] takes as a whole.
const OF_THE_WHOLE: [&str; 2] = ["lowlight", "underwater"];

/// A network with its weights packed for this machine.
///
/// Work runs on the rayon pool that the caller is in; the result has the same bytes for any number
/// of threads.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    identifier: Option<Identifier>,
    patterns: Vec<String>,
    aims: Vec<Aim>,
    adapters: Adapters,
    daam: Daam,
    backbone: Backbone,
    isa: Isa,
    precision: Precision,
    budget: usize,
    attention: Attention,
    storage: Storage,
    pool: Pool,
}

impl Engine {
    /// Packs the weights for the fastest instruction set of this machine.
    pub fn new(weights: &Weights) -> Result<Self, EngineError> {
        Self::with_isa(weights, Isa::detect())
    }

    /// Packs the weights for the given instruction set.
    pub fn with_isa(weights: &Weights, isa: Isa) -> Result<Self, EngineError> {
        Self::with_precision(weights, isa, Precision::f32())
    }

    /// Packs the weights for the given instruction set; the backbone multiplies in the given
    /// precision. The analysis stays in f32: its code choices are decisions.
    ///
    /// # Errors
    /// [`EngineError::Variant`] where the network is not the [standard](Config::is_standard) one.
    pub fn with_precision(weights: &Weights, isa: Isa, precision: Precision) -> Result<Self, EngineError> {
        if !weights.config.is_standard() {
            return Err(EngineError::Variant);
        }
        Ok(Self {
            config: weights.config.clone(),
            identifier: weights.identifier.clone(),
            patterns: weights.patterns.clone(),
            aims: weights.aims.clone().unwrap_or_default(),
            adapters: Adapters::from_weights(weights)?,
            daam: Daam::load(weights)?,
            backbone: Backbone::load(Source { weights, precision })?,
            isa,
            precision,
            budget: usize::MAX,
            attention: Attention::default(),
            storage: Storage::default(),
            pool: Pool::default(),
        })
    }

    /// Where the attention of large pictures gathers its statistics.
    #[must_use]
    pub fn with_attention(self, attention: Attention) -> Self {
        Self { attention, ..self }
    }

    /// What the backbone's maps are stored in.
    #[must_use]
    pub fn with_storage(self, storage: Storage) -> Self {
        Self { storage, ..self }
    }

    /// Bounds the working memory of one picture to `bytes`; weights are not counted. The result is
    /// the same for every bound.
    #[must_use]
    pub fn with_memory(self, bytes: usize) -> Self {
        Self { budget: bytes, ..self }
    }

    /// Shape of the network.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The patterns that the weights know.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// The patterns with what their pictures are adapted to; none where the weights hold no anchors.
    pub fn aims(&self) -> impl Iterator<Item = (&str, &Aim)> {
        self.patterns.iter().map(String::as_str).zip(&self.aims)
    }

    /// The adapters of the weights, or fresh ones where they hold none.
    pub fn adapters(&self) -> &Adapters {
        &self.adapters
    }

    /// The instruction set that the kernels run on.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// What the backbone multiplies in.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// What the backbone's maps are stored in.
    pub fn storage(&self) -> Storage {
        self.storage
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
        let work = self.config.analysis_macs(width, height);
        let run = self.run(Samples::extra(rgb), (width, height), watch, work)?;
        run.stage("analysis");
        on_the_pool(|| self.daam.conditions(&run, &pad.centred(&run, rgb)?, pad.grid))
    }

    /// Names the degradation; `None` where the weights hold no identification.
    pub fn identify(&self, conditions: &Conditions) -> Option<Identification> {
        self.identifier.as_ref().map(|identifier| identifier.identify(&conditions.feature, &conditions.parts))
    }

    /// The condition D2 as a map, for those who want to see or change it.
    pub fn d2(&self, conditions: &Conditions, watch: &dyn Watch) -> Result<Map, EngineError> {
        let run = self.aside(watch);
        on_the_pool(|| self.daam.enlarger().map(&run, &conditions.d3))
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
        // A D2 of its own says that the picture was adapted, and that D3 no longer follows from codes.
        let adapted = conditions.d2.as_ref().map_or(0, |d2| 4 * (d2.data.len() + conditions.d3.data.len()));
        let run = self.run(Samples::extra(&rgb) + adapted, (width, height), watch, work)?;
        let run = if self.is_windowed(&conditions) { run.windowed(pad.grid.width) } else { run };
        on_the_pool(|| {
            let samples = Samples::new(rgb);
            let picture = |y: usize, to: &mut [f32]| samples.centred_row(&pad, y, to);
            let (backbone, enlarger) = (&self.backbone, self.daam.enlarger());
            let restored = match self.storage {
                Storage::F32 => backbone.restore::<f32>(&run, picture, pad.grid, conditions, enlarger),
                Storage::F16 => backbone.restore::<f16>(&run, picture, pad.grid, conditions, enlarger),
            }?;
            drop(samples);
            pad.crop(&restored)
        })
    }

    fn is_windowed(&self, conditions: &Conditions) -> bool {
        let of_the_whole = |found: Identification| OF_THE_WHOLE.contains(&found.best().pattern.as_str());
        match self.attention {
            Attention::Whole => false,
            Attention::Windows => true,
            Attention::ByPattern => !self.identify(conditions).is_some_and(of_the_whole),
        }
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

    /// A run within the memory, of which `extra` bytes are held beside what every picture takes.
    fn run<'a>(
        &'a self,
        extra: usize,
        size: (usize, usize),
        watch: &'a dyn Watch,
        work: u64,
    ) -> Result<Run<'a>, EngineError> {
        let plan = self.plan(extra, size)?;
        // Half of what is left over: no plan foresees every byte.
        self.pool.prepare(size, KEPT.min((self.budget - plan.bytes) / 2));
        Ok(Run::new(self.isa, plan.strip_values, &self.pool, watch, work))
    }

    /// A run beside that of a picture, whose work is not counted.
    pub(crate) fn aside<'a>(&'a self, watch: &'a dyn Watch) -> Run<'a> {
        Run::new(self.isa, 0, &self.pool, watch, 1)
    }

    /// True where the memory allows a picture of this size to be adapted: unlike a picture that is
    /// not, it has its D2 and D3 in memory while it is restored.
    pub fn can_adapt(&self, width: usize, height: usize) -> bool {
        let grid = Pad::new(self.config.pad, width, height).grid;
        // Bytes: D2 has a value for every four pixels and channel, D3 for every sixteen.
        let each = self.config.channels(1) + self.config.channels(2) / 4;
        self.plan(grid.width.saturating_mul(grid.height).saturating_mul(each), (width, height)).is_ok()
    }

    /// Bytes of working memory that a picture of this size takes on the current rayon pool, weights
    /// not included. Values other than multiples of 1/255 take 9 more a pixel.
    ///
    /// # Errors
    /// [`EngineError::Budget`] where that is more than [`with_memory`](Self::with_memory) allows.
    pub fn memory(&self, width: usize, height: usize) -> Result<usize, EngineError> {
        Ok(self.plan(0, (width, height))?.bytes)
    }

    fn plan(&self, extra: usize, size: (usize, usize)) -> Result<Plan, EngineError> {
        let threads = rayon::current_num_threads();
        Plan::new(&self.config, self.storage, size, threads, self.budget, extra)
    }
}

/// Runs `body` on a thread of the current pool. From any other thread every step of the network would
/// put that thread to sleep and wake it again.
pub(crate) fn on_the_pool<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| body())
}

#[cfg(test)]
mod tests;
