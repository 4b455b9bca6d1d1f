//! Probabilities of sliding windows to events: when a label is heard, and until when.
//!
//! Each label is on its own. Its probabilities are smoothed into a *score*: the mean of the newest [`Smoothing::Mean`]
//! hops (of as many as there are at the start), or an exponential moving average that begins with the first hop and
//! then moves by `1 - exp(-dt / tau)` of the difference, `dt` the time from window end to window end. Then, hop by hop:
//!
//! 1. A score of at least `on` begins a *run*, unless the label's last event ended less than `refractory` seconds ago.
//! 2. A score below `off` ends the run; its *last* hop is the one before. Scores between keep it (hysteresis).
//! 3. A run whose windows' ends are `minimum` seconds apart or more becomes an event: [`Kind::Start`] is told on that
//!    hop, with a `minimum` of 0 on the run's first. A run that ends sooner is never told.
//! 4. The end of an event is told as [`Kind::End`] on the hop whose score was below `off`.
//!
//! [`Detector::close`] ends what is open where the stream is torn (a gap, another format) or over, and says why. The
//! hops before count no more then; the refractory time goes on.
//!
//! ```
//! use tempest_runtime::detect::{Detector, Hop, Kind, Settings, Smoothing, Threshold};
//!
//! # fn main() -> Result<(), tempest_runtime::detect::SettingsError> {
//! let thresholds = vec![Some(Threshold { on: 0.8, off: 0.4 })];
//! let settings = Settings { smoothing: Smoothing::Mean(1), minimum: 0.0, refractory: 0.0, thresholds };
//! let mut detector = Detector::new(&settings)?;
//! let mut told = Vec::new();
//! for (hop, score) in [0.1, 0.9, 0.5, 0.3].into_iter().enumerate() {
//!     let end = 4.0 + hop as f64;
//!     detector.push(Hop { start: end - 4.0, end, block: 0 }, &[score], |event| told.push((event.at.end, event.kind)));
//! }
//! assert!(matches!(told[..], [(5.0, Kind::Start { .. }), (7.0, Kind::End { hops: 2, .. })]));
//! # Ok(())
//! # }
//! ```

mod smooth;
mod track;

use smooth::Smooth;
pub use tempest_engine::{Smoothing, Threshold};
use thiserror::Error;
pub(crate) use track::Track;

/// Most probabilities that smoothing keeps: 64 MiB.
const MAX_KEPT: usize = 1 << 24;

/// Seconds that two times may differ and still be the same: less than a sample, more than a sum of blocks rounds.
pub(crate) const ROUNDING: f64 = 1e-6;

/// How events are made of probabilities.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Probabilities to scores.
    pub smoothing: Smoothing,
    /// Seconds that a label must be heard before it counts; 0 or more.
    pub minimum: f64,
    /// Seconds after a label's end in which it does not count again; 0 or more.
    pub refractory: f64,
    /// One per label; `None` for a label that is never told.
    pub thresholds: Vec<Option<Threshold>>,
}

/// Why [`Settings`] cannot be used.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum SettingsError {
    /// Smoothing over nothing, or over no time.
    #[error("smoothing {0:?}: give 1 to {max} hops or a time constant above 0 s", max = tempest_engine::MAX_SMOOTHING_HOPS)]
    Smoothing(Smoothing),
    /// Smoothing over more than is kept.
    #[error("a mean of {hops} hops of {labels} labels is more than is kept; at most {} hops", MAX_KEPT / labels.max(&1))]
    TooMuch {
        /// Hops of the mean.
        hops: usize,
        /// Labels of the model.
        labels: usize,
    },
    /// A time that is none.
    #[error("{name} of {seconds} s: give 0 or more")]
    Time {
        /// `minimum` or `refractory`.
        name: &'static str,
        /// What was given.
        seconds: f64,
    },
    /// Thresholds that are none.
    #[error("thresholds on {} and off {}: must be 0 <= off <= on <= 1, on above 0", threshold.on, threshold.off)]
    Threshold {
        /// Index of the label.
        label: usize,
        /// What was given.
        threshold: Threshold,
    },
}

/// A window of the stream, by its times in stream seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Hop {
    /// Where the window begins.
    pub start: f64,
    /// Where it ends: the stream has been heard so far. Ascending from hop to hop.
    pub end: f64,
    /// Blocks of the stream up to there.
    pub block: u64,
}

