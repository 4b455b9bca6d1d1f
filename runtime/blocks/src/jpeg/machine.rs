//! The state machine that both the push parser and the slice iterators drive.
//!
//! It is shown a window on the stream, which begins at the first byte not used up, and decides about its first bytes.
//! A decision reads a bounded prefix of the window, at most [`LOOK_AHEAD`] bytes, and asks for more rather than guess;
//! so any chunking gives the same events. (Cut into restart intervals, which have no bound, it must be shown all of
//! the stream.)
//!
//! Here is what goes on between segments; what goes on within them is in [`segments`], within scans in [`data`].

mod data;
mod segments;

use super::block::{Data, Interval, Mcu, Place, SkipReason, Skipped};
use super::error::{Cause, Error};
use super::frame::Frame;
use super::marker::{self, Found, Marker};
use super::scan::{Coding, MCU_BYTES_MAX, Predictors, Scan};

/// The most bytes a decision reads: an MCU. Of segments at most a frame header is read as a whole, 773 bytes.
pub(super) const LOOK_AHEAD: usize = MCU_BYTES_MAX;

/// What a scan is cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cutting {
    Mcus,
    Intervals,
}

/// What the machine expects at its offset. `from` is where the run of bytes began that will be reported next.
#[derive(Clone, Copy, Debug)]
enum State {
    /// SOI.
    Start,
    /// A marker, or more fill bytes before it.
    Marker { from: u64 },
    /// The rest of a segment.
    Segment { from: u64, left: u16, marker: Marker },
    /// A Huffman table, or the end of a DHT segment.
    Tables { from: u64, left: u16 },
    /// The next block of the scan.
    Scan,
    /// A marker, wherever it is.
    Search { from: u64, reason: SkipReason },
    /// Nothing: all that follows is one run.
    Over { from: u64, reason: SkipReason },
}

/// A decision. The driver moves its window by what the step has used of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The window should have this many bytes, more than it has. Never at the end of the stream.
    Need(usize),
    /// This many bytes belong to a run reported later; may be none.
    Pass(usize),
    /// The first bytes are a block.
    Cut(Cut),
    /// A run is complete with the first `used` bytes.
    Skip { used: usize, skipped: Skipped },
    /// Something is wrong. The first `used` bytes, two at most, hold the last bits of the block before.
    Fault { used: usize, error: Error },
    /// The stream is at its end and fully reported.
    End,
}

/// A block whose bytes are the first `len` of the window, of which the first `used` are used up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) used: usize,
    pub(super) len: usize,
    first_bit: u8,
    bits: u64,
    place: Place,
    column: u32,
    row: u32,
    mcus: u32,
    predictors: Predictors,
}

impl Cut {
    /// Joins the cut with its bytes, as an MCU.
    pub(super) fn mcu<'a>(self, raw: &'a [u8], coding: &'a Coding) -> Mcu<'a> {
        let Self { place, column, row, predictors, .. } = self;
        Mcu { data: self.data(raw), place, column, row, predictors, coding }
    }

    /// Joins the cut with its bytes, as a restart interval.
    pub(super) fn interval(self, raw: &[u8]) -> Interval<'_> {
        Interval { data: self.data(raw), place: self.place, mcus: self.mcus }
    }

    const fn data(self, raw: &[u8]) -> Data<'_> {
        Data { raw, first_bit: self.first_bit, bits: self.bits }
    }
}

#[derive(Clone)]
pub(super) struct Machine {
    cutting: Cutting,
    state: State,
    /// Offset in the stream of the window's first byte.
    offset: u64,
    sequence: u64,
    scans: u32,
    restart_interval: u16,
    frame: Option<Frame>,
    scan: Option<Scan>,
    coding: Coding,
}

impl Machine {
    pub(super) const fn new(cutting: Cutting) -> Self {
        Self {
            cutting,
            state: State::Start,
            offset: 0,
            sequence: 0,
            scans: 0,
            restart_interval: 0,
            frame: None,
            scan: None,
            coding: Coding::new(),
        }
    }

    pub(super) const fn frame(&self) -> Option<&Frame> {
        self.frame.as_ref()
    }

    pub(super) const fn coding(&self) -> &Coding {
        &self.coding
    }

    /// Has a scan begun?
    pub(super) const fn in_scan(&self) -> bool {
        self.scan.is_some()
    }

    /// Decides about the first bytes of the window; `end` says that the stream ends with it.
    #[inline]
    pub(super) fn step(&mut self, window: &[u8], end: bool) -> Step {
        let step = match self.state {
            State::Scan => self.scan_on(window, end),
            _ if window.is_empty() => self.starve(end),
            State::Start => self.start(window, end),
            State::Marker { from } => self.marker(from, window, end),
            State::Segment { from, left, marker } => self.pass_segment(from, left, marker, window),
            State::Tables { from, left } => self.tables(from, left, window, end),
            State::Search { from, reason } => self.search(from, reason, window, end),
            State::Over { .. } => Step::Pass(window.len()),
        };
        self.offset += match step {
            Step::Pass(used) | Step::Skip { used, .. } | Step::Fault { used, .. } | Step::Cut(Cut { used, .. }) => {
                used as u64
            }
            Step::Need(_) | Step::End => 0,
        };
        step
    }

