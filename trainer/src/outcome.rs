//! What a finished run ended with: `result.json` in its folder, for `sweep` and `report`.

use crate::eval::Evaluation;
use crate::file;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;
use tempest_contract::Contract;
use tempest_models::{Checkpoint, ConfigError, Macs};

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
    /// Those of a checkpoint.
    ///
    /// # Errors
    /// As [`Macs::of`].
    pub fn of(checkpoint: &Checkpoint, bytes_read_per_block: Option<f64>) -> Result<Self, ConfigError> {
        let contract: &Contract = &checkpoint.contract;
        let macs = Macs::of(contract, &checkpoint.config)?;
        let (parameters, decoder_parameters) = checkpoint.parameters();
        Ok(Self {
            parameters,
            decoder_parameters,
            macs_per_clip: macs.clip(contract),
            macs_per_second: macs.second(contract),
            bytes_read_per_block,
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
