//! The files of a checkpoint as bytes: equal states give equal bytes.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use udair_engine::{EngineError, Weights};

use crate::TrainError;
use crate::optimiser::Optimiser;

/// A weights file, as f16 or f32.
pub fn weights(weights: &Weights, half: bool) -> Result<Vec<u8>, TrainError> {
    Ok(sorted(&weights.to_bytes(half)?))
}

/// The moments of the optimiser.
pub fn moments(optimiser: &Optimiser) -> Result<Vec<u8>, TrainError> {
    let bytes = |tensor: &Tensor<1>| {
        let values: Vec<f32> = tensor.to_data().try_into_vec().expect("moments are f32");
        values.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>()
    };
    let stored = [("first", bytes(&optimiser.first)), ("second", bytes(&optimiser.second))];
    let views: Result<Vec<_>, SafeTensorError> = stored
        .iter()
        .map(|(name, bytes)| Ok((*name, TensorView::new(Dtype::F32, vec![bytes.len() / 4], bytes)?)))
        .collect();
    let file = views.and_then(|views| safetensors::serialize(views, None));
    Ok(sorted(&file.map_err(|error| EngineError::Weights(error.to_string()))?))
}

/// The optimiser `fresh` with stored moments that have seen `steps` steps; `None` where they are of
/// another network.
pub fn read_moments(bytes: &[u8], fresh: Optimiser, steps: u32) -> Option<Optimiser> {
    let (length, device) = (fresh.first.dims()[0], fresh.first.device());
    let file = SafeTensors::deserialize(bytes).ok()?;
    let read = |name: &str| {
        let view = file.tensor(name).ok()?;
        let words = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let values: Vec<f32> = words.collect();
        (values.len() == length).then(|| Tensor::from_data(values.as_slice(), &device))
    };
    Some(Optimiser { first: read("first")?, second: read("second")?, steps, ..fresh })
}

/// The same safetensors file with the entries of its header sorted; writers leave them in the
/// order of a hash table.
fn sorted(file: &[u8]) -> Vec<u8> {
    let (length, rest) = file.split_first_chunk().expect("safetensors start with a length");
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let entries: BTreeMap<String, BTreeMap<String, serde_json::Value>> =
        serde_json::from_slice(header).expect("the header was written just now");
    let mut header = serde_json::to_vec(&entries).expect("it was JSON before");
    header.resize(header.len().next_multiple_of(8), b' ');
    [&(header.len() as u64).to_le_bytes()[..], &header, data].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use udair_engine::Config;

    #[test]
    fn equal_weights_are_equal_bytes() {
        let config = Config { width: 4, trunk: 8, codes: 16, heads: [1, 1, 2, 2], ..Config::small() };
        let mut net = udair_nn::initial_weights(&config, 1).unwrap();
        net.metadata = (0..20).map(|n| (format!("key {n}"), "\"text\"".to_string())).collect();
        let (first, second) = (weights(&net, false).unwrap(), weights(&net.clone(), false).unwrap());
        assert!(first == second);
        assert_eq!(Weights::from_bytes(&first).unwrap().tensors, net.tensors);
    }

    #[test]
    fn moments_come_back() {
        let device = Device::flex();
        let state = |values: [f32; 3]| Tensor::<1>::from_floats(values, &device);
        let fresh = |length| Optimiser::new(length, Vec::new(), &device);
        let (first, second) = (state([1.0, 2.0, 3.0]), state([0.5, 0.25, 0.0]));
        let optimiser = Optimiser { first, second, ..fresh(3) };
        let bytes = moments(&optimiser).unwrap();
        let read = read_moments(&bytes, fresh(3), 7).unwrap();
        assert_eq!(read.steps, 7);
        read.first.into_data().assert_eq(&optimiser.first.into_data(), true);
        read.second.into_data().assert_eq(&optimiser.second.into_data(), true);
        assert!(read_moments(&bytes, fresh(4), 7).is_none());
    }
}
