//! Anchors: what the conditions of pictures of one pattern look like, for test-time adaptation to
//! come back to.
//!
//! Two kinds. *Moments* are the mean vector and the mean of the per-picture covariances, over the
//! same windows that adaptation looks at. *Maps* are what the reference stores: the average of the
//! condition maps themselves, whose covariance is nearly zero because averaging maps removes what
//! varies in space; they serve to compare with it.

use std::collections::{BTreeMap, HashMap};

use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::adapter::{Cells, moments};
use crate::{Config, EngineError, Isa, Map, Tensor};

/// Mean and covariance of the d channels of a condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// d values.
    pub mean: Vec<f32>,
    /// d rows of d values.
    pub covariance: Vec<f32>,
}

/// The anchor of one pattern, for D4, D3 and D2 in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Anchor {
    /// Ours.
    Moments([Moments; 3]),
    /// The reference's averaged maps.
    Maps([Map; 3]),
}

/// What the pictures of one pattern are adapted to, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Aim {
    /// The anchor, of moments.
    pub anchor: Anchor,
    /// Distance from the anchor ([`Engine::anchor_distances`](crate::Engine::anchor_distances),
    /// summed) from which adaptation helped pictures of known reference; `f32::MAX` where it never
    /// did.
    pub worth: f32,
}

impl Aim {
    /// The aims of a weights file, from [`Anchor::tensors`] and `worth` [K], which may be absent.
    pub(crate) fn from_file(
        config: &Config,
        patterns: usize,
        mut tensors: BTreeMap<String, Tensor>,
    ) -> Result<Vec<Self>, EngineError> {
        let worth = tensors.remove("worth");
        let known =
            |name: &str| LEVELS.iter().any(|level| MOMENTS.iter().any(|m| name == format!("{m}.{level}")));
        if let Some(name) = tensors.keys().find(|name| !known(name)) {
            return Err(EngineError::weights(format!("anchors.{name} is not known")));
        }
        let anchors = Anchor::from_tensors(&tensors, patterns)?;
        let channels = LEVELS.map(|level| config.channels(level - 1));
        if let Some(anchor) = anchors.iter().find(|anchor| anchor.channels() != channels) {
            let message =
                format!("its anchors have {:?} channels instead of {channels:?}", anchor.channels());
            return Err(EngineError::weights(message));
        }
        let worth = match worth {
            None => vec![f32::MAX; patterns],
            Some(tensor) if tensor.shape == [patterns] => tensor.data,
            Some(tensor) => {
                return Err(EngineError::weights(format!("anchors.worth has shape {:?}", tensor.shape)));
            }
        };
        Ok(anchors.into_iter().zip(worth).map(|(anchor, worth)| Self { anchor, worth }).collect())
    }

    /// The tensors that [`from_file`](Self::from_file) reads.
    pub(crate) fn tensors(aims: &[Self]) -> BTreeMap<String, Tensor> {
        let anchors: Vec<Anchor> = aims.iter().map(|aim| aim.anchor.clone()).collect();
        let mut tensors = Anchor::tensors(&anchors);
        let data = aims.iter().map(|aim| aim.worth).collect();
        tensors.insert("worth".into(), Tensor { shape: vec![aims.len()], data });
        tensors
    }
}

/// Names of the levels D4, D3 and D2 in files.
const LEVELS: [usize; 3] = [4, 3, 2];
/// Names of the tensors of [`Anchor::Moments`].
const MOMENTS: [&str; 2] = ["mean", "covariance"];

