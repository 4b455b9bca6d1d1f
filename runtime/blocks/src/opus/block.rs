//! What a stream is cut into.

use core::fmt;

use super::packet::{Packet, PacketError};
use super::payload::Payload;
use super::toc::Toc;

/// One packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// The packet, up to [`MAX_PACKET_BYTES`](super::MAX_PACKET_BYTES) of it.
    pub bytes: Payload<'a>,
    /// Its length in the stream: that of `bytes`, more if `truncated`.
    pub packet_bytes: u64,
    /// Offset of its first byte in the file, in bytes. A packet on several pages goes on behind the next page's header.
    pub offset: u64,
    /// Blocks of this file before this one.
    pub sequence: u64,
    /// Which of the streams chained in this file it belongs to, counted from 0.
    pub link: u32,
    /// Samples at 48 kHz that the packet states; 0 if it breaks rule R1 or R5.
    pub duration: u32,
    /// Where its first sample is in its stream, in samples at 48 kHz: granule position less pre-skip, so negative in
    /// what a decoder throws away at the start. `None` where pages are missing, until the next page that tells.
    pub position: Option<i64>,
    /// Samples at its end that lie behind the end of the stream.
    pub trimmed: u32,
    /// Pages missing before this packet and behind the block before it; `u32::MAX` if page numbers jump back.
    pub lost_pages: u32,
    /// The checksum of every page it lies on is known to be right. If not, it is known at the end of the page: see
    /// [`SkipReason::BadChecksum`].
    pub verified: bool,
    /// It was longer than what is kept of a packet.
    pub truncated: bool,
}

impl<'a> Block<'a> {
    /// The first byte, which says what the frames are; `None` for an empty packet.
    #[must_use]
    pub fn toc(&self) -> Option<Toc> {
        self.bytes.get(0).map(Toc)
    }

    /// The frames inside, or the rule the packet breaks.
    pub fn packet(&self) -> Result<Packet<'a>, PacketError> {
        Packet::of_payload(self.bytes, self.packet_bytes)
    }
}

/// Bytes that are no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Skipped {
    /// Offset of the first of them in the file.
    pub offset: u64,
    /// How many they are; never 0. Of a packet on several pages only its own bytes count, so they need not be a run:
    /// the headers in between are reported as what they are.
    pub bytes: u64,
    /// What they are.
    pub reason: SkipReason,
    /// What was being skipped did not come to its end.
    pub truncated: bool,
}

/// What skipped bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SkipReason {
    /// The header of a page of the stream that is cut.
    PageHeader,
    /// The same, of a page too long to hold whose checksum turned out wrong: the blocks since the header before, those
    /// with `verified` unset, may be damaged.
    BadChecksum,
    /// The identification header of an Opus stream.
    OpusHead,
    /// The comment header.
    OpusTags,
    /// A page of another stream, whole: of another codec, or Opus that is refused or runs beside the one that is cut.
    OtherStream,
    /// The end of a packet whose begin is on a page that is missing.
    LostStart,
    /// The begin of a packet whose end is on a page that is missing.
    LostEnd,
    /// A page whose checksum is wrong, and what follows it up to a page that is sound.
    DamagedPage,
    /// A page at the end of the stream that is not all there.
    PartialPage,
    /// Bytes that are no page.
    Garbage,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PageHeader => "page header",
            Self::BadChecksum => "page header, bad checksum",
            Self::OpusHead => "OpusHead",
            Self::OpusTags => "OpusTags",
            Self::OtherStream => "other stream",
            Self::LostStart => "packet without start",
            Self::LostEnd => "packet without end",
            Self::DamagedPage => "damaged page",
            Self::PartialPage => "partial page",
            Self::Garbage => "garbage",
        })
    }
}

/// What comes next in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A packet.
    Block(Block<'a>),
    /// Bytes that are no packet.
    Skipped(Skipped),
}