impl Hop {
    /// The middle of the window, which its answer is about.
    #[must_use]
    pub fn centre(&self) -> f64 {
        f64::midpoint(self.start, self.end)
    }
}

/// A label was heard, or no longer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// Index of the label.
    pub label: usize,
    /// The window after which it is told.
    pub at: Hop,
    /// The first window of the run.
    pub first: Hop,
    /// Which of the two.
    pub kind: Kind,
}

impl Event {
    /// Whether the label begins to be heard.
    #[must_use]
    pub const fn is_start(&self) -> bool {
        matches!(self.kind, Kind::Start { .. })
    }
}

/// The two kinds of events.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// The label is heard.
    Start {
        /// Its score.
        score: f32,
    },
    /// It is no longer.
    End {
        /// The last window of the run.
        last: Hop,
        /// Highest score of the run.
        peak: f32,
        /// Mean score of the run.
        mean: f32,
        /// Windows of the run.
        hops: u64,
        /// Why it ended.
        cause: Cause,
    },
}

/// Why an event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The score fell below `off`.
    Quiet,
    /// The stream is torn here: what comes is another piece.
    Torn,
    /// The stream ended.
    Ended,
}

/// See the [module](self). Keeps no more than the hops that smoothing wants; allocates only when it is made.
#[derive(Clone, Debug)]
pub struct Detector {
    smooth: Smooth,
    tracks: Vec<Track>,
    last: Hop,
}

impl Detector {
    /// At the start of a stream.
    ///
    /// # Errors
    /// [`SettingsError`] says what cannot be used.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        let smooth = Smooth::new(settings.smoothing, settings.thresholds.len());
        let tracks = settings.thresholds.iter().map(|threshold| Track::new(settings, *threshold)).collect();
        Ok(Self { smooth, tracks, last: Hop::default() })
    }

    /// Takes the probabilities of the next window, one per label, and tells `out` what they decide, in the order of
    /// the labels. What is missing or not finite counts as 0.
    pub fn push(&mut self, at: Hop, probabilities: &[f32], mut out: impl FnMut(Event)) {
        self.last = at;
        self.smooth.push(at.end, probabilities);
        for (label, (track, score)) in self.tracks.iter_mut().zip(self.smooth.scores()).enumerate() {
            if let Some((first, kind)) = track.step(at, *score) {
                out(Event { label, at, first, kind });
            }
        }
    }

    /// Ends what is open, told as of the last window, and forgets the windows before. The refractory time goes on.
    pub fn close(&mut self, cause: Cause, mut out: impl FnMut(Event)) {
        self.smooth.clear();
        for (label, track) in self.tracks.iter_mut().enumerate() {
            if let Some((first, kind)) = track.close(self.last, cause) {
                out(Event { label, at: self.last, first, kind });
            }
        }
    }

    /// The score of each label at the last window; 0 before the first.
    #[must_use]
    pub fn scores(&self) -> &[f32] {
        self.smooth.scores()
    }

    /// Whether the label is heard now: its start is told, its end not yet.
    #[must_use]
    pub fn is_open(&self, label: usize) -> bool {
        self.tracks.get(label).is_some_and(Track::is_open)
    }
}

impl Settings {
    fn check(&self) -> Result<(), SettingsError> {
        if !self.smoothing.is_sound() {
            return Err(SettingsError::Smoothing(self.smoothing));
        }
        let labels = self.thresholds.len();
        if let Smoothing::Mean(hops) = self.smoothing
            && hops.saturating_mul(labels) > MAX_KEPT
        {
            return Err(SettingsError::TooMuch { hops, labels });
        }
        for (name, seconds) in [("minimum", self.minimum), ("refractory", self.refractory)] {
            if !(seconds.is_finite() && seconds >= 0.0) {
                return Err(SettingsError::Time { name, seconds });
            }
        }
        let unsound = |(label, threshold): (usize, &Option<Threshold>)| {
            threshold.filter(|threshold| !threshold.is_sound()).map(|threshold| (label, threshold))
        };
        match self.thresholds.iter().enumerate().find_map(unsound) {
            Some((label, threshold)) => Err(SettingsError::Threshold { label, threshold }),
            None => Ok(()),
        }
    }
}
