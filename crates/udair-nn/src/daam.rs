//! DAAM, the degradation-aware analysis module: what spoiled the picture, as a map of discrete
//! codes at two scales, and the conditions D4, D3, D2 that the decoder is guided by.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData, activation::gelu};
use udair_engine::{Config, Guidance};

use crate::codebook::{Codebook, Quantised};
use crate::gate::Gate;
use crate::stream::Stream;
use crate::trunk::{Decoder, Encoder};
use crate::{Bypass, Conv, ConvConfig, Mode};

/// Two encoders, two codebooks, a decoder between them, a head and a gate.
#[derive(Module, Debug)]
pub struct Daam {
    enc_b: Encoder,
    enc_t: Encoder,
    quantize_conv_t: Conv,
    dec_t: Decoder,
    quantize_conv_b: Conv,
    /// The coarse codebook and the fine one; absent where features pass as they are.
    pub codebooks: Option<[Codebook; 2]>,
    fc1: Conv,
    fc2: Conv,
    gate: Gate,
    dropout: f64,
}

/// What the analysis of a batch saw.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// D: `[n, 4C, h / 4, w / 4]`.
    pub d: Tensor<4>,
    /// The coarse level, at 1/8.
    pub top: Quantised,
    /// The fine level, at 1/4.
    pub bottom: Quantised,
}

impl Analysis {
    /// The commitment losses of both levels, added: `[1]`.
    pub fn commitment(&self) -> Tensor<1> {
        self.top.commitment.clone() + self.bottom.commitment.clone()
    }
}

impl Daam {
    /// An analysis of this shape.
    pub fn init(config: &Config, device: &Device) -> Self {
        let (t, d) = (config.trunk, config.code_dim);
        Self {
            enc_b: Encoder::bottom(config, device),
            enc_t: Encoder::top(config, device),
            quantize_conv_t: ConvConfig::new(t, d, 1).with_bias().init(device),
            dec_t: Decoder::init(config, device),
            quantize_conv_b: ConvConfig::new(d + t, d, 1).with_bias().init(device),
            codebooks: (config.guidance == Guidance::Codebook)
                .then(|| [(); 2].map(|()| Codebook::init(d, config.codes, device))),
            fc1: ConvConfig::new(d, config.head, 1).with_bias().init(device),
            fc2: ConvConfig::new(config.head, config.channels(2), 1).with_bias().init(device),
            gate: Gate::init(config.channels(2), device),
            dropout: config.dropout,
        }
    }

    /// Analyses mean-free pictures `[n, 3, h, w]`, both sides multiples of 8.
    pub fn forward(&self, x: Tensor<4>, mode: Mode) -> Analysis {
        let b = self.enc_b.forward(x); // [n, trunk, h / 4, w / 4]
        let t = self.enc_t.forward(b.clone()); // [n, trunk, h / 8, w / 8]
        let [coarse, fine] = self.codebooks.as_ref().map_or([None; 2], |[coarse, fine]| match mode.bypass {
            Bypass::Neither => [Some(coarse), Some(fine)],
            Bypass::Bottom => [Some(coarse), None],
            Bypass::Both => [None; 2],
        });
        let top = Quantised::by(coarse, self.quantize_conv_t.forward(t));
        let t = self.dec_t.forward(top.codes.clone()); // [n, code_dim, h / 4, w / 4]
        let z = self.quantize_conv_b.forward(Tensor::cat(vec![t, b], 1));
        let bottom = Quantised::by(fine, z);
        let hidden = self.drop(gelu(self.fc1.forward(bottom.codes.clone())), mode, 1);
        let head = gelu(self.drop(self.fc2.forward(hidden), mode, 2));
        Analysis { d: self.gate.forward(head), top, bottom }
    }

    /// One step of both codebooks' moving averages.
    #[must_use]
    pub fn update_codebooks(mut self, seen: &Analysis) -> Self {
        self.codebooks =
            self.codebooks.map(|[coarse, fine]| [coarse.update(&seen.top), fine.update(&seen.bottom)]);
        self
    }

    /// Dropout by a mask that depends on the mode's seed and `layer` alone.
    fn drop(&self, x: Tensor<4>, mode: Mode, layer: u64) -> Tensor<4> {
        let Some(seed) = mode.dropout.filter(|_| self.dropout > 0.0) else { return x };
        let keep = 1.0 - self.dropout;
        let mut stream = Stream::new(seed, layer);
        let mask: Vec<f32> = (0..x.shape().num_elements())
            .map(|_| if f64::from(stream.uniform()) < keep { (1.0 / keep) as f32 } else { 0.0 })
            .collect();
        let mask = Tensor::from_data(TensorData::new(mask, x.dims()), &x.device().inner());
        x * mask
    }
}
