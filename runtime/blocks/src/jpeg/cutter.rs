//! The push parser: the caller owns the I/O, the cutter owns what it must keep of the stream.

use core::fmt;

use crate::cut::{self, Cut as _};
use crate::kept::{Input, Kept, Place};

use super::block::{Mcu, Skipped};
use super::error::Error;
use super::frame::Frame;
use super::image::Event;
use super::machine::{Cut, Cutting, LOOK_AHEAD, Machine, Step};

/// Cuts an image that arrives in chunks of any size into MCUs.
///
/// The events are the same for every chunking, and the same as those of [`Image::events`](super::Image::events). An MCU
/// that lies wholly in the caller's chunk is borrowed from there; only MCUs across chunks are copied, into a buffer
/// inside. The cutter takes less than 16 KiB, most of it Huffman tables.
///
/// ```
/// use tempest_blocks::jpeg::{Cutter, Fed};
///
/// fn count(chunks: &[&[u8]]) -> usize {
///     let mut cutter = Cutter::new();
///     let mut mcus = 0;
///     for chunk in chunks {
///         let mut input = *chunk;
///         loop {
///             input = match cutter.feed(input) {
///                 Fed::NeedMore => break,
///                 Fed::Mcu { rest, .. } => {
///                     mcus += 1;
///                     rest
///                 }
///                 Fed::Skipped { rest, .. } => rest,
///                 Fed::Error { error, rest } => {
///                     eprintln!("{error}");
///                     rest
///                 }
///             }
///         }
///     }
///     while cutter.finish().is_some() {} // an MCU that was held back may still come here
///     mcus
/// }
/// # assert_eq!(count(&[&[0xFF], &[0xD8]]), 0);
/// ```
#[derive(Clone)]
pub struct Cutter {
    machine: Machine,
    kept: Kept<KEPT_BYTES>,
    /// The machine asked for so many bytes: it need not be asked again before they are there. Else an MCU that comes
    /// byte by byte would be read anew with each.
    wanted: usize,
}

/// What [`Cutter::feed`] gives.
#[derive(Clone, Copy, Debug)]
pub enum Fed<'p, 'i> {
    /// All input is used: feed the next chunk, or [`finish`](Cutter::finish).
    NeedMore,
    /// An MCU; feed `rest` next.
    Mcu {
        /// The MCU, borrowed from the cutter and the input.
        mcu: Mcu<'p>,
        /// The input that is not used yet.
        rest: &'i [u8],
    },
    /// A run of bytes that is no MCU, all of it, however many chunks it went through; feed `rest` next.
    Skipped {
        /// The run.
        skipped: Skipped,
        /// The input that is not used yet.
        rest: &'i [u8],
    },
    /// Something is wrong; feed `rest` next, for what is lost by it and what may follow.
    Error {
        /// What is wrong.
        error: Error,
        /// The input that is not used yet.
        rest: &'i [u8],
    },
}

/// An event before it is joined with its bytes.
pub struct Found(Advance);

enum Advance {
    Mcu(Cut, Place),
    Skipped(Skipped),
    Fault(Error),
}

impl Cutter {
    /// A cutter at the start of an image.
    #[must_use]
    pub const fn new() -> Self {
        Self { machine: Machine::new(Cutting::Mcus), kept: Kept::new(), wanted: 0 }
    }

    /// The frame header, once it has been read.
    #[must_use]
    pub const fn frame(&self) -> Option<&Frame> {
        self.machine.frame()
    }

    /// Reads on to the next MCU, skipped run or error. Feed the `rest` until more input is needed.
    pub fn feed<'p, 'i: 'p>(&'p mut self, input: &'i [u8]) -> Fed<'p, 'i> {
        match self.push(input) {
            (None, _) => Fed::NeedMore,
            (Some(Event::Mcu(mcu)), rest) => Fed::Mcu { mcu, rest },
            (Some(Event::Skipped(skipped)), rest) => Fed::Skipped { skipped, rest },
            (Some(Event::Error(error)), rest) => Fed::Error { error, rest },
        }
    }

    /// Says that the stream has ended and gives what that decides: call until `None`. Nothing fed after that is read.
    pub fn finish(&mut self) -> Option<Event<'_>> {
        cut::Cut::finish(self)
    }
}

impl cut::Sealed for Cutter {}

impl cut::Cut for Cutter {
    type Event<'a> = Event<'a>;
    type Found = Found;

    #[inline]
    fn advance(&mut self, input: &mut Input<'_>, end: bool) -> Option<Found> {
        loop {
            if self.wanted > 0 && !end && !self.kept.top_up(self.wanted, input) {
                return None;
            }
            self.wanted = 0;
            let (used, found) = match self.machine.step(self.kept.window(input), end) {
                Step::Need(bytes) if !end => {
                    self.wanted = bytes;
                    continue;
                }
                Step::Need(_) | Step::End => return None,
                Step::Pass(used) => {
                    self.kept.pass(used, input);
                    continue;
                }
                Step::Cut(cut) => (cut.used, Advance::Mcu(cut, self.kept.place(cut.len, input))),
                Step::Skip { used, skipped } => (used, Advance::Skipped(skipped)),
                Step::Fault { used, error } => (used, Advance::Fault(error)),
            };
            self.kept.pass(used, input);
            self.kept.give_back(input);
            return Some(Found(found));
        }
    }

    #[inline]
    fn event<'a>(&'a self, Found(advance): Found, input: &'a [u8]) -> Event<'a> {
        match advance {
            Advance::Mcu(cut, place) => Event::Mcu(cut.mcu(self.kept.get(place, input), self.machine.coding())),
            Advance::Skipped(skipped) => Event::Skipped(skipped),
            Advance::Fault(error) => Event::Error(error),
        }
    }
}

impl Default for Cutter {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Cutter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cutter").field("frame", &self.frame()).field("kept", &self.kept.len()).finish_non_exhaustive()
    }
}

/// The look-ahead, and some more: bytes move to the front only when so many have been used up, so that each moves a
/// bounded number of times.
const KEPT_BYTES: usize = LOOK_AHEAD + 768;
