//! Why a word is no header, and why a stream gives no block.

use core::{error::Error, fmt};

use crate::ErrorClass;

/// Why 32 bits are not the header of a Layer III frame. Of several reasons the first in this order is named, so
/// [`HeaderError::FreeFormat`] means that all else is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum HeaderError {
    /// The first eleven bits are not all ones.
    NoSync,
    /// Version bits 01.
    ReservedVersion,
    /// Layer bits 00. AAC in ADTS framing looks like this.
    ReservedLayer,
    /// Layer bits 11: an MPEG audio Layer I frame.
    LayerI,
    /// Layer bits 10: an MPEG audio Layer II frame.
    LayerII,
    /// `bitrate_index` 15.
    BadBitrateIndex,
    /// `sampling_frequency` 3.
    ReservedSampleRate,
    /// `emphasis` 2.
    ReservedEmphasis,
    /// `bitrate_index` 0: the header does not say how long the frame is.
    FreeFormat,
}

impl HeaderError {
    /// The class of this error.
    #[must_use]
    pub const fn class(self) -> ErrorClass {
        match self {
            Self::LayerI | Self::LayerII | Self::FreeFormat => ErrorClass::Unsupported,
            _ => ErrorClass::Malformed,
        }
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSync => "no frame sync",
            Self::ReservedVersion => "reserved MPEG version",
            Self::ReservedLayer => "reserved layer (AAC in ADTS framing looks like this)",
            Self::LayerI => "MPEG audio Layer I (only Layer III is supported)",
            Self::LayerII => "MPEG audio Layer II (only Layer III is supported)",
            Self::BadBitrateIndex => "forbidden bit rate index",
            Self::ReservedSampleRate => "reserved sample rate",
            Self::ReservedEmphasis => "reserved emphasis",
            Self::FreeFormat => "free format (only frames with a stated bit rate are supported)",
        })
    }
}

impl Error for HeaderError {}

/// What a stream holds in place of frames that can be cut, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StreamError {
    /// Offset in the stream, in bytes, of the first frame of that kind.
    pub offset: u64,
    /// What that frame's header says.
    pub cause: HeaderError,
}

impl StreamError {
    /// The class of this error.
    #[must_use]
    pub const fn class(self) -> ErrorClass {
        self.cause.class()
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.offset, self.cause)
    }
}

impl Error for StreamError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}
