//! Recognises what is in an MP3 file beside audio: tags, and frames that only hold a table of contents.

use crate::verdict::Verdict;

use super::block::SkipReason;
use super::header::{FrameHeader, HEADER_BYTES};

/// A tag and how long it says it is, at least its own header; `None` if that stands only at its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag {
    pub(super) reason: SkipReason,
    pub(super) bytes: Option<u64>,
}

/// Bytes that decide about any tag: an APEv2 header.
pub(super) const TAG_HEADER_BYTES: usize = APE_HEADER_BYTES;

const ID3V2_HEADER_BYTES: usize = 10;
const ID3V1_BYTES: u64 = 128;
const APE_HEADER_BYTES: usize = 32;
pub(super) const LYRICS3_BEGIN: &[u8; 11] = b"LYRICSBEGIN";
pub(super) const LYRICS3_END_BYTES: usize = 9;
/// The size of an APEv2 tag is any 32-bit number, and its signature may turn up in garbage; a larger tag than this is
/// taken for such a case, so that it cannot swallow the stream. (ID3v2 stops at 256 MiB by itself.)
const APE_BYTES_MAX: u32 = 16 << 20;

/// Is there a tag at the start of the window?
pub(super) fn recognise(window: &[u8]) -> Verdict<Tag> {
    match window.first() {
        None => Verdict::Need(1),
        Some(b'I') => id3v2(window),
        Some(b'T') => id3v1(window),
        Some(b'A') => ape_v2(window),
        Some(b'L') => lyrics3(window),
        Some(_) => Verdict::No,
    }
}

/// ID3v2: `ID3`, version, revision (not 0xFF), flags, and a size of four times seven bits that does not count the
/// header and, if flagged, the footer (id3v2.4.0-structure, 3.1 and 3.4). Versions 2 to 4 exist, and none uses the low
/// four flags: so much must be right, lest three letters in garbage swallow the stream behind them.
fn id3v2(window: &[u8]) -> Verdict<Tag> {
    if !begins_like(window, b"ID3") {
        return Verdict::No;
    }
    let Some(&[_, _, _, version, revision, flags, s3, s2, s1, s0]) = window.first_chunk::<ID3V2_HEADER_BYTES>() else {
        return Verdict::Need(ID3V2_HEADER_BYTES);
    };
    if !matches!(version, 2..=4) || revision == 0xFF || flags & 0x0F != 0 || (s3 | s2 | s1 | s0) & 0x80 != 0 {
        return Verdict::No;
    }
    let body = [s3, s2, s1, s0].iter().fold(0_u64, |size, &seven| size << 7 | u64::from(seven));
    let footer = if flags & 0x10 == 0 { 0 } else { ID3V2_HEADER_BYTES as u64 };
    Verdict::Yes(Tag { reason: SkipReason::Id3v2, bytes: Some(ID3V2_HEADER_BYTES as u64 + body + footer) })
}

/// ID3v1: `TAG` and 125 bytes of text.
fn id3v1(window: &[u8]) -> Verdict<Tag> {
    begins_with(window, b"TAG").map(|()| Tag { reason: SkipReason::Id3v1, bytes: Some(ID3V1_BYTES) })
}

/// APEv2: `APETAGEX`, then little-endian version, size of items and footer, item count and flags, then eight zeros.
/// Header and footer look alike but for flag 29, which says "this is the header".
fn ape_v2(window: &[u8]) -> Verdict<Tag> {
    if !begins_like(window, b"APETAGEX") {
        return Verdict::No;
    }
    let Some(header) = window.first_chunk::<APE_HEADER_BYTES>() else {
        return Verdict::Need(APE_HEADER_BYTES);
    };
    let [.., s0, s1, s2, s3, _, _, _, _, f0, f1, f2, f3, z0, z1, z2, z3, z4, z5, z6, z7] = *header;
    let size = u32::from_le_bytes([s0, s1, s2, s3]);
    let is_header = u32::from_le_bytes([f0, f1, f2, f3]) & 1 << 29 != 0;
    if z0 | z1 | z2 | z3 | z4 | z5 | z6 | z7 != 0 || size > APE_BYTES_MAX {
        return Verdict::No;
    }
    let body = if is_header { u64::from(size) } else { 0 };
    Verdict::Yes(Tag { reason: SkipReason::ApeV2, bytes: Some(APE_HEADER_BYTES as u64 + body) })
}

/// Lyrics3 of either version: `LYRICSBEGIN`, text, and [`lyrics3_end`].
fn lyrics3(window: &[u8]) -> Verdict<Tag> {
    begins_with(window, LYRICS3_BEGIN).map(|()| Tag { reason: SkipReason::Lyrics3, bytes: None })
}

/// What a Lyrics3 tag ends with: `LYRICSEND` in version 1, `LYRICS200` in version 2.
pub(super) fn lyrics3_end(window: &[u8]) -> Verdict<()> {
    match begins_with(window, b"LYRICSEND") {
        Verdict::No => begins_with(window, b"LYRICS200"),
        verdict => verdict,
    }
}

/// Whether the window begins with `magic`.
fn begins_with(window: &[u8], magic: &[u8]) -> Verdict<()> {
    match begins_like(window, magic) {
        false => Verdict::No,
        true if window.len() < magic.len() => Verdict::Need(magic.len()),
        true => Verdict::Yes(()),
    }
}

/// Whether the window begins with `magic`, as far as either goes.
fn begins_like(window: &[u8], magic: &[u8]) -> bool {
    window.iter().zip(magic).all(|(byte, expected)| byte == expected)
}

/// Does the frame hold a table of contents in place of audio?
///
/// `Xing` (`Info` if the bit rate is constant) stands behind the side information, reckoned without a CRC by LAME and
/// with it by others; `VBRI` stands 32 bytes behind the header. The first frame of a stream is believed at that; a
/// later one, found in files that were joined, must have all-zero side information too: no audio at all.
pub(super) fn table_of_contents(header: FrameHeader, frame: &[u8], first: bool) -> Option<SkipReason> {
    let behind_side_info = HEADER_BYTES + header.side_info_bytes();
    let candidates = [
        (behind_side_info, SkipReason::Xing),
        (header.side_info_offset() + header.side_info_bytes(), SkipReason::Xing),
        (HEADER_BYTES + 32, SkipReason::Vbri),
    ];
    let (at, reason) = candidates.into_iter().find(|&(at, reason)| {
        matches!(
            (frame.get(at..at + 4), reason),
            (Some(b"Xing" | b"Info"), SkipReason::Xing) | (Some(b"VBRI"), SkipReason::Vbri)
        )
    })?;
    let silent = || frame.get(header.side_info_offset()..at).is_some_and(|side| side.iter().all(|&byte| byte == 0));
    (first || silent()).then_some(reason)
}
