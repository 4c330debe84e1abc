//! Reading golden files and comparing with them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::tensor::{Device, Int, Shape, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors};

/// The device under test: the CPU, or the one that `UDAIR_TEST_DEVICE` names (`cuda`).
pub(crate) fn device() -> Device {
    let name = std::env::var("UDAIR_TEST_DEVICE");
    udair_nn::device::named(name.as_deref().unwrap_or(udair_nn::device::CPU)).unwrap()
}

/// What a device with other kernels may add to the stored tolerances.
fn allowance() -> f32 {
    let name = std::env::var("UDAIR_TEST_DEVICE");
    if name.is_ok_and(|name| name != udair_nn::device::CPU) { 1e-3 } else { 0.0 }
}

/// The tensors of one golden file, widened to f32, and the tolerance of each.
pub(crate) struct Golden {
    name: String,
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    tolerances: serde_json::Value,
}

/// Opens `golden/NAME.safetensors`; `None`, with a message, where there is no reference data.
pub(crate) fn open(name: &str) -> Option<Golden> {
    let root = std::env::var_os("UDAIR_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = root.join("golden").join(name).with_extension("safetensors");
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("skipped: {} is absent; set UDAIR_SHARED to the reference data", path.display());
        return None;
    };
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = file.tensors().into_iter().map(|(name, view)| {
        let data = match view.dtype() {
            Dtype::F32 => words(view.data(), f32::from_le_bytes),
            Dtype::I32 => words(view.data(), |b| i32::from_le_bytes(b) as f32),
            Dtype::F16 => words(view.data(), |b| half::f16::from_le_bytes(b).to_f32()),
            other => panic!("{name} has type {other:?}"),
        };
        (name, (view.shape().to_vec(), data))
    });
    let tolerances: serde_json::Value =
        serde_json::from_slice(&std::fs::read(root.join("golden/tolerance.json")).unwrap()).unwrap();
    Some(Golden { name: name.into(), tensors: tensors.collect(), tolerances: tolerances[name].clone() })
}

fn words<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.chunks_exact(N).map(|chunk| read(chunk.try_into().unwrap())).collect()
}

impl Golden {
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    pub(crate) fn shape(&self, name: &str) -> &[usize] {
        &self.tensors[name].0
    }

    pub(crate) fn values(&self, name: &str) -> &[f32] {
        &self.tensors[name].1
    }

    pub(crate) fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let (shape, data) = &self.tensors[name];
        Tensor::from_data(TensorData::new(data.clone(), Shape::from(shape.clone())), device)
    }

    /// Fails unless every value lies within the stored tolerance of the stored one.
    pub(crate) fn check<const D: usize>(&self, name: &str, tensor: Tensor<D>) {
        self.check_as(name, name, tensor);
    }

    /// The same, where `tolerance` is stored under another name.
    pub(crate) fn check_as<const D: usize>(&self, name: &str, tolerance: &str, tensor: Tensor<D>) {
        let expected = self.values(name);
        let atol = self.tolerances[tolerance]["atol"].as_f64().expect("every output has a tolerance") as f32;
        let atol = atol.max(allowance());
        let got: Vec<f32> = tensor.inner().into_data().try_into_vec().unwrap();
        assert_eq!(got.len(), expected.len(), "{}: {name}", self.name);
        let worst = got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        if allowance() > 0.0 {
            println!("{}: {name} differs by {worst:e}", self.name);
        }
        assert!(worst <= atol, "{}: {name} differs by {worst:e}, allowed are {atol:e}", self.name);
        assert!(got.iter().all(|v| v.is_finite()), "{}: {name} is not finite", self.name);
    }

    /// How many code numbers differ from the stored ones.
    pub(crate) fn differing(&self, name: &str, indices: Option<Tensor<1, Int>>) -> usize {
        let got: Vec<f32> = indices.unwrap().float().into_data().try_into_vec().unwrap();
        let expected = self.values(name);
        assert_eq!(got.len(), expected.len());
        got.iter().zip(expected).filter(|(a, b)| a != b).count()
    }
}
