//! Where a stream may be entered: a header alone is weak evidence, so it must lead to something.

use super::header::{FrameHeader, HEADER_BYTES};
use super::tag;
use super::verdict::Verdict;

/// The first byte of a header, and of the tags looked for in garbage.
pub(super) fn may_anchor(byte: &u8) -> bool {
    matches!(byte, 0xFF | b'I' | b'A')
}

/// May a stream start here, in the midst of garbage? `TAG` is too short to be believed there.
pub(super) fn anchor(window: &[u8], end: bool) -> Verdict<()> {
    match tag::recognise(window).at_end(end) {
        Verdict::No => confirmed(window, end).at_end(end).map(|_| ()),
        verdict => verdict.map(|_| ()),
    }
}

/// A frame that leads to a second header of the same stream, to a tag, or exactly to the end.
pub(super) fn confirmed(window: &[u8], end: bool) -> Verdict<FrameHeader> {
    if !begins_like_a_header(window) {
        return Verdict::No;
    }
    let Some(first) = word(window) else { return Verdict::Need(HEADER_BYTES) };
    let Ok(header) = FrameHeader::parse(first) else { return Verdict::No };
    let frame_bytes = header.frame_bytes();
    if end && window.len() == frame_bytes {
        return Verdict::Yes(header);
    }
    let behind = window.get(frame_bytes..).unwrap_or_default();
    let Some(second) = word(behind) else { return Verdict::Need(frame_bytes + HEADER_BYTES) };
    if FrameHeader::parse(second).is_ok_and(|second| second.same_stream(header)) {
        return Verdict::Yes(header);
    }
    match tag::recognise(behind) {
        Verdict::Yes(_) => Verdict::Yes(header),
        Verdict::Need(bytes) => Verdict::Need(frame_bytes + bytes),
        Verdict::No => Verdict::No,
    }
}

/// The frame sync, as far as the window goes.
pub(super) fn begins_like_a_header(window: &[u8]) -> bool {
    window.first().is_none_or(|&byte| byte == 0xFF) && window.get(1).is_none_or(|&byte| byte >= 0xE0)
}

/// The first four bytes of the window as a header word.
pub(super) fn word(window: &[u8]) -> Option<u32> {
    window.first_chunk().copied().map(u32::from_be_bytes)
}
