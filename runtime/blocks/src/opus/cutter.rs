//! The push parser: the caller owns the I/O, the cutter owns what it must keep of the stream.

use core::fmt;

use crate::cut::{self, Cut as _};
use crate::kept::{Input, Kept, Place};

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

/// An event before it is joined with its bytes.
pub struct Found(Advance);

enum Advance {
    Block(Cut, Place),
    Packet(Cut),
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
}

impl<const HELD: usize> cut::Sealed for Cutter<HELD> {}

impl<const HELD: usize> cut::Cut for Cutter<HELD> {
    type Event<'a> = Event<'a>;
    type Found = Found;

    #[inline]
    fn advance(&mut self, input: &mut Input<'_>, end: bool) -> Option<Found> {
        loop {
            match self.machine.step(self.kept.window(input), end) {
                Step::Need(bytes) if self.kept.top_up(bytes, input) => {}
                Step::Need(_) | Step::End => return None,
                Step::Pass(used) => self.kept.pass(used, input),
                Step::Keep { used, first } => {
                    self.packet.add(self.kept.window(input).get(..used).unwrap_or_default(), first);
                    self.kept.pass(used, input);
                }
                Step::Block(cut) => {
                    let Source::Window(used) = cut.source else { return Some(Found(Advance::Packet(cut))) };
                    let place = self.kept.place(used, input);
                    self.kept.pass(used, input);
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
            Advance::Block(cut, place) => Event::Block(cut.block(Payload::whole(self.kept.get(place, input)))),
            Advance::Packet(cut) => Event::Block(cut.block(Payload::whole(self.packet.get()))),
            Advance::Skipped(skipped) => Event::Skipped(skipped),
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
        f.debug_struct("Cutter").field("machine", &self.machine).field("kept", &self.kept.len()).finish()
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
