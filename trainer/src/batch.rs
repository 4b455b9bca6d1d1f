//! From clips to batches: order, variants, crops, block CutMix, block drop. Everything follows from (seed, epoch, step).

use crate::rows::Rows;
use crate::truth::Truth;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::ops::Range;
use tempest_contract::Answers;

/// Batches that are sorted by length together, so that a batch pads little and still varies.
const POOL: usize = 8;

/// One labelled clip in all its encoded variants.
#[derive(Clone, Debug)]
pub struct Example {
    /// Rows of every variant; the first is the clip as it is.
    pub variants: Vec<Rows>,
    /// The true labels.
    pub truth: Truth,
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
    /// Soft labels, clips x labels.
    pub targets: Vec<f32>,
    /// The rows with values hidden, which the encoder is shown in place of `rows`; empty where nothing is hidden.
    pub masked: Vec<i64>,
    /// A teacher's rows of the same clips; empty where there is no teacher.
    pub taught: Vec<i64>,
}

/// What the soft labels of a batch are made with.
#[derive(Clone, Copy, Debug)]
pub struct Targets {
    /// Labels of the model.
    pub labels: usize,
    /// How many of them may be true of a clip.
    pub answers: Answers,
    /// Label smoothing: the share that goes to no label's merit.
    pub smoothing: f32,
}

impl Targets {
    /// The target of a label that is true of `share` of a clip. The smoothed share is spread over all labels where one is
    /// true (Szegedy et al. 2016, section 7), over true and untrue where each is by itself.
    fn smooth(self, share: f32) -> f32 {
        let chance = match self.answers {
            Answers::OneOf => 1.0 / self.labels as f32,
            Answers::AnyOf => 0.5,
        };
        self.smoothing * chance + (1.0 - self.smoothing) * share
    }

    /// The targets of a clip that is as it was recorded.
    pub(crate) fn of(self, truth: &Truth) -> impl Iterator<Item = f32> {
        (0..self.labels).map(move |label| self.smooth(f32::from(truth.holds(label))))
    }
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

/// A row of a batch: the pick it comes from, and its place in that pick's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Source {
    pick: usize,
    row: usize,
}

/// What the clips of a batch are made of, row by row. Whoever reads other rows of the same blocks (a teacher's view) is
/// shown the same mixture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix {
    clips: Vec<Vec<Source>>,
}

impl Mix {
    /// Every clip as it was picked.
    #[must_use]
    pub fn plain(picks: &[Pick]) -> Self {
        let clip = |(pick, picked): (usize, &Pick)| (0..picked.rows.len()).map(|row| Source { pick, row }).collect();
        Mix { clips: picks.iter().enumerate().map(clip).collect() }
    }

    /// Block CutMix (paper, section 4.1): a span of blocks is replaced by the blocks at the same positions of another
    /// clip of the batch. The span's share is uniform in 0..1 and never reaches beyond either clip.
    #[must_use]
    pub fn cut(picks: &[Pick], random: &mut ChaCha8Rng) -> Self {
        let mut partner: Vec<usize> = (0..picks.len()).collect();
        partner.shuffle(random);
        let mut mix = Mix::plain(picks);
        for (clip, other) in mix.clips.iter_mut().zip(partner) {
            let shared = clip.len().min(picks[other].rows.len());
            let length = (shared as f32 * random.random::<f32>()) as usize;
            let start = random.random_range(0..=shared - length);
            clip[start..start + length].iter_mut().for_each(|source| source.pick = other);
        }
        mix
    }

    /// Block drop: leaves each block out with probability `p`, but for one of each clip, which always stays. What stays
    /// closes up, as blocks do over the damage of a stream; the paper has no such thing.
    pub fn drop_blocks(&mut self, p: f32, random: &mut ChaCha8Rng) {
        for clip in &mut self.clips {
            let survivor = random.random_range(0..clip.len());
            let mut row = 0..clip.len();
            clip.retain(|_| {
                let survives = row.next() == Some(survivor);
                random.random::<f32>() >= p || survives
            });
        }
    }
}

