//! Labelled streams to thresholds: false alarms per hour against misses.
//!
//! Each stream is heard once and its scores are kept ([`Recording`]); then each label is followed through them with one
//! threshold after the other ([`sweep`]). What counts, hop by hop, `heard` being the span of the hop's window and of
//! what smoothing still holds of earlier ones:
//!
//! - a labelled span is *found* if the label is on at a hop that heard part of it, otherwise it is a *miss*;
//! - a stretch of hops with the label on that heard nothing of it is a *false alarm*, and one more for every full minute
//!   that it lasts: a label that is always on is no bargain.
//!
//! [`LabelSweep`] chooses the threshold with the fewest misses of those that keep to the false alarms allowed.

mod labels;
mod sweep;

pub use labels::{LabelsError, MAX_LABELS_BYTES, Span, spans};
pub use sweep::{LabelSweep, Limits, Point, Verdict, excluded_rate, sweep};

use crate::detect::{Hop, Smoothing};
use thiserror::Error;

/// Most scores kept of all streams together: 1 GiB.
pub const MAX_SCORES: usize = 1 << 28;

/// Longer streams than can be kept.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("more than {MAX_SCORES} scores of {labels} labels; give less material, or a longer --hop")]
pub struct TooLong {
    /// Labels of the model.
    pub labels: usize,
}

/// What was heard of one labelled stream.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    labels: usize,
    hops: Vec<Hop>,
    /// One row of smoothed scores a hop.
    scores: Vec<f32>,
    /// Hops before which the stream is torn.
    torn: Vec<usize>,
    /// What is to be heard.
    spans: Vec<Span>,
}

impl Recording {
    /// Of a model with so many labels; `spans` says where they are to be heard, and nothing that it is background.
    #[must_use]
    pub fn new(labels: usize, spans: Vec<Span>) -> Self {
        Self { labels, spans, ..Self::default() }
    }

    /// Adds the smoothed scores of the next window, one per label.
    ///
    /// # Errors
    /// [`TooLong`] above [`MAX_SCORES`].
    pub fn push(&mut self, hop: Hop, scores: &[f32]) -> Result<(), TooLong> {
        if self.scores.len() + self.labels > MAX_SCORES {
            return Err(TooLong { labels: self.labels });
        }
        self.hops.push(hop);
        self.scores.extend((0..self.labels).map(|label| scores.get(label).copied().unwrap_or(0.0)));
        Ok(())
    }

    /// The stream is torn before the next window.
    pub fn tear(&mut self) {
        self.torn.push(self.hops.len());
    }

    /// Seconds of the stream, up to the end of its last window.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.hops.last().map_or(0.0, |hop| hop.end)
    }

    /// The first of the labelled spans that the stream ended before.
    #[must_use]
    pub fn beyond(&self) -> Option<&Span> {
        self.spans.iter().find(|span| span.start >= self.seconds())
    }

    /// Windows heard.
    #[must_use]
    pub fn hops(&self) -> usize {
        self.hops.len()
    }
}

/// Hours of all recordings together.
#[must_use]
pub fn hours(recordings: &[Recording]) -> f64 {
    recordings.iter().map(Recording::seconds).sum::<f64>() / 3600.0
}

/// Seconds that a score remembers beyond its window.
fn memory(smoothing: Smoothing, hop: f64) -> f64 {
    match smoothing {
        Smoothing::Mean(hops) => hops.saturating_sub(1) as f64 * hop,
        // What is left after three time constants is a twentieth.
        Smoothing::Ema(seconds) => 3.0 * seconds,
    }
}
