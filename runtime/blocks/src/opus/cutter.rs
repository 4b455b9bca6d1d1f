//! The push parser: the caller owns the I/O, the cutter owns what it must keep of the stream.

use core::{fmt, ops::Range};

use super::block::{Block, Event, Skipped};
use super::head::{OpusHead, StreamError};
use super::machine::{Cut, MAX_PACKET_BYTES, Machine, Source, Step};
use super::payload::Payload;

/// Bytes of a page that a [`Cutter`] holds unless told otherwise: a second at 60 kbit/s.
pub const HELD_BYTES: usize = 8000;

/// Cuts a stream that arrives in chunks of any size.
///
/// The blocks and skipped runs are the same for every chunking. A packet that lies wholly in the caller's chunk, as its
/// page does, is borrowed from there; others are copied into a buffer inside.
///
/// A page of up to `HELD` bytes gives its packets once its checksum is right; a longer one at once, unverified. `HELD`
/// is at least [`MAX_PACKET_BYTES`]. With the default the cutter takes less than 16 KiB; with
/// [`MAX_PAGE_BYTES`](super::MAX_PAGE_BYTES), about 72 KiB, every page is checked first.
///
/// ```
/// use tempest_blocks::opus::{Cutter, Event, Fed};
///
/// fn packets<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> u32 {
///     let mut cutter = Cutter::new();
///     let mut packets = 0;
///     for mut input in chunks {
///         loop {
///             input = match cutter.feed(input) {
///                 Fed::NeedMore => break,
///                 Fed::Block { block, rest } => {
///                     packets += 1; // `block.bytes` is the packet
///                     rest
///                 }
///                 Fed::Skipped { rest, .. } => rest,
///             }
///         }
///     }
///     while let Some(event) = cutter.finish() {
///         packets += u32::from(matches!(event, Event::Block(_)));
///     }
///     packets
/// }
/// # assert_eq!(packets([b"OggS".as_slice()].into_iter()), 0);
/// ```
#[derive(Clone)]
pub struct Cutter<const HELD: usize = HELD_BYTES> {
    machine: Machine,
    kept: Kept<HELD>,
    packet: OpenPacket,
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
    /// Bytes that are no block, however many chunks they went through; feed `rest` next.
    Skipped {
        /// The bytes.
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
    FromPacket(Cut),
    Skipped(Skipped),
}

impl Cutter {
    /// A cutter at the start of a stream, of less than 16 KiB.
    #[must_use]
    pub const fn new() -> Self {
        Self::holding()
    }
}

impl<const HELD: usize> Cutter<HELD> {
    /// A cutter at the start of a stream that holds pages of up to `HELD` bytes.
    #[must_use]
    pub const fn holding() -> Self {
        // No decision reads more than a packet of a page too long to hold, or a page's header, which is shorter.
        const { assert!(HELD >= MAX_PACKET_BYTES, "HELD is too small for a packet") };
        Self { machine: Machine::new(HELD), kept: Kept::new(), packet: OpenPacket::new() }
    }

    /// Reads on to the next block or skipped run. Feed the `rest` until more input is needed.
    pub fn feed<'p, 'i: 'p>(&'p mut self, input: &'i [u8]) -> Fed<'p, 'i> {
        let mut rest = input;
        match self.advance(&mut rest, false) {
            Advance::NeedMore => Fed::NeedMore,
            Advance::FromInput(cut, bytes) => Fed::Block { block: cut.block(Payload::whole(bytes)), rest },
            Advance::FromKept(cut, range) => {
                Fed::Block { block: cut.block(Payload::whole(self.kept.get(range))), rest }
            }
            Advance::FromPacket(cut) => Fed::Block { block: cut.block(Payload::whole(self.packet.get())), rest },
            Advance::Skipped(skipped) => Fed::Skipped { skipped, rest },
        }
    }

    /// Says that the stream has ended and gives what that decides: call until `None`. Input fed after that is read as
    /// another stream joined to this one; offsets and block numbers run on.
    pub fn finish(&mut self) -> Option<Event<'_>> {
        match self.advance(&mut [].as_slice(), true) {
            Advance::NeedMore => None,
            Advance::FromInput(cut, bytes) => Some(Event::Block(cut.block(Payload::whole(bytes)))),
            Advance::FromKept(cut, range) => Some(Event::Block(cut.block(Payload::whole(self.kept.get(range))))),
            Advance::FromPacket(cut) => Some(Event::Block(cut.block(Payload::whole(self.packet.get())))),
            Advance::Skipped(skipped) => Some(Event::Skipped(skipped)),
        }
    }

    /// What the last Opus stream that began says of itself.
    #[must_use]
    pub const fn head(&self) -> Option<OpusHead> {
        self.machine.head()
    }

    /// The first logical stream that is not cut: another codec, or Opus of a kind that is refused. Ask this when a
    /// file gave no blocks.
    #[must_use]
    pub const fn diagnosis(&self) -> Option<StreamError> {
        self.machine.diagnosis()
    }

    fn advance<'i>(&mut self, rest: &mut &'i [u8], end: bool) -> Advance<'i> {
        loop {
            let from_input = self.kept.is_empty();
            let window = if from_input { *rest } else { self.kept.window() };
            match self.machine.step(window, end) {
                Step::Need(bytes) => {
                    if !self.kept.top_up(bytes, rest) {
                        return Advance::NeedMore;
                    }
                }
                Step::Keep { used, first } => {
                    self.packet.add(window.get(..used).unwrap_or_default(), first);
                    self.drop_bytes(used, from_input, rest);
                }
                Step::Block(cut) => match cut.source {
                    Source::Window(used) if from_input => return Advance::FromInput(cut, take(rest, used)),
                    Source::Window(used) => return Advance::FromKept(cut, self.kept.take(used)),
                    Source::Kept { .. } => return Advance::FromPacket(cut),
                },
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

impl<const HELD: usize> fmt::Debug for Cutter<HELD> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cutter").field("machine", &self.machine).field("kept", &self.kept.window().len()).finish()
    }
}

/// A packet that lies on several pages, or is too long.
#[derive(Clone)]
struct OpenPacket {
    bytes: [u8; MAX_PACKET_BYTES],
    len: usize,
}

impl OpenPacket {
    const fn new() -> Self {
        Self { bytes: [0; MAX_PACKET_BYTES], len: 0 }
    }

    /// Adds what has room.
    fn add(&mut self, bytes: &[u8], first: bool) {
        if first {
            self.len = 0;
        }
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        let fitting = room.len().min(bytes.len());
        if let (Some(to), Some(from)) = (room.get_mut(..fitting), bytes.get(..fitting)) {
            to.copy_from_slice(from);
            self.len += fitting;
        }
    }

    fn get(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// The bytes of the stream that wait for a decision: `start..end` of the buffer. Only as many as a decision wants are
/// taken in, so that what is kept of a page is used up with it, and hardly ever moved.
#[derive(Clone)]
struct Kept<const HELD: usize> {
    bytes: [u8; HELD],
    start: usize,
    end: usize,
}

impl<const HELD: usize> Kept<HELD> {
    const fn new() -> Self {
        Self { bytes: [0; HELD], start: 0, end: 0 }
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
        debug_assert!(wanted <= HELD, "no decision reads more than can be held");
        if self.start + wanted > HELD || self.is_empty() {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let kept = self.end - self.start;
        let added = take(rest, wanted.saturating_sub(kept));
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
