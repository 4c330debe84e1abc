//! The names and shapes of every tensor of a network.
//!
//! Names are those of the released state dict, so that published checkpoints load unchanged.
//! Loading, counting, initialising and importing all walk the one list made here.

use crate::{Blocks, Config, Guidance};

/// One tensor of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Name in the state dict.
    pub name: String,
    /// Shape, in PyTorch's order: output channels, input channels, height, width.
    pub shape: Vec<usize>,
    /// What the tensor is for.
    pub part: Part,
}

/// What a tensor is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Learned by gradient and used by every restoration.
    Network,
    /// State of a codebook, moved by averages and not by gradients.
    Codebook,
    /// An adapter, used by test-time adaptation alone.
    Adapter,
}

impl Parameter {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// True for a tensor without values, which no network has.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Every tensor of a network of this shape, codebooks and adapters included.
pub fn parameters(config: &Config) -> Vec<Parameter> {
    let mut list = List { config, list: Vec::new() };
    list.backbone();
    if config.guidance != Guidance::None {
        list.daam();
        list.fusion();
        list.network("logit_scale", &[]);
        list.adapters();
    }
    list.list
}

impl Config {
    /// True where the `MetaFormer` blocks of a level attend: at 1/4 and 1/8.
    pub fn attends(&self, level: usize) -> bool {
        level >= 2
    }

    /// Number of learned values, adapters and codebook state not counted.
    pub fn parameter_count(&self) -> usize {
        self.count(Part::Network)
    }

    /// Number of values in the three adapters.
    pub fn adapter_count(&self) -> usize {
        self.count(Part::Adapter)
    }

    fn count(&self, part: Part) -> usize {
        parameters(self).iter().filter(|p| p.part == part).map(Parameter::len).sum()
    }
}

/// Appends tensors in the order of the state dict.
struct List<'a> {
    config: &'a Config,
    list: Vec<Parameter>,
}

