//! Checkpoint -> IR: the forward pass of `models/README.md`, one file per part of the model.
//!
//! Graphs are built plainly, op by op as the specification reads; making them smaller is the work of the passes.

mod builder;
mod classifier;
mod clip;
mod encoder_bytes;
mod encoder_numeric;
mod layer;

use crate::ir::{Dim, Dtype, Fact, Graph, InferError, ValueId};
use builder::Builder;
use tempest_contract::ViewKind;
use tempest_models::{Checkpoint, ConfigError};
use thiserror::Error;

/// View `bytes`: the token after the end of a block shorter than L.
pub const PAD: i32 = 256;

/// Why a checkpoint does not become a graph. [`Checkpoint::open`] has excluded each of these.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A tensor that the forward pass reads is absent.
    #[error("tensor '{name}' is missing")]
    Missing {
        /// Its name.
        name: String,
    },
    /// A tensor cannot be read as float32.
    #[error("tensor '{name}': {source}")]
    Tensor {
        /// Its name.
        name: String,
        /// What candle says.
        source: candle_core::Error,
    },
    /// The view's layout is not of this build.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A node whose inputs do not fit; a wrong shape in the checkpoint, or a bug.
    #[error("node '{node}': {source}")]
    Infer {
        /// Its name.
        node: String,
        /// What does not fit.
        source: InferError,
    },
}

/// `blocks` int32 [batch, F] -> `embeddings` float32 [batch, L', D].
///
/// # Errors
/// [`BuildError`] names the tensor or the node.
pub fn encoder(checkpoint: &Checkpoint, batch: Dim) -> Result<Graph, BuildError> {
    encoder_of(Builder::new("encoder", checkpoint), batch)
}

/// View `bytes`: the [`encoder`] of blocks of at most `row` bytes, `row` fewer than the contract's. The places behind are padding,
/// which no token sees and the mixer takes as zeros, so they are left out: `blocks` int32 [batch, row].
///
/// # Errors
/// [`BuildError`] names the tensor or the node.
pub fn bucket(checkpoint: &Checkpoint, batch: Dim, row: usize) -> Result<Graph, BuildError> {
    encoder_of(Builder::new(&format!("encoder-{row}"), checkpoint).of_row(row), batch)
}

fn encoder_of(mut b: Builder<'_>, batch: Dim) -> Result<Graph, BuildError> {
    let row = Dim::Fixed(b.row);
    let blocks = b.input("blocks", Fact::new(Dtype::I32, vec![batch, row]));
    let embeddings = encode(&mut b, blocks, batch)?;
    Ok(b.finish(embeddings, "embeddings"))
}

/// `embeddings` float32 [batch, T L', D], `length` int32 \[batch\] (real tokens) -> `logits` float32 [batch, C].
///
/// # Errors
/// [`BuildError`] names the tensor or the node.
pub fn classifier(checkpoint: &Checkpoint, batch: Dim) -> Result<Graph, BuildError> {
    let mut b = Builder::new("classifier", checkpoint);
    let shape = vec![batch, Dim::Fixed(b.window_tokens()), Dim::Fixed(checkpoint.config.dim)];
    let embeddings = b.input("embeddings", Fact::new(Dtype::F32, shape));
    let length = b.input("length", Fact::new(Dtype::I32, vec![batch]));
    let logits = classifier::classify(&mut b, embeddings, length, batch)?;
    Ok(b.finish(logits, "logits"))
}

/// Both fused, blocks encoded all at once or in chunks of at most `chunk`: `blocks` int32 [batch, T, F], `length` int32 \[batch\] (real tokens) -> `logits` float32 [batch, C].
///
/// # Errors
/// [`BuildError`] names the tensor or the node.
pub fn clip(checkpoint: &Checkpoint, batch: Dim, chunk: Option<usize>) -> Result<Graph, BuildError> {
    clip::build(checkpoint, batch, chunk)
}

fn encode(b: &mut Builder, blocks: ValueId, batch: Dim) -> Result<ValueId, BuildError> {
    match b.checkpoint.contract.view.kind {
        ViewKind::Bytes => encoder_bytes::encode(b, blocks, batch),
        ViewKind::Fields | ViewKind::Scalefactors | ViewKind::Symbols => encoder_numeric::encode(b, blocks, batch),
    }
}
