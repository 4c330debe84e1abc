//! The transformer block of the paper's backbone.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use udair_engine::Config;

use crate::attention::Mdta;
use crate::feed_forward::Gdfn;
use crate::{LayerNorm, ops};

/// x = x + MDTA(LN(x)); x = x + GDFN(LN(x)).
#[derive(Module, Debug)]
pub struct Transformer {
    /// Norm before the attention.
    pub norm1: LayerNorm,
    /// Norm before the feed-forward network. Declared here because weights files list it here.
    pub norm2: LayerNorm,
    /// Attention between channels.
    pub attn: Mdta,
    /// Feed-forward network.
    pub ffn: Gdfn,
}

impl Transformer {
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