impl List<'_> {
    fn push(&mut self, name: impl Into<String>, shape: &[usize], part: Part) {
        self.list.push(Parameter { name: name.into(), shape: shape.to_vec(), part });
    }

    fn network(&mut self, name: impl Into<String>, shape: &[usize]) {
        self.push(name, shape, Part::Network);
    }

    fn biased(&mut self, name: &str, shape: [usize; 4], outputs: usize, part: Part) {
        self.push(format!("{name}.weight"), &shape, part);
        self.push(format!("{name}.bias"), &[outputs], part);
    }

    fn conv(&mut self, name: &str, inputs: usize, outputs: usize, kernel: usize) {
        self.biased(name, [outputs, inputs, kernel, kernel], outputs, Part::Network);
    }

    fn block(&mut self, name: &str, level: usize, c: usize, heads: usize) {
        for norm in ["norm1", "norm2"] {
            self.network(format!("{name}.{norm}.body.weight"), &[c]);
            self.network(format!("{name}.{norm}.body.bias"), &[c]);
        }
        match self.config.blocks {
            Blocks::Transformer => {
                self.attention(name, c, heads);
                let h = self.config.hidden(c);
                self.network(format!("{name}.ffn.project_in.weight"), &[2 * h, c, 1, 1]);
                self.network(format!("{name}.ffn.dwconv.weight"), &[2 * h, 1, 3, 3]);
                self.network(format!("{name}.ffn.project_out.weight"), &[c, h, 1, 1]);
            }
            Blocks::Resnet => {
                self.network(format!("{name}.conv1.weight"), &[c, c, 3, 3]);
                self.network(format!("{name}.conv2.weight"), &[c, c, 3, 3]);
            }
            Blocks::Metaformer => {
                if self.config.attends(level) {
                    self.attention(name, c, heads);
                } else {
                    let h = Blocks::SEPARABLE * c;
                    self.network(format!("{name}.conv.expand.weight"), &[h, c, 1, 1]);
                    self.star(&format!("{name}.conv.star"));
                    self.network(format!("{name}.conv.dwconv.weight"), &[h, 1, 7, 7]);
                    self.network(format!("{name}.conv.project.weight"), &[c, h, 1, 1]);
                }
                let h = Blocks::MLP * c;
                self.network(format!("{name}.mlp.expand.weight"), &[h, c, 1, 1]);
                self.star(&format!("{name}.mlp.star"));
                self.network(format!("{name}.mlp.project.weight"), &[c, h, 1, 1]);
            }
        }
    }

    fn attention(&mut self, name: &str, c: usize, heads: usize) {
        self.network(format!("{name}.attn.temperature"), &[heads, 1, 1]);
        self.network(format!("{name}.attn.qkv.weight"), &[3 * c, c, 1, 1]);
        self.network(format!("{name}.attn.qkv_dwconv.weight"), &[3 * c, 1, 3, 3]);
        self.network(format!("{name}.attn.project_out.weight"), &[c, c, 1, 1]);
    }

    /// Scale and offset of a `StarReLU`.
    fn star(&mut self, name: &str) {
        self.network(format!("{name}.scale"), &[1]);
        self.network(format!("{name}.offset"), &[1]);
    }

    fn stage(&mut self, name: &str, level: usize, blocks: usize, c: usize, heads: usize) {
        for i in 0..blocks {
            self.block(&format!("{name}.{i}"), level, c, heads);
        }
    }

    fn backbone(&mut self) {
        let config = self.config;
        let c = |level| config.channels(level);
        self.network("patch_embed.proj.weight", &[c(0), 3, 3, 3]);
        for level in 0..3 {
            let name = format!("encoder_level{}", level + 1);
            self.stage(&name, level, config.enc[level], c(level), config.heads[level]);
            let name = format!("down{}_{}.body.0.weight", level + 1, level + 2);
            self.network(name, &[c(level) / 2, c(level), 3, 3]);
        }
        self.stage("latent", 3, config.enc[3], c(3), config.heads[3]);
        for level in (1..4).rev() {
            let name = format!("up{}_{level}.body.0.weight", level + 1);
            self.network(name, &[2 * c(level), c(level), 3, 3]);
        }
        for level in [2, 1] {
            let name = format!("reduce_chan_level{}.weight", level + 1);
            self.network(name, &[c(level), 2 * c(level), 1, 1]);
        }
        self.stage("decoder_level3", 2, config.dec[0], c(2), config.heads[2]);
        self.stage("decoder_level2", 1, config.dec[1], c(1), config.heads[1]);
        self.stage("decoder_level1", 0, config.dec[2], 2 * c(0), config.heads[0]);
        self.stage("refinement", 0, config.refine, 2 * c(0), config.heads[0]);
        self.network("output.weight", &[3, 2 * c(0), 3, 3]);
    }

    fn residuals(&mut self, name: &str, first: usize) {
        let (t, r) = (self.config.trunk, self.config.res);
        for i in 0..self.config.res_blocks {
            self.conv(&format!("{name}.{}.conv.1", first + i), t, r, 3);
            self.conv(&format!("{name}.{}.conv.3", first + i), r, t, 1);
        }
    }

    fn daam(&mut self) {
        let config = self.config;
        let (t, d, n) = (config.trunk, config.code_dim, config.codes);
        let book = "dam.codebook";
        self.conv(&format!("{book}.enc_b.blocks.0"), 3, t / 2, 4);
        self.conv(&format!("{book}.enc_b.blocks.2"), t / 2, t, 4);
        self.conv(&format!("{book}.enc_b.blocks.4"), t, t, 3);
        self.residuals(&format!("{book}.enc_b.blocks"), 5);
        self.conv(&format!("{book}.enc_t.blocks.0"), t, t / 2, 4);
        self.conv(&format!("{book}.enc_t.blocks.2"), t / 2, t, 3);
        self.residuals(&format!("{book}.enc_t.blocks"), 3);
        self.conv(&format!("{book}.quantize_conv_t"), t, d, 1);
        self.conv(&format!("{book}.dec_t.blocks.0"), d, t, 3);
        self.residuals(&format!("{book}.dec_t.blocks"), 1);
        // A transposed convolution: PyTorch stores its input channels first.
        let name = format!("{book}.dec_t.blocks.{}", config.res_blocks + 2);
        self.biased(&name, [t, d, 4, 4], d, Part::Network);
        self.conv(&format!("{book}.quantize_conv_b"), d + t, d, 1);
        let levels: &[&str] = if config.guidance == Guidance::Codebook { &["t", "b"] } else { &[] };
        for level in levels {
            let name = format!("{book}.quantize_{level}");
            self.push(format!("{name}.embed"), &[d, n], Part::Codebook);
            self.push(format!("{name}.cluster_size"), &[n], Part::Codebook);
            self.push(format!("{name}.embed_avg"), &[d, n], Part::Codebook);
        }
        self.conv("dam.dim.fc1", d, config.head, 1);
        self.conv("dam.dim.fc2", config.head, 4 * config.width, 1);
        for name in ["alpha", "gamma", "beta"] {
            self.network(format!("dam.gct.{name}"), &[1, 4 * config.width, 1, 1]);
        }
    }

    fn fusion(&mut self) {
        let config = self.config;
        let c = |level| config.channels(level);
        self.network("dam_level4.weight", &[c(3), c(2), 3, 3]);
        self.network("dam_level2.weight", &[c(1), c(2), 3, 3]);
        for level in (1..4).rev() {
            self.block(&format!("dpm_level{level}"), level, 2 * c(level), config.fusion_heads);
            self.network(format!("reduce_dpm_level{level}.weight"), &[c(level), 2 * c(level), 1, 1]);
        }
    }

    fn adapters(&mut self) {
        for level in (1..4).rev() {
            let d = self.config.channels(level);
            let name = format!("distrib_adapt{}.adapt", level + 1);
            let mut conv = |part: &str, outputs, inputs, kernel| {
                let shape = [outputs, inputs, kernel, kernel];
                self.biased(&format!("{name}.{part}"), shape, outputs, Part::Adapter);
            };
            conv("0", 2 * d, d, 1);
            conv("2", 2 * d, 1, 3);
            conv("4.gate.1", d / 2, 2 * d, 1);
            conv("4.gate.3", 2 * d, d / 2, 1);
            conv("5", d, 2 * d, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_the_paper() {
        let (base, small) = (Config::base(), Config::small());
        assert_eq!(base.parameter_count(), 10_454_373);
        assert_eq!(base.parameter_count() + base.adapter_count(), 10_753_245);
        assert_eq!(small.parameter_count(), 2_705_832);
    }

    #[test]
    fn variants_lack_what_they_are_named_for() {
        let base = Config::base();
        let has = |config: &Config, part: &str| parameters(config).iter().any(|p| p.name.contains(part));
        let continuous = Config { guidance: Guidance::Continuous, ..base.clone() };
        assert!(has(&base, "embed_avg") && !has(&continuous, "embed_avg") && has(&continuous, "dam.dim"));
        assert_eq!(continuous.parameter_count(), base.parameter_count());
        let none = Config { guidance: Guidance::None, ..base.clone() };
        assert!(!has(&none, "dam") && !has(&none, "dpm") && !has(&none, "adapt"));
        let resnet = Config { blocks: Blocks::Resnet, ..base.clone() };
        assert!(!has(&resnet, "attn") && has(&resnet, "latent.7.conv2"));
        let metaformer = Config { blocks: Blocks::Metaformer, ..base };
        assert!(has(&metaformer, "encoder_level2.0.conv.dwconv") && has(&metaformer, "latent.0.attn"));
    }

    #[test]
    fn names_are_unique() {
        for blocks in [Blocks::Transformer, Blocks::Resnet, Blocks::Metaformer] {
            let list = parameters(&Config { blocks, ..Config::base() });
            let mut names: Vec<_> = list.into_iter().map(|p| p.name).collect();
            names.sort();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count);
        }
    }
}
