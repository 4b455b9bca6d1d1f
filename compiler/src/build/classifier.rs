use super::BuildError;
use super::builder::{Builder, Path};
use super::layer::{Tokens, layer};
use crate::ir::{Constant, Dim, Op, ValueId};

/// Tokens float32 [batch, S, D] of which `length` are real -> logits [batch, C].
pub(super) fn classify(b: &mut Builder, x: ValueId, length: ValueId, batch: Dim) -> Result<ValueId, BuildError> {
    let path = Path::new("classifier");
    let tokens = Tokens { batch, count: 1 + b.window_tokens() };
    let mask = key_mask(b, &path, length, tokens)?;
    let mut x = with_cls(b, &path, x)?;
    for index in 0..b.checkpoint.config.clip_layers {
        x = layer(b, &Path::new(&format!("classifier.layers.{index}")), x, mask, tokens)?;
    }
    let cls = b.with(&path.node("answer"), Op::Gather { axis: 1 }, x, Constant::ints(vec![0]))?;
    let cls = b.reshape(&path.node("answer/row"), cls, &[batch, Dim::Fixed(b.checkpoint.config.dim)])?;
    let normed = b.norm(&path.join("norm"), cls)?;
    b.linear(&path.join("head"), normed)
}

/// `concat(cls, x + PE)`. Built as one row of zeros before `x`, plus the constant `concat(cls, PE)`: the sum is the
/// same and nothing has to be repeated to a batch size that may be symbolic.
fn with_cls(b: &mut Builder, path: &Path, x: ValueId) -> Result<ValueId, BuildError> {
    let count = b.window_tokens();
    let dim = b.checkpoint.config.dim;
    let cls = b.weight("classifier.cls")?;
    let cls = b.reshape(&path.node("cls"), cls, &[Dim::Fixed(1), Dim::Fixed(dim)])?;
    let positions = b.positions("classifier.positions", count)?;
    let prefix = b.node(&path.node("prefix"), Op::Concat { axis: 0 }, &[cls, positions])?;
    let prefix =
        b.reshape(&path.node("prefix/window"), prefix, &[Dim::Fixed(1), Dim::Fixed(1 + count), Dim::Fixed(dim)])?;
    let padded = b.node(&path.node("padded"), Op::Pad { axis: 1, before: 1 }, &[x])?;
    b.node(&path.node("tokens"), Op::Add, &[padded, prefix])
}

/// [batch, 1, 1, 1 + S]: 0 for [CLS] and the first `length` tokens, -1e4 for the rest.
fn key_mask(b: &mut Builder, path: &Path, length: ValueId, tokens: Tokens) -> Result<ValueId, BuildError> {
    let mask = path.join("mask");
    // [CLS] is token -1, so that it is real at any length.
    let index = b.constant(&mask.node("index"), Constant::ints((-1..tokens.count as i32 - 1).collect()));
    let length = b.reshape(&mask.node("length"), length, &[tokens.batch, Dim::Fixed(1)])?;
    let real = b.node(&mask.node("real"), Op::Less, &[index, length])?;
    let row = b.choose(&mask.node("row"), real, 0.0, tempest_models::nn::MASKED)?;
    b.reshape(&mask.node("keys"), row, &[tokens.batch, Dim::Fixed(1), Dim::Fixed(1), Dim::Fixed(tokens.count)])
}
