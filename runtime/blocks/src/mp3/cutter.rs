//! The push parser: the caller owns the I/O, the cutter owns what it must keep of the stream.

use core::{fmt, ops::Range};

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
    kept: Kept,
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

/// [`Fed`] before the block is joined with its bytes.
enum Advance<'i> {
    NeedMore,
    FromInput(Cut, &'i [u8]),
    FromKept(Cut, Range<usize>),
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
        let mut rest = input;
        match self.advance(&mut rest) {
            Advance::NeedMore => Fed::NeedMore,
            Advance::FromInput(cut, bytes) => Fed::Block { block: cut.block(bytes), rest },
            Advance::FromKept(cut, range) => Fed::Block { block: cut.block(self.kept.get(range)), rest },
            Advance::Skipped(skipped) => Fed::Skipped { skipped, rest },
        }
    }

    /// Says that the stream has ended and gives what that decides: call until `None`. Input fed after that is read as
    /// another stream joined to this one; offsets and block numbers run on.
    pub fn finish(&mut self) -> Option<Event<'_>> {
        loop {
            match self.machine.step(self.kept.window(), true) {
                Step::Pass(used) => drop(self.kept.take(used)),
                Step::Block(cut) => {
                    let range = self.kept.take(cut.used);
                    return Some(Event::Block(cut.block(self.kept.get(range))));
                }
                Step::Skip { used, skipped } => {
                    self.kept.take(used);
                    return Some(Event::Skipped(skipped));
                }
                Step::Need(_) | Step::End => return None,
            }
        }
    }

    /// What the stream holds in place of frames that can be cut: Layer I, Layer II, the free format, AAC. The first of
    /// its kind, once it is certain: four headers in a row, or the very first bytes of a stream (after its tags) for the
    /// kinds whose length is not known. Ask this when a stream gave no blocks.
    #[must_use]
    pub const fn diagnosis(&self) -> Option<StreamError> {
        self.machine.diagnosis()
    }

    fn advance<'i>(&mut self, rest: &mut &'i [u8]) -> Advance<'i> {
        loop {
            let from_input = self.kept.is_empty();
            let window = if from_input { *rest } else { self.kept.window() };
            match self.machine.step(window, false) {
                Step::Need(bytes) => {
                    if !self.kept.top_up(bytes, rest) {
                        return Advance::NeedMore;
                    }
                }
                Step::Block(cut) if from_input => return Advance::FromInput(cut, take(rest, cut.used)),
                Step::Block(cut) => return Advance::FromKept(cut, self.kept.take(cut.used)),
                Step::Pass(used) => self.drop_bytes(used, from_input, rest),
                Step::Skip { used, skipped } => {
                    self.drop_bytes(used, from_input, rest);
                    return Advance::Skipped(skipped);
                }
                Step::End => return Advance::NeedMore,
            }
        }
    }

    fn drop_bytes(&mut self, used: usize, from_input: bool, rest: &mut &[u8]) {
        if from_input {
            take(rest, used);
        } else {
            self.kept.take(used);
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
        f.debug_struct("Cutter").field("machine", &self.machine).field("kept", &self.kept.window().len()).finish()
    }
}

/// Twice the look-ahead: when room runs out, more bytes are used up than are kept. So those kept move to the front
/// without overlap, and each byte moves once on average however the search goes.
const KEPT_BYTES: usize = 2 * LOOK_AHEAD;

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

    /// Uses up the first bytes; they stay where they are until the next [`top_up`](Self::top_up).
    fn take(&mut self, used: usize) -> Range<usize> {
        let range = self.start..(self.start + used).min(self.end);
        self.start = range.end;
        range
    }

    /// Takes from `rest` until `wanted` bytes are kept; false if `rest` was too short.
    fn top_up(&mut self, wanted: usize, rest: &mut &[u8]) -> bool {
        debug_assert!(wanted <= LOOK_AHEAD, "no decision reads more than the look-ahead");
        if self.start + wanted > KEPT_BYTES || self.is_empty() {
            self.move_to_front();
        }
        let kept = self.end - self.start;
        let added = take(rest, wanted.saturating_sub(kept));
        if let Some(room) = self.bytes.get_mut(self.end..self.end + added.len()) {
            room.copy_from_slice(added);
            self.end += added.len();
        }
        self.end - self.start >= wanted
    }

    fn move_to_front(&mut self) {
        let used = self.bytes.get_mut(..self.end).and_then(|bytes| bytes.split_at_mut_checked(self.start));
        if let Some((used, kept)) = used
            && let Some(front) = used.get_mut(..kept.len())
        {
            front.copy_from_slice(kept);
            self.end = kept.len();
            self.start = 0;
        }
    }
}

/// Splits off the first bytes of `rest`, as many as there are.
fn take<'i>(rest: &mut &'i [u8], bytes: usize) -> &'i [u8] {
    let (taken, left) = rest.split_at_checked(bytes).unwrap_or((rest, &[]));
    *rest = left;
    taken
}
