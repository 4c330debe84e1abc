//! What guides the decoder: the degradation analysis, the conditions made from it, and the blocks that
//! fuse them in.

use burn::module::{Module, Param};
use burn::tensor::module::adaptive_avg_pool2d;
use burn::tensor::{Device, Tensor};
use udair_engine::Config;

use crate::adapter::Adapter;
use crate::block::Block;
use crate::conv::zeros;
use crate::daam::{Analysis, Daam};
use crate::{Conv, ConvConfig, Mode};

/// The analysis and all that depends on it. Fields follow the order of [`udair_engine::parameters`].
#[derive(Module, Debug)]
pub struct Guide {
    /// The degradation analysis.
    pub dam: Daam,
    dam_level4: Conv,
    dam_level2: Conv,
    dpm_level3: Fusion,
    dpm_level2: Fusion,
    dpm_level1: Fusion,
    /// ln of the scale of the contrast's logits: `[1]`.
    pub logit_scale: Param<Tensor<1>>,
    /// Adapters of D4, D3 and D2.
    pub adapters: [Adapter; 3],
}

/// The maps that guide the decoder.
#[derive(Debug, Clone)]
pub struct Conditions {
    /// `[n, 8C, h / 8, w / 8]`.
    pub d4: Tensor<4>,
    /// D: `[n, 4C, h / 4, w / 4]`.
    pub d3: Tensor<4>,
    /// `[n, 2C, h / 2, w / 2]`.
    pub d2: Tensor<4>,
}

/// Joins a condition with the decoder's features: concat, block, 1x1 back to the width.
#[derive(Module, Debug)]
struct Fusion {
    block: Block,
    reduce: Conv,
}

impl Fusion {
    fn init(config: &Config, level: usize, device: &Device) -> Self {
        let channels = config.channels(level);
        Self {
            block: Block::init(config, level, 2 * channels, config.fusion_heads, device),
            reduce: ConvConfig::new(2 * channels, channels, 1).init(device),
        }
    }

    /// Two `[n, c, h, w]` to one.
    fn forward(&self, x: Tensor<4>, condition: Tensor<4>) -> Tensor<4> {
        self.reduce.forward(self.block.forward(Tensor::cat(vec![x, condition], 1)))
    }
}

impl Guide {
    /// A guide of this shape, filled with zeros.
    pub fn init(config: &Config, device: &Device) -> Self {
        let c = |level| config.channels(level);
        let conv = |inputs, outputs| ConvConfig::new(inputs, outputs, 3).init(device);
        Self {
            dam: Daam::init(config, device),
            dam_level4: conv(c(2), c(3)),
            dam_level2: conv(c(2), c(1)),
            dpm_level3: Fusion::init(config, 3, device),
            dpm_level2: Fusion::init(config, 2, device),
            dpm_level1: Fusion::init(config, 1, device),
            logit_scale: zeros([1], device),
            adapters: [3, 2, 1].map(|level| Adapter::init(c(level), device)),
        }
    }

    /// Analyses mean-free pictures `[n, 3, h, w]`, both sides multiples of 8.
    pub fn analyse(&self, x: Tensor<4>, mode: Mode) -> (Analysis, Conditions) {
        let analysis = self.dam.forward(x, mode);
        let conditions = self.conditions(&analysis);
        (analysis, conditions)
    }

    /// D4, D3 and D2 from what the analysis saw.
    pub fn conditions(&self, analysis: &Analysis) -> Conditions {
        let d = analysis.d.clone();
        let [n, c, h, w] = d.dims();
        let d4 = self.dam_level4.forward(adaptive_avg_pool2d(d.clone(), [h / 2, w / 2]));
        let nearest = d.clone().reshape([n, c, h, 1, w, 1]).expand([n, c, h, 2, w, 2]);
        let d2 = self.dam_level2.forward(nearest.reshape([n, c, 2 * h, 2 * w]));
        Conditions { d4, d3: d, d2 }
    }

    /// The conditions after the adapters, each beside a shortcut.
    #[must_use]
    pub fn adapted(&self, conditions: Conditions) -> Conditions {
        let Conditions { d4, d3, d2 } = conditions;
        let [a4, a3, a2] = &self.adapters;
        Conditions { d4: a4.residual(d4), d3: a3.residual(d3), d2: a2.residual(d2) }
    }

    /// The decoder's features at 1/8 (level 3), 1/4 or 1/2 (level 1) with their condition fused in.
    pub(crate) fn fuse(&self, level: usize, x: Tensor<4>, conditions: &Conditions) -> Tensor<4> {
        let (fusion, condition) = match level {
            3 => (&self.dpm_level3, &conditions.d4),
            2 => (&self.dpm_level2, &conditions.d3),
            _ => (&self.dpm_level1, &conditions.d2),
        };
        fusion.forward(x, condition.clone())
    }
}
