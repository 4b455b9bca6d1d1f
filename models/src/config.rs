use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Largest value of any size; bounds what a hostile checkpoint can allocate.
const MAX_SIZE: usize = 1 << 14;

/// Sizes of a model. Symbols are those of `models/README.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// D: width of every token.
    pub dim: usize,
    /// Width of the feed-forward network of a layer.
    pub ff: usize,
    /// Attention heads; `dim` is a multiple of it.
    pub heads: usize,
    /// E_t: layers of the byte encoder; 0 leaves the mixer alone.
    pub block_layers: usize,
    /// E_c: layers of the classifier.
    pub clip_layers: usize,
    /// H: rows after the first step of the mixer.
    pub mixer: usize,
    /// Hidden width of the encoder of a numeric view.
    pub field_hidden: usize,
    /// L': tokens a block becomes.
    pub tokens_per_block: usize,
    /// P: bytes that become one token of the byte encoder, at most L; 1, the paper's, is not written.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub byte_patch: usize,
}

fn one() -> usize {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(size: &usize) -> bool {
    *size == 1
}

/// Named sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// The paper's sizes (section 4): 5.8 M parameters with the decoder.
    Base,
    /// About a million parameters.
    Small,
    /// A few hundred thousand parameters, for devices.
    Nano,
}

/// Why sizes cannot make a model.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("config field '{field}': {reason}")]
pub struct ConfigError {
    /// The field of [`ModelConfig`].
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl Preset {
    /// The sizes of this preset.
    #[must_use]
    pub fn config(self) -> ModelConfig {
        match self {
            Preset::Base => ModelConfig {
                dim: 216,
                ff: 864,
                heads: 3,
                block_layers: 2,
                clip_layers: 7,
                mixer: 36,
                field_hidden: 512,
                tokens_per_block: 1,
                byte_patch: 1,
            },
            Preset::Small => ModelConfig {
                dim: 128,
                ff: 512,
                heads: 4,
                block_layers: 1,
                clip_layers: 4,
                mixer: 24,
                field_hidden: 256,
                tokens_per_block: 1,
                byte_patch: 2,
            },
            Preset::Nano => ModelConfig {
                dim: 96,
                ff: 192,
                heads: 4,
                block_layers: 1,
                clip_layers: 3,
                mixer: 16,
                field_hidden: 192,
                tokens_per_block: 1,
                byte_patch: 4,
            },
        }
    }
}

impl ModelConfig {
    /// Checks that the sizes make a model.
    ///
    /// # Errors
    /// [`ConfigError`] names the field: a size of 0 or beyond the bound, or heads that do not divide `dim`.
    pub fn check(&self) -> Result<(), ConfigError> {
        let sizes = [
            ("dim", self.dim, 2),
            ("ff", self.ff, 1),
            ("heads", self.heads, 1),
            ("block_layers", self.block_layers, 0),
            ("clip_layers", self.clip_layers, 1),
            ("mixer", self.mixer, 1),
            ("field_hidden", self.field_hidden, 1),
            ("tokens_per_block", self.tokens_per_block, 1),
            ("byte_patch", self.byte_patch, 1),
        ];
        for (field, value, least) in sizes {
            if !(least..=MAX_SIZE).contains(&value) {
                return Err(ConfigError { field, reason: format!("{value} is not in {least}..={MAX_SIZE}") });
            }
        }
        if !self.dim.is_multiple_of(2) {
            return Err(ConfigError { field: "dim", reason: format!("{} is odd; sinusoids come in pairs", self.dim) });
        }
        if !self.dim.is_multiple_of(self.heads) {
            let reason = format!("{} heads do not divide dim {}", self.heads, self.dim);
            return Err(ConfigError { field: "heads", reason });
        }
        Ok(())
    }

    /// Tokens of the byte encoder for a block of `row` bytes.
    #[must_use]
    pub fn patches(&self, row: usize) -> usize {
        row.div_ceil(self.byte_patch.max(1))
    }
}
