//! What every format shares: the three classes of error, and the error of a view.

use core::{error::Error, fmt};

use crate::mp3::MainDataError;
use crate::opus::PacketError;

/// What kind of answer an error is, so that a caller can decide without knowing every variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ErrorClass {
    /// The bytes break the rules of their format.
    Malformed,
    /// The bytes are legal, but of a kind this crate refuses by design.
    Unsupported,
    /// A size given by the caller does not hold what was asked for.
    Limit,
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "malformed",
            Self::Unsupported => "unsupported",
            Self::Limit => "limit",
        })
    }
}

/// Why a block gave no row of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ViewError {
    /// The block ends before the bits that the view reads; only a block marked `truncated` does.
    Truncated {
        /// Bytes from the start of the block that the view reads.
        needed: usize,
        /// Bytes the block has.
        found: usize,
    },
    /// The row given is not as long as the block's row.
    RowLength {
        /// Values in the block's row.
        expected: usize,
        /// Values in the row given.
        found: usize,
    },
    /// The Opus packet breaks a rule.
    Packet(PacketError),
    /// The MP3 frame's main data begins in frames that are not there. Views themselves take such a frame with empty
    /// main data; this is for callers that do not.
    MissingMainData {
        /// Bytes before the frame that its main data begins: `main_data_begin`.
        needed: usize,
        /// Bytes of them that are there.
        found: usize,
    },
}

impl ViewError {
    /// The class of this error.
    #[must_use]
    pub const fn class(self) -> ErrorClass {
        match self {
            Self::Truncated { .. } | Self::MissingMainData { .. } => ErrorClass::Malformed,
            Self::Packet(error) => error.class(),
            Self::RowLength { .. } => ErrorClass::Limit,
        }
    }
}

impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { needed, found } => write!(f, "the view reads {needed} bytes, the block has {found}"),
            Self::RowLength { expected, found } => write!(f, "the block's row has {expected} values, not {found}"),
            Self::Packet(error) => error.fmt(f),
            Self::MissingMainData { needed, found } => {
                write!(f, "the main data begins {needed} bytes before the frame, of which {found} are there")
            }
        }
    }
}

impl Error for ViewError {}

impl From<PacketError> for ViewError {
    fn from(error: PacketError) -> Self {
        Self::Packet(error)
    }
}

/// So that a row of a frame and its main data has one error.
impl From<MainDataError> for ViewError {
    fn from(error: MainDataError) -> Self {
        match error {
            MainDataError::Truncated { needed, found } => Self::Truncated { needed, found },
            MainDataError::Incomplete { needed, found } => Self::MissingMainData { needed, found },
        }
    }
}