impl Batch {
    /// Gathers the clips of `range`, made of the rows of the `picks` as `mix` says; labels blend by the share of blocks.
    /// Ranges of one batch may be gathered apart: together they hold the same clips as the whole.
    #[must_use]
    pub fn gather(examples: &[Example], picks: &[Pick], range: Range<usize>, mix: &Mix, targets: Targets) -> Self {
        let mut batch = Batch::default();
        for clip in &mix.clips[range] {
            let mut blocks = vec![0u32; targets.labels];
            for source in clip {
                let pick = &picks[source.pick];
                let example = &examples[pick.example];
                let row = pick.rows.start + source.row;
                let values = example.variants[pick.variant].slice(row..row + 1);
                batch.rows.extend(values.iter().map(|&value| i64::from(value)));
                example.truth.labels().iter().for_each(|&label| blocks[label] += 1);
            }
            batch.targets.extend(blocks.iter().map(|&blocks| targets.smooth(blocks as f32 / clip.len() as f32)));
            batch.lengths.push(clip.len());
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 3;

    fn of(labels: usize, smoothing: f32) -> Targets {
        Targets { labels, answers: Answers::OneOf, smoothing }
    }

    fn examples(lengths: &[usize]) -> Vec<Example> {
        let rows = |clip: usize, n: usize| Rows { width: WIDTH, values: vec![clip as i32; WIDTH * n], cut_bytes: 0 };
        lengths
            .iter()
            .enumerate()
            .map(|(i, &n)| Example { variants: vec![rows(i, n); 3], truth: (i % 2).into() })
            .collect()
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
            let mut mix = Mix::cut(&picks, &mut generator(3, 1, step));
            if step % 2 == 1 {
                mix.drop_blocks(0.3, &mut generator(3, 2, step));
            }
            let batch = Batch::gather(&examples, &picks, 0..4, &mix, of(2, 0.0));
            let mut start = 0;
            for (clip, &length) in batch.lengths.iter().enumerate() {
                let rows = &batch.rows[start * WIDTH..(start + length) * WIDTH];
                assert!(rows.chunks(WIDTH).all(|row| row.iter().all(|&value| value == row[0])), "a row was torn apart");
                let odd = rows.chunks(WIDTH).filter(|row| row[0] % 2 == 1).count() as f32 / length as f32;
                assert!((batch.targets[2 * clip + 1] - odd).abs() < 1e-5);
                start += length;
            }
        }
    }

    #[test]
    fn dropped_blocks_close_up_and_one_always_stays() {
        let rows = |n: usize| Rows { width: 1, values: (0..n as i32).collect(), cut_bytes: 0 };
        let examples: Vec<Example> =
            [1, 400, 3].map(|n| Example { variants: vec![rows(n)], truth: 0.into() }).into_iter().collect();
        let picks: Vec<Pick> =
            [1, 400, 3].into_iter().enumerate().map(|(example, n)| Pick { example, variant: 0, rows: 0..n }).collect();
        let gather = |p: f32, seed: u64| {
            let mut mix = Mix::plain(&picks);
            mix.drop_blocks(p, &mut generator(seed, 0, 0));
            Batch::gather(&examples, &picks, 0..3, &mix, of(1, 0.0))
        };
        assert_eq!(gather(0.0, 1).lengths, [1, 400, 3]);
        let batch = gather(0.25, 1);
        assert!((270..330).contains(&batch.lengths[1]), "{:?}", batch.lengths);
        let clip = &batch.rows[batch.lengths[0]..batch.lengths[0] + batch.lengths[1]];
        assert!(clip.is_sorted_by(|a, b| a < b), "the order of blocks changed");
        assert!((0..200).all(|seed| gather(0.9, seed).lengths.iter().all(|&length| length > 0)));
    }

    #[test]
    fn parts_gathered_apart_equal_the_whole() {
        let examples = examples(&[3, 5, 4, 9]);
        let picks = plan(&examples, 4, 8, &mut generator(1, 0, 0)).remove(0);
        let mix = Mix::cut(&picks, &mut generator(1, 1, 0));
        let whole = Batch::gather(&examples, &picks, 0..4, &mix, of(2, 0.1));
        let (mut parts, tail) = (
            Batch::gather(&examples, &picks, 0..1, &mix, of(2, 0.1)),
            Batch::gather(&examples, &picks, 1..4, &mix, of(2, 0.1)),
        );
        parts.rows.extend(tail.rows);
        parts.lengths.extend(tail.lengths);
        parts.targets.extend(tail.targets);
        assert_eq!(parts, whole);
    }
}
