//! Files as they are found: tags of every kind around streams that are joined. Each frame is a block, each tag is skipped
//! as what it is, whatever it holds.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;
mod jpeg_common;

use common::{Piece, ape, cut_chunks, cut_slice, frames, id3v1, id3v2, table_of_contents};
use jpeg_common::Random;
use proptest::collection::vec;
use proptest::prelude::*;
use tempest_blocks::mp3::{FrameHeader, SkipReason};

/// Bytes, and what they are: a frame, or skipped.
type Part = (Option<SkipReason>, Vec<u8>);

/// What a tag may hold: anything, a picture full of frames, other tags.
fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..600),
        (1..9_usize).prop_map(|count| frames(common::MPEG1, count)),
        Just([id3v2(&[0; 9], false), frames(common::MPEG2_MONO, 3), id3v1(), ape(32, true)].concat()),
    ]
}

/// ID3v2.2, 2.3 or 2.4, the last with a footer if wanted.
fn id3v2_tag() -> impl Strategy<Value = Part> {
    (2..5_u8, body(), any::<bool>()).prop_map(|(version, body, footer)| {
        let mut tag = id3v2(&body, footer && version == 4);
        tag[3] = version;
        (Some(SkipReason::Id3v2), tag)
    })
}

fn id3v1_tag() -> impl Strategy<Value = Part> {
    vec(any::<u8>(), 125).prop_map(|text| (Some(SkipReason::Id3v1), [b"TAG", &text[..]].concat()))
}

fn ape_tag() -> impl Strategy<Value = Part> {
    body().prop_map(|items| {
        let size = items.len() as u32 + 32;
        (Some(SkipReason::ApeV2), [ape(size, true), items, ape(size, false)].concat())
    })
}

/// Frames of one version and sample rate; bit rate, padding, CRC and mode change from one to the next. The first may hold a
/// table of contents.
fn stream() -> impl Strategy<Value = Vec<Part>> {
    let kind =
        prop::sample::select(vec![0xFFFB_0000_u32, 0xFFFB_0400, 0xFFFB_0800, 0xFFF3_0000, 0xFFF3_0800, 0xFFE3_0400]);
    let word = (4..15_u32, any::<bool>(), any::<bool>(), 0..16_u32).prop_map(|(bitrate, padding, crc, mode)| {
        u32::from(crc) << 16 | bitrate << 12 | u32::from(padding) << 9 | mode << 4
    });
    let magic = prop::option::of(prop::sample::select(vec![*b"Xing", *b"Info", *b"VBRI"]));
    (kind, vec(word, 2..8), magic, any::<u32>()).prop_map(|(kind, words, magic, seed)| {
        let mut random = Random(u64::from(seed) + 1);
        let contents = magic.map(|magic| contents(kind ^ words[0], &magic));
        let of_word = |word: u32| {
            let mut frame = (kind ^ word).to_be_bytes().to_vec();
            // Nothing that begins a header or a tag.
            frame.resize_with(FrameHeader::parse(kind ^ word).unwrap().frame_bytes(), || random.below(0x40) as u8);
            (None, frame)
        };
        contents.into_iter().chain(words.into_iter().map(of_word).collect::<Vec<_>>()).collect()
    })
}

fn contents(word: u32, magic: &[u8; 4]) -> Part {
    let header = FrameHeader::parse(word).unwrap();
    let vbri = magic == b"VBRI";
    let at = if vbri { 36 } else { header.main_data_offset() };
    let reason = if vbri { SkipReason::Vbri } else { SkipReason::Xing };
    (Some(reason), table_of_contents(word, magic, at))
}

/// Streams with tags before and behind.
fn file() -> impl Strategy<Value = Vec<Part>> {
    let before = vec(id3v2_tag(), 0..3);
    let behind = vec(prop_oneof![ape_tag(), id3v1_tag(), id3v2_tag()], 0..3);
    let tagged = (before, stream(), behind).prop_map(|(before, stream, behind)| [before, stream, behind].concat());
    vec(tagged, 1..4).prop_map(|streams| streams.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn files_are_cut_into_what_they_are_made_of(parts in file(), sizes in vec(1..2000_usize, 1..5)) {
        let file: Vec<u8> = parts.iter().flat_map(|(_, bytes)| bytes).copied().collect();
        let (pieces, diagnosis) = cut_slice(&file);
        prop_assert_eq!(cut_chunks(&file, &sizes), (pieces.clone(), diagnosis));
        let found: Vec<Part> = pieces.into_iter().map(|piece| match piece {
            Piece::Block { bytes, .. } => (None, bytes),
            Piece::Skipped(run) => (Some(run.reason), file[run.offset as usize..][..run.bytes as usize].to_vec()),
        }).collect();
        let outline = |parts: &[Part]| parts.iter().map(|(reason, bytes)| (*reason, bytes.len())).collect::<Vec<_>>();
        prop_assert_eq!(outline(&found), outline(&parts));
        prop_assert_eq!(found, parts);
    }
}
