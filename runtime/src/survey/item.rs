//! One piece of a stream, whatever its format.

use tempest_blocks::mp3::{FrameHeader, MainDataError};
use tempest_blocks::opus::{PacketError, Toc};
use tempest_blocks::{jpeg, mp3, opus};

/// What comes next in a stream.
#[derive(Clone, Debug)]
pub enum Item<'a> {
    /// A block of the unit asked for.
    Block(Block, Content<'a>),
    /// Bytes that are no block.
    Skipped(Skipped),
    /// Something that is wrong, or missing.
    Fault(Fault),
}

/// A block, without its bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Block {
    /// Blocks of this unit before this one.
    pub number: u64,
    /// Offset in the stream of the first byte it is made of.
    pub offset: u64,
    /// Length of [`Content::bytes`].
    pub bytes: u64,
    /// Where in the sound or image it belongs.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
    /// Some of it is not there.
    pub truncated: bool,
}

/// What a block holds.
#[derive(Clone, Debug)]
pub struct Content<'a> {
    /// The block; a JPEG's begins at a byte and has no stuffing.
    pub bytes: &'a [u8],
    /// The row of the view asked for, or why there is none.
    pub row: Option<Result<&'a [i32], String>>,
}

/// Where a block belongs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// In sound.
    Time {
        /// Seconds from the start of its stream, which in a chained Ogg file is not that of the file; below 0 in what a
        /// decoder throws away. `None` where missing pages leave it open.
        start: Option<f64>,
        /// Length in seconds.
        seconds: f64,
    },
    /// In an image: column and row in the scan's grid of MCUs.
    Mcu {
        /// Column.
        column: u32,
        /// Row.
        row: u32,
    },
    /// In an image: so many MCUs of the scan from this one on.
    Mcus {
        /// The first.
        first: u32,
        /// How many.
        count: u32,
    },
}

/// What a block is, in the words of its format.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// An MP3 frame, or with `adu` that with its own main data.
    Frame {
        /// Its header.
        header: FrameHeader,
        /// How many bytes before the frame its main data begins; `None` if the frame ends before it says.
        main_data_begin: Option<u16>,
        /// The main data follows in place of the frame's own slot.
        adu: bool,
    },
    /// One channel of one granule of an MP3 frame.
    Granule {
        /// Header of the frame.
        header: FrameHeader,
        /// 0 or 1.
        granule: u8,
        /// 0 or 1.
        channel: u8,
        /// 0 normal, 1 start, 2 short, 3 end.
        block_type: u8,
        /// Bits of main data.
        part2_3_length: u16,
    },
    /// An Opus packet.
    Packet {
        /// Its first byte; `None` if it is empty.
        toc: Option<Toc>,
        /// Frames inside and bytes of padding, or the rule it breaks.
        frames: Result<(u8, u64), PacketError>,
        /// Samples at 48 kHz behind the end of the stream.
        trimmed: u32,
        /// Pages missing before it.
        lost_pages: u32,
        /// Stream chained in this file.
        link: u32,
    },
    /// A frame of an Opus packet.
    PacketFrame {
        /// The packet's first byte.
        toc: Toc,
        /// Number of the packet.
        packet: u64,
        /// Number in the packet.
        index: u8,
    },
    /// An MCU.
    Mcu {
        /// Scan of the image.
        scan: u32,
        /// Restart interval of the scan.
        interval: u32,
        /// Bits.
        bits: u64,
        /// Data units of each component of the frame.
        units: [u8; jpeg::MAX_COMPONENTS],
    },
    /// A restart interval or, with `part`, an equal part of one.
    Interval {
        /// Scan of the image.
        scan: u32,
        /// Restart interval of the scan.
        interval: u32,
        /// Bits.
        bits: u64,
        /// It is a part: which of how many.
        part: Option<(u32, u32)>,
    },
}

/// Bytes that are no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Offset of the first.
    pub offset: u64,
    /// How many.
    pub bytes: u64,
    /// What they are.
    pub reason: Reason,
    /// They end before what they are does.
    pub truncated: bool,
}

/// What skipped bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// In an MP3 stream.
    Mp3(mp3::SkipReason),
    /// In an Ogg file.
    Opus(opus::SkipReason),
    /// In a JPEG file.
    Jpeg(jpeg::SkipReason),
    /// In a JPEG file: RST0 to RST7, counted as one.
    Restart,
}

/// Something that is wrong, or missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub offset: u64,
    /// What.
    pub cause: Cause,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A JPEG that cannot be read on from here.
    Jpeg(jpeg::Cause),
    /// An MP3 frame of which no unit can be made.
    MainData(MainDataError),
    /// An Opus packet that has no frames.
    Packet(PacketError),
}

/// Blocks of one kind, as the summary counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// Version, sample rate and mode of an MP3 frame.
    Mp3(FrameHeader),
    /// Mode, bandwidth, frame size and channels of an Opus packet.
    Opus(Toc),
}

impl Item<'_> {
    /// The same, but for the bytes and row of a block.
    #[must_use]
    pub const fn without_content(&self) -> Item<'static> {
        match *self {
            Item::Block(block, _) => Item::Block(block, Content { bytes: &[], row: None }),
            Item::Skipped(skipped) => Item::Skipped(skipped),
            Item::Fault(fault) => Item::Fault(fault),
        }
    }

    /// It is damage, or damaged.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        match self {
            Item::Block(block, _) => block.truncated || block.kind.is_behind_a_gap(),
            Item::Skipped(skipped) => skipped.is_damage(),
            Item::Fault(fault) => fault.is_damage(),
        }
    }
}

impl Kind {
    /// Pages are missing before it.
    #[must_use]
    pub const fn is_behind_a_gap(&self) -> bool {
        matches!(self, Self::Packet { lost_pages: 1.., .. })
    }
}

impl Skipped {
    /// They are damage, not part of the format.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        self.truncated || self.reason.is_damage()
    }
}

impl Reason {
    /// What it is counted as.
    pub(super) const fn group(self) -> Self {
        match self {
            Self::Jpeg(jpeg::SkipReason::Segment(marker)) if marker.is_restart() => Self::Restart,
            other => other,
        }
    }

    /// Such bytes are always damage.
    #[must_use]
    pub const fn is_damage(self) -> bool {
        match self {
            Self::Mp3(reason) => matches!(reason, mp3::SkipReason::Garbage | mp3::SkipReason::PartialHeader),
            Self::Opus(reason) => !matches!(
                reason,
                opus::SkipReason::PageHeader
                    | opus::SkipReason::OpusHead
                    | opus::SkipReason::OpusTags
                    | opus::SkipReason::OtherStream
            ),
            Self::Jpeg(reason) => !matches!(reason, jpeg::SkipReason::Segment(_) | jpeg::SkipReason::Trailing),
            Self::Restart => false,
        }
    }
}

impl Fault {
    /// It is damage. Main data that lies before the start of a stream is not.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        !matches!(self.cause, Cause::MainData(_))
    }
}
