//! What every format shares: the three classes of error, and the error of a view.

use core::{error::Error, fmt};

/// What kind of answer an error is, so that a caller can decide without knowing every variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
}

impl ViewError {
    /// The class of this error.
    #[must_use]
    pub const fn class(self) -> ErrorClass {
        match self {
            Self::Truncated { .. } => ErrorClass::Malformed,
            Self::RowLength { .. } => ErrorClass::Limit,
        }
    }
}

impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { needed, found } => write!(f, "the view reads {needed} bytes, the block has {found}"),
            Self::RowLength { expected, found } => write!(f, "the block's row has {expected} values, not {found}"),
        }
    }
}

impl Error for ViewError {}
