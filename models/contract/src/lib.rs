//! What a checkpoint and a bundle promise about the media a model reads and the answer it gives.
//!
//! The trainer writes a [`Contract`] into the metadata of `model.safetensors`, the compiler copies it into
//! `bundle.json` and into every graph, and the runtime refuses media that do not fit it. This crate holds
//! the shared types, and the [`RowStream`] that cuts media into the rows a contract speaks of, for all who need them; a device
//! that only runs graphs does not build a trainer.
#![forbid(unsafe_code)]

mod answers;
mod codec;
mod error;
pub mod rows;
mod view;
mod window;

pub use answers::Answers;
pub use codec::{Codec, Jpeg, Mp3, OPUS_RATE, Opus, RateMode, Reservoir, Unit};
pub use error::ContractError;
pub use rows::RowStream;
pub use view::{View, ViewKind};
pub use window::{Window, Windows};

use serde::{Deserialize, Serialize};

/// Version of the contract's JSON. A reader refuses any other version by name.
pub const FORMAT_VERSION: u32 = 1;

/// Largest window, row or label list that a contract may ask for; bounds what a hostile file can allocate.
pub const MAX_SIZE: usize = 1 << 16;

/// Everything that must be known to feed a model and to name its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Name of the model, as printed to people (`wakewords`, `fsdd`).
    pub name: String,
    /// One label per logit, in the order of the logits.
    pub labels: Vec<String>,
    /// Whether one of the labels is true of a clip, or any number of them.
    #[serde(default, skip_serializing_if = "Answers::is_one_of")]
    pub answers: Answers,
    /// The compressed stream the model was trained on.
    pub codec: Codec,
    /// What the model reads of each block.
    pub view: View,
    /// How a stream of blocks is cut into the windows that are classified.
    pub window: Window,
}

impl Contract {
    /// Checks what the types cannot: versions, bounds, non-empty unique labels.
    ///
    /// # Errors
    /// [`ContractError`] names the field and what is wrong with it.
    pub fn check(&self) -> Result<(), ContractError> {
        let bad = |field, reason: String| Err(ContractError::Invalid { field, reason });
        if self.format_version != FORMAT_VERSION {
            return Err(ContractError::Version { found: self.format_version, expected: FORMAT_VERSION });
        }
        if self.labels.is_empty() {
            return bad("labels", "the list is empty; a model needs one label per class".into());
        }
        if self.labels.len() > MAX_SIZE {
            return bad("labels", format!("{} labels, at most {MAX_SIZE}", self.labels.len()));
        }
        let names = self.labels.iter().map(|label| ("labels", label)).chain([("name", &self.name)]);
        if let Some((field, name)) = names.into_iter().find(|(_, name)| !is_name(name)) {
            return bad(field, format!("{name:?} is no name: empty, a path, or with control characters"));
        }
        let mut sorted: Vec<&str> = self.labels.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return bad("labels", format!("'{}' stands twice", pair[0]));
        }
        self.codec.check()?;
        if self.view.kind.layout(&self.codec).is_none() {
            return bad("view.kind", format!("{} has no view '{}'", self.codec.name(), self.view.kind.name()));
        }
        if !(1..=MAX_SIZE).contains(&self.view.row) {
            return bad("view.row", format!("{} is not in 1..={MAX_SIZE}", self.view.row));
        }
        self.window.check()
    }

    /// Parses and [checks](Contract::check) the JSON of a contract.
    ///
    /// # Errors
    /// [`ContractError::Json`] where the text is no contract, or what [`Contract::check`] finds.
    pub fn from_json(json: &str) -> Result<Self, ContractError> {
        let contract: Contract = serde_json::from_str(json)?;
        contract.check()?;
        Ok(contract)
    }

    /// One line for people: `MP3, 16000 Hz, mono, 24-40 kbit/s`.
    #[must_use]
    pub fn media(&self) -> String {
        self.codec.to_string()
    }
}

/// Whether a label or model's name can be printed on a terminal and be the name of a folder: 1 to 255 bytes, no path, no
/// control character.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let path = |c: char| c == '/' || c == '\\' || c.is_control();
    !name.is_empty() && name.len() <= 255 && !name.contains(path) && name != "." && name != ".."
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test should panic")]
mod tests;
