use crate::{Columns, ConfigError, ModelConfig};
use tempest_contract::{Contract, ViewKind};

/// Multiply-accumulates of the products of matrices in the definition, padding included. `tempest-compile --report` counts
/// the same in its graphs as built; what its passes leave out (most of the last layer, where only `[CLS]` answers) is not
/// taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Macs {
    /// Of the encoder on one block.
    pub block: u64,
    /// Of the classifier on a full window.
    pub window: u64,
}

impl Macs {
    /// Those of a model of these sizes.
    ///
    /// # Errors
    /// As [`Columns::of`].
    pub fn of(contract: &Contract, config: &ModelConfig) -> Result<Self, ConfigError> {
        let tokens = 1 + contract.window.blocks as u128 * wide(config.tokens_per_block);
        let head = wide(config.dim) * contract.labels.len() as u128;
        let window = wide(config.clip_layers) * layer(tokens, config) + head;
        let block = match contract.view.kind {
            ViewKind::Bytes => bytes(wide(config.patches(contract.view.row)), config),
            _ => numeric(&Columns::of(contract)?, config),
        };
        Ok(Macs { block: narrow(block), window: narrow(window) })
    }

    /// Of a clip of one full window: each of its blocks encoded, the window classified.
    #[must_use]
    pub fn clip(&self, contract: &Contract) -> u64 {
        (contract.window.blocks as u64).saturating_mul(self.block).saturating_add(self.window)
    }

    /// Of a second of audio in such clips; `None` for images.
    #[must_use]
    pub fn second(&self, contract: &Contract) -> Option<f64> {
        let rate = contract.codec.blocks_per_second()?;
        Some(self.clip(contract) as f64 * rate / contract.window.blocks.max(1) as f64)
    }
}

/// Four projections, two products of the attention, two of the feed-forward.
fn layer(tokens: u128, config: &ModelConfig) -> u128 {
    let (dim, ff) = (wide(config.dim), wide(config.ff));
    4 * tokens * dim * dim + 2 * tokens * tokens * dim + 2 * tokens * dim * ff
}

fn bytes(patches: u128, config: &ModelConfig) -> u128 {
    let mixer = wide(config.mixer) * wide(config.dim) * (patches + wide(config.tokens_per_block));
    wide(config.block_layers) * layer(patches, config) + mixer
}

fn numeric(columns: &Columns, config: &ModelConfig) -> u128 {
    let inputs = wide(columns.numbers.len() + columns.squared);
    wide(config.field_hidden) * (inputs + wide(config.tokens_per_block) * wide(config.dim))
}

/// Sizes are below 2^14 each and multiply to more than 64 bits hold.
fn wide(size: usize) -> u128 {
    size as u128
}

fn narrow(count: u128) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
