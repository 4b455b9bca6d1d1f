//! What an Ogg file begins with, read without its checksums.

use crate::verdict::Verdict;

use super::head::{HeadError, MAGIC, MAGIC_BYTES};
use super::page::{FIXED_BYTES, PageHeader, Recognised, SEGMENTS_MAX};

/// The most bytes that [`first_page`] reads.
pub(crate) const FIRST_PAGE_BYTES: usize = FIXED_BYTES + SEGMENTS_MAX + MAGIC_BYTES;

/// The first page of a logical stream.
pub(crate) struct FirstPage {
    pub(crate) page_bytes: u64,
    /// What is on it in place of `OpusHead`.
    pub(crate) other: Option<HeadError>,
}

/// Does the window begin with the first page of a logical stream, and of which codec?
pub(crate) fn first_page(window: &[u8]) -> Verdict<FirstPage> {
    let header = match PageHeader::recognise(window) {
        Recognised::Header(header) if header.first => header,
        Recognised::Need(bytes) => return Verdict::Need(bytes),
        _ => return Verdict::No,
    };
    let behind = header.header_bytes();
    let magic_bytes = MAGIC_BYTES.min(header.page_bytes() - behind);
    let Some(packet) = window.get(behind..behind + magic_bytes) else {
        return Verdict::Need(behind + magic_bytes);
    };
    let other = (packet != MAGIC).then(|| HeadError::of_other_codec(packet));
    Verdict::Yes(FirstPage { page_bytes: header.page_bytes() as u64, other })
}
