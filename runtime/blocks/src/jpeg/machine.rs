//! The state machine that both the push parser and the slice iterators drive.
//!
//! It is shown a window on the stream, which begins at the first byte not used up, and decides about its first bytes.
//! A decision reads a bounded prefix of the window, at most [`LOOK_AHEAD`] bytes, and asks for more rather than guess;
//! so any chunking gives the same events. (Cut into restart intervals, which have no bound, it must be shown all of
//! the stream.)

use super::block::{Data, Interval, Mcu, Place, SkipReason, Skipped, unstuffed_len};
use super::error::{Cause, Error};
use super::frame::{Frame, Process};
use super::marker::{self, Found, Marker};
use super::reader::{Reader, Stop};
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
            [0xFF, code @ (marker::TEM | 0xC0..), ..] => Marker(code),
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

    /// A marker before the scan is complete: RSTn leads on, another one ends the scan, after that has been said.
    fn marker_in_scan(&mut self, from: u64, marker: Marker) -> Option<Step> {
        let scan = self.scan.as_mut()?;
        let missing = if marker.is_restart() { scan.intervals_missing(marker) } else { None };
        match missing {
            Some(missing) if scan.lost || missing == 0 => {
                scan.restart(missing);
                self.state = State::Scan;
                Some(self.skip(from, 2, SkipReason::Segment(marker)))
            }
            _ if !scan.lost => {
                scan.lost = true;
                let cause = if marker.is_restart() { Cause::RestartOrder(marker) } else { Cause::EarlyMarker };
                Some(Step::Fault { used: 0, error: Error { offset: from, cause } })
            }
            _ if marker.is_restart() => {
                self.state = State::Search { from, reason: SkipReason::Damaged };
                Some(Step::Pass(2))
            }
            _ => {
                self.scan = None;
                None
            }
        }
    }

    /// A segment of which the marker is there.
    fn segment(&mut self, from: u64, marker: Marker, window: &[u8], end: bool) -> Step {
        let Some(&[_, _, l1, l0]) = window.first_chunk() else {
            return if end { self.close(from, SkipReason::Segment(marker)) } else { Step::Need(4) };
        };
        let length = u16::from_be_bytes([l1, l0]);
        let Some(left) = length.checked_sub(2) else { return self.give_up(from, Cause::SegmentLength(marker)) };
        let length_max = match marker.0 {
            // 255 components.
            0xC0 | 0xC1 => 8 + 3 * 255,
            marker::SOS => 6 + 2 * 255,
            marker::DRI => 4,
            marker::DHT => {
                self.state = State::Tables { from, left };
                return Step::Pass(4);
            }
            _ => {
                self.state = State::Segment { from, left, marker };
                return Step::Pass(4);
            }
        };
        if length > length_max {
            return self.give_up(from, Cause::SegmentLength(marker));
        }
        let used = 2 + usize::from(length);
        let Some(body) = window.get(4..used) else {
            return if end { self.close(from, SkipReason::Segment(marker)) } else { Step::Need(used) };
        };
        match self.read_segment(marker, body).ok_or(Cause::SegmentLength(marker)).flatten() {
            Ok(()) => {
                let behind = State::Marker { from: self.offset + used as u64 };
                self.state = if self.scan.is_some() { State::Scan } else { behind };
                self.skip(from, used, SkipReason::Segment(marker))
            }
            Err(cause) => self.give_up(from, cause),
        }
    }

    /// A frame header, scan header or restart interval; `None` if it has a wrong length.
    fn read_segment(&mut self, marker: Marker, body: &[u8]) -> Option<Result<(), Cause>> {
        Some(match (marker.0, self.frame) {
            (marker::DRI, _) => {
                self.restart_interval = u16::from_be_bytes(body.try_into().ok()?);
                Ok(())
            }
            (marker::SOS, Some(frame)) => {
                Scan::parse(&frame, &mut self.coding, self.restart_interval, body)?.map(|scan| {
                    self.scan = Some(scan);
                    self.scans = self.scans.saturating_add(1);
                })
            }
            (marker::SOS, None) | (_, Some(_)) => Err(Cause::UnexpectedMarker(marker)),
            (code, None) => {
                let process = if code == 0xC0 { Process::Baseline } else { Process::Extended };
                Frame::parse(process, body)?.map(|frame| self.frame = Some(frame))
            }
        })
    }

    /// The next table of a DHT segment: class and place, number of codes of each length, symbols.
    fn tables(&mut self, from: u64, left: u16, window: &[u8], end: bool) -> Step {
        const DHT: Marker = Marker(marker::DHT);
        const HEAD_BYTES: usize = 17;
        if left == 0 {
            self.state = State::Marker { from: self.offset };
            return self.skip(from, 0, SkipReason::Segment(DHT));
        }
        let Some((&[class_and_place, ref counts @ ..], rest)) = window.split_first_chunk::<HEAD_BYTES>() else {
            return if end { self.close(from, SkipReason::Segment(DHT)) } else { Step::Need(HEAD_BYTES) };
        };
        let codes = counts.iter().map(|&count| usize::from(count)).sum::<usize>();
        let used = HEAD_BYTES + codes;
        let left = match usize::from(left).checked_sub(used) {
            Some(left) => left as u16,
            None => return self.give_up(from, Cause::SegmentLength(DHT)),
        };
        if codes > 256 {
            return self.give_up(from, Cause::BadTable);
        }
        let Some(symbols) = rest.get(..codes) else {
            return if end { self.close(from, SkipReason::Segment(DHT)) } else { Step::Need(used) };
        };
        match self.coding.table(class_and_place).and_then(|table| table.define(counts, symbols)) {
            Ok(()) => {
                self.state = State::Tables { from, left };
                Step::Pass(used)
            }
            Err(cause) => self.give_up(from, cause),
        }
    }

    fn pass_segment(&mut self, from: u64, left: u16, marker: Marker, window: &[u8]) -> Step {
        let used = usize::from(left).min(window.len());
        let left = left - used as u16;
        if left > 0 {
            self.state = State::Segment { from, left, marker };
            return Step::Pass(used);
        }
        self.state = State::Marker { from: self.offset + used as u64 };
        self.skip(from, used, SkipReason::Segment(marker))
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

    fn scan_on(&mut self, window: &[u8], end: bool) -> Step {
        match (self.scan, self.cutting) {
            (Some(scan), Cutting::Mcus) => self.next_mcu(scan, window, end),
            (Some(scan), Cutting::Intervals) => self.next_interval(scan, window, end),
            (None, _) => {
                self.state = State::Marker { from: self.offset };
                Step::Pass(0)
            }
        }
    }

    #[inline]
    fn next_mcu(&mut self, mut scan: Scan, window: &[u8], end: bool) -> Step {
        let mut reader = Reader::new(window, scan.bit);
        let predictors = scan.predictors;
        let cause = match self.coding.mcu(&mut reader, &mut scan.predictors, |_, _| {}) {
            Ok(()) => {
                let position = reader.position();
                let cut = Cut {
                    used: position.byte,
                    len: position.end,
                    first_bit: scan.bit,
                    bits: u64::from(reader.read_bits()) - u64::from(scan.bit),
                    place: self.place(&scan),
                    column: scan.next % scan.columns,
                    row: scan.next / scan.columns,
                    mcus: 1,
                    predictors,
                };
                scan.next += 1;
                scan.bit = position.bit;
                return self.block(scan, cut);
            }
            Err(Stop::Bad(cause)) => cause,
            Err(Stop::Short) if reader.at_marker() => Cause::EarlyMarker,
            // Doubled, so that reading an MCU again and again stays linear in its length.
            Err(Stop::Short) if !end && window.len() < LOOK_AHEAD => {
                return Step::Need((2 * window.len()).clamp(64, LOOK_AHEAD));
            }
            Err(Stop::Short) => Cause::UnexpectedEnd,
        };
        self.lose(scan.bit, window, cause)
    }

    /// The last bits of a restart interval fill its last byte: that is used up with the last MCU.
    #[inline]
    fn block(&mut self, scan: Scan, mut cut: Cut) -> Step {
        self.sequence += 1;
        self.scan = Some(scan);
        if scan.is_complete() || scan.is_restart_due() {
            cut.used = cut.len;
            self.state = State::Marker { from: self.offset + cut.used as u64 };
        }
        if scan.is_complete() {
            self.scan = None;
        }
        Step::Cut(cut)
    }

    fn next_interval(&mut self, mut scan: Scan, window: &[u8], end: bool) -> Step {
        let (Found::At(behind) | Found::NoneIn(behind)) = marker::find(window, end);
        let data = window.get(..behind).unwrap_or_default();
        let fill = data.iter().rev().take_while(|&&byte| byte == 0xFF).count();
        let raw = data.get(..behind - fill).unwrap_or_default();
        let mcus = scan.interval_mcus();
        let cut = Cut {
            used: raw.len(),
            len: raw.len(),
            first_bit: 0,
            bits: 8 * unstuffed_len(raw) as u64,
            place: self.place(&scan),
            column: scan.next % scan.columns,
            row: scan.next / scan.columns,
            mcus,
            predictors: Predictors::default(),
        };
        scan.next += mcus;
        self.block(scan, cut)
    }

    const fn place(&self, scan: &Scan) -> Place {
        let Self { offset, sequence, scans, .. } = *self;
        Place { offset, sequence, scan: scans - 1, interval: scan.interval, mcu: scan.next }
    }

    /// An MCU that cannot be read. The byte that its first bit shares with the MCU before belongs to that.
    #[cold]
    fn lose(&mut self, bit: u8, window: &[u8], cause: Cause) -> Step {
        let shared = match (bit, window) {
            (0, _) => 0,
            (_, [0xFF, 0, ..]) => 2,
            _ => 1,
        };
        let (from, reason) = (self.offset + shared as u64, SkipReason::Damaged);
        self.state = match cause {
            Cause::UnexpectedEnd => State::Over { from, reason },
            _ => State::Search { from, reason },
        };
        if let Some(scan) = &mut self.scan {
            scan.lost = true;
        }
        Step::Fault { used: shared, error: Error { offset: self.offset, cause } }
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
