//! The sizes of a model: a preset, and what is to differ from it.

use anyhow::{Error, Result, anyhow};
use clap::{Args, ValueEnum};
use tempest_contract::{Contract, ViewKind};
use tempest_models::{ConfigError, ModelConfig, Preset, slots};

/// Sizes of the model. Those of a part that the view does not have are without effect.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sizes of the model")]
pub(super) struct SizeArgs {
    /// The sizes that no other option gives
    #[arg(long, value_enum, default_value = "nano")]
    preset: PresetArg,
    /// D: width of every token; even, and a multiple of the heads
    #[arg(long, value_name = "SIZE")]
    dim: Option<usize>,
    /// Width of a layer's feed-forward network
    #[arg(long, value_name = "SIZE")]
    ff: Option<usize>,
    /// Attention heads
    #[arg(long, value_name = "COUNT")]
    heads: Option<usize>,
    /// E_t: layers of the byte encoder; 0 leaves the mixer alone
    #[arg(long, value_name = "COUNT")]
    block_layers: Option<usize>,
    /// E_c: layers of the classifier
    #[arg(long, value_name = "COUNT")]
    clip_layers: Option<usize>,
    /// H: rows after the first step of the byte encoder's mixer
    #[arg(long, value_name = "ROWS")]
    mixer: Option<usize>,
    /// Hidden width of the encoder of a numeric view
    #[arg(long, value_name = "SIZE")]
    hidden: Option<usize>,
    /// L': tokens a block becomes
    #[arg(long, value_name = "COUNT")]
    tokens_per_block: Option<usize>,
    /// P: bytes that become one token of the byte encoder
    #[arg(long, value_name = "BYTES")]
    byte_patch: Option<usize>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PresetArg {
    /// The paper: 5.8 M parameters with the decoder
    Base,
    /// About a million
    Small,
    /// A few hundred thousand
    Nano,
}

impl SizeArgs {
    /// What the options say. Other views than `bytes` have no patches: theirs is 1, which is not written.
    pub(super) fn config(&self, view: ViewKind) -> ModelConfig {
        let preset = match self.preset {
            PresetArg::Base => Preset::Base,
            PresetArg::Small => Preset::Small,
            PresetArg::Nano => Preset::Nano,
        }
        .config();
        let byte_patch = self.byte_patch.unwrap_or(preset.byte_patch);
        ModelConfig {
            dim: self.dim.unwrap_or(preset.dim),
            ff: self.ff.unwrap_or(preset.ff),
            heads: self.heads.unwrap_or(preset.heads),
            block_layers: self.block_layers.unwrap_or(preset.block_layers),
            clip_layers: self.clip_layers.unwrap_or(preset.clip_layers),
            mixer: self.mixer.unwrap_or(preset.mixer),
            field_hidden: self.hidden.unwrap_or(preset.field_hidden),
            tokens_per_block: self.tokens_per_block.unwrap_or(preset.tokens_per_block),
            byte_patch: if view == ViewKind::Bytes { byte_patch } else { 1 },
        }
    }
}

/// Checks sizes on their own, before anything is read.
///
/// # Errors
/// The option that gives the size.
pub(super) fn check(config: &ModelConfig) -> Result<()> {
    config.check().map_err(by_option)
}

/// Checks sizes against what was measured.
///
/// # Errors
/// The option that gives the size.
pub(super) fn check_with(config: &ModelConfig, contract: &Contract) -> Result<()> {
    slots(contract, config).map(drop).map_err(by_option)
}

/// The error of a field as that of the option which sets it.
fn by_option(error: ConfigError) -> Error {
    let option = match error.field {
        "field_hidden" => "hidden".to_owned(),
        "view.row" => "tokens".to_owned(),
        "window.blocks" => "window".to_owned(),
        field if field.contains('.') => return error.into(),
        field => field.replace('_', "-"),
    };
    anyhow!("--{option}: {}", error.reason)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test should panic")]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        sizes: SizeArgs,
    }

    fn config(options: &str, view: ViewKind) -> ModelConfig {
        let words = std::iter::once("fit").chain(options.split_whitespace());
        Line::try_parse_from(words).unwrap().sizes.config(view)
    }

    #[test]
    fn an_option_overrides_its_size_of_the_preset_and_no_other() {
        let nano = Preset::Nano.config();
        assert_eq!(config("", ViewKind::Bytes), nano);
        assert_eq!(config("--preset base", ViewKind::Bytes), Preset::Base.config());
        for (option, expected) in [
            ("--dim 32", ModelConfig { dim: 32, ..nano }),
            ("--ff 33", ModelConfig { ff: 33, ..nano }),
            ("--heads 2", ModelConfig { heads: 2, ..nano }),
            ("--block-layers 0", ModelConfig { block_layers: 0, ..nano }),
            ("--clip-layers 5", ModelConfig { clip_layers: 5, ..nano }),
            ("--mixer 9", ModelConfig { mixer: 9, ..nano }),
            ("--hidden 64", ModelConfig { field_hidden: 64, ..nano }),
            ("--tokens-per-block 3", ModelConfig { tokens_per_block: 3, ..nano }),
            ("--byte-patch 8", ModelConfig { byte_patch: 8, ..nano }),
        ] {
            assert_eq!(config(option, ViewKind::Bytes), expected, "{option}");
        }
    }

    #[test]
    fn views_without_bytes_have_no_patches() {
        assert_eq!(config("--byte-patch 8", ViewKind::Fields).byte_patch, 1);
        let json = serde_json::to_string(&config("", ViewKind::Symbols)).unwrap();
        assert!(!json.contains("byte_patch"), "{json}");
    }

    #[test]
    fn errors_name_the_option() {
        let error = |options: &str| check(&config(options, ViewKind::Bytes)).unwrap_err().to_string();
        assert_eq!(error("--dim 98"), "--heads: 4 heads do not divide dim 98");
        assert_eq!(error("--hidden 0"), "--hidden: 0 is not in 1..=16384");
        assert_eq!(error("--tokens-per-block 0"), "--tokens-per-block: 0 is not in 1..=16384");
        assert_eq!(error("--byte-patch 0"), "--byte-patch: 0 is not in 1..=16384");
    }
}
