//! The shape of a UDAIR network and its named presets.
//!
//! Everything that a weights file must say about itself to be run: the file's `config` metadata is
//! this structure as JSON.

use serde::{Deserialize, Serialize};

use crate::EngineError;

/// Shape of a UDAIR network. Levels are numbered from full size (scale 1) to the bottleneck (1/8).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Channels C at full size; the levels have C, 2C, 4C and 8C.
    pub width: usize,
    /// Transformer blocks of the encoder levels and of the bottleneck.
    pub enc: [usize; 4],
    /// Transformer blocks of the decoder at 1/4, 1/2 and full size.
    pub dec: [usize; 3],
    /// Refinement blocks at full size, after the decoder.
    pub refine: usize,
    /// Attention heads of the four levels; the decoder repeats them in reverse.
    pub heads: [usize; 4],
    /// Attention heads of the three blocks that fuse the conditions in.
    pub fusion_heads: usize,
    /// The feed-forward network widens c channels to `floor(expansion * c)`.
    pub expansion: f64,
    /// Channels of the two encoders of the degradation analysis (DAAM).
    pub trunk: usize,
    /// Inner channels of their residual blocks.
    pub res: usize,
    /// Residual blocks in each of them.
    pub res_blocks: usize,
    /// Dimensions of a code.
    pub code_dim: usize,
    /// Codes in each of the two codebooks.
    pub codes: usize,
    /// Hidden channels of the head behind the codebooks.
    pub head: usize,
    /// Dropout of that head while training; inference never drops.
    pub dropout: f64,
    /// How sizes that the network cannot halve three times are padded.
    pub pad: Padding,
    /// What the backbone's blocks are made of.
    pub blocks: Blocks,
    /// What guides the decoder.
    pub guidance: Guidance,
}

/// What the blocks of the backbone are made of, those that fuse the conditions in included. The paper
/// compares three and releases the first; the other two are our reading of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blocks {
    /// Channel attention and a gated feed-forward network (Zamir et al., "Restormer", CVPR 2022).
    #[default]
    Transformer,
    /// Two 3x3 convolutions (He et al., CVPR 2016), each with the transformer's layer norm behind it in
    /// place of batch norm: the crops of a batch show different damage, and a picture must not depend on
    /// its neighbours.
    Resnet,
    /// `MetaFormer` blocks (Yu et al., "`MetaFormer` baselines for vision", TPAMI 2024): separable convolutions
    /// at full and half size, attention below, and a feed-forward network four times as wide. The
    /// attention is the transformer's, between channels, because one between positions costs the square
    /// of the pixels.
    Metaformer,
}

impl Blocks {
    /// How many times a separable convolution of a `MetaFormer` block widens its channels.
    pub const SEPARABLE: usize = 2;
    /// How many times its feed-forward network does.
    pub const MLP: usize = 4;
}

/// What guides the decoder: the paper's network, and what is left when parts of it are taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Guidance {
    /// The degradation analysis with its two codebooks.
    #[default]
    Codebook,
    /// The degradation analysis without codebooks: features pass as they are.
    Continuous,
    /// Nothing: the backbone alone, which the paper calls the baseline. It cannot name a degradation.
    None,
}

/// How a picture is padded by reflection before it enters the network; the result is cropped back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "usize", into = "usize")]
pub enum Padding {
    /// To a multiple of 8, at the right and bottom (ours).
    Eight,
    /// To a multiple of 16, split over both sides (the released implementation).
    Sixteen,
}

impl Padding {
    /// The multiple that both sides are padded to, in pixels.
    pub fn multiple(self) -> usize {
        match self {
            Self::Eight => 8,
            Self::Sixteen => 16,
        }
    }

    /// Pixels added before and after a side of `length` pixels.
    pub fn split(self, length: usize) -> (usize, usize) {
        let missing = length.next_multiple_of(self.multiple()) - length;
        match self {
            Self::Eight => (0, missing),
            Self::Sixteen => (missing / 2, missing - missing / 2),
        }
    }
}

impl TryFrom<usize> for Padding {
    type Error = String;
    fn try_from(multiple: usize) -> Result<Self, String> {
        match multiple {
            8 => Ok(Self::Eight),
            16 => Ok(Self::Sixteen),
            _ => Err(format!("pad is {multiple}, but only 8 and 16 exist")),
        }
    }
}

impl From<Padding> for usize {
    fn from(padding: Padding) -> usize {
        padding.multiple()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::base()
    }
}

