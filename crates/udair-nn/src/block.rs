//! A block of the backbone, of whatever kind, and the changes of scale between its levels.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use udair_engine::{Blocks, Config};

use crate::metaformer::Metaformer;
use crate::resnet::Resnet;
use crate::transformer::Transformer;
use crate::{Conv, ConvConfig};

/// A block of one of the three kinds.
#[derive(Module, Debug)]
pub enum Block {
    /// The paper's.
    Transformer(Transformer),
    /// Convolutions alone.
    Resnet(Resnet),
    /// Convolutions above, attention below.
    Metaformer(Metaformer),
}

impl Block {
    /// A block over `channels`, at `level` (0 is full size).
    pub fn init(config: &Config, level: usize, channels: usize, heads: usize, device: &Device) -> Self {
        match config.blocks {
            Blocks::Transformer => Self::Transformer(Transformer::init(config, channels, heads, device)),
            Blocks::Resnet => Self::Resnet(Resnet::init(channels, device)),
            Blocks::Metaformer => {
                let heads = config.attends(level).then_some(heads);
                Self::Metaformer(Metaformer::init(channels, heads, device))
            }
        }
    }

    /// `[n, c, h, w]` to the same shape.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Transformer(block) => block.forward(x),
            Self::Resnet(block) => block.forward(x),
            Self::Metaformer(block) => block.forward(x),
        }
    }
}

/// A row of `count` blocks.
pub(crate) fn stage(
    config: &Config,
    level: usize,
    count: usize,
    channels: usize,
    heads: usize,
    device: &Device,
) -> Vec<Block> {
    (0..count).map(|_| Block::init(config, level, channels, heads, device)).collect()
}

/// Runs blocks one after the other.
pub(crate) fn run(blocks: &[Block], x: Tensor<4>) -> Tensor<4> {
    blocks.iter().fold(x, |x, block| block.forward(x))
}

/// Halves the size: conv3x3 c to c/2, then every 2x2 pixels become channels, 2c in all.
#[derive(Module, Debug)]
pub struct Down {
    conv: Conv,
}

impl Down {
    /// From `channels` to twice as many.
    pub fn init(channels: usize, device: &Device) -> Self {
        Self { conv: ConvConfig::new(channels, channels / 2, 3).init(device) }
    }

    /// `[n, c, h, w]` to `[n, 2c, h / 2, w / 2]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.conv.forward(x);
        let [n, c, h, w] = x.dims();
        x.reshape([n, c, h / 2, 2, w / 2, 2]).permute([0, 1, 3, 5, 2, 4]).reshape([n, 4 * c, h / 2, w / 2])
    }
}

/// Doubles the size: conv3x3 c to 2c, then every four channels become 2x2 pixels, c/2 in all.
#[derive(Module, Debug)]
pub struct Up {
    conv: Conv,
}

impl Up {
    /// From `channels` to half as many.
    pub fn init(channels: usize, device: &Device) -> Self {
        Self { conv: ConvConfig::new(channels, 2 * channels, 3).init(device) }
    }

    /// `[n, c, h, w]` to `[n, c / 2, 2h, 2w]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.conv.forward(x);
        let [n, c, h, w] = x.dims();
        x.reshape([n, c / 4, 2, 2, h, w]).permute([0, 1, 4, 2, 5, 3]).reshape([n, c / 4, 2 * h, 2 * w])
    }
}
