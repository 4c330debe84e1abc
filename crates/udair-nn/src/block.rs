//! The transformer block of the backbone, and the changes of scale between its levels.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use udair_engine::Config;

use crate::attention::Mdta;
use crate::feed_forward::Gdfn;
use crate::{Conv, ConvConfig, LayerNorm, ops};

/// x = x + MDTA(LN(x)); x = x + GDFN(LN(x)).
#[derive(Module, Debug)]
pub struct Block {
    /// Norm before the attention.
    pub norm1: LayerNorm,
    /// Norm before the feed-forward network. Declared here because weights files list it here.
    pub norm2: LayerNorm,
    /// Attention between channels.
    pub attn: Mdta,
    /// Feed-forward network.
    pub ffn: Gdfn,
}

impl Block {
    /// A block over `channels`.
    pub fn init(config: &Config, channels: usize, heads: usize, device: &Device) -> Self {
        Self {
            norm1: LayerNorm::init(channels, device),
            norm2: LayerNorm::init(channels, device),
            attn: Mdta::init(channels, heads, device),
            ffn: Gdfn::init(channels, config.hidden(channels), device),
        }
    }

    /// `[n, c, h, w]` to the same shape.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = ops::attention(x, &self.norm1, &self.attn);
        ops::feed_forward(x, &self.norm2, &self.ffn)
    }
}

/// A row of `count` blocks.
pub(crate) fn stage(
    config: &Config,
    count: usize,
    channels: usize,
    heads: usize,
    device: &Device,
) -> Vec<Block> {
    (0..count).map(|_| Block::init(config, channels, heads, device)).collect()
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
