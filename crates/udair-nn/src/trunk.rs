//! The convolutional trunk of the degradation analysis: the two encoders and the decoder of
//! VQ-VAE-2 (Razavi et al., `NeurIPS` 2019).

use burn::module::{Module, Param};
use burn::tensor::module::conv_transpose2d;
use burn::tensor::ops::ConvTransposeOptions;
use burn::tensor::{Device, Tensor, activation::relu};
use udair_engine::Config;

use crate::conv::zeros;
use crate::{Conv, ConvConfig};

/// x + conv1x1(ReLU(conv3x3(ReLU(x)))).
#[derive(Module, Debug)]
pub struct Residual {
    conv3: Conv,
    conv1: Conv,
}

impl Residual {
    /// A block of `channels` with `inner` channels inside.
    pub fn init(channels: usize, inner: usize, device: &Device) -> Self {
        Self {
            conv3: ConvConfig::new(channels, inner, 3).with_bias().init(device),
            conv1: ConvConfig::new(inner, channels, 1).with_bias().init(device),
        }
    }

    /// `[n, c, h, w]` to the same shape.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        x.clone() + self.conv1.forward(relu(self.conv3.forward(relu(x))))
    }
}

/// Convolutions with `ReLU` between them, residual blocks, `ReLU`.
#[derive(Module, Debug)]
pub struct Encoder {
    convs: Vec<Conv>,
    residuals: Vec<Residual>,
}

impl Encoder {
    /// `E_b`: the picture at a quarter of its size.
    pub fn bottom(config: &Config, device: &Device) -> Self {
        let t = config.trunk;
        Self::init(config, [halving(3, t / 2), halving(t / 2, t), ConvConfig::new(t, t, 3)], device)
    }

    /// `E_t`: half the size of `E_b`.
    pub fn top(config: &Config, device: &Device) -> Self {
        let t = config.trunk;
        Self::init(config, [halving(t, t / 2), ConvConfig::new(t / 2, t, 3)], device)
    }

    fn init<const N: usize>(config: &Config, convs: [ConvConfig; N], device: &Device) -> Self {
        Self {
            convs: convs.into_iter().map(|conv| conv.with_bias().init(device)).collect(),
            residuals: residuals(config, device),
        }
    }

    /// `[n, 3, h, w]` to `[n, trunk, h / 4, w / 4]`, or `[n, trunk, h, w]` to
    /// `[n, trunk, h / 2, w / 2]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (last, first) = self.convs.split_last().expect("an encoder has convolutions");
        let x = first.iter().fold(x, |x, conv| relu(conv.forward(x)));
        relu(run(&self.residuals, last.forward(x)))
    }
}

/// Decoder T: conv3x3, residual blocks, `ReLU`, transposed conv4x4 that doubles the size.
#[derive(Module, Debug)]
pub struct Decoder {
    conv: Conv,
    residuals: Vec<Residual>,
    /// `[trunk, code_dim, 4, 4]`.
    up_weight: Param<Tensor<4>>,
    up_bias: Param<Tensor<1>>,
}

impl Decoder {
    /// A decoder of codes.
    pub fn init(config: &Config, device: &Device) -> Self {
        let (t, d) = (config.trunk, config.code_dim);
        Self {
            conv: ConvConfig::new(d, t, 3).with_bias().init(device),
            residuals: residuals(config, device),
            up_weight: zeros([t, d, 4, 4], device),
            up_bias: zeros([d], device),
        }
    }

    /// `[n, code_dim, h, w]` to `[n, code_dim, 2h, 2w]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = relu(run(&self.residuals, self.conv.forward(x)));
        let options = ConvTransposeOptions::new([2, 2], [1, 1], [0, 0], [1, 1], 1);
        conv_transpose2d(x, self.up_weight.val(), Some(self.up_bias.val()), options)
    }
}

fn halving(inputs: usize, outputs: usize) -> ConvConfig {
    ConvConfig::new(inputs, outputs, 4).with_stride(2)
}

fn residuals(config: &Config, device: &Device) -> Vec<Residual> {
    (0..config.res_blocks).map(|_| Residual::init(config.trunk, config.res, device)).collect()
}

fn run(residuals: &[Residual], x: Tensor<4>) -> Tensor<4> {
    residuals.iter().fold(x, |x, residual| residual.forward(x))
}
