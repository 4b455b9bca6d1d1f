//! What an image is cut into.

use core::fmt;

use super::marker::Marker;
use super::scan::{Coding, Predictors};

/// A run of entropy-coded bits, borrowed as it stands in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data<'a> {
    pub(super) raw: &'a [u8],
    pub(super) first_bit: u8,
    pub(super) bits: u64,
}

impl<'a> Data<'a> {
    /// The bytes of the stream that hold the bits, with stuffed zeros. First and last byte may be shared with the
    /// neighbours.
    #[must_use]
    pub const fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Bits of the first raw byte that belong to the block before: 0 to 7.
    #[must_use]
    pub const fn first_bit(&self) -> u8 {
        self.first_bit
    }

    /// How many bits they are.
    #[must_use]
    pub const fn bits(&self) -> u64 {
        self.bits
    }

    /// How many bytes they are once aligned.
    #[must_use]
    pub const fn aligned_len(&self) -> usize {
        self.bits.div_ceil(8) as usize
    }

    /// The bits moved to the start of a byte, without stuffing; zeros fill the last byte.
    pub fn aligned(&self) -> impl Iterator<Item = u8> + 'a {
        let (shift, bits) = (u32::from(self.first_bit), self.bits);
        let mut bytes = Unstuffed { raw: self.raw };
        let mut first = bytes.next().unwrap_or_default();
        (0..self.aligned_len() as u64).map(move |index| {
            let second = bytes.next().unwrap_or_default();
            let pair = u16::from_be_bytes([first, second]);
            first = second;
            let byte = (pair << shift >> 8) as u8;
            let left = bits - 8 * index;
            if left < 8 { byte & !(0xFF >> left) } else { byte }
        })
    }

    /// Writes the [`aligned`](Self::aligned) bytes, as many as fit, and returns how many did not. What is left of
    /// `out` stays as it is.
    pub fn align(&self, out: &mut [u8]) -> usize {
        out.iter_mut().zip(self.aligned()).for_each(|(to, from)| *to = from);
        self.aligned_len().saturating_sub(out.len())
    }
}

/// Entropy-coded bytes without the zeros stuffed behind 0xFF.
struct Unstuffed<'a> {
    raw: &'a [u8],
}

impl Iterator for Unstuffed<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (&byte, rest) = self.raw.split_first()?;
        self.raw = if byte == 0xFF { rest.strip_prefix(&[0]).unwrap_or(rest) } else { rest };
        Some(byte)
    }
}

/// How many bytes are left of these without stuffing.
pub(super) fn unstuffed_len(raw: &[u8]) -> usize {
    Unstuffed { raw }.count()
}

/// Where a block belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Place {
    /// Offset in the stream of the byte that holds the first bit.
    pub offset: u64,
    /// Blocks of this stream before this one.
    pub sequence: u64,
    /// Scans of the image before this one.
    pub scan: u32,
    /// Restart intervals of the scan before this one.
    pub interval: u32,
    /// MCUs of the scan before this one.
    pub mcu: u32,
}

/// One MCU: of a scan of several components all that covers one place of the image, of a scan of one component one
/// data unit.
#[derive(Clone, Copy)]
pub struct Mcu<'a> {
    /// Its bits.
    pub data: Data<'a>,
    /// Where it belongs.
    pub place: Place,
    /// Its column in the scan's grid of MCUs.
    pub column: u32,
    /// Its row in the scan's grid of MCUs.
    pub row: u32,
    pub(super) predictors: Predictors,
    pub(super) coding: &'a Coding,
}

impl Mcu<'_> {
    /// Data units: for each the index of its component in the frame. At most [`MAX_UNITS`](super::MAX_UNITS).
    pub fn units(&self) -> impl ExactSizeIterator<Item = u8> + Clone {
        self.coding.components()
    }
}

impl fmt::Debug for Mcu<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { data, place, column, row, predictors, .. } = self;
        f.debug_struct("Mcu")
            .field("data", data)
            .field("place", place)
            .field("column", column)
            .field("row", row)
            .field("predictors", predictors)
            .finish_non_exhaustive()
    }
}

/// What lies between two restart markers; without any, a scan's data as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval<'a> {
    /// Its bytes, with the bits that fill the last one.
    pub data: Data<'a>,
    /// Where it belongs; `mcu` counts the MCUs before its first.
    pub place: Place,
    /// MCUs it should hold.
    pub mcus: u32,
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
}

/// What skipped bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SkipReason {
    /// A marker, the fill bytes before it, and its segment if it has one. A segment may be cut short by the end.
    Segment(Marker),
    /// Bytes where a marker is due.
    Garbage,
    /// Entropy-coded data that could not be cut; the error reported before says why.
    Damaged,
    /// All that lies behind an error that ends the image.
    Unread,
    /// All that lies behind EOI.
    Trailing,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Segment(marker) => marker.fmt(f),
            Self::Garbage => f.write_str("garbage"),
            Self::Damaged => f.write_str("damaged data"),
            Self::Unread => f.write_str("unread data"),
            Self::Trailing => f.write_str("data behind the image"),
        }
    }
}
