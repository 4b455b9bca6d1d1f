use super::BuildError;
use super::builder::{Builder, Path};
use crate::ir::{Constant, Dim, Op, ValueId};
use tempest_models::Columns;

/// A numeric view: columns int32 [batch, F] -> float32 [batch, L', D].
pub(super) fn encode(b: &mut Builder, blocks: ValueId, batch: Dim) -> Result<ValueId, BuildError> {
    let columns = Columns::of(&b.checkpoint.contract)?;
    let path = Path::new("fields");
    let mut sum = numbers(b, blocks, &columns)?;
    if !columns.categories.is_empty() {
        let category = categories(b, blocks, &columns)?;
        sum = b.node(&path.node("sum"), Op::Add, &[sum, category])?;
    }
    let active = b.gelu(&path.join("gelu"), sum)?;
    let normed = b.norm(&path.join("norm"), active)?;
    let flat = b.linear(&path.join("out"), normed)?;
    let config = b.checkpoint.config;
    b.reshape(&path.node("tokens"), flat, &[batch, Dim::Fixed(config.tokens_per_block), Dim::Fixed(config.dim)])
}

/// `Linear(concat(z, s s))` with `z = (x - mean) / std` and `s` the first of them, the numbers of `fields`: [batch, hidden].
fn numbers(b: &mut Builder, blocks: ValueId, columns: &Columns) -> Result<ValueId, BuildError> {
    let path = Path::new("numeric");
    let picked = pick(b, &path, blocks, &columns.numbers)?;
    let x = b.float(&path.node("float"), picked)?;
    let (mean, std) = (b.weight("numeric.mean")?, b.weight("numeric.std")?);
    let centred = b.node(&path.node("centred"), Op::Sub, &[x, mean])?;
    let z = b.node(&path.node("z"), Op::Div, &[centred, std])?;
    let first = first(b, &path, z, columns)?;
    let square = b.node(&path.node("square"), Op::Mul, &[first, first])?;
    let both = b.node(&path.node("both"), Op::Concat { axis: 1 }, &[z, square])?;
    b.linear(&path.join("project"), both)
}

/// Those of the numbers that are read squared too.
fn first(b: &mut Builder, path: &Path, z: ValueId, columns: &Columns) -> Result<ValueId, BuildError> {
    if columns.squared == columns.numbers.len() {
        return Ok(z);
    }
    let first = (0..columns.squared as i32).collect();
    b.with(&path.node("first"), Op::Gather { axis: 1 }, z, Constant::ints(first))
}

/// The sum of one table row per category, values clamped to their cardinality: [batch, hidden].
fn categories(b: &mut Builder, blocks: ValueId, columns: &Columns) -> Result<ValueId, BuildError> {
    let path = Path::new("category");
    let last: Vec<i32> = columns.cardinalities.iter().map(|count| *count as i32 - 1).collect();
    let offsets: Vec<i32> = columns.offsets.iter().map(|offset| *offset as i32).collect();
    let picked = pick(b, &path, blocks, &columns.categories)?;
    let below = b.with(&path.node("below"), Op::Min, picked, Constant::ints(last))?;
    let inside = b.with(&path.node("inside"), Op::Max, below, Constant::int(0))?;
    let rows = b.with(&path.node("rows"), Op::Add, inside, Constant::ints(offsets))?;
    let table = b.weight("category.table.weight")?;
    let looked_up = b.node(&path.node("table"), Op::Gather { axis: 0 }, &[table, rows])?;
    b.node(&path.node("sum"), Op::ReduceSum { axis: 1 }, &[looked_up])
}

fn pick(b: &mut Builder, path: &Path, blocks: ValueId, columns: &[usize]) -> Result<ValueId, BuildError> {
    let columns = columns.iter().map(|column| *column as i32).collect();
    b.with(&path.node("columns"), Op::Gather { axis: 1 }, blocks, Constant::ints(columns))
}
