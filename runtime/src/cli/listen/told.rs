//! What `tempest listen` tells, whoever it tells it to.

use super::summary::Summary;
use crate::detect::{Event, Hop};
use crate::source::Signal;
use tempest_contract::rows::{Gap, GapReason};

/// When it is told.
#[derive(Clone, Debug, Default)]
pub(super) struct Moment {
    /// Stream seconds heard so far.
    pub(super) at: f64,
    /// The clock on the wall, RFC 3339, where it is asked for.
    pub(super) clock: Option<String>,
}

/// What is told.
#[derive(Clone, Debug)]
pub(super) enum Told<'a> {
    Connected {
        attempt: u32,
        content_type: Option<String>,
        name: Option<String>,
    },
    Lost {
        reason: String,
        retry_in: f64,
    },
    Stalled {
        seconds: f64,
    },
    Resumed {
        seconds: f64,
    },
    Title(String),
    /// Bytes that are no block were passed over; the stream goes on.
    Resync(Gap),
    /// Blocks are missing, or another stream begins: what was open ended here.
    Gap(Gap),
    CutShort,
    /// Other media than the model reads: what was open ended here.
    Foreign {
        found: String,
        expected: String,
    },
    /// A bit rate the model was not trained on.
    Bitrate {
        kbps: f64,
        expected: String,
    },
    Detected(Event),
    Scores {
        hop: Hop,
        probabilities: &'a [f32],
        scores: &'a [f32],
    },
    Summary(&'a Summary),
}

impl Told<'_> {
    /// Garbage between blocks is no more than that; of other breaks it is not known what they hide.
    pub(super) fn of_gap(gap: Gap) -> Self {
        if gap.reason == GapReason::Garbage { Told::Resync(gap) } else { Told::Gap(gap) }
    }

    /// What a source says of itself; nothing of bytes, idleness and the end.
    pub(super) fn of_signal(signal: Signal<'_>) -> Option<Self> {
        Some(match signal {
            Signal::Connected { attempt, content_type, name } => Told::Connected { attempt, content_type, name },
            Signal::Lost { reason, retry_in } => Told::Lost { reason, retry_in: retry_in.as_secs_f64() },
            Signal::Stalled { seconds } => Told::Stalled { seconds },
            Signal::Resumed { seconds } => Told::Resumed { seconds },
            Signal::Title(title) => Told::Title(title),
            Signal::Bytes(_) | Signal::Idle | Signal::End => return None,
        })
    }

    /// The name of the event.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Told::Connected { .. } => "connected",
            Told::Lost { .. } => "lost",
            Told::Stalled { .. } => "stalled",
            Told::Resumed { .. } => "resumed",
            Told::Title(_) => "title",
            Told::Resync(_) => "resync",
            Told::Gap(_) | Told::CutShort => "gap",
            Told::Foreign { .. } | Told::Bitrate { .. } => "format",
            Told::Detected(event) if event.is_start() => "start",
            Told::Detected(_) => "end",
            Told::Scores { .. } => "scores",
            Told::Summary(_) => "summary",
        }
    }
}
