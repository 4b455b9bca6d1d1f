//! Writes small Ogg files by hand and describes what they are cut into.

#![allow(dead_code, reason = "each test binary uses its own part")]

#[path = "../shared/mod.rs"]
#[allow(clippy::duplicate_mod, reason = "a test of several formats has it for each")]
pub mod shared;

use tempest_blocks::opus::{self, Block, Cutter, Event, Events, Skipped};

pub const CONTINUED: u8 = 1;
pub const FIRST: u8 = 2;
pub const LAST: u8 = 4;
/// No packet ends on the page.
pub const NONE: u64 = u64::MAX;
pub const SERIAL: u32 = 7;
/// CELT, full band, 20 ms, mono, one frame: 960 samples.
pub const TOC: u8 = 0xF8;

/// The checksum of a page, bit by bit.
pub fn checksum(page: &[u8]) -> u32 {
    page.iter().flat_map(|byte| (0..8).rev().map(move |bit| u32::from(byte >> bit & 1))).fold(0, |crc, bit| {
        let out = crc >> 31 ^ bit;
        crc << 1 ^ if out == 1 { 0x04C1_1DB7 } else { 0 }
    })
}

/// A page from its parts, whatever they are.
pub fn raw_page(serial: u32, number: u32, flags: u8, granule: u64, lacing: &[u8], body: &[u8]) -> Vec<u8> {
    let mut page = b"OggS\0".to_vec();
    page.push(flags);
    page.extend(granule.to_le_bytes());
    page.extend(serial.to_le_bytes());
    page.extend(number.to_le_bytes());
    page.extend([0; 4]);
    page.push(lacing.len() as u8);
    page.extend(lacing);
    page.extend(body);
    let crc = checksum(&page);
    page[22..26].copy_from_slice(&crc.to_le_bytes());
    page
}

/// A page of whole packets.
pub fn page(number: u32, flags: u8, granule: u64, packets: &[Vec<u8>]) -> Vec<u8> {
    let lacing: Vec<u8> = packets.iter().flat_map(|packet| lacing(packet.len())).collect();
    raw_page(SERIAL, number, flags, granule, &lacing, &packets.concat())
}

pub fn lacing(bytes: usize) -> Vec<u8> {
    let mut lacing = vec![255; bytes / 255];
    lacing.push((bytes % 255) as u8);
    lacing
}

/// One logical stream, packet by packet, onto pages of at most so many segments.
pub struct Writer {
    pub serial: u32,
    pub number: u32,
    pub segments: usize,
    pub granule: u64,
    flags: u8,
    lacing: Vec<u8>,
    body: Vec<u8>,
    ended: Option<u64>,
    pub out: Vec<u8>,
}

impl Writer {
    pub fn new(serial: u32, segments: usize) -> Self {
        Self {
            serial,
            number: 0,
            segments,
            granule: 0,
            flags: FIRST,
            lacing: vec![],
            body: vec![],
            ended: None,
            out: vec![],
        }
    }

    /// With `OpusHead` and `OpusTags` written.
    pub fn opus(serial: u32, segments: usize, tags: usize) -> Self {
        let mut writer = Self::new(serial, segments);
        writer.packet(&head(1, 312), 0);
        writer.flush(0);
        writer.packet(&tags_packet(tags), 0);
        writer.flush(0);
        writer
    }

    pub fn packet(&mut self, packet: &[u8], samples: u64) {
        let mut rest = packet;
        for segment in lacing(packet.len()) {
            if self.lacing.len() == self.segments {
                self.flush(0);
                self.flags |= if rest.len() < packet.len() { CONTINUED } else { 0 };
            }
            let (body, behind) = rest.split_at(segment.into());
            self.body.extend(body);
            self.lacing.push(segment);
            rest = behind;
        }
        self.granule += samples;
        self.ended = Some(self.granule);
    }

