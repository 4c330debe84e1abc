//! What a forward pass costs: multiply-accumulates, and bytes of maps moved.
//!
//! Operations over the machine's peak and bytes over its bandwidth are the floor that a run is
//! measured against.

use crate::{Blocks, Config, Guidance};

impl Config {
    /// Multiply-accumulates of one forward pass over `width` x `height` pixels, both padded up as
    /// the network does; attention products and code search included, adapters not.
    pub fn macs(&self, width: usize, height: usize) -> u64 {
        let multiple = self.pad.multiple();
        let pixels = (width.next_multiple_of(multiple) * height.next_multiple_of(multiple)) as u64;
        // Every level's operations are counted per 64 full-size pixels, one pixel of the bottleneck.
        let at = |level: usize, macs: usize| (macs << (6 - 2 * level)) as u64;
        let block = |level: usize, c: usize, heads: usize| {
            let attention = 3 * c * c + 27 * c + 2 * c * c / heads + c * c;
            match self.blocks {
                Blocks::Transformer => {
                    let h = self.hidden(c);
                    attention + 2 * h * c + 18 * h + h * c
                }
                Blocks::Resnet => 18 * c * c,
                Blocks::Metaformer if self.attends(level) => attention + 2 * Blocks::MLP * c * c,
                Blocks::Metaformer => Blocks::SEPARABLE * (2 * c * c + 49 * c) + 2 * Blocks::MLP * c * c,
            }
        };
        let c = |level| self.channels(level);
        let mut sum = at(0, 27 * c(0));
        for level in 0..4 {
            sum += at(level, self.enc[level] * block(level, c(level), self.heads[level]));
            if level < 3 {
                sum += at(level, 9 * c(level) * c(level) / 2);
            }
        }
        for (stage, level) in [(0, 2), (1, 1)] {
            sum += at(level, self.dec[stage] * block(level, c(level), self.heads[level]));
            sum += at(level, 2 * c(level) * c(level));
        }
        sum += at(0, (self.dec[2] + self.refine) * block(0, 2 * c(0), self.heads[0]));
        sum += at(0, 9 * 2 * c(0) * 3);
        for level in 1..4 {
            if self.guidance != Guidance::None {
                sum += at(level, block(level, 2 * c(level), self.fusion_heads) + 2 * c(level) * c(level));
            }
            sum += at(level, 9 * c(level) * 2 * c(level));
        }
        sum * pixels / 64 + self.analysis_macs(width, height)
    }

    /// Bytes of maps that the backbone reads and writes over `width` x `height` pixels when every pass
    /// finds its rows in cache but no map: a block reads its map three times and writes it twice.
    pub fn traffic(&self, width: usize, height: usize) -> u64 {
        let multiple = self.pad.multiple();
        let pixels = (width.next_multiple_of(multiple) * height.next_multiple_of(multiple)) as u64;
        let at = |level: usize, values: usize| (values << (6 - 2 * level)) as u64;
        let block = |c: usize| 5 * c;
        let c = |level| self.channels(level);
        let mut values = at(0, 3 + c(0) + 2 * c(0) + 2 * 3 + (self.dec[2] + self.refine) * block(2 * c(0)));
        for level in 0..4 {
            values += at(level, self.enc[level] * block(c(level)));
        }
        for level in 1..4 {
            // Down into it, the condition, the fusion block, its reduction, and up out of it.
            values +=
                at(level, 2 * c(level) + 2 * c(level) + block(2 * c(level)) + 3 * c(level) + 3 * c(level));
        }
        for (stage, level) in [(0, 2), (1, 1)] {
            values += at(level, self.dec[stage] * block(c(level)) + 2 * c(level));
        }
        values * 4 * pixels / 64
    }

    /// The share of [`macs`](Self::macs) that the degradation analysis and the conditions take.
    pub fn analysis_macs(&self, width: usize, height: usize) -> u64 {
        if self.guidance == Guidance::None {
            return 0;
        }
        let multiple = self.pad.multiple();
        let pixels = (width.next_multiple_of(multiple) * height.next_multiple_of(multiple)) as u64;
        let at = |level: usize, macs: usize| (macs << (6 - 2 * level)) as u64;
        let c = |level| self.channels(level);
        let (t, d) = (self.trunk, self.code_dim);
        let res = self.res_blocks * (9 * t * self.res + self.res * t);
        let codes = if self.guidance == Guidance::Codebook { self.codes } else { 0 };
        let sum = at(3, 9 * c(2) * c(3))
            + at(1, 9 * c(2) * c(1))
            + at(1, 16 * 3 * t / 2)
            + at(2, 16 * t / 2 * t + 9 * t * t + res)
            + at(3, 16 * t * t / 2 + 9 * t / 2 * t + res)
            + at(3, t * d + d * codes)
            + at(3, 9 * d * t + res + 16 * t * d)
            + at(2, (d + t) * d + d * codes)
            + at(2, d * self.head + self.head * 4 * self.width);
        sum * pixels / 64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_the_paper() {
        let (base, small) = (Config::base(), Config::small());
        let giga = |macs: u64| (macs as f64 / 1e7).round() / 100.0;
        assert_eq!(giga(base.macs(256, 256)), 50.08);
        assert_eq!((base.macs(512, 512) as f64 / 1e8).round() / 10.0, 200.3);
        // Stated without the code search of 512 codes at 1/8 and 1/4.
        let search = 512 * 32 * (32 * 32 + 64 * 64);
        assert_eq!(giga(small.macs(256, 256) - search), 9.20);
    }

    #[test]
    fn costs_are_proportional_to_pixels() {
        let small = Config::small();
        for cost in [Config::macs, Config::traffic] {
            assert_eq!(cost(&small, 512, 256), 2 * cost(&small, 256, 256));
            assert_eq!(cost(&small, 250, 251), cost(&small, 256, 256));
        }
    }
}
