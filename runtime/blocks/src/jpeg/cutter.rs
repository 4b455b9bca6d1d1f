//! The push parser: the caller owns the I/O, the cutter owns what it must keep of the stream.

use core::{fmt, ops::Range};

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
    kept: Kept,
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

/// [`Fed`] before the MCU is joined with its bytes.
enum Advance<'i> {
    NeedMore,
    FromInput(Cut, &'i [u8]),
    FromKept(Cut, Range<usize>),
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
        let mut rest = input;
        let advance = self.advance(&mut rest);
        self.hand_back(input, &mut rest, &advance);
        let coding = self.machine.coding();
        match advance {
            Advance::NeedMore => Fed::NeedMore,
            Advance::FromInput(cut, raw) => Fed::Mcu { mcu: cut.mcu(raw, coding), rest },
            Advance::FromKept(cut, range) => Fed::Mcu { mcu: cut.mcu(self.kept.get(range), coding), rest },
            Advance::Skipped(skipped) => Fed::Skipped { skipped, rest },
            Advance::Fault(error) => Fed::Error { error, rest },
        }
    }

    /// Says that the stream has ended and gives what that decides: call until `None`. Nothing fed after that is read.
    pub fn finish(&mut self) -> Option<Event<'_>> {
        self.wanted = 0;
        loop {
            match self.machine.step(self.kept.window(), true) {
                Step::Pass(used) => self.kept.take(used),
                Step::Cut(cut) => {
                    let range = self.kept.range(cut.len);
                    self.kept.take(cut.used);
                    return Some(Event::Mcu(cut.mcu(self.kept.get(range), self.machine.coding())));
                }
                Step::Skip { used, skipped } => {
                    self.kept.take(used);
                    return Some(Event::Skipped(skipped));
                }
                Step::Fault { used, error } => {
                    self.kept.take(used);
                    return Some(Event::Error(error));
                }
                Step::Need(_) | Step::End => return None,
            }
        }
    }

    fn advance<'i>(&mut self, rest: &mut &'i [u8]) -> Advance<'i> {
        loop {
            if self.wanted > 0 && !self.kept.top_up(self.wanted, rest) {
                return Advance::NeedMore;
            }
            self.wanted = 0;
            let from_input = self.kept.is_empty();
            let window = if from_input { *rest } else { self.kept.window() };
            let (used, advance) = match self.machine.step(window, false) {
                Step::Need(bytes) => {
                    self.wanted = bytes;
                    continue;
                }
                Step::Pass(used) => (used, None),
                Step::Cut(cut) if from_input => {
                    (cut.used, Some(Advance::FromInput(cut, rest.get(..cut.len).unwrap_or_default())))
                }
                Step::Cut(cut) => (cut.used, Some(Advance::FromKept(cut, self.kept.range(cut.len)))),
                Step::Skip { used, skipped } => (used, Some(Advance::Skipped(skipped))),
                Step::Fault { used, error } => (used, Some(Advance::Fault(error))),
                Step::End => return Advance::NeedMore,
            };
            if from_input {
                take(rest, used);
            } else {
                self.kept.take(used);
            }
            if let Some(advance) = advance {
                return advance;
            }
        }
    }

    /// Gives bytes kept only from this input back to it: so that what follows an MCU across chunks is borrowed again.
    fn hand_back<'i>(&mut self, input: &'i [u8], rest: &mut &'i [u8], advance: &Advance<'_>) {
        if matches!(advance, Advance::NeedMore) {
            return;
        }
        let used = input.len() - rest.len();
        if let Some(start) = used.checked_sub(self.kept.window().len()) {
            *rest = input.get(start..).unwrap_or_default();
            self.kept.clear();
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
        f.debug_struct("Cutter")
            .field("frame", &self.frame())
            .field("kept", &self.kept.window().len())
            .finish_non_exhaustive()
    }
}

/// The look-ahead, and some more: bytes move to the front only when so many have been used up, so that each moves a
/// bounded number of times.
const KEPT_BYTES: usize = LOOK_AHEAD + 768;

/// The bytes of the stream that wait for a decision: `start..end` of the buffer.
#[derive(Clone)]
struct Kept {
    bytes: [u8; KEPT_BYTES],
    start: usize,
    end: usize,
}

impl Kept {
    const fn new() -> Self {
        Self { bytes: [0; KEPT_BYTES], start: 0, end: 0 }
    }

    const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    fn get(&self, range: Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    fn window(&self) -> &[u8] {
        self.get(self.start..self.end)
    }

    /// Where the first `len` bytes lie; they stay there until the next [`top_up`](Self::top_up).
    fn range(&self, len: usize) -> Range<usize> {
        self.start..(self.start + len).min(self.end)
    }

    /// Uses up the first bytes.
    fn take(&mut self, used: usize) {
        self.start = (self.start + used).min(self.end);
    }

    const fn clear(&mut self) {
        self.start = self.end;
    }

    /// Takes from `rest` until `wanted` bytes are kept; false if `rest` was too short.
    fn top_up(&mut self, wanted: usize, rest: &mut &[u8]) -> bool {
        debug_assert!(wanted <= LOOK_AHEAD, "no decision reads more than the look-ahead");
        if self.start + wanted > KEPT_BYTES || self.is_empty() {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let added = take(rest, wanted.saturating_sub(self.end - self.start));
        if let Some(room) = self.bytes.get_mut(self.end..self.end + added.len()) {
            room.copy_from_slice(added);
            self.end += added.len();
        }
        self.end - self.start >= wanted
    }
}

/// Splits off the first bytes of `rest`, as many as there are.
fn take<'i>(rest: &mut &'i [u8], bytes: usize) -> &'i [u8] {
    let (taken, left) = rest.split_at_checked(bytes).unwrap_or((rest, &[]));
    *rest = left;
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_less_than_16_kib() {
        assert!(size_of::<Cutter>() <= 16 << 10, "{}", size_of::<Cutter>());
        assert!(size_of::<Machine>() <= 12 << 10, "{}", size_of::<Machine>());
    }
}
