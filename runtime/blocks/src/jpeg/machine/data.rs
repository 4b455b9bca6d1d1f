//! Entropy-coded data: MCU after MCU, or interval after interval, and how the way is found again.

use super::{Cut, Cutting, LOOK_AHEAD, Machine, State, Step};
use crate::jpeg::block::{Place, SkipReason, unstuffed_len};
use crate::jpeg::error::{Cause, Error};
use crate::jpeg::marker::{self, Found, Marker};
use crate::jpeg::reader::{Reader, Stop};
use crate::jpeg::scan::{Predictors, Scan};

impl Machine {
    /// A marker before the scan is complete: RSTn leads on, another one ends the scan, after that has been said.
    pub(super) fn marker_in_scan(&mut self, from: u64, marker: Marker) -> Option<Step> {
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

    pub(super) fn scan_on(&mut self, window: &[u8], end: bool) -> Step {
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
        let cause = match self.coding.pass(&mut reader, &mut scan.predictors) {
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
}
