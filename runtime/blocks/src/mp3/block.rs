//! What a stream is cut into.

use core::fmt;

use super::header::FrameHeader;

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// The frame's header, which is also the first four of `bytes`.
    pub header: FrameHeader,
    /// The frame from its header up to the next frame: [`FrameHeader::frame_bytes`] of them, fewer if `truncated`.
    pub bytes: &'a [u8],
    /// Offset of the frame in the stream, in bytes.
    pub offset: u64,
    /// Blocks of this stream before this one.
    pub sequence: u64,
    /// The stream ended inside this frame; at least the header is there.
    pub truncated: bool,
}

impl Block<'_> {
    /// Samples of each channel that the block stands for, at [`FrameHeader::sample_rate`]: 1152 in MPEG-1, else 576.
    #[must_use]
    pub const fn duration(&self) -> u32 {
        self.header.samples()
    }
}

/// A run of bytes that is no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Skipped {
    /// Offset of the first of them in the stream.
    pub offset: u64,
    /// How many they are; never 0.
    pub bytes: u64,
    /// What they are.
    pub reason: SkipReason,
    /// The stream ended before what was being skipped did.
    pub truncated: bool,
}

/// What skipped bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SkipReason {
    /// An ID3v2 tag, with its footer if it has one.
    Id3v2,
    /// An ID3v1 tag: 128 bytes from `TAG`, where a frame was due or at the end of the stream.
    Id3v1,
    /// An APEv2 tag from its header on; of a tag without a header, only the footer (the items before it are
    /// [`Garbage`](Self::Garbage)).
    ApeV2,
    /// A Lyrics3 tag of either version, from `LYRICSBEGIN` to `LYRICSEND` or `LYRICS200`; where that is missing, up to
    /// the next place where a stream is entered.
    Lyrics3,
    /// A frame that holds a `Xing` or `Info` table of contents and no audio.
    Xing,
    /// A frame that holds a `VBRI` table of contents and no audio.
    Vbri,
    /// Bytes before a frame or tag was found, again or for the first time.
    Garbage,
    /// One to three bytes at the end of the stream that begin like a header.
    PartialHeader,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Id3v2 => "ID3v2 tag",
            Self::Id3v1 => "ID3v1 tag",
            Self::ApeV2 => "APEv2 tag",
            Self::Lyrics3 => "Lyrics3 tag",
            Self::Xing => "Xing/Info frame",
            Self::Vbri => "VBRI frame",
            Self::Garbage => "garbage",
            Self::PartialHeader => "partial header",
        })
    }
}

/// What comes next in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A frame.
    Block(Block<'a>),
    /// Bytes that are no frame.
    Skipped(Skipped),
}
