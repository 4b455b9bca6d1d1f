//! The push parser: the caller owns the I/O, the cutter owns what it must keep of the stream.

use core::fmt;

use crate::cut::{self, Cut as _};
use crate::kept::{Input, Kept, Place};

use super::block::{Block, Event, Skipped};
use super::error::StreamError;
use super::machine::{Cut, LOOK_AHEAD, Machine, Step};

/// Cuts a stream that arrives in chunks of any size.
///
/// The blocks and skipped runs are the same for every chunking. A frame that lies wholly in the caller's chunk is
/// borrowed from there; only frames across chunks are copied, into a buffer inside. The cutter takes less than 4 KiB.
///
/// ```
/// use tempest_blocks::mp3::{Cutter, Event, Fed};
///
/// # let mut frame = [0_u8; 208];
/// # frame[..4].copy_from_slice(&[0xFF, 0xFB, 0x50, 0xC0]);
/// # let chunks = [frame, frame, frame];
/// let mut cutter = Cutter::new();
/// let mut blocks = 0;
/// for chunk in &chunks {
///     let mut input = chunk.as_slice();
///     loop {
///         input = match cutter.feed(input) {
///             Fed::NeedMore => break,
///             Fed::Block { block, rest } => {
///                 blocks += 1; // `block.bytes` is the frame
///                 rest
///             }
///             Fed::Skipped { rest, .. } => rest,
///         }
///     }
/// }
/// while let Some(event) = cutter.finish() {
///     blocks += u32::from(matches!(event, Event::Block(_)));
/// }
/// assert_eq!(blocks, 3);
/// ```
#[derive(Clone)]
pub struct Cutter {
    machine: Machine,
    kept: Kept<KEPT_BYTES>,
}

/// What [`Cutter::feed`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fed<'p, 'i> {
    /// All input is used: feed the next chunk, or [`finish`](Cutter::finish).
    NeedMore,
    /// A block; feed `rest` next.
    Block {
        /// The block, borrowed from the input or from the cutter.
        block: Block<'p>,
        /// The input that is not used yet.
        rest: &'i [u8],
    },
    /// A run of bytes that is no block, all of it, however many chunks it went through; feed `rest` next.
    Skipped {
        /// The run.
        skipped: Skipped,
        /// The input that is not used yet.
        rest: &'i [u8],
    },
}

/// An event before it is joined with its bytes.
pub struct Found(Advance);

enum Advance {
    Block(Cut, Place),
    Skipped(Skipped),
}

impl Cutter {
    /// A cutter at the start of a stream.
    #[must_use]
    pub const fn new() -> Self {
        Self { machine: Machine::new(), kept: Kept::new() }
    }

    /// Reads on to the next block or skipped run. Feed the `rest` until more input is needed.
    pub fn feed<'p, 'i: 'p>(&'p mut self, input: &'i [u8]) -> Fed<'p, 'i> {
        match self.push(input) {
            (None, _) => Fed::NeedMore,
            (Some(Event::Block(block)), rest) => Fed::Block { block, rest },
            (Some(Event::Skipped(skipped)), rest) => Fed::Skipped { skipped, rest },
        }
    }

    /// Says that the stream has ended and gives what that decides: call until `None`. Input fed after that is read as
    /// another stream joined to this one; offsets and block numbers run on.
    pub fn finish(&mut self) -> Option<Event<'_>> {
        cut::Cut::finish(self)
    }

    /// What the stream holds in place of frames that can be cut: Layer I, Layer II, the free format, AAC. The first of
    /// its kind, once it is certain: four headers in a row, or the very first bytes of a stream (after its tags) for the
    /// kinds whose length is not known. Ask this when a stream gave no blocks.
    #[must_use]
    pub const fn diagnosis(&self) -> Option<StreamError> {
        self.machine.diagnosis()
    }
}

impl cut::Sealed for Cutter {}

impl cut::Cut for Cutter {
    type Event<'a> = Event<'a>;
    type Found = Found;

    #[inline]
    fn advance(&mut self, input: &mut Input<'_>, end: bool) -> Option<Found> {
        loop {
            match self.machine.step(self.kept.window(input), end) {
                Step::Need(bytes) if self.kept.top_up(bytes, input) => {}
                Step::Need(_) | Step::End => return None,
                Step::Pass(used) => self.kept.pass(used, input),
                Step::Block(cut) => {
                    let place = self.kept.place(cut.used, input);
                    self.kept.pass(cut.used, input);
                    return Some(Found(Advance::Block(cut, place)));
                }
                Step::Skip { used, skipped } => {
                    self.kept.pass(used, input);
                    return Some(Found(Advance::Skipped(skipped)));
                }
            }
        }
    }

    #[inline]
    fn event<'a>(&'a self, Found(advance): Found, input: &'a [u8]) -> Event<'a> {
        match advance {
            Advance::Block(cut, place) => Event::Block(cut.block(self.kept.get(place, input))),
            Advance::Skipped(skipped) => Event::Skipped(skipped),
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
        f.debug_struct("Cutter").field("machine", &self.machine).field("kept", &self.kept.len()).finish()
    }
}

/// Twice the look-ahead: when room runs out, more bytes are used up than are kept.
const KEPT_BYTES: usize = 2 * LOOK_AHEAD;
