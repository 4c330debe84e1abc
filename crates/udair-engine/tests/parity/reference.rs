//! The reference data: tensors that the authors' own program computed, with tolerances.
//!
//! They lie in the folder that the environment variable `UDAIR_SHARED` names, or in `shared` beside
//! the repository. Tests that need them say so and pass where they are absent.

use std::collections::BTreeMap;
use std::path::PathBuf;

use half::f16;
use safetensors::{Dtype, SafeTensors};
use udair_engine::{Map, Tensor};

/// A file of the reference data, or `None` (and a message) where there is none.
pub(crate) fn file(name: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path = std::env::var_os("UDAIR_SHARED").map_or_else(beside, PathBuf::from).join(name);
    if !path.exists() {
        eprintln!("skipped: {} does not exist (set UDAIR_SHARED to the reference data)", path.display());
        return None;
    }
    Some(path)
}

/// Tensors by name with their tolerances.
pub(crate) struct Golden {
    pub(crate) tensors: BTreeMap<String, Tensor>,
    tolerances: serde_json::Value,
}

impl Golden {
    /// Reads `golden/<name>.safetensors`; integers become floats.
    pub(crate) fn open(name: &str) -> Option<Self> {
        let bytes = std::fs::read(file(&format!("golden/{name}.safetensors"))?).unwrap();
        let tolerances = std::fs::read(file("golden/tolerance.json")?).unwrap();
        let tolerances: serde_json::Value = serde_json::from_slice(&tolerances).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let tensors = tensors.tensors().into_iter().map(|(name, view)| {
            let (bytes, four) = (view.data(), |b: &[u8]| [b[0], b[1], b[2], b[3]]);
            let data = match view.dtype() {
                Dtype::F16 => {
                    bytes.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect()
                }
                Dtype::F32 => bytes.chunks_exact(4).map(|b| f32::from_le_bytes(four(b))).collect(),
                Dtype::I32 => bytes.chunks_exact(4).map(|b| i32::from_le_bytes(four(b)) as f32).collect(),
                other => panic!("{name} has type {other:?}"),
            };
            (name, Tensor { shape: view.shape().to_vec(), data })
        });
        Some(Self { tensors: tensors.collect(), tolerances: tolerances[name].clone() })
    }

    /// The tensors whose names start with `prefix`, without it.
    pub(crate) fn under(&self, prefix: &str) -> BTreeMap<String, Tensor> {
        let under = |(name, tensor): (&String, &Tensor)| {
            name.strip_prefix(prefix).map(|short| (short.to_string(), tensor.clone()))
        };
        self.tensors.iter().filter_map(under).collect()
    }

    /// Image `n` of an N x C x H x W tensor as interleaved pixels.
    pub(crate) fn map(&self, name: &str, n: usize) -> Map {
        let tensor = &self.tensors[name];
        let [_, channels, height, width] = tensor.shape[..] else { panic!("{name}: {:?}", tensor.shape) };
        let image = &tensor.data[n * channels * height * width..][..channels * height * width];
        let at = |i: usize| image[i % channels * height * width + i / channels];
        Map { channels, height, width, data: (0..image.len()).map(at).collect() }
    }

    /// Images in a tensor.
    pub(crate) fn images(&self, name: &str) -> usize {
        self.tensors[name].shape[0]
    }

    /// Asserts that a map is image `n` of the tensor `name`, within the tensor's tolerance.
    pub(crate) fn assert_map(&self, name: &str, n: usize, map: &Map) {
        let expected = self.map(name, n);
        let size = |m: &Map| [m.channels, m.height, m.width];
        assert_eq!(size(map), size(&expected), "{name}: channels, height, width");
        assert_close(name, &map.data, &expected.data, self.tolerance(name));
    }

    /// Largest difference that the tensor `name` allows.
    pub(crate) fn tolerance(&self, name: &str) -> f32 {
        let tolerance = &self.tolerances[name]["atol"];
        tolerance.as_f64().unwrap_or_else(|| panic!("no tolerance for {name}")) as f32
    }
}

/// Asserts |value - expected| <= tolerance for every value.
pub(crate) fn assert_close(name: &str, values: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(values.len(), expected.len(), "{name}: number of values");
    for (i, (value, expected)) in values.iter().zip(expected).enumerate() {
        let difference = (value - expected).abs();
        assert!(difference <= tolerance, "{name}[{i}] is {value}, not {expected} (allowed: {tolerance:e})");
    }
}