impl Config {
    /// The paper's network: width 24, 10,454,373 parameters, 50.1 GMAC at 256x256.
    pub fn base() -> Self {
        Self {
            width: 24,
            enc: [4, 6, 6, 8],
            dec: [6, 6, 4],
            refine: 4,
            heads: [1, 2, 4, 8],
            fusion_heads: 4,
            expansion: 2.66,
            trunk: 128,
            res: 32,
            res_blocks: 3,
            code_dim: 64,
            codes: 512,
            head: 128,
            dropout: 0.3,
            pad: Padding::Eight,
            blocks: Blocks::Transformer,
            guidance: Guidance::Codebook,
        }
    }

    /// The network of the shipped weights: width 16, 2,705,832 parameters, 9.2 GMAC at 256x256.
    pub fn small() -> Self {
        Self {
            width: 16,
            enc: [1, 2, 2, 4],
            dec: [2, 2, 1],
            refine: 1,
            expansion: 2.0,
            trunk: 64,
            res_blocks: 2,
            code_dim: 32,
            head: 64,
            dropout: 0.1,
            ..Self::base()
        }
    }

    /// `base` as its authors released it: it differs from [`Config::base`] in the padding only.
    pub fn released() -> Self {
        Self { pad: Padding::Sixteen, ..Self::base() }
    }

    /// Channels of level `level` (0 is full size, 3 the bottleneck).
    pub fn channels(&self, level: usize) -> usize {
        self.width << level
    }

    /// Hidden channels h of the feed-forward network over `channels`; its input convolution makes 2h.
    pub fn hidden(&self, channels: usize) -> usize {
        (channels as f64 * self.expansion) as usize
    }

    /// True for the network of the paper, which [`crate::Engine`] runs; variants are for the trainer.
    pub fn is_standard(&self) -> bool {
        self.blocks == Blocks::Transformer && self.guidance == Guidance::Codebook
    }

    /// Refuses what no network can be.
    pub fn validate(&self) -> Result<(), EngineError> {
        let fail = |message: String| Err(EngineError::Config(message));
        let sizes = [
            ("width", self.width),
            ("trunk", self.trunk),
            ("res", self.res),
            ("code_dim", self.code_dim),
            ("codes", self.codes),
            ("head", self.head),
        ];
        for (name, value) in sizes {
            if value == 0 || value > 4096 {
                return fail(format!("{name} is {value}, but must lie in 1..=4096"));
            }
        }
        if !self.width.is_multiple_of(2) || !self.trunk.is_multiple_of(2) {
            return fail("width and trunk must be even".into());
        }
        if !(self.expansion >= 1.0 && self.expansion <= 16.0) {
            return fail(format!("expansion is {}, but must lie in 1..=16", self.expansion));
        }
        let attention = (0..4)
            .map(|level| (self.channels(level), self.heads[level]))
            .chain([(2 * self.width, self.heads[0])])
            .chain((2..5).map(|shift| (self.width << shift, self.fusion_heads)));
        for (channels, heads) in attention {
            if heads == 0 || channels % heads != 0 {
                return fail(format!("{heads} heads do not divide {channels} channels"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_possible() {
        for config in [Config::base(), Config::small(), Config::released()] {
            config.validate().unwrap();
        }
    }

    #[test]
    fn impossible_configurations_are_refused() {
        let base = Config::base;
        for config in [
            Config { width: 0, ..base() },
            Config { width: 5, ..base() },
            Config { heads: [1, 2, 4, 7], ..base() },
            Config { expansion: f64::NAN, ..base() },
            Config { fusion_heads: 0, ..base() },
        ] {
            assert!(config.validate().is_err(), "{config:?}");
        }
    }

    #[test]
    fn padding_splits_as_each_form_says() {
        assert_eq!(Padding::Eight.split(13), (0, 3));
        assert_eq!(Padding::Sixteen.split(13), (1, 2));
        assert_eq!(Padding::Eight.split(16), (0, 0));
    }

    #[test]
    fn json_round_trip_uses_the_multiple() {
        let json = serde_json::to_string(&Config::small()).unwrap();
        assert!(json.contains("\"pad\":8,\"blocks\":\"transformer\""), "{json}");
        assert_eq!(serde_json::from_str::<Config>(&json).unwrap(), Config::small());
        assert!(serde_json::from_str::<Config>("{\"widht\":16}").is_err());
        assert!(serde_json::from_str::<Config>("{\"width\":16}").unwrap().is_standard());
    }
}