    pub fn flush(&mut self, flags: u8) {
        let granule = self.ended.take().unwrap_or(NONE);
        self.out.extend(raw_page(self.serial, self.number, self.flags | flags, granule, &self.lacing, &self.body));
        self.number += 1;
        self.flags = 0;
        self.lacing.clear();
        self.body.clear();
    }

    pub fn finish(mut self) -> Vec<u8> {
        self.flush(LAST);
        self.out
    }
}

pub fn head(channels: u8, pre_skip: u16) -> Vec<u8> {
    let mut head = b"OpusHead\x01".to_vec();
    head.push(channels);
    head.extend(pre_skip.to_le_bytes());
    head.extend(48_000_u32.to_le_bytes());
    head.extend([0; 3]);
    head
}

pub fn tags_packet(bytes: usize) -> Vec<u8> {
    let mut tags = b"OpusTags".to_vec();
    tags.resize(bytes.max(8), b't');
    tags
}

/// A packet of one frame, 20 ms, of `bytes` in all.
pub fn packet(bytes: usize) -> Vec<u8> {
    let mut packet: Vec<u8> = (0..bytes).map(|at| (at % 251) as u8 ^ 0x80).collect();
    if let Some(toc) = packet.first_mut() {
        *toc = TOC;
    }
    packet
}

/// Head page and tags page.
pub fn headers() -> Vec<u8> {
    [page(0, FIRST, 0, &[head(1, 312)]), page(1, 0, 0, &[tags_packet(20)])].concat()
}

/// An event that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Block {
        bytes: Vec<u8>,
        packet_bytes: u64,
        offset: u64,
        sequence: u64,
        link: u32,
        duration: u32,
        position: Option<i64>,
        trimmed: u32,
        lost_pages: u32,
        verified: bool,
        truncated: bool,
        frames: Result<Vec<Vec<u8>>, opus::PacketError>,
        row: Option<Vec<i32>>,
    },
    Skipped(Skipped),
}

impl From<Block<'_>> for Piece {
    fn from(block: Block<'_>) -> Self {
        let Block {
            bytes,
            packet_bytes,
            offset,
            sequence,
            link,
            duration,
            position,
            trimmed,
            lost_pages,
            verified,
            truncated,
            ..
        } = block;
        let frames = block
            .packet()
            .map(|packet| packet.frames().map(|frame| frame.bytes.parts().flatten().copied().collect()).collect());
        let mut row = vec![0; opus::fields::ROW_LEN];
        let row = opus::fields::write(&block, &mut row).ok().map(|()| row);
        let mut copied = vec![0; bytes.len()];
        assert_eq!(bytes.copy_to(&mut copied), bytes.len());
        for (at, &byte) in copied.iter().enumerate().take(600) {
            assert_eq!(bytes.get(at), Some(byte));
        }
        assert_eq!(bytes.get(bytes.len()), None);
        Self::Block {
            bytes: copied,
            packet_bytes,
            offset,
            sequence,
            link,
            duration,
            position,
            trimmed,
            lost_pages,
            verified,
            truncated,
            frames,
            row,
        }
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

pub fn cut_slice(data: &[u8]) -> Vec<Piece> {
    opus::events(data).map(Piece::from).collect()
}

/// What the cutter makes of the stream, in chunks of these sizes over and over. Its packets are in one piece.
pub fn cut_chunks<const HELD: usize>(data: &[u8], sizes: &[usize]) -> Vec<Piece> {
    let pieces: Vec<FromCutter> = shared::cut_chunks(&mut Cutter::<HELD>::holding(), data, sizes);
    pieces.into_iter().map(|FromCutter(piece)| piece).collect()
}

struct FromCutter(Piece);

impl From<Event<'_>> for FromCutter {
    fn from(event: Event<'_>) -> Self {
        assert!(!matches!(event, Event::Block(block) if block.bytes.as_slice().is_none()));
        Self(event.into())
    }
}