    /// No bytes: at the end, the run still open is reported; first that the image lacks its end.
    fn starve(&mut self, end: bool) -> Step {
        match self.state {
            _ if !end => Step::Need(1),
            State::Over { from, reason } if from < self.offset => {
                self.state = State::Over { from: self.offset, reason };
                self.skip(from, 0, reason)
            }
            State::Over { .. } => Step::End,
            State::Marker { from } => self.close(from, SkipReason::Garbage),
            State::Search { from, reason } => self.close(from, reason),
            State::Segment { from, marker, .. } => self.close(from, SkipReason::Segment(marker)),
            State::Tables { from, .. } => self.close(from, SkipReason::Segment(Marker(marker::DHT))),
            State::Start | State::Scan => self.close(self.offset, SkipReason::Unread),
        }
    }

    fn start(&mut self, window: &[u8], end: bool) -> Step {
        match window {
            [0xFF, marker::SOI, ..] => {
                self.state = State::Marker { from: self.offset + 2 };
                self.skip(self.offset, 2, SkipReason::Segment(Marker(marker::SOI)))
            }
            [0xFF] if !end => Step::Need(2),
            _ => self.give_up(self.offset, Cause::NoSoi),
        }
    }

    fn marker(&mut self, from: u64, window: &[u8], end: bool) -> Step {
        let marker = match *window {
            [0xFF, 0xFF, ..] => return Step::Pass(1),
            // In a scan only damage makes a TEM: there it is not believed, as in `marker::find`.
            [0xFF, marker::TEM, ..] if self.scan.is_none() => Marker(marker::TEM),
            [0xFF, code @ (0xC0..), ..] => Marker(code),
            [0xFF] if !end => return Step::Need(2),
            [0xFF] => return self.close(from, SkipReason::Garbage),
            _ => return self.no_marker(from),
        };
        if let Some(step) = self.marker_in_scan(from, marker) {
            return step;
        }
        match marker.0 {
            marker::TEM | 0xD0..=0xD7 => self.behind_marker(from, marker),
            marker::EOI if self.scans > 0 => {
                self.state = State::Over { from: self.offset + 2, reason: SkipReason::Trailing };
                self.skip(from, 2, SkipReason::Segment(marker))
            }
            marker::EOI => self.give_up(from, Cause::NoScan),
            0xC2 => self.give_up(from, Cause::Progressive),
            0xC3 => self.give_up(from, Cause::Lossless),
            0xC5..=0xC7 | 0xCD..=0xCF | 0xDE | 0xDF => self.give_up(from, Cause::Hierarchical),
            0xC9..=0xCB => self.give_up(from, Cause::Arithmetic),
            0xF7 => self.give_up(from, Cause::JpegLs),
            marker::SOI | 0xC8 | 0xFF => self.give_up(from, Cause::UnexpectedMarker(marker)),
            _ => self.segment(from, marker, window, end),
        }
    }

    /// Bytes where a marker is due.
    fn no_marker(&mut self, from: u64) -> Step {
        let Some(scan) = &mut self.scan else {
            self.state = State::Search { from, reason: SkipReason::Garbage };
            return Step::Pass(0);
        };
        self.state = State::Search { from, reason: SkipReason::Damaged };
        if core::mem::replace(&mut scan.lost, true) {
            return Step::Pass(0);
        }
        Step::Fault { used: 0, error: Error { offset: from, cause: Cause::MissingRestart } }
    }

    /// RSTn or TEM that means nothing where it is.
    fn behind_marker(&mut self, from: u64, marker: Marker) -> Step {
        self.state = State::Marker { from: self.offset + 2 };
        self.skip(from, 2, SkipReason::Segment(marker))
    }

    fn search(&mut self, from: u64, reason: SkipReason, window: &[u8], end: bool) -> Step {
        match marker::find(window, end) {
            Found::NoneIn(0) => Step::Need(window.len() + 1),
            Found::NoneIn(used) => Step::Pass(used),
            Found::At(used) => {
                let behind = self.offset + used as u64;
                self.state = State::Marker { from: behind };
                if from == behind { Step::Pass(0) } else { self.skip(from, used, reason) }
            }
        }
    }

    /// The stream ends where it must not.
    fn close(&mut self, from: u64, reason: SkipReason) -> Step {
        self.state = State::Over { from, reason };
        Step::Fault { used: 0, error: Error { offset: self.offset, cause: Cause::UnexpectedEnd } }
    }

    /// The image cannot be read on.
    fn give_up(&mut self, from: u64, cause: Cause) -> Step {
        self.state = State::Over { from, reason: SkipReason::Unread };
        Step::Fault { used: 0, error: Error { offset: from, cause } }
    }

    /// Reports the run from `from` that ends `used` bytes on.
    fn skip(&self, from: u64, used: usize, reason: SkipReason) -> Step {
        let bytes = self.offset + used as u64 - from;
        Step::Skip { used, skipped: Skipped { offset: from, bytes, reason } }
    }
}
