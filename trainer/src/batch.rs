//! From clips to batches: order, variants, crops, block CutMix. Everything follows from (seed, epoch, step).

use crate::rows::Rows;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::ops::Range;

/// Batches that are sorted by length together, so that a batch pads little and still varies.
const POOL: usize = 8;

/// One labelled clip in all its encoded variants.
#[derive(Clone, Debug)]
pub struct Example {
    /// Rows of every variant; the first is the clip as it is.
    pub variants: Vec<Rows>,
    /// Index of the label.
    pub label: usize,
}

/// A window of one clip: which variant, which rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    /// Index of the example.
    pub example: usize,
    /// Index of its variant.
    pub variant: usize,
    /// Rows of the window.
    pub rows: Range<usize>,
}

/// Rows of several clips, ready for the model. The rows stand back to back, without padding.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// All rows, `rows.len() / width` of them.
    pub rows: Vec<i64>,
    /// Rows of each clip.
    pub lengths: Vec<usize>,
    /// Soft labels, clips x classes.
    pub targets: Vec<f32>,
}

/// A generator for one purpose of a run: the same (seed, purpose, index) gives the same numbers on every machine.
#[must_use]
pub fn generator(seed: u64, purpose: u64, index: u64) -> ChaCha8Rng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&purpose.to_le_bytes());
    bytes[16..24].copy_from_slice(&index.to_le_bytes());
    ChaCha8Rng::from_seed(bytes)
}

/// The batches of one epoch: every clip once, in a random variant and, where it is longer than `window`, a random crop.
#[must_use]
pub fn plan(examples: &[Example], batch: usize, window: usize, random: &mut ChaCha8Rng) -> Vec<Vec<Pick>> {
    let mut picks: Vec<Pick> = (0..examples.len()).map(|example| pick(examples, example, window, random)).collect();
    picks.shuffle(random);
    for pool in picks.chunks_mut(batch * POOL) {
        pool.sort_by_key(|pick| pick.rows.len());
    }
    let mut batches: Vec<Vec<Pick>> = picks.chunks(batch).map(<[Pick]>::to_vec).collect();
    batches.shuffle(random);
    batches
}

fn pick(examples: &[Example], example: usize, window: usize, random: &mut impl Rng) -> Pick {
    let variants = &examples[example].variants;
    let variant = random.random_range(0..variants.len());
    let count = variants[variant].len();
    let length = count.min(window);
    let start = random.random_range(0..=count - length);
    Pick { example, variant, rows: start..start + length }
}

/// Part of each clip that block CutMix replaces, and with which clip of the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix {
    partner: Vec<usize>,
    span: Vec<Range<usize>>,
}

impl Mix {
    /// Block CutMix (paper, section 4.1): a span of blocks is replaced by the blocks at the same positions of another
    /// clip of the batch. The span's share is uniform in 0..1 and never reaches beyond either clip.
    #[must_use]
    pub fn draw(picks: &[Pick], random: &mut ChaCha8Rng) -> Self {
        let mut partner: Vec<usize> = (0..picks.len()).collect();
        partner.shuffle(random);
        let span = picks
            .iter()
            .zip(&partner)
            .map(|(pick, &other)| {
                let shared = pick.rows.len().min(picks[other].rows.len());
                let length = (shared as f32 * random.random::<f32>()) as usize;
                let start = random.random_range(0..=shared - length);
                start..start + length
            })
            .collect();
        Mix { partner, span }
    }
}

