//! Builds small MP3 streams by hand and describes what they are cut into.

#![allow(dead_code, reason = "each test binary uses its own part")]

#[path = "../shared/mod.rs"]
#[allow(clippy::duplicate_mod, reason = "a test of several formats has it for each")]
pub mod shared;

use tempest_blocks::mp3::{self, Block, Cutter, Event, FrameHeader, Skipped, StreamError};

/// 128 kbit/s, 44.1 kHz, stereo: 417 bytes.
pub const MPEG1: u32 = 0xFFFB_9000;
/// The same with padding: 418 bytes.
pub const MPEG1_PADDED: u32 = 0xFFFB_9200;
/// The same as `MPEG1` in mono: 417 bytes, 17 of side information.
pub const MPEG1_MONO: u32 = 0xFFFB_90C0;
/// The same as `MPEG1` with a CRC: 417 bytes.
pub const MPEG1_CRC: u32 = 0xFFFA_9000;
/// MPEG-1, 128 kbit/s, 48 kHz, stereo: 384 bytes.
pub const MPEG1_48K: u32 = 0xFFFB_9400;
/// 32 kbit/s, 16 kHz, mono: 144 bytes.
pub const MPEG2_MONO: u32 = 0xFFF3_48C0;
/// 8 kbit/s, 8 kHz, mono: 72 bytes.
pub const MPEG25_MONO: u32 = 0xFFE3_18C0;
/// MPEG-1 Layer II, 128 kbit/s, 44.1 kHz, stereo: 417 bytes.
pub const LAYER_II: u32 = 0xFFFD_8000;
/// MPEG-1 Layer III, free format, 44.1 kHz, stereo.
pub const FREE_FORMAT: u32 = 0xFFFB_0000;

/// A frame of zero side information whose main data has no byte in common with a header or tag.
pub fn frame(word: u32) -> Vec<u8> {
    let header = FrameHeader::parse(word).unwrap();
    let mut frame = vec![0x55; header.frame_bytes()];
    frame[..4].copy_from_slice(&word.to_be_bytes());
    frame[4..header.side_info_offset() + header.side_info_bytes()].fill(0);
    frame
}

/// `count` frames in a row.
pub fn frames(word: u32, count: usize) -> Vec<u8> {
    frame(word).repeat(count)
}

/// Bytes that begin with the word, for kinds of frame this crate does not cut.
pub fn foreign(word: u32, bytes: usize) -> Vec<u8> {
    let mut frame = vec![0x55; bytes];
    frame[..4].copy_from_slice(&word.to_be_bytes());
    frame
}

/// A frame that holds a table of contents `magic` at `at`.
pub fn table_of_contents(word: u32, magic: &[u8; 4], at: usize) -> Vec<u8> {
    let mut frame = frame(word);
    frame[4..].fill(0);
    frame[at..at + 4].copy_from_slice(magic);
    frame
}

/// An ID3v2.4 tag around `body`.
pub fn id3v2(body: &[u8], footer: bool) -> Vec<u8> {
    let size = body.len() as u32;
    let syncsafe = [size >> 21, size >> 14, size >> 7, size].map(|seven| seven as u8 & 0x7F);
    let flags = if footer { 0x10 } else { 0 };
    let mut tag = [b"ID3\x04\x00".as_slice(), &[flags], &syncsafe, body].concat();
    if footer {
        tag.extend([b"3DI\x04\x00".as_slice(), &[flags], &syncsafe].concat());
    }
    tag
}

pub fn id3v1() -> Vec<u8> {
    let mut tag = vec![b' '; 128];
    tag[..3].copy_from_slice(b"TAG");
    tag
}

/// A Lyrics3 tag; `end` is `LYRICSEND`, or a size and `LYRICS200`.
pub fn lyrics3(text: &str, end: &str) -> Vec<u8> {
    format!("LYRICSBEGIN{text}{end}").into_bytes()
}

/// Header (if `is_header`) or footer of an APEv2 tag whose items and footer take `size` bytes.
pub fn ape(size: u32, is_header: bool) -> Vec<u8> {
    let flags: u32 = if is_header { 0xA000_0000 } else { 0x8000_0000 };
    let numbers = [2000, size, 1, flags, 0, 0].map(u32::to_le_bytes);
    [b"APETAGEX".as_slice(), numbers.as_flattened()].concat()
}

