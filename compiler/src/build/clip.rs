use super::builder::Builder;
use super::{BuildError, classifier, encode};
use crate::ir::{Dim, Dtype, Fact, Graph};
use tempest_models::Checkpoint;

/// Encoder and classifier in one graph. Every block of the window is encoded, padding too: what padding becomes is
/// finite, and the classifier's mask gives it no attention.
pub(super) fn build(checkpoint: &Checkpoint, batch: Dim) -> Result<Graph, BuildError> {
    let mut b = Builder::new("clip", checkpoint);
    let (window, row) = (checkpoint.contract.window.blocks, Dim::Fixed(checkpoint.contract.view.row));
    let blocks = b.input("blocks", Fact::new(Dtype::I32, vec![batch, Dim::Fixed(window), row]));
    let length = b.input("length", Fact::new(Dtype::I32, vec![batch]));
    let all = batch.times(window);
    let blocks = b.reshape("/blocks", blocks, &[all, row])?;
    let embeddings = encode(&mut b, blocks, all)?;
    let shape = [batch, Dim::Fixed(b.window_tokens()), Dim::Fixed(checkpoint.config.dim)];
    let embeddings = b.reshape("/embeddings", embeddings, &shape)?;
    let logits = classifier::classify(&mut b, embeddings, length, batch)?;
    Ok(b.finish(logits, "logits"))
}
