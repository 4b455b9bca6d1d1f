use super::builder::{Builder, Path};
use super::layer::{Tokens, layer};
use super::{BuildError, PAD};
use crate::ir::{Constant, Dim, Op, ValueId};

/// View `bytes`: tokens int32 [batch, L] -> float32 [batch, L', D].
pub(super) fn encode(b: &mut Builder, blocks: ValueId, batch: Dim) -> Result<ValueId, BuildError> {
    let tokens = Tokens { batch, count: b.row };
    let path = Path::new("encoder");
    let padding = b.with(&path.node("padding"), Op::Equal, blocks, Constant::int(PAD))?;
    let mask = b.choose(&path.node("mask"), padding, tempest_models::nn::MASKED, 0.0)?;
    let keys = [batch, Dim::Fixed(1), Dim::Fixed(1), Dim::Fixed(tokens.count)];
    let mask = b.reshape(&path.node("mask/keys"), mask, &keys)?;

    let mut x = embed(b, blocks, tokens.count)?;
    for index in 0..b.checkpoint.config.block_layers {
        x = layer(b, &Path::new(&format!("encoder.layers.{index}")), x, mask, tokens)?;
    }

    let real = b.choose(&path.node("real"), padding, 0.0, 1.0)?;
    let rows = [batch, Dim::Fixed(tokens.count), Dim::Fixed(1)];
    let real = b.reshape(&path.node("real/rows"), real, &rows)?;
    let x = b.node(&path.node("zeroed"), Op::Mul, &[x, real])?;
    mix(b, x, tokens.count)
}

fn embed(b: &mut Builder, blocks: ValueId, tokens: usize) -> Result<ValueId, BuildError> {
    let table = b.weight("embed.weight")?;
    let bytes = b.node("/embed/bytes", Op::Gather { axis: 0 }, &[table, blocks])?;
    let positions = b.positions("embed.positions", tokens)?;
    let block = [Dim::Fixed(1), Dim::Fixed(tokens), Dim::Fixed(b.checkpoint.config.dim)];
    let positions = b.reshape("/embed/positions", positions, &block)?;
    b.node("/embed", Op::Add, &[bytes, positions])
}

/// Mixer M: [batch, L, D] -> [batch, L', D].
fn mix(b: &mut Builder, x: ValueId, tokens: usize) -> Result<ValueId, BuildError> {
    let path = Path::new("mixer");
    let config = b.checkpoint.config;
    let mixed = b.linear_over_tokens(&path.join("mix"), x, [config.mixer, tokens])?;
    let normed = b.norm(&path.join("norm"), mixed)?;
    let active = b.gelu(&path.join("gelu"), normed)?;
    b.linear_over_tokens(&path.join("out"), active, [config.tokens_per_block, config.mixer])
}
