//! The weights file: safetensors that describe themselves.
//!
//! `__metadata__` holds JSON strings (`format`, `arch`, `config`, `patterns`, `recipe`, `data`,
//! `licence`, `samples`, `pictures`); the tensors are the parameters and codebooks under the names of
//! [`parameters()`](crate::parameters), `identify.*` for the identification, and `anchors.*` for
//! test-time adaptation; the last two may be absent. F16 and F32 are read; what is not known is
//! refused, so that a typing error never passes for a zero.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use half::f16;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::{Aim, Config, EngineError, Identifier, Part, parameters};

/// The parameters of a network, widened to f32, with what the file says about them.
#[derive(Debug, Clone)]
pub struct Weights {
    /// Shape of the network.
    pub config: Config,
    /// Degradation patterns, in the order of the identification's anchors.
    pub patterns: Vec<String>,
    /// The file's metadata: every value is a JSON text.
    pub metadata: BTreeMap<String, String>,
    /// Every tensor of the network by name; adapters are optional.
    pub tensors: BTreeMap<String, Tensor>,
    /// How to name the degradation; absent in files without `identify.*`.
    pub identifier: Option<Identifier>,
    /// What test-time adaptation comes back to, one a pattern; absent in files without `anchors.*`.
    pub aims: Option<Vec<Aim>>,
}

/// A dense tensor: shape in PyTorch's order, values in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Length of every axis.
    pub shape: Vec<usize>,
    /// The values.
    pub data: Vec<f32>,
}

/// The largest file that is read, in bytes; `base` has 21 MB.
const LARGEST_FILE: usize = 8 << 30;

impl Weights {
    /// Reads a weights file.
    ///
    /// # Errors
    /// [`EngineError::Weights`] for anything that is not a complete UDAIR weights file, with the
    /// names of the tensors that are missing, misshapen or unknown.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EngineError> {
        if bytes.len() > LARGEST_FILE {
            return Err(EngineError::weights("the file is larger than 8 GiB"));
        }
        let broken =
            |e: safetensors::SafeTensorError| EngineError::weights(format!("not a safetensors file: {e}"));
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(broken)?;
        let file = SafeTensors::deserialize(bytes).map_err(broken)?;
        let metadata: BTreeMap<String, String> =
            header.metadata().clone().unwrap_or_default().into_iter().collect();
        let format: String = field(&metadata, "format")?;
        if format != "udair" {
            return Err(EngineError::weights(format!("its format is {format:?}, not \"udair\"")));
        }
        let config: Config = field(&metadata, "config")?;
        let patterns: Vec<String> = field(&metadata, "patterns")?;
        let mut tensors = BTreeMap::new();
        let mut identify = BTreeMap::new();
        let mut anchors = BTreeMap::new();
        for (name, view) in file.tensors() {
            let tensor = Tensor::read(&name, &view)?;
            match name.split_once('.') {
                Some(("identify", short)) => identify.insert(short.to_string(), tensor),
                Some(("anchors", short)) => anchors.insert(short.to_string(), tensor),
                _ => tensors.insert(name, tensor),
            };
        }
        let identifier = if identify.is_empty() {
            None
        } else {
            Some(Identifier::from_tensors(&config, &patterns, identify)?)
        };
        let aims =
            if anchors.is_empty() { None } else { Some(Aim::from_file(&config, patterns.len(), anchors)?) };
        Ok(Self { aims, ..Self::new(config, patterns, metadata, tensors, identifier)? })
    }

    /// Puts weights without aims together and checks that they are complete.
    pub fn new(
        config: Config,
        patterns: Vec<String>,
        metadata: BTreeMap<String, String>,
        tensors: BTreeMap<String, Tensor>,
        identifier: Option<Identifier>,
    ) -> Result<Self, EngineError> {
        config.validate()?;
        check(&config, &tensors)?;
        Ok(Self { config, patterns, metadata, tensors, identifier, aims: None })
    }

    /// The bytes of a weights file: parameters as f16 or f32; identification, anchors, codebook counts and
    /// what f16 cannot hold always as f32.
    pub fn to_bytes(&self, half: bool) -> Result<Vec<u8>, EngineError> {
        let mut stored: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
        for (name, tensor) in &self.tensors {
            let fits = || tensor.data.iter().all(|v| v.abs() <= f16::MAX.to_f32());
            let (dtype, bytes) = if half && !name.ends_with("cluster_size") && fits() {
                (Dtype::F16, tensor.data.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect())
            } else {
                (Dtype::F32, tensor.bytes())
            };
            stored.push((name.clone(), dtype, tensor.shape.clone(), bytes));
        }
        for (name, tensor) in self.identifier.iter().flat_map(Identifier::tensors) {
            stored.push((format!("identify.{name}"), Dtype::F32, tensor.shape.clone(), tensor.bytes()));
        }
        for (name, tensor) in self.aims.iter().flat_map(|aims| Aim::tensors(aims)) {
            stored.push((format!("anchors.{name}"), Dtype::F32, tensor.shape.clone(), tensor.bytes()));
        }
        let views = stored
            .iter()
            .map(|(name, dtype, shape, bytes)| {
                Ok((name.as_str(), TensorView::new(*dtype, shape.clone(), bytes)?))
            })
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
            .map_err(|e| EngineError::weights(e.to_string()))?;
        let mut metadata: HashMap<String, String> = self.metadata.clone().into_iter().collect();
        for (key, value) in [
            ("format", serde_json::to_string("udair")),
            ("config", serde_json::to_string(&self.config)),
            ("patterns", serde_json::to_string(&self.patterns)),
        ] {
            metadata.insert(key.into(), value.map_err(|e| EngineError::weights(e.to_string()))?);
        }
        safetensors::serialize(views, Some(metadata)).map_err(|e| EngineError::weights(e.to_string()))
    }

    /// Fingerprints of the pictures that these weights were trained on (the metadata's `pictures`: the
    /// first 16 digits of the SHA-256 of each file); none where the file does not say.
    pub fn trained_on(&self) -> BTreeSet<String> {
        let text = self.metadata.get("pictures");
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// A tensor of the network.
    ///
    /// # Panics
    /// Never for a name that [`parameters()`](crate::parameters) lists outside the adapters:
    /// construction has checked those.
    pub fn tensor(&self, name: &str) -> &Tensor {
        &self.tensors[name]
    }
}