impl Batch {
    /// Gathers the rows of `range` of the `picks`, mixed where `mix` says so. Ranges of one batch may be gathered apart:
    /// together they hold the same clips as the whole.
    #[must_use]
    pub fn gather(
        examples: &[Example],
        picks: &[Pick],
        range: Range<usize>,
        mix: Option<&Mix>,
        classes: usize,
        smoothing: f32,
    ) -> Self {
        let mut batch = Batch::default();
        let rows_of = |pick: &Pick, part: Range<usize>| {
            let rows = &examples[pick.example].variants[pick.variant];
            rows.slice(pick.rows.start + part.start..pick.rows.start + part.end).iter().map(|&value| i64::from(value))
        };
        for index in range {
            let pick = &picks[index];
            let length = pick.rows.len();
            let (other, span) = match mix {
                Some(mix) => (&picks[mix.partner[index]], mix.span[index].clone()),
                None => (pick, 0..0),
            };
            batch.rows.extend(rows_of(pick, 0..span.start));
            batch.rows.extend(rows_of(other, span.clone()));
            batch.rows.extend(rows_of(pick, span.end..length));
            batch.lengths.push(length);
            let share = span.len() as f32 / length as f32;
            let mut target = vec![smoothing / classes as f32; classes];
            target[examples[pick.example].label] += (1.0 - smoothing) * (1.0 - share);
            target[examples[other.example].label] += (1.0 - smoothing) * share;
            batch.targets.extend(target);
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 3;

    fn examples(lengths: &[usize]) -> Vec<Example> {
        let rows = |clip: usize, n: usize| Rows { width: WIDTH, values: vec![clip as i32; WIDTH * n], cut_bytes: 0 };
        lengths.iter().enumerate().map(|(i, &n)| Example { variants: vec![rows(i, n); 3], label: i % 2 }).collect()
    }

    #[test]
    fn an_epoch_shows_every_clip_once_within_the_window() {
        let examples = examples(&[1, 5, 9, 30, 2, 7, 7]);
        let batches = plan(&examples, 2, 8, &mut generator(1, 0, 0));
        let mut seen: Vec<usize> = batches.iter().flatten().map(|pick| pick.example).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..examples.len()).collect::<Vec<_>>());
        assert!(batches.iter().flatten().all(|pick| (1..=8).contains(&pick.rows.len())));
        assert_eq!(batches, plan(&examples, 2, 8, &mut generator(1, 0, 0)));
        assert_ne!(batches, plan(&examples, 2, 8, &mut generator(1, 0, 1)));
    }

    #[test]
    fn cutmix_blends_labels_by_the_share_of_blocks() {
        let examples = examples(&[10, 10, 4, 9]);
        let picks: Vec<Pick> =
            (0..4).map(|example| Pick { example, variant: 0, rows: 0..examples[example].variants[0].len() }).collect();
        for step in 0..50 {
            let mix = Mix::draw(&picks, &mut generator(3, 1, step));
            let batch = Batch::gather(&examples, &picks, 0..4, Some(&mix), 2, 0.0);
            let mut start = 0;
            for (clip, &length) in batch.lengths.iter().enumerate() {
                let rows = &batch.rows[start * WIDTH..(start + length) * WIDTH];
                assert!(rows.chunks(WIDTH).all(|row| row.iter().all(|&value| value == row[0])), "a row was torn apart");
                let odd = rows.chunks(WIDTH).filter(|row| row[0] % 2 == 1).count() as f32 / length as f32;
                assert!((batch.targets[2 * clip + 1] - odd).abs() < 1e-6);
                start += length;
            }
        }
    }

    #[test]
    fn parts_gathered_apart_equal_the_whole() {
        let examples = examples(&[3, 5, 4, 9]);
        let picks = plan(&examples, 4, 8, &mut generator(1, 0, 0)).remove(0);
        let mix = Mix::draw(&picks, &mut generator(1, 1, 0));
        let whole = Batch::gather(&examples, &picks, 0..4, Some(&mix), 2, 0.1);
        let (mut parts, tail) = (
            Batch::gather(&examples, &picks, 0..1, Some(&mix), 2, 0.1),
            Batch::gather(&examples, &picks, 1..4, Some(&mix), 2, 0.1),
        );
        parts.rows.extend(tail.rows);
        parts.lengths.extend(tail.lengths);
        parts.targets.extend(tail.targets);
        assert_eq!(parts, whole);
    }
}
