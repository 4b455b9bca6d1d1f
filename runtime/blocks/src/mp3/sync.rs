//! Where a stream may be entered: a header alone is weak evidence, so it must lead to something.

use crate::verdict::Verdict;

use super::header::{FrameHeader, HEADER_BYTES};
use super::tag;

/// The first byte of a header, and of the tags looked for in garbage.
pub(super) fn may_anchor(byte: &u8) -> bool {
    matches!(byte, 0xFF | b'I' | b'A' | b'L')
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
    match leads_to(header, behind) {
        Verdict::Need(bytes) => Verdict::Need(frame_bytes + bytes),
        verdict => verdict.map(|()| header),
    }
}

/// Is what follows a frame a second header of the same stream, or a tag?
pub(crate) fn leads_to(header: FrameHeader, behind: &[u8]) -> Verdict<()> {
    let Some(second) = word(behind) else { return Verdict::Need(HEADER_BYTES) };
    if FrameHeader::parse(second).is_ok_and(|second| second.same_stream(header)) {
        return Verdict::Yes(());
    }
    tag::recognise(behind).map(|_| ())
}

/// What an MP3 stream may begin with.
pub(crate) enum Start {
    /// A tag of so many bytes, if it says so at its start.
    Tag(Option<u64>),
    /// A frame, if what follows it shows that it is one: see [`leads_to`].
    Frame(FrameHeader),
}

/// Does the window begin with a tag, or with what may be a frame?
pub(crate) fn start(window: &[u8]) -> Verdict<Start> {
    match tag::recognise(window) {
        Verdict::No if !begins_like_a_header(window) => Verdict::No,
        Verdict::No => match word(window).map(FrameHeader::parse) {
            Some(Ok(header)) => Verdict::Yes(Start::Frame(header)),
            Some(Err(_)) => Verdict::No,
            None => Verdict::Need(HEADER_BYTES),
        },
        verdict => verdict.map(|tag| Start::Tag(tag.bytes)),
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
