//! Gradients through the network, for the ways of adaptation that need them.

use burn::tensor::Device;
use udair::{Differentiable, EngineError, Entropy, Minimised, Weights};
use udair_nn::Udair;
use udair_nn::entropy::{self, Method, Reading};

/// The network of these weights, made anew for every picture.
pub(crate) struct Gradients(pub(crate) Weights);

impl Differentiable for Gradients {
    fn restore(
        &self,
        rgb: &[f32],
        width: usize,
        height: usize,
        sar: bool,
        entropy: &Entropy,
    ) -> Result<Minimised, EngineError> {
        let net = Udair::from_weights(&self.0, &Device::flex().autodiff());
        let settings = entropy::Entropy {
            method: if sar { Method::Sar } else { Method::Tent },
            reading: if entropy.conditions { Reading::Conditions } else { Reading::Picture },
            steps: entropy.steps,
            rate: entropy.rate,
        };
        let restored = entropy::restore(&net, rgb, width, height, &settings);
        let rgb = restored.picture.permute([0, 2, 3, 1]).into_data().try_into_vec();
        let rgb = rgb.map_err(|error| EngineError::Config(format!("the result is no picture: {error:?}")))?;
        Ok(Minimised { rgb, losses: restored.losses, used: restored.used })
    }
}
