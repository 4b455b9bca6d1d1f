use super::builder::Builder;
use super::{BuildError, classifier, encode};
use crate::ir::{Dim, Dtype, Fact, Graph, Op, ValueId};
use tempest_models::Checkpoint;

/// Encoder and classifier in one graph. Every block of the window is encoded, padding too: what padding becomes is
/// finite, and the classifier's mask gives it no attention.
pub(super) fn build(checkpoint: &Checkpoint, batch: Dim, chunk: Option<usize>) -> Result<Graph, BuildError> {
    let mut b = Builder::new("clip", checkpoint);
    let (window, row) = (checkpoint.contract.window.blocks, Dim::Fixed(checkpoint.contract.view.row));
    let blocks = b.input("blocks", Fact::new(Dtype::I32, vec![batch, Dim::Fixed(window), row]));
    let length = b.input("length", Fact::new(Dtype::I32, vec![batch]));
    let embeddings = match chunk.and_then(|most| largest_divisor(window, most)) {
        Some(chunk) => encode_in_chunks(&mut b, blocks, batch.times(window / chunk), chunk)?,
        None => {
            let all = batch.times(window);
            let blocks = b.reshape("/blocks", blocks, &[all, row])?;
            encode(&mut b, blocks, all)?
        }
    };
    let shape = [batch, Dim::Fixed(b.window_tokens()), Dim::Fixed(checkpoint.config.dim)];
    let embeddings = b.reshape("/embeddings", embeddings, &shape)?;
    let logits = classifier::classify(&mut b, embeddings, length, batch)?;
    Ok(b.finish(logits, "logits"))
}

/// How many blocks to encode at a time so that every chunk is full; none where a window is one chunk.
fn largest_divisor(window: usize, most: usize) -> Option<usize> {
    (1..=most).rev().find(|chunk| window.is_multiple_of(*chunk)).filter(|chunk| *chunk < window)
}

/// The encoder as the body of a scan over `chunks`.
fn encode_in_chunks(b: &mut Builder, blocks: ValueId, chunks: Dim, chunk: usize) -> Result<ValueId, BuildError> {
    let row = Dim::Fixed(b.checkpoint.contract.view.row);
    let mut body = Builder::new("chunk", b.checkpoint);
    let input = body.input("chunk/blocks", Fact::new(Dtype::I32, vec![Dim::Fixed(chunk), row]));
    let embeddings = encode(&mut body, input, Dim::Fixed(chunk))?;
    let body = Box::new(body.finish(embeddings, "chunk/embeddings"));
    let blocks = b.reshape("/chunks", blocks, &[chunks, Dim::Fixed(chunk), row])?;
    b.node("/chunks/embeddings", Op::Scan { body }, &[blocks])
}
