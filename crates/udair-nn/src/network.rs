//! UDAIR: a four-level transformer U-Net whose decoder is guided by the degradation analysis.

use burn::module::{Module, Param};
use burn::tensor::module::adaptive_avg_pool2d;
use burn::tensor::{Device, Tensor};
use udair_engine::Config;

use crate::adapter::Adapter;
use crate::block::{Block, Down, Up, run, stage};
use crate::conv::zeros;
use crate::daam::{Analysis, Daam};
use crate::padding::pad;
use crate::{Conv, ConvConfig};

/// Mean of the training pictures, red, green, blue.
const MEAN: [f32; 3] = [0.4488, 0.4371, 0.4040];

/// The network. Fields follow the order of [`udair_engine::parameters`].
#[derive(Module, Debug)]
pub struct Udair {
    patch_embed: Conv,
    encoder_level1: Vec<Block>,
    down1_2: Down,
    encoder_level2: Vec<Block>,
    down2_3: Down,
    encoder_level3: Vec<Block>,
    down3_4: Down,
    latent: Vec<Block>,
    up4_3: Up,
    up3_2: Up,
    up2_1: Up,
    reduce_chan_level3: Conv,
    reduce_chan_level2: Conv,
    decoder_level3: Vec<Block>,
    decoder_level2: Vec<Block>,
    decoder_level1: Vec<Block>,
    refinement: Vec<Block>,
    output: Conv,
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
    #[module(skip)]
    config: Config,
}

/// How a forward pass runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    /// Seed of this pass's dropout masks; `None` drops nothing.
    pub dropout: Option<u64>,
    /// Which codebooks features pass unquantised, as in the first steps of training.
    pub bypass: Bypass,
}

/// Codebooks that let features pass unquantised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bypass {
    /// Both quantise.
    Neither,
    /// The fine one: the coarse one quantises already.
    Bottom,
    /// Neither quantises.
    Both,
}

impl Mode {
    /// Nothing is dropped, codebooks quantise.
    pub const EVALUATE: Self = Self { dropout: None, bypass: Bypass::Neither };
}

/// What a forward pass gives.
#[derive(Debug, Clone)]
pub struct Output {
    /// The restored pictures, not clipped: `[n, 3, h, w]`.
    pub picture: Tensor<4>,
    /// What the analysis saw.
    pub analysis: Analysis,
    /// What guided the decoder.
    pub conditions: Conditions,
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

/// The encoder's features.
#[derive(Debug, Clone)]
pub struct Features {
    /// `[n, C, h, w]`, `[n, 2C, h / 2, w / 2]`, `[n, 4C, h / 4, w / 4]`.
    pub levels: [Tensor<4>; 3],
    /// `[n, 8C, h / 8, w / 8]`.
    pub latent: Tensor<4>,
}

/// Joins a condition with the decoder's features: concat, block, 1x1 back to the width.
#[derive(Module, Debug)]
struct Fusion {
    block: Block,
    reduce: Conv,
}

impl Fusion {
    fn init(config: &Config, channels: usize, device: &Device) -> Self {
        Self {
            block: Block::init(config, 2 * channels, config.fusion_heads, device),
            reduce: ConvConfig::new(2 * channels, channels, 1).init(device),
        }
    }

    /// Two `[n, c, h, w]` to one.
    fn forward(&self, x: Tensor<4>, condition: Tensor<4>) -> Tensor<4> {
        self.reduce.forward(self.block.forward(Tensor::cat(vec![x, condition], 1)))
    }
}

impl Udair {
    /// A network of this shape, filled with zeros; values come from
    /// [`from_weights`](Self::from_weights).
    pub fn init(config: &Config, device: &Device) -> Self {
        let c = |level| config.channels(level);
        let [h1, h2, h3, h4] = config.heads;
        let stage = |count, channels, heads| stage(config, count, channels, heads, device);
        let conv = |inputs, outputs, kernel| ConvConfig::new(inputs, outputs, kernel).init(device);
        Self {
            patch_embed: conv(3, c(0), 3),
            encoder_level1: stage(config.enc[0], c(0), h1),
            down1_2: Down::init(c(0), device),
            encoder_level2: stage(config.enc[1], c(1), h2),
            down2_3: Down::init(c(1), device),
            encoder_level3: stage(config.enc[2], c(2), h3),
            down3_4: Down::init(c(2), device),
            latent: stage(config.enc[3], c(3), h4),
            up4_3: Up::init(c(3), device),
            up3_2: Up::init(c(2), device),
            up2_1: Up::init(c(1), device),
            reduce_chan_level3: conv(c(3), c(2), 1),
            reduce_chan_level2: conv(c(2), c(1), 1),
            decoder_level3: stage(config.dec[0], c(2), h3),
            decoder_level2: stage(config.dec[1], c(1), h2),
            decoder_level1: stage(config.dec[2], c(1), h1),
            refinement: stage(config.refine, c(1), h1),
            output: conv(c(1), 3, 3),
            dam: Daam::init(config, device),
            dam_level4: conv(c(2), c(3), 3),
            dam_level2: conv(c(2), c(1), 3),
            dpm_level3: Fusion::init(config, c(3), device),
            dpm_level2: Fusion::init(config, c(2), device),
            dpm_level1: Fusion::init(config, c(1), device),
            logit_scale: zeros([1], device),
            adapters: [3, 2, 1].map(|level| Adapter::init(c(level), device)),
            config: config.clone(),
        }
    }

