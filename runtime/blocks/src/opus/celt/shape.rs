//! Which bands of which size a frame has.

use core::ops::Range;

use super::tables::{BANDS, CAPS, EDGES};
use crate::opus::toc::Bandwidth;

/// What is known of a CELT layer before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::opus) struct Shape {
    /// 0 for 2.5 ms to 3 for 20 ms.
    pub size: usize,
    /// The first band: 17 in a hybrid frame, else 0.
    pub start: usize,
    /// The band behind the last.
    pub end: usize,
    /// 1 or 2.
    pub channels: usize,
}

impl Shape {
    /// The band behind the last of a bandwidth (RFC 6716, section 4.3, table 55).
    pub(in crate::opus) const fn end(bandwidth: Bandwidth) -> usize {
        match bandwidth {
            Bandwidth::Narrow => 13,
            Bandwidth::Medium | Bandwidth::Wide => 17,
            Bandwidth::SuperWide => 19,
            Bandwidth::Full => BANDS,
        }
    }

    pub(super) const fn bands(self) -> Range<usize> {
        self.start..self.end
    }

    /// Lines of a band in one channel.
    pub(super) fn lines(self, band: usize) -> i32 {
        Self::width(band) << self.size
    }

    /// Lines of a band in a frame of 2.5 ms.
    pub(super) fn width(band: usize) -> i32 {
        EDGES[band + 1] - EDGES[band]
    }

    /// The most each band can be given, in eighths of a bit.
    pub(super) fn caps(self) -> [i32; BANDS] {
        let row = &CAPS[self.size][self.channels - 1];
        core::array::from_fn(|band| ((i32::from(row[band]) + 64) * self.channels as i32 * self.lines(band)) >> 2)
    }
}
