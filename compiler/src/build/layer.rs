use super::BuildError;
use super::builder::{Builder, Path};
use crate::ir::{Constant, Dim, Op, ValueId};

/// The tokens a layer works on: `[batch, tokens, D]`.
#[derive(Clone, Copy)]
pub(super) struct Tokens {
    pub(super) batch: Dim,
    pub(super) count: usize,
}

/// One pre-norm transformer layer; `mask` [batch, 1, 1, tokens] is added to the scores.
pub(super) fn layer(
    b: &mut Builder,
    path: &Path,
    x: ValueId,
    mask: ValueId,
    tokens: Tokens,
) -> Result<ValueId, BuildError> {
    let normed = b.norm(&path.join("norm1"), x)?;
    let attended = attention(b, &path.join("attn"), normed, mask, tokens)?;
    let x = b.node(&path.node("residual1"), Op::Add, &[x, attended])?;
    let normed = b.norm(&path.join("norm2"), x)?;
    let fed = feed_forward(b, &path.join("ff"), normed)?;
    b.node(&path.node("residual2"), Op::Add, &[x, fed])
}

fn attention(b: &mut Builder, path: &Path, x: ValueId, mask: ValueId, tokens: Tokens) -> Result<ValueId, BuildError> {
    let heads = b.checkpoint.config.heads;
    let width = b.checkpoint.config.dim / heads;
    let query = head(b, &path.join("query"), x, tokens, [0, 2, 1, 3])?;
    let key = head(b, &path.join("key"), x, tokens, [0, 2, 3, 1])?;
    let value = head(b, &path.join("value"), x, tokens, [0, 2, 1, 3])?;
    let scores = b.node(&path.node("scores"), Op::MatMul, &[query, key])?;
    let scale = Constant::scalar((1.0 / (width as f64).sqrt()) as f32);
    let scaled = b.with(&path.node("scaled"), Op::Mul, scores, scale)?;
    let masked = b.node(&path.node("masked"), Op::Add, &[scaled, mask])?;
    let shares = b.node(&path.node("softmax"), Op::Softmax, &[masked])?;
    let mixed = b.node(&path.node("mixed"), Op::MatMul, &[shares, value])?;
    let joined = b.transpose(&path.node("join"), mixed, &[0, 2, 1, 3])?;
    let shape = [tokens.batch, Dim::Fixed(tokens.count), Dim::Fixed(heads * width)];
    let joined = b.reshape(&path.node("joined"), joined, &shape)?;
    b.linear(&path.join("out"), joined)
}

/// A linear layer cut into heads: [batch, tokens, D] -> [batch, tokens, heads, D / heads] in the order of `perm`.
fn head(b: &mut Builder, path: &Path, x: ValueId, tokens: Tokens, perm: [usize; 4]) -> Result<ValueId, BuildError> {
    let heads = b.checkpoint.config.heads;
    let width = b.checkpoint.config.dim / heads;
    let all = b.linear(path, x)?;
    let shape = [tokens.batch, Dim::Fixed(tokens.count), Dim::Fixed(heads), Dim::Fixed(width)];
    let cut = b.reshape(&path.node("cut"), all, &shape)?;
    b.transpose(&path.node("heads"), cut, &perm)
}

fn feed_forward(b: &mut Builder, path: &Path, x: ValueId) -> Result<ValueId, BuildError> {
    let up = b.linear(&path.join("up"), x)?;
    let active = b.gelu(&path.join("gelu"), up)?;
    b.linear(&path.join("down"), active)
}