/// Every byte is in exactly one piece: their sum is the stream's, and those that lie in one run are disjoint. Blocks
/// hold the stream's bytes and are numbered.
pub fn assert_accounted(data: &[u8], pieces: &[Piece]) {
    use opus::SkipReason::{LostEnd, LostStart, OpusTags};
    let (mut bytes, mut blocks, mut taken) = (0, 0, vec![false; data.len()]);
    let mut take = |offset: u64, bytes: u64| {
        for taken in &mut taken[offset as usize..(offset + bytes) as usize] {
            assert!(!*taken, "bytes {offset} + {bytes} are in two pieces");
            *taken = true;
        }
    };
    for piece in pieces {
        match piece {
            Piece::Block { bytes: given, packet_bytes, offset, sequence, truncated, .. } => {
                assert_eq!(*sequence, blocks);
                assert_eq!(*truncated, given.len() as u64 != *packet_bytes);
                let in_one_run = data[*offset as usize..].starts_with(given);
                assert!(in_one_run || given.len() >= 255 && data[*offset as usize..].starts_with(&given[..255]));
                if in_one_run && !truncated {
                    take(*offset, *packet_bytes);
                }
                bytes += packet_bytes;
                blocks += 1;
            }
            Piece::Skipped(skipped) => {
                assert_ne!(skipped.bytes, 0, "{skipped:?}");
                if !matches!(skipped.reason, LostStart | LostEnd | OpusTags) {
                    take(skipped.offset, skipped.bytes);
                }
                bytes += skipped.bytes;
            }
        }
    }
    assert_eq!(bytes, data.len() as u64, "{pieces:?}");
}

/// Checks that the slice and the cutter agree, for each size of cutter, and gives the slice's pieces.
pub fn cut_alike(data: &[u8], sizes: &[usize]) -> Vec<Piece> {
    let pieces = cut_slice(data);
    assert_accounted(data, &pieces);
    assert_eq!(cut_chunks::<{ opus::MAX_PAGE_BYTES }>(data, sizes), pieces, "in chunks of {sizes:?}");
    let small: Vec<Piece> = Events::like_cutter::<{ opus::HELD_BYTES }>(data).map(Piece::from).collect();
    assert_accounted(data, &small);
    assert_eq!(cut_chunks::<{ opus::HELD_BYTES }>(data, sizes), small, "in chunks of {sizes:?}");
    pieces
}

/// The stream in words: `OpusHead 19, 3 x block 100, garbage 5`, page headers left out.
pub fn outline(data: &[u8]) -> String {
    let mut pieces = Vec::new();
    for sizes in [[1, 1, 1], [3, 5, 7], [26, 27, 28], [4096, 1, 4096], [100_000, 1, 1]] {
        pieces = cut_alike(data, &sizes);
    }
    describe(&pieces)
}

/// The same as a small cutter sees it.
pub fn small_outline(data: &[u8]) -> String {
    outline(data);
    describe(&Events::like_cutter::<{ opus::HELD_BYTES }>(data).map(Piece::from).collect::<Vec<_>>())
}

/// The pieces in words.
pub fn describe(pieces: &[Piece]) -> String {
    let word = |piece: &Piece| {
        Some(match piece {
            Piece::Block { packet_bytes, truncated, lost_pages, verified, .. } => format!(
                "block {packet_bytes}{}{}{}",
                if *truncated { " truncated" } else { "" },
                if *lost_pages > 0 { format!(" after {lost_pages} lost") } else { String::new() },
                if *verified { "" } else { " unverified" }
            ),
            Piece::Skipped(skipped) if skipped.reason == opus::SkipReason::PageHeader && !skipped.truncated => {
                return None;
            }
            Piece::Skipped(skipped) => {
                format!("{} {}{}", skipped.reason, skipped.bytes, if skipped.truncated { " truncated" } else { "" })
            }
        })
    };
    shared::in_words(pieces.iter().filter_map(word))
}

/// Position, duration and trimmed samples of every block.
pub fn times(data: &[u8]) -> Vec<(Option<i64>, u32, u32)> {
    let times = |block: Block<'_>| (block.position, block.duration, block.trimmed);
    opus::blocks(data).map(times).collect()
}
