//! What a run that trains the restorer alone leaves as it is: the degradation analysis, and all that was
//! learned from what it sees.
//!
//! Identification, its calibration and the anchors of adaptation then still hold.

use burn::tensor::{Device, Tensor};
use udair_engine::{Aim, Identifier, Parameter, Part, Weights, parameters};

/// The analysis of the weights that a run started from.
#[derive(Debug, Clone)]
pub struct Held {
    /// 1 for what learns, 0 for the analysis, in the order of the flat vector: `[p]`.
    learns: Tensor<1>,
    patterns: Vec<String>,
    identifier: Option<Identifier>,
    aims: Option<Vec<Aim>>,
}

impl Held {
    /// What `weights` know by their analysis.
    pub fn of(weights: &Weights, device: &Device) -> Self {
        let network = parameters(&weights.config).into_iter().filter(|p| p.part == Part::Network);
        let learns: Vec<f32> = network.flat_map(|p| vec![f32::from(!in_analysis(&p)); p.len()]).collect();
        let learns = Tensor::from_data(learns.as_slice(), device);
        Self {
            learns,
            patterns: weights.patterns.clone(),
            identifier: weights.identifier.clone(),
            aims: weights.aims.clone(),
        }
    }

    /// The parameters after a step from `before` to `after`, those of the analysis as before.
    pub fn step(&self, before: &Tensor<1>, after: Tensor<1>) -> Tensor<1> {
        before.clone() * (1.0 - self.learns.clone()) + after * self.learns.clone()
    }

    /// The patterns that the analysis knows, in its order, whichever of them the run trains on.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// Puts into `weights` what was learned from the analysis.
    #[must_use]
    pub fn put_into(&self, weights: Weights) -> Weights {
        Weights { identifier: self.identifier.clone(), aims: self.aims.clone(), ..weights }
    }
}

/// Whether the conditions, or the contrast that shapes them, depend on the parameter.
fn in_analysis(parameter: &Parameter) -> bool {
    parameter.name.starts_with("dam") || parameter.name == "logit_scale"
}
