//! What a restorer asks of a network, so that the engine on the CPU is one of several.

use udair_engine::{Conditions, Engine, EngineError, Identification, Watch};

/// A network that analyses, identifies and restores sRGB pictures of `height * width * 3` values
/// in [0, 1].
pub trait Network: Send + Sync {
    /// Analyses the degradation.
    fn conditions(
        &self,
        rgb: &[f32],
        width: usize,
        height: usize,
        watch: &dyn Watch,
    ) -> Result<Conditions, EngineError>;

    /// Names the degradation; `None` where the weights cannot.
    fn identify(&self, conditions: &Conditions) -> Option<Identification>;

    /// Restores the picture; the result has the size of `rgb` and is not clipped.
    fn restore(
        &self,
        rgb: Vec<f32>,
        width: usize,
        height: usize,
        conditions: Conditions,
        watch: &dyn Watch,
    ) -> Result<Vec<f32>, EngineError>;

    /// Bytes of working memory that a picture of this size takes.
    ///
    /// # Errors
    /// [`EngineError::Budget`] where that is more than [`with_memory`](Self::with_memory) allows.
    fn memory(&self, width: usize, height: usize) -> Result<usize, EngineError>;

    /// Bounds the working memory of one picture to `bytes`.
    #[must_use]
    fn with_memory(self: Box<Self>, bytes: usize) -> Box<dyn Network>;
}

impl Network for Engine {
    fn conditions(
        &self,
        rgb: &[f32],
        width: usize,
        height: usize,
        watch: &dyn Watch,
    ) -> Result<Conditions, EngineError> {
        self.conditions(rgb, width, height, watch)
    }

    fn identify(&self, conditions: &Conditions) -> Option<Identification> {
        self.identify(conditions)
    }

    fn restore(
        &self,
        rgb: Vec<f32>,
        width: usize,
        height: usize,
        conditions: Conditions,
        watch: &dyn Watch,
    ) -> Result<Vec<f32>, EngineError> {
        self.restore(rgb, width, height, conditions, watch)
    }

    fn memory(&self, width: usize, height: usize) -> Result<usize, EngineError> {
        self.memory(width, height)
    }

    fn with_memory(self: Box<Self>, bytes: usize) -> Box<dyn Network> {
        Box::new((*self).with_memory(bytes))
    }
}