/// Where a granule and channel begins in the side information, in bits.
pub fn part_offset(header: FrameHeader, nth: usize) -> usize {
    match (header.granules(), header.channels()) {
        (2, 1) => 18 + 59 * nth,
        (2, _) => 20 + 59 * nth,
        (_, 1) => 9 + 63 * nth,
        _ => 10 + 63 * nth,
    }
}

/// Writes a number of `width` bits over those from `at` on.
pub fn put(bytes: &mut [u8], at: usize, width: usize, value: usize) {
    for bit in 0..width {
        let mask = 0x80 >> ((at + bit) % 8);
        let byte = &mut bytes[(at + bit) / 8];
        *byte = *byte & !mask | if value >> (width - 1 - bit) & 1 == 1 { mask } else { 0 };
    }
}

/// An event that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Block { header: FrameHeader, bytes: Vec<u8>, offset: u64, sequence: u64, truncated: bool },
    Skipped(Skipped),
}

impl From<Block<'_>> for Piece {
    fn from(block: Block<'_>) -> Self {
        let Block { header, bytes, offset, sequence, truncated } = block;
        Self::Block { header, bytes: bytes.to_vec(), offset, sequence, truncated }
    }
}

impl From<Event<'_>> for Piece {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Block(block) => block.into(),
            Event::Skipped(skipped) => Self::Skipped(skipped),
        }
    }
}

/// What the slice iterator makes of the stream.
pub fn cut_slice(data: &[u8]) -> (Vec<Piece>, Option<StreamError>) {
    let mut events = mp3::events(data);
    let pieces = events.by_ref().map(Piece::from).collect();
    (pieces, events.diagnosis())
}

/// What the cutter makes of the stream, in chunks of these sizes over and over.
pub fn cut_chunks(data: &[u8], sizes: &[usize]) -> (Vec<Piece>, Option<StreamError>) {
    let mut cutter = Cutter::new();
    (shared::cut_chunks(&mut cutter, data, sizes), cutter.diagnosis())
}

/// Every byte is in exactly one piece, in order, blocks hold their bytes and are numbered.
pub fn assert_accounted(data: &[u8], pieces: &[Piece]) {
    let (mut at, mut blocks) = (0, 0);
    for piece in pieces {
        match piece {
            Piece::Block { header, bytes, offset, sequence, truncated } => {
                assert_eq!((*offset, *sequence), (at, blocks));
                assert_eq!(data[at as usize..at as usize + bytes.len()], bytes[..]);
                assert_eq!(header.word().to_be_bytes(), bytes[..4]);
                assert_eq!(*truncated, bytes.len() < header.frame_bytes());
                at += bytes.len() as u64;
                blocks += 1;
            }
            Piece::Skipped(skipped) => {
                assert_eq!(skipped.offset, at);
                assert_ne!(skipped.bytes, 0);
                at += skipped.bytes;
            }
        }
    }
    assert_eq!(at, data.len() as u64);
}

/// The stream in words: `ID3v2 tag 20, 3 x block 417, garbage 5`. Checks on the way that slice and chunks agree.
pub fn outline(data: &[u8]) -> String {
    let (pieces, diagnosis) = cut_slice(data);
    assert_accounted(data, &pieces);
    for sizes in [[1, 1, 1], [3, 5, 7], [416, 417, 418], [4096, 1, 4096]] {
        assert_eq!(cut_chunks(data, &sizes), (pieces.clone(), diagnosis), "in chunks of {sizes:?}");
    }
    shared::in_words(pieces.iter().map(|piece| {
        let (what, bytes, truncated) = match piece {
            Piece::Block { bytes, truncated, .. } => ("block".to_owned(), bytes.len() as u64, *truncated),
            Piece::Skipped(skipped) => (skipped.reason.to_string(), skipped.bytes, skipped.truncated),
        };
        format!("{what} {bytes}{}", if truncated { " truncated" } else { "" })
    }))
}

/// Why the stream gave no blocks, in words.
pub fn diagnosis(data: &[u8]) -> Option<String> {
    outline(data);
    cut_slice(data).1.map(|error| error.to_string())
}
