//! Random networks and pictures, the same for the same seed.

use std::collections::BTreeMap;

use udair_engine::{Config, Map, Part, Tensor, Weights, parameters};

/// A stream of random numbers (Steele et al., "Fast splittable pseudorandom number generators", OOPSLA 2014).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in [-1, 1).
    pub(crate) fn value(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }

    /// `len` values in [centre - spread, centre + spread).
    pub(crate) fn values(&mut self, len: usize, centre: f32, spread: f32) -> Vec<f32> {
        (0..len).map(|_| centre + spread * self.value()).collect()
    }

    /// An integer in `low..=high`.
    pub(crate) fn between(&mut self, low: usize, high: usize) -> usize {
        low + ((self.value() + 1.0) * 0.5 * (high - low + 1) as f32) as usize
    }
}

/// A network in which no parameter stands at the value that would hide it: norms and gates are not
/// identities, biases are not zero, and the codes lie where the analysis of a picture falls.
pub(crate) fn network(config: &Config, seed: u64) -> Weights {
    let mut random = Random::new(seed);
    let mut tensors = BTreeMap::new();
    for parameter in parameters(config).into_iter().filter(|p| p.part != Part::Adapter) {
        let (len, name) = (parameter.len(), parameter.name.as_str());
        let fan_in: usize = parameter.shape.iter().skip(1).product();
        let data = match name.rsplit('.').next().unwrap() {
            "temperature" => random.values(len, 2.0, 1.0),
            "alpha" | "cluster_size" => random.values(len, 1.0, 0.5),
            "gamma" | "beta" | "bias" => random.values(len, 0.0, 0.3),
            "weight" if parameter.shape.len() == 1 => random.values(len, 1.0, 0.4),
            "embed" | "embed_avg" | "logit_scale" => random.values(len, 0.0, 0.5),
            _ => random.values(len, 0.0, (3.0 / fan_in as f32).sqrt()),
        };
        tensors.insert(parameter.name, Tensor { shape: parameter.shape, data });
    }
    Weights::new(config.clone(), Vec::new(), BTreeMap::new(), tensors, None).unwrap()
}

/// A picture of smooth colours, edges and noise in [0, 1].
pub(crate) fn picture(width: usize, height: usize, seed: u64) -> Map {
    let mut random = Random::new(seed);
    let waves = random.values(9, 0.0, 0.2);
    let data = (0..height * width * 3).map(|i| {
        let (y, x, c) = (i / 3 / width, i / 3 % width, i % 3);
        let wave = (y as f32 * waves[c] + x as f32 * waves[3 + c] + 9.0 * waves[6 + c]).sin();
        let edge = if (x / 13 + y / 17) % 2 == 0 { 0.1 } else { -0.1 };
        (0.5 + 0.3 * wave + edge + 0.08 * random.value()).clamp(0.0, 1.0)
    });
    Map { channels: 3, height, width, data: data.collect() }
}