    /// The shape of the network.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Restores pictures of any size: `[n, 3, h, w]`, RGB in \[0, 1\], to the same shape.
    pub fn forward(&self, picture: Tensor<4>, mode: Mode) -> Output {
        let mean = mean(&picture.device());
        let padded = pad(picture - mean.clone(), self.config.pad);
        let x = padded.picture.clone();
        let features = self.encode(x.clone());
        let analysis = self.dam.forward(x.clone(), mode);
        let conditions = self.conditions(&analysis);
        let residual = self.decode(features, &conditions);
        Output { picture: padded.crop(residual + x) + mean, analysis, conditions }
    }

    /// Restores pictures under conditions that have passed the adapters, with those conditions; nothing
    /// is dropped.
    pub fn forward_adapted(&self, picture: Tensor<4>) -> (Tensor<4>, Conditions) {
        self.guided(picture, |x| {
            let Conditions { d4, d3, d2 } = self.conditions(&self.dam.forward(x, Mode::EVALUATE));
            let [a4, a3, a2] = &self.adapters;
            Conditions { d4: a4.residual(d4), d3: a3.residual(d3), d2: a2.residual(d2) }
        })
    }

    /// Restores pictures under conditions that are given: `[n, 3, h, w]`, RGB in \[0, 1\], to the same
    /// shape. The conditions belong to the padded pictures.
    pub fn restore(&self, picture: Tensor<4>, conditions: Conditions) -> Tensor<4> {
        self.guided(picture, |_| conditions).0
    }

    /// Restores pictures under what `guide` makes of them, padded and mean-free.
    fn guided(
        &self,
        picture: Tensor<4>,
        guide: impl FnOnce(Tensor<4>) -> Conditions,
    ) -> (Tensor<4>, Conditions) {
        let mean = mean(&picture.device());
        let padded = pad(picture - mean.clone(), self.config.pad);
        let x = padded.picture.clone();
        let conditions = guide(x.clone());
        let residual = self.decode(self.encode(x.clone()), &conditions);
        (padded.crop(residual + x) + mean, conditions)
    }

    /// Analyses pictures without restoring them; both sides must be multiples of 8.
    pub fn analyse(&self, picture: Tensor<4>, mode: Mode) -> (Analysis, Conditions) {
        let mean = mean(&picture.device());
        let analysis = self.dam.forward(picture - mean, mode);
        let conditions = self.conditions(&analysis);
        (analysis, conditions)
    }

    /// The encoder, over mean-free pictures with sides that are multiples of 8.
    pub fn encode(&self, x: Tensor<4>) -> Features {
        let e1 = run(&self.encoder_level1, self.patch_embed.forward(x));
        let e2 = run(&self.encoder_level2, self.down1_2.forward(e1.clone()));
        let e3 = run(&self.encoder_level3, self.down2_3.forward(e2.clone()));
        let latent = run(&self.latent, self.down3_4.forward(e3.clone()));
        Features { levels: [e1, e2, e3], latent }
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

    /// The decoder: what has to be added to the padded, mean-free pictures.
    pub fn decode(&self, features: Features, conditions: &Conditions) -> Tensor<4> {
        let [e1, e2, e3] = features.levels;
        let join = |x, skip| Tensor::cat(vec![x, skip], 1);
        let x = self.dpm_level3.forward(features.latent, conditions.d4.clone()); // 8C at 1/8
        let x = self.reduce_chan_level3.forward(join(self.up4_3.forward(x), e3));
        let x = run(&self.decoder_level3, x); // 4C at 1/4
        let x = self.dpm_level2.forward(x, conditions.d3.clone());
        let x = self.reduce_chan_level2.forward(join(self.up3_2.forward(x), e2));
        let x = run(&self.decoder_level2, x); // 2C at 1/2
        let x = self.dpm_level1.forward(x, conditions.d2.clone());
        let x = run(&self.decoder_level1, join(self.up2_1.forward(x), e1)); // 2C at 1
        self.output.forward(run(&self.refinement, x))
    }

    /// One step of both codebooks' moving averages over what a forward pass saw.
    #[must_use]
    pub fn update_codebooks(mut self, seen: &Analysis) -> Self {
        self.dam = self.dam.update_codebooks(seen);
        self
    }
}

/// `[1, 3, 1, 1]`, without gradient.
fn mean(device: &Device) -> Tensor<4> {
    Tensor::<1>::from_floats(MEAN, &device.clone().inner()).reshape([1, 3, 1, 1])
}
