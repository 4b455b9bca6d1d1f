//! One stream from its first byte to the summary.

use super::output::Output;
use super::summary::{Reason, Summary};
use super::told::{Moment, Told};
use crate::detect::{Cause, Detector, Event, Hop};
use crate::listen::{Heard, Listener};
use crate::source::{Feed, Signal};
use anyhow::Result;
use humantime::format_rfc3339_millis;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Longest wait for bytes: so soon Ctrl-C and keys are seen.
const PATIENCE: Duration = Duration::from_millis(100);

/// Bytes heard before the next look at Ctrl-C, keys and `--stop-after`.
const PIECE: usize = 2048;

/// A listener, and the desk it reports to.
pub(super) struct Session<'a> {
    pub(super) listener: Listener,
    pub(super) desk: Desk,
    /// Seconds of the stream after which to stop.
    pub(super) stop_after: Option<f64>,
    /// Set when the user wants no more.
    pub(super) interrupted: &'a AtomicBool,
}

/// Turns what is heard into events, and tells them.
pub(super) struct Desk {
    pub(super) detector: Detector,
    pub(super) output: Output,
    pub(super) labels: Vec<String>,
    /// The media that the model reads.
    pub(super) expected: String,
    /// Tell each window's scores too.
    pub(super) scores: bool,
    /// Tell the time of day too.
    pub(super) clock: bool,
    pub(super) summary: Summary,
    /// Events of one window, on their way.
    pub(super) events: Vec<Event>,
}

impl Session<'_> {
    /// Hears the stream to its end, or until somebody wants no more.
    pub(super) fn run(&mut self, feed: &mut Feed) -> Result<()> {
        let reason = loop {
            if let Some(reason) = self.reason_to_stop() {
                break reason;
            }
            match feed.next(PATIENCE) {
                Ok(Signal::Bytes(bytes)) => self.bytes(bytes)?,
                Ok(Signal::End) => break Reason::Ended,
                Ok(signal) => self.signal(signal)?,
                Err(error) => {
                    // Its text holds its cause.
                    self.desk.summary.error = Some(error.to_string());
                    break Reason::Failed;
                }
            }
            self.refresh()?;
        };
        self.close(Cause::Ended)?;
        self.count();
        self.desk.summary.reason = reason;
        self.desk.summary.peak_rss_bytes = crate::process::peak_rss_bytes();
        Ok(())
    }

    fn reason_to_stop(&self) -> Option<Reason> {
        if self.desk.output.is_closed() {
            return Some(Reason::Unheard);
        }
        if self.interrupted.load(Ordering::Relaxed) {
            return Some(Reason::Interrupted);
        }
        self.stop_after.is_some_and(|seconds| self.listener.position() >= seconds).then_some(Reason::Stopped)
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        for piece in bytes.chunks(PIECE) {
            let begun = Instant::now();
            let desk = &mut self.desk;
            self.listener.feed(piece, &mut |heard| desk.hear(heard))?;
            self.desk.summary.busy += begun.elapsed();
            self.refresh()?;
            if self.reason_to_stop().is_some() {
                break;
            }
        }
        Ok(())
    }

    /// What the source says of itself. A connection that is lost ends what is open: what follows is another piece.
    fn signal(&mut self, signal: Signal<'_>) -> Result<()> {
        match signal {
            Signal::Lost { .. } => self.close(Cause::Torn)?,
            Signal::Stalled { .. } => self.desk.summary.stalls += 1,
            Signal::Connected { attempt, .. } if attempt > 1 => self.desk.summary.reconnects += 1,
            _ => {}
        }
        let at = self.listener.position();
        Told::of_signal(signal).map_or(Ok(()), |told| self.desk.tell(at, &told))
    }

    /// Ends the listener's stream, then what is open.
    fn close(&mut self, cause: Cause) -> Result<()> {
        let desk = &mut self.desk;
        self.listener.finish(&mut |heard| desk.hear(heard))?;
        let at = self.listener.position();
        self.desk.close(at, cause)
    }

    fn count(&mut self) {
        self.desk.summary.tally = *self.listener.tally();
        self.desk.summary.seconds = self.listener.position();
    }

    fn refresh(&mut self) -> Result<()> {
        self.count();
        self.desk.output.flush()?;
        if let Output::Live(live) = &mut self.desk.output
            && live.refresh(&self.desk.summary)?
        {
            self.interrupted.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Desk {
    fn hear(&mut self, heard: Heard<'_>) -> Result<()> {
        match heard {
            Heard::Scores(scores) => {
                let hop = Hop { start: scores.start, end: scores.end, block: scores.block + scores.blocks as u64 };
                self.window(hop, scores.probabilities)
            }
            Heard::Gap { at, gap } => {
                let told = Told::of_gap(gap);
                if let Told::Gap(_) = told {
                    self.close(at, Cause::Torn)?;
                }
                self.tell(at, &told)
            }
            Heard::Foreign { at, foreign } => {
                self.close(at, Cause::Torn)?;
                self.tell(at, &Told::Foreign { found: foreign.to_string(), expected: self.expected.clone() })
            }
            Heard::Bitrate { at, kbps } => self.tell(at, &Told::Bitrate { kbps, expected: self.expected.clone() }),
            Heard::CutShort { at } => self.tell(at, &Told::CutShort),
        }
    }

    fn window(&mut self, hop: Hop, probabilities: &[f32]) -> Result<()> {
        self.detector.push(hop, probabilities, |event| self.events.push(event));
        if let Output::Live(live) = &mut self.output {
            live.scores(self.detector.scores(), |label| self.detector.is_open(label));
        }
        if self.scores {
            let told = Told::Scores { hop, probabilities, scores: self.detector.scores() };
            let moment = moment(hop.end, self.clock);
            self.output.tell(&moment, &told, &self.labels)?;
        }
        self.tell_events(hop.end)
    }

    fn close(&mut self, at: f64, cause: Cause) -> Result<()> {
        self.detector.close(cause, |event| self.events.push(event));
        self.tell_events(at)
    }

    fn tell_events(&mut self, at: f64) -> Result<()> {
        let mut events = std::mem::take(&mut self.events);
        for event in events.drain(..) {
            if event.is_start() {
                self.summary.starts[event.label] += 1;
            }
            self.tell(at, &Told::Detected(event))?;
        }
        // Its memory is for the next window.
        self.events = events;
        Ok(())
    }

    fn tell(&mut self, at: f64, told: &Told<'_>) -> Result<()> {
        self.output.tell(&moment(at, self.clock), told, &self.labels)
    }
}

pub(super) fn moment(at: f64, clock: bool) -> Moment {
    Moment { at, clock: clock.then(|| format_rfc3339_millis(SystemTime::now()).to_string()) }
}
