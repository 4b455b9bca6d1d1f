//! What a finished run ended with: `result.json` in its folder, for `sweep` and `report`.

use crate::eval::Evaluation;
use crate::file;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;
use tempest_contract::Contract;
use tempest_models::{Checkpoint, ConfigError, Macs, ModelConfig, slots};

/// The file's name in the folder of a run.
pub const RESULT: &str = "result.json";

/// Figures of a finished run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// Seconds spent training, over all sittings.
    pub seconds: f64,
    /// Steps done.
    pub steps: usize,
    /// What the model costs.
    pub costs: Costs,
    /// The test split; no clips where the data set has none.
    pub test: Evaluation,
}

/// What a model costs to keep, to run and to feed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Costs {
    /// Values of the model, without the decoder.
    pub parameters: usize,
    /// Of the decoder, which only training needs.
    pub decoder_parameters: usize,
    /// [`Macs::clip`].
    pub macs_per_clip: u64,
    /// [`Macs::second`]; none for images.
    pub macs_per_second: Option<f64>,
    /// Mean over the blocks of the test clips; see [`crate::bytes_read::mean`].
    pub bytes_read_per_block: Option<f64>,
}

impl Costs {
    /// Those of a checkpoint, whose decoder may have been left out.
    ///
    /// # Errors
    /// As [`Costs::of_sizes`].
    pub fn of(checkpoint: &Checkpoint, bytes_read_per_block: Option<f64>) -> Result<Self, ConfigError> {
        let (parameters, decoder_parameters) = checkpoint.parameters();
        let costs = Self::of_sizes(&checkpoint.contract, &checkpoint.config)?;
        Ok(Self { parameters, decoder_parameters, bytes_read_per_block, ..costs })
    }

    /// Those of a model with its decoder, before it is trained; what is read of a block is not known of it.
    ///
    /// # Errors
    /// Sizes that make no model, or a view layout of another build.
    pub fn of_sizes(contract: &Contract, config: &ModelConfig) -> Result<Self, ConfigError> {
        let (slots, macs) = (slots(contract, config)?, Macs::of(contract, config)?);
        let count = |decoder: bool| {
            let counted = slots.values().filter(|slot| slot.decoder == decoder);
            counted.map(|slot| slot.shape.iter().product::<usize>()).sum()
        };
        Ok(Self {
            parameters: count(false),
            decoder_parameters: count(true),
            macs_per_clip: macs.clip(contract),
            macs_per_second: macs.second(contract),
            bytes_read_per_block: None,
        })
    }
}

impl Outcome {
    /// Writes [`RESULT`] into the folder of a run.
    ///
    /// # Errors
    /// What writing says, with the path.
    pub fn write(&self, run: &Path) -> Result<()> {
        file::replace(&run.join(RESULT), format!("{}\n", serde_json::to_string(self)?).as_bytes())
    }

    /// Reads [`RESULT`] of the folder of a run.
    ///
    /// # Errors
    /// What reading says, with the path.
    pub fn read(run: &Path) -> Result<Self> {
        let path = run.join(RESULT);
        let name = || path.display().to_string();
        serde_json::from_slice(&std::fs::read(&path).with_context(name)?).with_context(name)
    }
}
