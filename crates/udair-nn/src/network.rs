//! UDAIR: a four-level transformer U-Net whose decoder is guided by the degradation analysis.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use udair_engine::planar::Arithmetic;
use udair_engine::{Config, Guidance, Isa};

use crate::block::{Block, Down, Up, run, stage};
use crate::daam::Analysis;
use crate::guide::{Conditions, Guide};
use crate::padding::pad;
use crate::{Conv, ConvConfig, ops};

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
    /// What guides the decoder; absent where nothing does.
    pub guide: Option<Guide>,
    #[module(skip)]
    config: Config,
    #[module(skip)]
    arithmetic: Arithmetic,
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
    /// What the analysis saw, and what guided the decoder; absent where nothing does.
    pub guided: Option<(Analysis, Conditions)>,
}

/// The encoder's features.
#[derive(Debug, Clone)]
pub struct Features {
    /// `[n, C, h, w]`, `[n, 2C, h / 2, w / 2]`, `[n, 4C, h / 4, w / 4]`.
    pub levels: [Tensor<4>; 3],
    /// `[n, 8C, h / 8, w / 8]`.
    pub latent: Tensor<4>,
}

impl Udair {
    /// A network of this shape, filled with zeros; values come from
    /// [`from_weights`](Self::from_weights).
    pub fn init(config: &Config, device: &Device) -> Self {
        let c = |level| config.channels(level);
        let [h1, h2, h3, h4] = config.heads;
        let stage = |level, count, channels, heads| stage(config, level, count, channels, heads, device);
        let conv = |inputs, outputs, kernel| ConvConfig::new(inputs, outputs, kernel).init(device);
        Self {
            patch_embed: conv(3, c(0), 3),
            encoder_level1: stage(0, config.enc[0], c(0), h1),
            down1_2: Down::init(c(0), device),
            encoder_level2: stage(1, config.enc[1], c(1), h2),
            down2_3: Down::init(c(1), device),
            encoder_level3: stage(2, config.enc[2], c(2), h3),
            down3_4: Down::init(c(2), device),
            latent: stage(3, config.enc[3], c(3), h4),
            up4_3: Up::init(c(3), device),
            up3_2: Up::init(c(2), device),
            up2_1: Up::init(c(1), device),
            reduce_chan_level3: conv(c(3), c(2), 1),
            reduce_chan_level2: conv(c(2), c(1), 1),
            decoder_level3: stage(2, config.dec[0], c(2), h3),
            decoder_level2: stage(1, config.dec[1], c(1), h2),
            decoder_level1: stage(0, config.dec[2], c(1), h1),
            refinement: stage(0, config.refine, c(1), h1),
            output: conv(c(1), 3, 3),
            guide: (config.guidance != Guidance::None).then(|| Guide::init(config, device)),
            config: config.clone(),
            arithmetic: Arithmetic::f32(Isa::detect()),
        }
    }

    /// Computes the backbone, forward and backward, in `arithmetic` on the CPU. The analysis stays in f32:
    /// its code choices are decisions.
    #[must_use]
    pub fn with_arithmetic(self, arithmetic: Arithmetic) -> Self {
        Self { arithmetic, ..self }
    }

    /// The shape of the network.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where its values are, which knows whether gradients are kept.
    pub fn device(&self) -> Device {
        self.output.weight.val().device()
    }

    /// Restores pictures of any size: `[n, 3, h, w]`, RGB in \[0, 1\], to the same shape.
    pub fn forward(&self, picture: Tensor<4>, mode: Mode) -> Output {
        let mean = mean(&picture.device());
        let padded = pad(picture - mean.clone(), self.config.pad);
        let x = padded.picture.clone();
        let guided = self.guide.as_ref().map(|guide| guide.analyse(x.clone(), mode));
        let residual = self.decode(self.encode(x.clone()), guided.as_ref().map(|(_, conditions)| conditions));
        Output { picture: padded.crop(residual + x) + mean, guided }
    }

    /// Restores pictures under conditions that have passed the adapters, with those conditions; nothing
    /// is dropped. A network without guide has neither.
    pub fn forward_adapted(&self, picture: Tensor<4>) -> (Tensor<4>, Option<Conditions>) {
        self.guided(picture, |x| {
            self.guide.as_ref().map(|guide| guide.adapted(guide.analyse(x, Mode::EVALUATE).1))
        })
    }

    /// Restores pictures under conditions that are given: `[n, 3, h, w]`, RGB in \[0, 1\], to the same
    /// shape. The conditions belong to the padded pictures.
    pub fn restore(&self, picture: Tensor<4>, conditions: Option<Conditions>) -> Tensor<4> {
        self.guided(picture, |_| conditions).0
    }

    /// What guides the restoration of `[n, 3, h, w]` pictures of any size; nothing where there is no guide.
    pub fn conditions(&self, picture: Tensor<4>) -> Option<Conditions> {
        let mean = mean(&picture.device());
        let guide = self.guide.as_ref()?;
        Some(guide.analyse(pad(picture - mean, self.config.pad).picture, Mode::EVALUATE).1)
    }

