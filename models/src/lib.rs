//! The TEMPEST architecture: sizes, candle definition, checkpoint.
//!
//! `models/README.md` is the specification: tensor names and the forward pass, exact enough to write it again
//! elsewhere. The trainer and the compiler both start here and meet only in a [`Checkpoint`].
#![forbid(unsafe_code)]

mod checkpoint;
mod classifier;
mod columns;
mod config;
mod decoder;
mod encoder;
mod layer;
mod macs;
mod model;
pub mod nn;
mod tensors;

pub use checkpoint::{Checkpoint, CheckpointError, METADATA_KEY};
pub use columns::Columns;
pub use config::{ConfigError, ModelConfig, Preset};
pub use decoder::{ReconPadding, Reconstruction};
pub use encoder::{FORMAT, fold_format};
pub use macs::Macs;
pub use model::Model;
pub use nn::{Precision, Regime, sinusoids};
pub use tensors::{Init, Slot, initialise, slots};
