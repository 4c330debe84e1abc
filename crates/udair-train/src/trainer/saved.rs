//! What a run leaves: the files of a checkpoint and the weights that ship.

use std::collections::BTreeSet;

use udair_engine::{Guidance, Weights};
use udair_nn::Udair;

use super::Trainer;
use crate::checkpoint::{Files, State};
use crate::held::Held;
use crate::{TrainError, identification, stored};

impl Trainer<'_> {
    /// The averaged weights as shipped (f16), with anchors from so many crops of each pattern.
    pub(super) fn weights(&self, anchors: usize) -> Result<Weights, TrainError> {
        let weights = self.named(&self.average.network(&self.net))?;
        let mut weights = Weights::from_bytes(&weights.to_bytes(true)?)?;
        let count = anchors.min(self.config.val.anchors);
        let first = self.config.steps * self.config.optim.accumulate as u64;
        let sizes = &self.config.val.anchor_sizes;
        if weights.config.guidance != Guidance::None && self.held.is_none() {
            weights.identifier = Some(identification::learn(&weights, &*self.batches, first, sizes, count)?);
        }
        Ok(weights)
    }

    /// The averaged weights with all their anchors, and with the fingerprints of what they have seen.
    pub(super) fn finished(&mut self) -> Result<Weights, TrainError> {
        let mut weights = match self.last.take() {
            Some(weights) => weights,
            None => self.weights(self.config.val.anchors)?,
        };
        let seen: BTreeSet<String> = &self.before | &self.batches.fingerprints()?;
        weights.metadata.insert("pictures".into(), json(&seen));
        Ok(weights)
    }

    pub(super) fn saved_state(&self) -> State {
        State { optimiser_steps: self.optimiser.steps, ..self.state.clone() }
    }

    pub(super) fn files(&self) -> Result<Files, TrainError> {
        let named = |name: &str, bytes: Vec<u8>| (format!("{name}.safetensors"), bytes);
        Ok(Files::from([
            named("model", stored::weights(&self.named(&self.net)?, false)?),
            named("ema", stored::weights(&self.named(&self.average.network(&self.net))?, false)?),
            named("optim", stored::moments(&self.optimiser)?),
        ]))
    }

    fn named(&self, net: &Udair) -> Result<Weights, TrainError> {
        let metadata = [
            ("arch", json("udair")),
            ("recipe", json(&self.config.to_toml())),
            ("data", json(&self.config.data.manifest)),
            ("samples", json(&self.state.samples.to_string())),
            ("pictures", json(&self.before)),
        ];
        let metadata = metadata.into_iter().map(|(key, value)| (key.to_string(), value)).collect();
        let patterns = self.held.as_ref().map_or(self.batches.patterns(), Held::patterns).to_vec();
        let weights = Weights::new(self.config.model.clone(), patterns, metadata, net.tensors(), None)?;
        Ok(match &self.held {
            Some(held) => held.put_into(weights),
            None => weights,
        })
    }
}

/// The JSON text of a value for the metadata.
fn json<T: serde::Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("plain values are JSON")
}