impl Anchor {
    /// The anchors of `patterns` patterns from the tensors `mean.<level>` [K, d] and
    /// `covariance.<level>` [K, d, d], or `map.<level>` [K, d, h, w], of the levels 4, 3 and 2.
    ///
    /// # Errors
    /// [`EngineError::Weights`] with the name of a tensor that is missing or misshapen.
    pub fn from_tensors(
        tensors: &BTreeMap<String, Tensor>,
        patterns: usize,
    ) -> Result<Vec<Self>, EngineError> {
        let find = |name: String, axes: usize| match tensors.get(&name) {
            Some(tensor) if tensor.shape.len() == axes && tensor.shape[0] == patterns => Ok(tensor),
            Some(tensor) => Err(EngineError::weights(format!("anchor {name} has shape {:?}", tensor.shape))),
            None => Err(EngineError::weights(format!("anchor {name} is missing"))),
        };
        let moments = tensors.contains_key("mean.4");
        (0..patterns)
            .map(|k| {
                let level = |level: usize| {
                    let mean = find(format!("mean.{level}"), 2)?;
                    let covariance = find(format!("covariance.{level}"), 3)?;
                    let d = mean.shape[1];
                    if covariance.shape[1..] != [d, d] {
                        let message = format!("anchor covariance.{level} has shape {:?}", covariance.shape);
                        return Err(EngineError::weights(message));
                    }
                    Ok(Moments { mean: slice(mean, k), covariance: slice(covariance, k) })
                };
                let map = |level: usize| {
                    let tensor = find(format!("map.{level}"), 4)?;
                    let (channels, height, width) = (tensor.shape[1], tensor.shape[2], tensor.shape[3]);
                    let planes = slice(tensor, k);
                    let value = |i: usize| planes[i % channels * height * width + i / channels];
                    Ok(Map { channels, height, width, data: (0..planes.len()).map(value).collect() })
                };
                let [a, b, c] = LEVELS;
                if moments {
                    Ok(Self::Moments([level(a)?, level(b)?, level(c)?]))
                } else {
                    Ok(Self::Maps([map(a)?, map(b)?, map(c)?]))
                }
            })
            .collect()
    }

    /// The tensors that [`from_tensors`](Self::from_tensors) reads. Anchors must be of one kind.
    pub fn tensors(anchors: &[Self]) -> BTreeMap<String, Tensor> {
        let mut tensors: BTreeMap<String, Tensor> = BTreeMap::new();
        let mut add = |name: String, shape: &[usize], data: &[f32]| {
            let shape = [&[0], shape].concat();
            let tensor = tensors.entry(name).or_insert(Tensor { shape, data: Vec::new() });
            tensor.shape[0] += 1;
            tensor.data.extend(data);
        };
        for anchor in anchors {
            match anchor {
                Self::Moments(levels) => {
                    for (level, Moments { mean, covariance }) in LEVELS.iter().zip(levels) {
                        let d = mean.len();
                        add(format!("mean.{level}"), &[d], mean);
                        add(format!("covariance.{level}"), &[d, d], covariance);
                    }
                }
                Self::Maps(levels) => {
                    for (level, map) in LEVELS.iter().zip(levels) {
                        let (c, cells) = (map.channels, map.height * map.width);
                        let planes: Vec<f32> =
                            (0..map.data.len()).map(|i| map.data[i % cells * c + i / cells]).collect();
                        add(format!("map.{level}"), &[c, map.height, map.width], &planes);
                    }
                }
            }
        }
        tensors
    }

    /// The bytes of a safetensors file of anchors alone, one a pattern: [`tensors`](Self::tensors) as f32, and the
    /// names of the patterns as its metadata `patterns`, JSON.
    ///
    /// # Errors
    /// [`EngineError::Weights`] where the anchors are of several kinds.
    pub fn to_bytes(anchors: &[Self], patterns: &[String]) -> Result<Vec<u8>, EngineError> {
        let wrong = |error: &dyn std::fmt::Display| EngineError::weights(error.to_string());
        let stored: Vec<_> = Self::tensors(anchors)
            .into_iter()
            .map(|(name, tensor)| (name, tensor.shape.clone(), tensor.bytes()))
            .collect();
        let views = stored.iter().map(|(name, shape, bytes)| {
            Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes)?))
        });
        let views: Result<Vec<_>, SafeTensorError> = views.collect();
        let patterns = serde_json::to_string(patterns).map_err(|e| wrong(&e))?;
        let metadata = HashMap::from([("patterns".to_string(), patterns)]);
        safetensors::serialize(views.map_err(|e| wrong(&e))?, Some(metadata)).map_err(|e| wrong(&e))
    }

    /// The anchors of these patterns from such a file.
    ///
    /// # Errors
    /// [`EngineError::Weights`] where it is none, or of other patterns.
    pub fn from_bytes(bytes: &[u8], patterns: &[String]) -> Result<Vec<Self>, EngineError> {
        let wrong = |error: SafeTensorError| EngineError::weights(format!("not a safetensors file: {error}"));
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(wrong)?;
        let named = header.metadata().as_ref().and_then(|metadata| metadata.get("patterns"));
        let named: Option<Vec<String>> = named.and_then(|text| serde_json::from_str(text).ok());
        if named.as_deref() != Some(patterns) {
            return Err(EngineError::weights("the file holds no anchors of these patterns"));
        }
        let file = SafeTensors::deserialize(bytes).map_err(wrong)?;
        let tensors = file.tensors().into_iter().map(|(name, view)| {
            let tensor = Tensor::read(&name, &view)?;
            Ok((name, tensor))
        });
        Self::from_tensors(&tensors.collect::<Result<_, EngineError>>()?, patterns.len())
    }

    /// Channels of each level.
    pub fn channels(&self) -> [usize; 3] {
        match self {
            Self::Moments(levels) => levels.each_ref().map(|m| m.mean.len()),
            Self::Maps(levels) => levels.each_ref().map(|m| m.channels),
        }
    }
}

