//! Weights to start from: those of another checkpoint, or of a run's state, wherever they fit.

use super::corpus::sha256;
use crate::state::{self, Saved};
use anyhow::{Context, Result, bail};
use candle_core::Tensor;
use std::collections::BTreeMap;
use std::path::Path;
use tempest_contract::Contract;
use tempest_models::{Checkpoint, ModelConfig, slots};

/// Where a run takes its first weights from. Positions are computed, so windows may differ in length.
#[derive(Clone, Debug)]
pub struct Init {
    contract: Contract,
    config: ModelConfig,
    /// Whether its classifier learnt labels.
    labelled: bool,
    tensors: BTreeMap<String, Tensor>,
    /// SHA-256 of the file; part of the run's identity.
    pub sha256: String,
}

/// What of a checkpoint a model can start with.
#[derive(Debug, Default)]
pub struct Taken {
    /// By name, as they were learnt.
    pub tensors: BTreeMap<String, Tensor>,
    /// Tensors of the model that start anew, each with the reason.
    pub anew: Vec<(String, &'static str)>,
}

impl Init {
    /// Reads a `model.safetensors`, or the `state.safetensors` of a run that was interrupted or diverged.
    ///
    /// # Errors
    /// A file that is neither.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = Checkpoint::read(path)?;
        let sha256 = sha256(&bytes);
        let name = || path.display().to_string();
        // What is no state is read as a checkpoint, which says best what is wrong with it.
        if let Ok(Some(saved)) = state::parse(&bytes) {
            return Self::of_state(&saved, sha256).with_context(name);
        }
        let Checkpoint { contract, config, training, tensors } = Checkpoint::from_bytes(&bytes).with_context(name)?;
        let labelled = training["options"]["lambda"].as_f64() != Some(0.0);
        Ok(Init { contract, config, labelled, tensors, sha256 })
    }

    fn of_state(saved: &Saved, sha256: String) -> Result<Self> {
        let options = &saved.progress.options;
        let labelled = options["fit"]["lambda"].as_f64() != Some(0.0);
        let contract = serde_json::from_value(options["contract"].clone())?;
        let config = serde_json::from_value(options["config"].clone())?;
        Ok(Init { contract, config, labelled, tensors: saved.weights(), sha256 })
    }

    /// The tensors whose name, shape and meaning are those of the model of `contract` and `config`.
    ///
    /// # Errors
    /// Sizes that make no model; not one tensor that fits.
    pub fn take(&self, contract: &Contract, config: &ModelConfig, decoder: bool) -> Result<Taken> {
        let mut taken = Taken::default();
        for (name, slot) in slots(contract, config)?.into_iter().filter(|(_, slot)| decoder || !slot.decoder) {
            let fits = |tensor: &&Tensor| tensor.dims() == slot.shape.as_slice();
            match (self.foreign(&name, contract, config), self.tensors.get(&name)) {
                (Some(reason), _) => taken.anew.push((name, reason)),
                (None, None) => taken.anew.push((name, "not in the checkpoint")),
                (None, found) => match found.filter(fits) {
                    Some(tensor) => drop(taken.tensors.insert(name, tensor.clone())),
                    None => taken.anew.push((name, "another shape")),
                },
            }
        }
        if taken.tensors.is_empty() {
            bail!("no tensor fits this model; take the --preset and --view the checkpoint was trained with");
        }
        Ok(taken)
    }

    /// Why a tensor means something else here, whatever its shape.
    fn foreign(&self, name: &str, contract: &Contract, config: &ModelConfig) -> Option<&'static str> {
        let (classifier, head) = (name.starts_with("classifier."), name.starts_with("classifier.head."));
        let (ours, theirs) = (&contract.view, &self.contract.view);
        let same_view = ours.kind == theirs.kind
            && ours.layout == theirs.layout
            && contract.codec.name() == self.contract.codec.name();
        if classifier && !self.labelled {
            Some("the checkpoint learnt no labels")
        } else if head && contract.labels != self.contract.labels {
            Some("other labels")
        } else if !classifier && !same_view {
            Some("another view or codec")
        } else if name.contains(".attn.") && config.heads != self.config.heads {
            Some("other heads")
        } else {
            None
        }
    }
}

impl Taken {
    /// One line for people: how many were taken, and which parts start anew for which reason.
    #[must_use]
    pub fn summary(&self) -> String {
        let total = self.tensors.len() + self.anew.len();
        let mut parts: BTreeMap<(&str, String), usize> = BTreeMap::new();
        for (name, reason) in &self.anew {
            let part: Vec<&str> = name.split('.').take(2).collect();
            *parts.entry((*reason, part.join("."))).or_default() += 1;
        }
        let anew: Vec<String> =
            parts.iter().map(|((reason, part), count)| format!("{part} ({count}: {reason})")).collect();
        let anew = if anew.is_empty() { String::new() } else { format!("; anew: {}", anew.join(", ")) };
        format!("{} of {total} tensors taken{anew}", self.tensors.len())
    }
}
