//! The table of tensors: every name, shape and initial distribution, in one place.
//!
//! The trainer creates from it, the checkpoint is checked against it, `models/README.md` describes it.

use crate::encoder::BYTE_VALUES;
use crate::{Columns, ConfigError, ModelConfig};
use candle_core::{Device, Result, Tensor};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use tempest_contract::{Contract, ViewKind};

/// Most attention scores or activations of one layer on one window or block: half a gigabyte of float32.
const MAX_VALUES: usize = 1 << 27;

/// First distribution of a tensor's values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// All 0.
    Zeros,
    /// All 1.
    Ones,
    /// Uniform in +-sqrt(6 / (in + out)) (Glorot), for [out, in].
    Glorot,
    /// Normal with this standard deviation.
    Normal(f32),
}

/// One tensor of a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// Axes, outermost first.
    pub shape: Vec<usize>,
    /// First values.
    pub init: Init,
    /// Whether the optimiser moves it; the others are measured on the training split.
    pub trained: bool,
    /// Whether it belongs to the decoder, which is for training only.
    pub decoder: bool,
}

/// Every tensor of a model with its decoder, by name.
///
/// # Errors
/// Sizes that make no model, or a view layout of another build.
pub fn slots(contract: &Contract, config: &ModelConfig) -> std::result::Result<BTreeMap<String, Slot>, ConfigError> {
    config.check()?;
    check_products(contract, config)?;
    let mut table = Table { slots: BTreeMap::new(), config };
    let (dim, hidden) = (config.dim, config.field_hidden);
    match contract.view.kind {
        ViewKind::Bytes => {
            let row = contract.view.row;
            check_patch(config, row)?;
            table.add("embed.weight", &[config.byte_patch * BYTE_VALUES, dim], embedding(config.byte_patch));
            table.layers("encoder.layers", config.block_layers);
            table.linear("mixer.mix", config.patches(row), config.mixer);
            table.norm("mixer.norm", dim);
            table.linear("mixer.out", config.mixer, config.tokens_per_block);
            table.byte_decoder(row);
        }
        ViewKind::Fields | ViewKind::Scalefactors | ViewKind::Symbols => {
            let columns = Columns::of(contract)?;
            let (numbers, rows) = (columns.numbers.len(), columns.total_cardinality());
            table.measured("numeric.mean", numbers, Init::Zeros);
            table.measured("numeric.std", numbers, Init::Ones);
            table.linear("numeric.project", numbers + columns.squared, hidden);
            table.norm("fields.norm", hidden);
            table.linear("fields.out", hidden, config.tokens_per_block * dim);
            table.linear("decoder.hidden", config.tokens_per_block * dim, hidden);
            table.linear("decoder.numeric", hidden, numbers);
            if rows > 0 {
                table.add("category.table.weight", &[rows, hidden], Init::Normal(0.1));
                table.linear("decoder.category", hidden, rows);
            }
        }
    }
    table.add("classifier.cls", &[dim], Init::Normal(0.02));
    table.layers("classifier.layers", config.clip_layers);
    table.norm("classifier.norm", dim);
    table.linear("classifier.head", dim, contract.labels.len());
    Ok(table.slots)
}

/// Bounds what a forward pass allocates: the attention scores and the tokens of a window or block.
fn check_products(contract: &Contract, config: &ModelConfig) -> std::result::Result<(), ConfigError> {
    let window = contract.window.blocks.saturating_mul(config.tokens_per_block);
    let block = if contract.view.kind == ViewKind::Bytes { contract.view.row } else { 0 };
    for (field, tokens) in [("window.blocks", window), ("view.row", block)] {
        let scores = tokens.saturating_mul(tokens).saturating_mul(config.heads);
        let values = tokens.saturating_mul(config.dim.max(config.ff));
        if scores.max(values) > MAX_VALUES {
            let reason = format!("{tokens} tokens make more than {MAX_VALUES} attention scores or activations");
            return Err(ConfigError { field, reason });
        }
    }
    Ok(())
}

