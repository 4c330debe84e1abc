//! What a restorer asks of a network, so that the engine on the CPU is one of several.

use udair_engine::{Adaptation, Adapted, Conditions, Engine, EngineError, Identification, Watch};

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

    /// True where a picture of this size can be adapted: the network has anchors and the memory.
    fn can_adapt(&self, _width: usize, _height: usize) -> bool {
        false
    }

    /// How far the conditions lie from the anchor of every pattern, under the loss of `settings`;
    /// D2 is filled in. Empty where the network has no anchors.
    fn anchor_distances(
        &self,
        _conditions: &mut Conditions,
        _settings: &Adaptation,
        _watch: &dyn Watch,
    ) -> Result<Vec<AnchorDistance>, EngineError> {
        Ok(Vec::new())
    }

    /// Brings the conditions towards the anchor of `pattern`, which
    /// [`anchor_distances`](Self::anchor_distances) has named.
    ///
    /// # Errors
    /// [`EngineError::Weights`] where there is no such anchor.
    fn adapt(
        &self,
        _conditions: Conditions,
        pattern: &str,
        _settings: &Adaptation,
        _watch: &dyn Watch,
    ) -> Result<Adapted, EngineError> {
        Err(no_anchor(pattern))
    }

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

/// How far a picture's conditions lie from the anchor of a pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct AnchorDistance {
    /// Name of the pattern.
    pub pattern: String,
    /// The loss of an adaptation before its first step.
    pub distance: f64,
    /// The distance from which an adaptation is worth it ([`udair_engine::Aim::worth`]).
    pub worth: f64,
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

    fn can_adapt(&self, width: usize, height: usize) -> bool {
        self.aims().next().is_some() && self.can_adapt(width, height)
    }

    fn anchor_distances(
        &self,
        conditions: &mut Conditions,
        settings: &Adaptation,
        watch: &dyn Watch,
    ) -> Result<Vec<AnchorDistance>, EngineError> {
        let d2 = match conditions.d2.take() {
            Some(d2) => d2,
            None => self.d2(conditions, watch)?,
        };
        let maps = [&conditions.d4, &conditions.d3, &d2];
        let levels = self.all_distances(maps, settings)?;
        let distances = self.aims().zip(levels).map(|((pattern, aim), levels)| AnchorDistance {
            pattern: pattern.into(),
            distance: levels.iter().sum(),
            worth: aim.worth.into(),
        });
        let distances = distances.collect();
        conditions.d2 = Some(d2);
        Ok(distances)
    }

    fn adapt(
        &self,
        conditions: Conditions,
        pattern: &str,
        settings: &Adaptation,
        watch: &dyn Watch,
    ) -> Result<Adapted, EngineError> {
        let (_, aim) = self.aims().find(|(name, _)| *name == pattern).ok_or_else(|| no_anchor(pattern))?;
        self.adapt(self.adapters(), conditions, &aim.anchor, settings, watch)
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

fn no_anchor(pattern: &str) -> EngineError {
    EngineError::Weights(format!("they hold no anchor of {pattern}"))
}