    /// Restores pictures under what `guide` makes of them, padded and mean-free.
    fn guided(
        &self,
        picture: Tensor<4>,
        guide: impl FnOnce(Tensor<4>) -> Option<Conditions>,
    ) -> (Tensor<4>, Option<Conditions>) {
        let mean = mean(&picture.device());
        let padded = pad(picture - mean.clone(), self.config.pad);
        let x = padded.picture.clone();
        let conditions = guide(x.clone());
        let residual = self.decode(self.encode(x.clone()), conditions.as_ref());
        (padded.crop(residual + x) + mean, conditions)
    }

    /// Analyses pictures without restoring them; both sides must be multiples of 8.
    /// A network without guide sees nothing.
    pub fn analyse(&self, picture: Tensor<4>, mode: Mode) -> Option<(Analysis, Conditions)> {
        let mean = mean(&picture.device());
        self.guide.as_ref().map(|guide| guide.analyse(picture - mean, mode))
    }

    /// The encoder, over mean-free pictures with sides that are multiples of 8.
    pub fn encode(&self, x: Tensor<4>) -> Features {
        ops::computed_in(self.arithmetic, || self.encoded(x))
    }

    fn encoded(&self, x: Tensor<4>) -> Features {
        let e1 = run(&self.encoder_level1, self.patch_embed.forward(x));
        let e2 = run(&self.encoder_level2, self.down1_2.forward(e1.clone()));
        let e3 = run(&self.encoder_level3, self.down2_3.forward(e2.clone()));
        let latent = run(&self.latent, self.down3_4.forward(e3.clone()));
        Features { levels: [e1, e2, e3], latent }
    }

    /// The decoder: what has to be added to the padded, mean-free pictures.
    pub fn decode(&self, features: Features, conditions: Option<&Conditions>) -> Tensor<4> {
        ops::computed_in(self.arithmetic, || self.decoded(features, conditions))
    }

    fn decoded(&self, features: Features, conditions: Option<&Conditions>) -> Tensor<4> {
        let guide = self.guide.as_ref().zip(conditions);
        let fuse = |level, x| match guide {
            Some((guide, conditions)) => guide.fuse(level, x, conditions),
            None => x,
        };
        let [e1, e2, e3] = features.levels;
        let join = |x, skip| Tensor::cat(vec![x, skip], 1);
        let x = fuse(3, features.latent); // 8C at 1/8
        let x = self.reduce_chan_level3.forward(join(self.up4_3.forward(x), e3));
        let x = run(&self.decoder_level3, x); // 4C at 1/4
        let x = fuse(2, x);
        let x = self.reduce_chan_level2.forward(join(self.up3_2.forward(x), e2));
        let x = run(&self.decoder_level2, x); // 2C at 1/2
        let x = fuse(1, x);
        let x = run(&self.decoder_level1, join(self.up2_1.forward(x), e1)); // 2C at 1
        self.output.forward(run(&self.refinement, x))
    }

    /// One step of both codebooks' moving averages over what a forward pass saw.
    #[must_use]
    pub fn update_codebooks(mut self, seen: &Analysis) -> Self {
        self.guide = self.guide.map(|mut guide| {
            guide.dam = guide.dam.update_codebooks(seen);
            guide
        });
        self
    }
}

/// `[1, 3, 1, 1]`, without gradient.
fn mean(device: &Device) -> Tensor<4> {
    Tensor::<1>::from_floats(MEAN, &device.clone().inner()).reshape([1, 3, 1, 1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::initial_weights;

    fn cosine(a: &Tensor<1>, b: &Tensor<1>) -> f64 {
        let dot = |a: &Tensor<1>, b: &Tensor<1>| (a.clone() * b.clone()).sum().into_scalar::<f32>();
        f64::from(dot(a, b) / (dot(a, a) * dot(b, b)).sqrt())
    }

    #[test]
    fn bf16_rounds_both_passes_of_the_backbone_and_nothing_else() {
        let Some(bf16) = Arithmetic::bf16() else {
            eprintln!("skipped: this machine has no AMX");
            return;
        };
        let config = Config::small();
        let device = Device::flex().autodiff();
        let values: Vec<f32> = (0..3 * 32 * 32).map(|i| (i * 37 % 101) as f32 / 100.0).collect();
        let picture = Tensor::<1>::from_floats(values.as_slice(), &device).reshape([1, 3, 32, 32]);
        let pass = |arithmetic| {
            let weights = initial_weights(&config, 1).unwrap();
            let net = Udair::from_weights(&weights, &device).with_arithmetic(arithmetic);
            let output = net.forward(picture.clone(), Mode::EVALUATE);
            let (_, conditions) = output.guided.unwrap();
            let gradient = net.gradients((output.picture.clone() - 0.5).abs().mean().backward());
            (output.picture.inner().reshape([-1]), conditions, gradient)
        };
        let ((exact, conditions, gradient), rounded) = (pass(Arithmetic::f32(Isa::detect())), pass(bf16));
        let difference = (exact - rounded.0).abs().max().into_scalar::<f32>();
        assert!(difference > 0.0 && difference < 1e-2, "{difference}");
        assert_eq!(conditions.d3.into_data(), rounded.1.d3.into_data(), "the analysis was rounded");
        let alike = cosine(&gradient, &rounded.2);
        assert!(alike > 0.999 && alike < 1.0, "{alike}");
    }
}
