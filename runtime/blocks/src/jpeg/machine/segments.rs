//! Segments: those that are read, and those that are passed by their length.

use super::{Machine, State, Step};
use crate::jpeg::block::SkipReason;
use crate::jpeg::error::Cause;
use crate::jpeg::frame::{Frame, Process};
use crate::jpeg::marker::{self, Marker};
use crate::jpeg::scan::Scan;

impl Machine {
    /// A segment of which the marker is there.
    pub(super) fn segment(&mut self, from: u64, marker: Marker, window: &[u8], end: bool) -> Step {
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
    pub(super) fn tables(&mut self, from: u64, left: u16, window: &[u8], end: bool) -> Step {
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
        match self.coding.define(class_and_place, counts, symbols) {
            Ok(()) => {
                self.state = State::Tables { from, left };
                Step::Pass(used)
            }
            Err(cause) => self.give_up(from, cause),
        }
    }

    pub(super) fn pass_segment(&mut self, from: u64, left: u16, marker: Marker, window: &[u8]) -> Step {
        let used = usize::from(left).min(window.len());
        let left = left - used as u16;
        if left > 0 {
            self.state = State::Segment { from, left, marker };
            return Step::Pass(used);
        }
        self.state = State::Marker { from: self.offset + used as u64 };
        self.skip(from, used, SkipReason::Segment(marker))
    }
}
