use crate::build::PAD;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::convert::Infallible;
use std::ops::Range;
use tempest_contract::rows::Item;
use tempest_contract::{RowStream, ViewKind};
use tempest_models::{Checkpoint, Columns, ConfigError};

/// How many deviations from the mean a drawn number may lie.
const SPREAD: f32 = 2.0;

/// Rows that are cut to the length of each bucket.
const SHORTENED: usize = 4;

/// Speech that the project makes itself (`samples/make`): 68 frames of 16 kHz mono at 32 kbit/s.
const SAMPLE: &[u8] = include_bytes!("../../../samples/tempest.mp3");

/// Frames of [`SAMPLE`] in which the word is spoken.
const SPOKEN: Range<usize> = 16..40;

/// Blocks of a real stream; none where the checkpoint reads media of another format, sample rate or channel count.
#[must_use]
pub fn real_rows(checkpoint: &Checkpoint) -> Vec<Vec<i32>> {
    let contract = &checkpoint.contract;
    let mut rows = vec![];
    let mut keep = |item: Item<'_>| -> Result<(), Infallible> {
        if let Item::Row(row) = item {
            rows.push(row.values.to_vec());
        }
        Ok(())
    };
    let mut stream = RowStream::new(contract);
    // From the first block on, for the bit reservoir; those before the word are written and left out.
    match stream.feed(SAMPLE, &mut keep).and_then(|()| stream.finish(&mut keep)) {
        Ok(()) => rows.into_iter().skip(SPOKEN.start).take(SPOKEN.len()).collect(),
        Err(never) => match never {},
    }
}

/// `count` blocks that look like the checkpoint's media, the same for the same seed.
///
/// Numeric views: numbers within two deviations of the training split's mean, categories over their whole cardinality.
/// `bytes`: random bytes; the first block is full, the second has one byte, the others any length, PAD after it.
///
/// # Errors
/// A view layout of another build.
pub fn sample_rows(checkpoint: &Checkpoint, count: usize, seed: u64) -> Result<Vec<Vec<i32>>, ConfigError> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let length = checkpoint.contract.view.row;
    match checkpoint.contract.view.kind {
        ViewKind::Bytes => Ok((0..count).map(|index| bytes(&mut random, index, length)).collect()),
        ViewKind::Fields | ViewKind::Scalefactors | ViewKind::Symbols => {
            let columns = Columns::of(&checkpoint.contract)?;
            let measured = Measured::of(checkpoint);
            Ok((0..count).map(|_| numeric(&mut random, length, &columns, &measured)).collect())
        }
    }
}

/// View `bytes`: some of `rows` cut to the length of each bucket, PAD after it, so that each is run with blocks that fill it.
#[must_use]
pub fn short_rows(rows: &[Vec<i32>], buckets: &[usize]) -> Vec<Vec<i32>> {
    let cut = |(row, length): (&Vec<i32>, &usize)| {
        let token = |(at, token): (usize, &i32)| if at < *length { *token } else { PAD };
        row.iter().enumerate().map(token).collect()
    };
    let pairs = buckets.iter().flat_map(|length| rows.iter().take(SHORTENED).map(move |row| (row, length)));
    pairs.map(cut).collect()
}

fn bytes(random: &mut ChaCha8Rng, index: usize, length: usize) -> Vec<i32> {
    let used = match index {
        0 => length,
        1 => 1,
        _ => random.random_range(1..=length),
    };
    (0..length).map(|at| if at < used { random.random_range(0..PAD) } else { PAD }).collect()
}

struct Measured {
    mean: Vec<f32>,
    std: Vec<f32>,
}

impl Measured {
    fn of(checkpoint: &Checkpoint) -> Self {
        let read = |name| checkpoint.tensors.get(name).and_then(|tensor| tensor.to_vec1().ok()).unwrap_or_default();
        Self { mean: read("numeric.mean"), std: read("numeric.std") }
    }
}

fn numeric(random: &mut ChaCha8Rng, length: usize, columns: &Columns, measured: &Measured) -> Vec<i32> {
    let mut row = vec![0; length];
    for (&column, (mean, std)) in columns.numbers.iter().zip(measured.mean.iter().zip(&measured.std)) {
        row[column] = (mean + std * random.random_range(-SPREAD..SPREAD)).round() as i32;
    }
    for (&column, &cardinality) in columns.categories.iter().zip(&columns.cardinalities) {
        row[column] = random.random_range(0..cardinality as i32);
    }
    row
}