impl Tensor {
    pub(crate) fn read(name: &str, view: &TensorView<'_>) -> Result<Self, EngineError> {
        let bytes = view.data();
        let data: Vec<f32> = match view.dtype() {
            Dtype::F16 => bytes.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
            Dtype::F32 => {
                bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
            }
            other => {
                return Err(EngineError::weights(format!("{name} has type {other:?}; F16 and F32 are read")));
            }
        };
        if let Some(bad) = data.iter().find(|v| !v.is_finite()) {
            return Err(EngineError::weights(format!("{name} holds {bad}")));
        }
        Ok(Self { shape: view.shape().to_vec(), data })
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.data.iter().flat_map(|v| v.to_le_bytes()).collect()
    }
}

fn field<T: serde::de::DeserializeOwned>(
    metadata: &BTreeMap<String, String>,
    key: &str,
) -> Result<T, EngineError> {
    let text = metadata.get(key).ok_or_else(|| {
        EngineError::weights(format!("its metadata lacks {key:?}, so it was not written for udair"))
    })?;
    serde_json::from_str(text)
        .map_err(|e| EngineError::weights(format!("its metadata {key:?} is wrong: {e}")))
}

/// Every tensor of the network must be there with its shape, and nothing else may be.
fn check(config: &Config, tensors: &BTreeMap<String, Tensor>) -> Result<(), EngineError> {
    let list = parameters(config);
    let known: BTreeMap<_, _> = list.iter().map(|p| (p.name.as_str(), p)).collect();
    let mut problems = Vec::new();
    for parameter in &list {
        match tensors.get(&parameter.name) {
            None if parameter.part == Part::Adapter => {}
            None => problems.push(format!("{} is missing", parameter.name)),
            Some(tensor) if tensor.shape != parameter.shape => problems.push(format!(
                "{} has shape {:?} instead of {:?}",
                parameter.name, tensor.shape, parameter.shape
            )),
            Some(_) => {}
        }
    }
    problems.extend(
        tensors
            .keys()
            .filter(|name| !known.contains_key(name.as_str()))
            .map(|name| format!("{name} is not known")),
    );
    if problems.is_empty() {
        return Ok(());
    }
    let rest = problems.len().saturating_sub(5);
    problems.truncate(5);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    Err(EngineError::weights(format!("{}{more}", problems.join("; "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_half_precision_cannot_hold_is_stored_whole() {
        let config = Config { width: 4, trunk: 8, codes: 16, ..Config::small() };
        let zeros =
            |p: crate::Parameter| (p.name.clone(), Tensor { data: vec![0.0; p.len()], shape: p.shape });
        let mut tensors: BTreeMap<_, _> = parameters(&config).into_iter().map(zeros).collect();
        let codes = "dam.codebook.quantize_b.embed";
        tensors.get_mut(codes).unwrap().data[3] = 8e5;
        let weights = Weights::new(config, Vec::new(), BTreeMap::new(), tensors, None).unwrap();
        let read = Weights::from_bytes(&weights.to_bytes(true).unwrap()).unwrap();
        assert_eq!(read.tensor(codes).data[3], 8e5);
    }
}