fn slice(tensor: &Tensor, k: usize) -> Vec<f32> {
    let len = tensor.data.len() / tensor.shape[0];
    tensor.data[k * len..][..len].to_vec()
}

/// Collects the moments of the pictures of one pattern.
#[derive(Debug, Default)]
pub struct MomentSum {
    pictures: u32,
    levels: [(Vec<f64>, Vec<f64>); 3],
}

impl MomentSum {
    /// Adds a picture by its conditions D4, D3 and D2.
    pub fn add(&mut self, isa: Isa, conditions: [&Map; 3]) -> Result<(), EngineError> {
        for (level, (map, (mean, covariance))) in conditions.into_iter().zip(&mut self.levels).enumerate() {
            let Moments { mean: m, covariance: c } = moments(isa, &Cells::windows(map, level)?)?;
            add(mean, &m);
            add(covariance, &c);
        }
        self.pictures += 1;
        Ok(())
    }

    /// Adds what another sum has collected.
    pub fn merge(&mut self, other: Self) {
        for ((mean, covariance), (m, c)) in self.levels.iter_mut().zip(other.levels) {
            mean.resize(m.len(), 0.0);
            mean.iter_mut().zip(m).for_each(|(sum, v)| *sum += v);
            covariance.resize(c.len(), 0.0);
            covariance.iter_mut().zip(c).for_each(|(sum, v)| *sum += v);
        }
        self.pictures += other.pictures;
    }

    /// The anchor; `None` without pictures.
    pub fn finish(self) -> Option<Anchor> {
        let count = f64::from(self.pictures);
        let average = |sum: Vec<f64>| sum.into_iter().map(|v| (v / count) as f32).collect();
        let moments = |(mean, covariance)| Moments { mean: average(mean), covariance: average(covariance) };
        (self.pictures > 0).then(|| Anchor::Moments(self.levels.map(moments)))
    }
}

/// Averages the maps of the pictures of one pattern, as the reference does.
#[derive(Debug)]
pub struct MapSum {
    pictures: u32,
    sizes: [(usize, usize); 3],
    levels: [Vec<f64>; 3],
    channels: [usize; 3],
}

impl MapSum {
    /// For maps of these heights and widths; others are average-pooled to them.
    pub fn new(sizes: [(usize, usize); 3]) -> Self {
        Self { pictures: 0, sizes, levels: Default::default(), channels: [0; 3] }
    }

    /// Adds a picture by its conditions D4, D3 and D2.
    pub fn add(&mut self, conditions: [&Map; 3]) -> Result<(), EngineError> {
        for (level, map) in conditions.into_iter().enumerate() {
            add(&mut self.levels[level], Cells::pooled(map, self.sizes[level])?.values());
            self.channels[level] = map.channels;
        }
        self.pictures += 1;
        Ok(())
    }

    /// The anchor; `None` without pictures.
    pub fn finish(self) -> Option<Anchor> {
        let count = f64::from(self.pictures);
        let map = |level: usize| {
            let (height, width) = self.sizes[level];
            let data = self.levels[level].iter().map(|v| (v / count) as f32).collect();
            Map { channels: self.channels[level], height, width, data }
        };
        (self.pictures > 0).then(|| Anchor::Maps([map(0), map(1), map(2)]))
    }
}

fn add(sum: &mut Vec<f64>, values: &[f32]) {
    sum.resize(values.len(), 0.0);
    sum.iter_mut().zip(values).for_each(|(sum, v)| *sum += f64::from(*v));
}
