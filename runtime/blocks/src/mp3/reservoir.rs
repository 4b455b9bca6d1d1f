//! The bit reservoir (ISO/IEC 11172-3, 2.4.3.4.1 and annex A.11): where a frame's own main data lies.

use core::{error::Error, fmt};

use crate::{ErrorClass, ViewError};

use super::block::Block;
use super::header::{FrameHeader, MAX_FRAME_BYTES};
use super::side_info::SideInfo;

/// The furthest back main data begins: `main_data_begin` has 9 bits (in MPEG-2 and 2.5, 8 bits: 255).
pub const MAX_MAIN_DATA_BEGIN: usize = 511;

/// The reach of the reservoir, and the longest frame less its header and the shortest side information behind it.
const KEPT_BYTES: usize = MAX_MAIN_DATA_BEGIN + MAX_FRAME_BYTES - 4 - 9;

/// Gathers the main data of each frame, which may begin in earlier frames.
///
/// Feed it every block of a stream, in order. What it keeps is cleared where a stream is broken: where the next block
/// does not follow on the last one byte for byte, or has another version or sample rate, or the last one was truncated.
/// The reservoir takes less than 2 KiB.
///
/// ```
/// use tempest_blocks::mp3::{self, Reservoir};
///
/// # let mut frame = [0_u8; 208];
/// # frame[..4].copy_from_slice(&[0xFF, 0xFB, 0x50, 0xC0]);
/// # let file = [frame, frame].concat();
/// let mut reservoir = Reservoir::new();
/// for block in mp3::blocks(&file) {
///     match reservoir.push(&block) {
///         Ok(main_data) => { /* views read the block and its main data */ }
///         Err(error) => eprintln!("frame {}: {error}", block.sequence),
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Reservoir {
    bytes: [u8; KEPT_BYTES],
    /// How many of `bytes` hold the main data of the frames so far, the last of it at the end.
    len: usize,
    /// Header of the last block, and the offset where the next must lie; `None` where nothing can follow on.
    last: Option<(FrameHeader, u64)>,
}

/// The main data of one frame: all bytes that its side information speaks of and that the stream has. It begins with
/// the first bit of granule 0; its last byte may have a few bits of something else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MainData<'a> {
    bytes: &'a [u8],
}

/// Why a frame's main data is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum MainDataError {
    /// The block ends within its side information.
    Truncated {
        /// Bytes from the start of the block that would be read.
        needed: usize,
        /// Bytes the block has.
        found: usize,
    },
    /// The main data begins in frames that are not there: the stream was entered in its middle, or frames are lost.
    /// After 511 bytes of main data at the latest, this is over.
    Incomplete {
        /// Bytes before the frame that its main data begins: `main_data_begin`.
        needed: usize,
        /// Bytes the reservoir has.
        found: usize,
    },
}

impl<'a> MainData<'a> {
    /// Main data that was gathered by other means, from the first bit of granule 0 on. Empty where it is missing: views
    /// then see no scale factors and no values.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The bytes.
    #[must_use]
    pub const fn bytes(self) -> &'a [u8] {
        self.bytes
    }
}

impl Reservoir {
    /// A reservoir at the start of a stream: empty.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; KEPT_BYTES], len: 0, last: None }
    }

    /// Takes the next block of the stream and gives its main data. After an error the next block can be pushed as if
    /// nothing had happened: what this one holds for later frames is kept.
    pub fn push(&mut self, block: &Block<'_>) -> Result<MainData<'_>, MainDataError> {
        if !self.last.is_some_and(|(header, end)| end == block.offset && header.same_stream(block.header)) {
            self.len = 0;
        }
        let whole = !block.truncated && block.bytes.len() == block.header.frame_bytes();
        self.last = whole.then_some((block.header, block.offset + block.bytes.len() as u64));

        let side_info = match SideInfo::parse(block.header, block.bytes) {
            Ok(side_info) => side_info,
            Err(error) => return Err(MainDataError::from_side_info(error, block)),
        };
        let slot = block.bytes.get(block.header.main_data_offset()..).unwrap_or_default();
        let found = self.append(slot);
        let needed = usize::from(side_info.main_data_begin);
        let Some(start) = found.checked_sub(needed) else {
            return Err(MainDataError::Incomplete { needed, found });
        };
        let ahead = self.bytes.get(start..self.len).unwrap_or_default();
        let own = side_info.main_data_bits().div_ceil(8);
        Ok(MainData::new(ahead.get(..own).unwrap_or(ahead)))
    }

    /// Forgets what it holds, as at the start of a stream.
    pub const fn clear(&mut self) {
        self.len = 0;
        self.last = None;
    }

    /// Keeps the last bytes that a frame can reach, puts the slot behind them, and gives where it begins.
    fn append(&mut self, slot: &[u8]) -> usize {
        let kept = self.len.min(MAX_MAIN_DATA_BEGIN);
        self.bytes.copy_within(self.len - kept..self.len, 0);
        let room = self.bytes.get_mut(kept..).unwrap_or_default();
        let fitting = slot.len().min(room.len());
        for (to, &from) in room.iter_mut().zip(slot) {
            *to = from;
        }
        self.len = kept + fitting;
        kept
    }
}

impl Default for Reservoir {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Reservoir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservoir").field("kept", &self.len).field("last", &self.last).finish()
    }
}

impl MainDataError {
    /// The class of this error.
    #[must_use]
    pub const fn class(self) -> ErrorClass {
        ErrorClass::Malformed
    }

    const fn from_side_info(error: ViewError, block: &Block<'_>) -> Self {
        match error {
            ViewError::Truncated { needed, found } => Self::Truncated { needed, found },
            _ => Self::Truncated { needed: block.header.main_data_offset(), found: block.bytes.len() },
        }
    }
}

impl fmt::Display for MainDataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { needed, found } => {
                write!(f, "the side information ends at byte {needed}, the block at {found}")
            }
            Self::Incomplete { needed, found } => {
                write!(f, "the main data begins {needed} bytes before the frame, of which {found} are there")
            }
        }
    }
}

impl Error for MainDataError {}
