//! The best epoch so far, for runs with patience.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How the weights of an epoch did on the validation clips. Counts and float32 come back from JSON in the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Clips whose most probable label is true; 0 without labels.
    pub correct: usize,
    /// Clips scored.
    pub clips: usize,
    /// Mean loss: cross-entropy, or the reconstruction loss without labels.
    pub loss: f32,
}

impl Score {
    /// Share of correct clips, 0..=1; not a number where there are no clips.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.clips as f64
    }

    /// The score of several sets of clips as one; `None` of none.
    pub(super) fn of(scores: &[Score]) -> Option<Self> {
        let (&first, others) = scores.split_first()?;
        Some(others.iter().fold(first, |sum, other| {
            let clips = sum.clips + other.clips;
            let loss = (sum.loss * sum.clips as f32 + other.loss * other.clips as f32) / clips as f32;
            Score { correct: sum.correct + other.correct, clips, loss }
        }))
    }

    /// More correct clips are better; among equals, less loss is.
    fn beats(&self, other: &Score) -> bool {
        (self.correct, -self.loss) > (other.correct, -other.loss)
    }
}

/// The epoch with the best score, from 1, and its weights.
#[derive(Clone, Debug)]
pub(super) struct Best {
    pub(super) epoch: usize,
    pub(super) score: Score,
    pub(super) weights: BTreeMap<String, Tensor>,
}

impl Best {
    /// Whether `score` is better than `best`, or the first.
    pub(super) fn is_beaten(best: Option<&Best>, score: &Score) -> bool {
        best.is_none_or(|best| score.beats(&best.score))
    }

    /// Whether `patience` epochs went by without a better one once `done` are done.
    pub(super) fn is_out_of(&self, patience: usize, done: usize) -> bool {
        done >= self.epoch + patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_correct_clips_win_then_less_loss() {
        let score = |correct, loss| Score { correct, clips: 10, loss };
        assert!(score(8, 0.9).beats(&score(7, 0.1)));
        assert!(score(7, 0.1).beats(&score(7, 0.2)));
        assert!(!score(7, 0.2).beats(&score(7, 0.2)));
        assert!(!score(7, f32::NAN).beats(&score(7, 0.2)));
    }

    #[test]
    fn patience_counts_epochs_after_the_best() {
        let best = Best { epoch: 4, score: Score { correct: 1, clips: 1, loss: 0.0 }, weights: BTreeMap::new() };
        assert!(!best.is_out_of(3, 6));
        assert!(best.is_out_of(3, 7));
    }
}
