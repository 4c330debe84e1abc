//! Test-time adaptation by minimising entropy, the alternative that the paper compares with. It needs
//! gradients through the whole network, which the engine does not have.

use udair_engine::EngineError;

use crate::{Adapt, Adaptation, Decision, Findings, Options, RestoreError};

/// How to minimise entropy.
#[derive(Debug, Clone, PartialEq)]
pub struct Entropy {
    /// Take the channels of the adapted conditions for logits and move the adapters, instead of the
    /// channels of the result and the layer norms.
    pub conditions: bool,
    /// Steps.
    pub steps: usize,
    /// Learning rate.
    pub rate: f64,
}

impl Default for Entropy {
    /// The literal reading of TENT, five steps.
    fn default() -> Self {
        Self { conditions: false, steps: 5, rate: 1e-3 }
    }
}

/// A network that can adapt itself to a picture by gradients.
pub trait Differentiable: Send + Sync {
    /// Restores `height * width * 3` sRGB values in [0, 1] after steps of TENT, or of SAR. Nothing is kept
    /// for the next picture.
    ///
    /// # Errors
    /// What keeps the network from running.
    fn restore(
        &self,
        rgb: &[f32],
        width: usize,
        height: usize,
        sar: bool,
        entropy: &Entropy,
    ) -> Result<Minimised, EngineError>;
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Minimised {
    /// The result, not clipped.
    pub rgb: Vec<f32>,
    /// The entropy before every step.
    pub losses: Vec<f64>,
    /// Share of the places that were sure enough to count.
    pub used: f64,
}

/// Restores with the network adapted; `None` where there are no gradients.
pub(crate) fn restore(
    network: Option<&dyn Differentiable>,
    rgb: &[f32],
    (width, height): (usize, usize),
    findings: &Findings,
    options: &Options,
) -> Result<(Option<Vec<f32>>, Adaptation), RestoreError> {
    let mut report = Adaptation {
        decision: Decision::NotPossible,
        anchor: findings.pattern,
        losses: vec![],
        distances: vec![],
        used: None,
    };
    let Some(network) = network else { return Ok((None, report)) };
    let sar = options.adapt == Adapt::Sar;
    let Minimised { rgb, losses, used } = network.restore(rgb, width, height, sar, &options.entropy)?;
    report.decision = if used > 0.0 { Decision::Adapted } else { Decision::NothingSure };
    (report.losses, report.used) = (losses, Some(used));
    Ok((Some(rgb), report))
}