/// A patch longer than a block would be padding in part for every block.
fn check_patch(config: &ModelConfig, row: usize) -> std::result::Result<(), ConfigError> {
    if config.byte_patch <= row {
        return Ok(());
    }
    let reason = format!("{} bytes are more than a block has ({row})", config.byte_patch);
    Err(ConfigError { field: "byte_patch", reason })
}

/// The rows of a patch are summed: with these first values the sum is as large for any P.
fn embedding(patch: usize) -> Init {
    Init::Normal(0.5 / (patch as f32).sqrt())
}

struct Table<'a> {
    slots: BTreeMap<String, Slot>,
    config: &'a ModelConfig,
}

impl Table<'_> {
    fn add(&mut self, name: &str, shape: &[usize], init: Init) {
        let decoder = name.starts_with("decoder.");
        self.slots.insert(name.into(), Slot { shape: shape.into(), init, trained: true, decoder });
    }

    fn measured(&mut self, name: &str, size: usize, init: Init) {
        self.slots.insert(name.into(), Slot { shape: vec![size], init, trained: false, decoder: false });
    }

    fn linear(&mut self, name: &str, inputs: usize, outputs: usize) {
        self.add(&format!("{name}.weight"), &[outputs, inputs], Init::Glorot);
        self.add(&format!("{name}.bias"), &[outputs], Init::Zeros);
    }

    fn norm(&mut self, name: &str, size: usize) {
        self.add(&format!("{name}.weight"), &[size], Init::Ones);
        self.add(&format!("{name}.bias"), &[size], Init::Zeros);
    }

    fn attention(&mut self, name: &str) {
        for part in ["query", "key", "value", "out"] {
            self.linear(&format!("{name}.{part}"), self.config.dim, self.config.dim);
        }
    }

    fn feed_forward(&mut self, name: &str) {
        self.linear(&format!("{name}.up"), self.config.dim, self.config.ff);
        self.linear(&format!("{name}.down"), self.config.ff, self.config.dim);
    }

    fn layers(&mut self, name: &str, count: usize) {
        for i in 0..count {
            self.norm(&format!("{name}.{i}.norm1"), self.config.dim);
            self.attention(&format!("{name}.{i}.attn"));
            self.norm(&format!("{name}.{i}.norm2"), self.config.dim);
            self.feed_forward(&format!("{name}.{i}.ff"));
        }
    }

    fn byte_decoder(&mut self, row: usize) {
        self.add("decoder.queries", &[row, self.config.dim], Init::Normal(0.5));
        for norm in ["norm1", "memory_norm", "norm2", "norm"] {
            self.norm(&format!("decoder.{norm}"), self.config.dim);
        }
        self.attention("decoder.attn");
        self.feed_forward("decoder.ff");
        self.linear("decoder.head", self.config.dim, BYTE_VALUES);
    }
}

/// First values of every slot, from one seed: the same seed gives the same bits on every machine.
///
/// # Errors
/// Only candle's own.
pub fn initialise(slots: &BTreeMap<String, Slot>, seed: u64, device: &Device) -> Result<BTreeMap<String, Tensor>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut tensor = |slot: &Slot| {
        let count: usize = slot.shape.iter().product();
        let values: Vec<f32> = match slot.init {
            Init::Zeros => vec![0.0; count],
            Init::Ones => vec![1.0; count],
            Init::Glorot => {
                let bound = (6.0 / slot.shape.iter().sum::<usize>() as f32).sqrt();
                (0..count).map(|_| random.random_range(-bound..bound)).collect()
            }
            Init::Normal(std) => (0..count).map(|_| normal(&mut random) * std).collect(),
        };
        Tensor::from_vec(values, slot.shape.as_slice(), device)
    };
    slots.iter().map(|(name, slot)| Ok((name.clone(), tensor(slot)?))).collect()
}

/// Standard normal by Box and Muller.
fn normal(random: &mut ChaCha8Rng) -> f32 {
    let (radius, angle): (f64, f64) = (random.random_range(f64::MIN_POSITIVE..1.0), random.random());
    ((-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()) as f32
}
