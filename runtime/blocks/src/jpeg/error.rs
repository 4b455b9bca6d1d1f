//! Why an image, or a part of it, gives no blocks.

use core::{error::Error as CoreError, fmt};

use super::marker::Marker;
use crate::ErrorClass;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Cause {
    /// The stream does not begin with SOI.
    NoSoi,
    /// The stream ends before EOI.
    UnexpectedEnd,
    /// A marker where it must not be: a second SOI or frame header, a scan before the frame header, a reserved code.
    UnexpectedMarker(Marker),
    /// The length of this segment does not fit what it must hold.
    SegmentLength(Marker),
    /// A frame header with no columns, no components, one component twice, or a sampling factor outside 1..=4.
    BadFrame,
    /// A Huffman table with a bad class or place, or with more codes than there is room for.
    BadTable,
    /// A scan header that names a component twice or one that the frame has not, a table outside 0..=3, or more than
    /// ten data units in an MCU.
    BadScan,
    /// The scan uses a Huffman table that no DHT has defined.
    MissingTable,
    /// EOI before any scan: tables only.
    NoScan,
    /// Bits that are no Huffman code, or the code of a value that does not occur in 8-bit sequential images.
    InvalidCode,
    /// A data unit with more than 64 coefficients.
    TooManyCoefficients,
    /// A marker before the scan or the restart interval has all its MCUs.
    EarlyMarker,
    /// Data go on where RSTn is due.
    MissingRestart,
    /// RSTn with another number than is due.
    RestartOrder(Marker),
    /// SOF2.
    Progressive,
    /// SOF9, SOF10, SOF11: arithmetic coding.
    Arithmetic,
    /// SOF3.
    Lossless,
    /// SOF5 to SOF7, SOF13 to SOF15, DHP or EXP.
    Hierarchical,
    /// SOF55 of JPEG-LS.
    JpegLs,
    /// Samples of this many bits in place of 8.
    Precision(u8),
    /// This many components, more than 4.
    Components(u8),
    /// Zero lines in the frame header: a DNL segment behind the first scan would tell their number.
    DeferredHeight,
}

impl Cause {
    /// The class of this error.
    #[must_use]
    pub const fn class(self) -> ErrorClass {
        match self {
            Self::Progressive
            | Self::Arithmetic
            | Self::Lossless
            | Self::Hierarchical
            | Self::JpegLs
            | Self::Precision(_)
            | Self::Components(_)
            | Self::DeferredHeight => ErrorClass::Unsupported,
            _ => ErrorClass::Malformed,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::UnexpectedMarker(marker) => return write!(f, "unexpected {marker}"),
            Self::SegmentLength(marker) => return write!(f, "wrong length of {marker} segment"),
            Self::RestartOrder(marker) => return write!(f, "{marker} out of order"),
            Self::Precision(bits) => return write!(f, "samples of {bits} bits (only 8 are supported)"),
            Self::Components(count) => return write!(f, "{count} components (at most 4 are supported)"),
            Self::NoSoi => "no SOI",
            Self::UnexpectedEnd => "the stream ends before EOI",
            Self::BadFrame => "invalid frame header",
            Self::BadTable => "invalid Huffman table",
            Self::BadScan => "invalid scan header",
            Self::MissingTable => "a Huffman table is missing",
            Self::NoScan => "no scan",
            Self::InvalidCode => "invalid Huffman code",
            Self::TooManyCoefficients => "more than 64 coefficients in a data unit",
            Self::EarlyMarker => "a marker before the last MCU",
            Self::MissingRestart => "RST marker missing",
            Self::Progressive => "progressive JPEG (only sequential is supported)",
            Self::Arithmetic => "arithmetic coding (only Huffman coding is supported)",
            Self::Lossless => "lossless JPEG (only sequential is supported)",
            Self::Hierarchical => "hierarchical JPEG (only sequential is supported)",
            Self::JpegLs => "JPEG-LS (only sequential JPEG is supported)",
            Self::DeferredHeight => "number of lines left to DNL (only a height in the frame header is supported)",
        };
        f.write_str(text)
    }
}

impl CoreError for Cause {}

/// What is wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Error {
    /// Offset in the stream, in bytes: of the marker segment or MCU at fault, or of the end.
    pub offset: u64,
    /// What is wrong.
    pub cause: Cause,
}

impl Error {
    /// The class of this error.
    #[must_use]
    pub const fn class(self) -> ErrorClass {
        self.cause.class()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.offset, self.cause)
    }
}

impl CoreError for Error {
    fn source(&self) -> Option<&(dyn CoreError + 'static)> {
        Some(&self.cause)
    }
}
