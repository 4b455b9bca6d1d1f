use super::builder::{Builder, Path};
use super::layer::{Tokens, layer};
use super::{BuildError, PAD};
use crate::ir::{Constant, Dim, Op, ValueId};

/// View `bytes`: bytes int32 [batch, L] -> float32 [batch, L', D].
pub(super) fn encode(b: &mut Builder, blocks: ValueId, batch: Dim) -> Result<ValueId, BuildError> {
    let tokens = Tokens { batch, count: b.checkpoint.config.patches(b.row) };
    let path = Path::new("encoder");
    let places = places(b, blocks, tokens.count)?;
    let least = least(b, &path, &places)?;
    let padding = b.with(&path.node("padding"), Op::Equal, least, Constant::int(PAD))?;
    let mask = b.choose(&path.node("mask"), padding, tempest_models::nn::MASKED, 0.0)?;
    let keys = [batch, Dim::Fixed(1), Dim::Fixed(1), Dim::Fixed(tokens.count)];
    let mask = b.reshape(&path.node("mask/keys"), mask, &keys)?;

    let mut x = embed(b, &places, tokens.count)?;
    for index in 0..b.checkpoint.config.block_layers {
        x = layer(b, &Path::new(&format!("encoder.layers.{index}")), x, mask, tokens)?;
    }

    let real = b.choose(&path.node("real"), padding, 0.0, 1.0)?;
    let rows = [batch, Dim::Fixed(tokens.count), Dim::Fixed(1)];
    let real = b.reshape(&path.node("real/rows"), real, &rows)?;
    let x = b.node(&path.node("zeroed"), Op::Mul, &[x, real])?;
    mix(b, x, tokens.count)
}

/// The bytes at each place of the patches: P times int32 [batch, tokens].
fn places(b: &mut Builder, blocks: ValueId, tokens: usize) -> Result<Vec<ValueId>, BuildError> {
    let patch = b.checkpoint.config.byte_patch;
    if patch == 1 {
        return Ok(vec![blocks]);
    }
    let filled = fill(b, blocks, tokens * patch - b.row)?;
    let place = |place: usize| {
        let columns = (0..tokens).map(|token| (token * patch + place) as i32).collect();
        b.with(&format!("/patches/{place}"), Op::Gather { axis: 1 }, filled, Constant::ints(columns))
    };
    (0..patch).map(place).collect()
}

/// `missing` columns of PAD behind the blocks. Nothing is larger than PAD, so they are made of a column that is there: a
/// constant would have to be repeated to a batch size that may be symbolic.
fn fill(b: &mut Builder, blocks: ValueId, missing: usize) -> Result<ValueId, BuildError> {
    if missing == 0 {
        return Ok(blocks);
    }
    let columns = Constant::ints(vec![0; missing]);
    let columns = b.with("/patches/columns", Op::Gather { axis: 1 }, blocks, columns)?;
    let padding = b.with("/patches/padding", Op::Max, columns, Constant::int(PAD))?;
    b.node("/patches", Op::Concat { axis: 1 }, &[blocks, padding])
}

/// The least byte of each patch: PAD only where all are.
fn least(b: &mut Builder, path: &Path, places: &[ValueId]) -> Result<ValueId, BuildError> {
    places.iter().enumerate().skip(1).try_fold(places[0], |least, (place, bytes)| {
        b.node(&path.node(&format!("least/{place}")), Op::Min, &[least, *bytes])
    })
}

/// The sum of a row of each place's table, at its position: [batch, tokens, D].
fn embed(b: &mut Builder, places: &[ValueId], tokens: usize) -> Result<ValueId, BuildError> {
    let table = b.weight("embed.weight")?;
    let mut bytes = b.node("/embed/bytes", Op::Gather { axis: 0 }, &[table, places[0]])?;
    for (place, values) in places.iter().enumerate().skip(1) {
        let path = Path::new(&format!("embed/{place}"));
        let first = Constant::int(place as i32 * (PAD + 1));
        let index = b.with(&path.node("index"), Op::Add, *values, first)?;
        let row = b.node(&path.node("bytes"), Op::Gather { axis: 0 }, &[table, index])?;
        bytes = b.node(&path.node("sum"), Op::Add, &[bytes, row])?;
    }
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
