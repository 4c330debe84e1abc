//! Initial values of every parameter, from one seed.
//!
//! The distributions are PyTorch's defaults, which the reference starts from: convolutions uniform
//! in ±1/sqrt(fan in), norms and gates as identities. Ours are the codebooks' counts of one and
//! the adapters' last layer of zeros.

use std::collections::BTreeMap;

use udair_engine::{Config, EngineError, Tensor, Weights, parameters};

use crate::stream::Stream;

/// Scale and offset of a `StarReLU` under which normal inputs have normal outputs.
const STAR: [f32; 2] = [0.8944, -0.4472];

/// Weights of an untrained network; the same seed gives the same bytes everywhere.
pub fn initial_weights(config: &Config, seed: u64) -> Result<Weights, EngineError> {
    config.validate()?;
    let mut tensors = BTreeMap::new();
    let mut fan_in = 1;
    for (index, parameter) in parameters(config).iter().enumerate() {
        let (name, shape) = (parameter.name.as_str(), &parameter.shape);
        let mut stream = Stream::new(seed, index as u64);
        if name.ends_with(".weight") && shape.len() == 4 {
            fan_in = shape[1..].iter().product();
        }
        let bound = 1.0 / (fan_in as f32).sqrt();
        let data: Vec<f32> = match name {
            "logit_scale" => vec![(1.0_f32 / 0.07).ln()],
            _ if name.ends_with("star.scale") => vec![STAR[0]],
            _ if name.ends_with("star.offset") => vec![STAR[1]],
            _ if name.contains("adapt.5.") => vec![0.0; parameter.len()],
            _ if name.ends_with("body.bias") || name.ends_with("gamma") || name.ends_with("beta") => {
                vec![0.0; parameter.len()]
            }
            _ if name.ends_with("temperature")
                || name.ends_with("cluster_size")
                || name.ends_with("alpha")
                || (name.ends_with("body.weight") && shape.len() == 1) =>
            {
                vec![1.0; parameter.len()]
            }
            _ if name.ends_with("embed") => (0..parameter.len()).map(|_| stream.normal()).collect(),
            _ if name.ends_with("embed_avg") => codes(&tensors, name),
            _ => (0..parameter.len()).map(|_| bound * (2.0 * stream.uniform() - 1.0)).collect(),
        };
        tensors.insert(name.to_string(), Tensor { shape: shape.clone(), data });
    }
    Weights::new(config.clone(), Vec::new(), BTreeMap::new(), tensors, None)
}

/// The codes that the moving average called `name` starts from.
fn codes(tensors: &BTreeMap<String, Tensor>, name: &str) -> Vec<f32> {
    let embed = name.strip_suffix("_avg").expect("only moving averages are asked for");
    tensors[embed].data.clone()
}
