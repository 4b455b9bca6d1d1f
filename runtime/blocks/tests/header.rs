//! Every header there is, against the standard's tables written down a second time.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use tempest_blocks::ErrorClass;
use tempest_blocks::mp3::{ChannelMode, FrameHeader, HeaderError, MAX_FRAME_BYTES, Version};

/// Bit rates in kbit/s for MPEG-1, then for MPEG-2 and 2.5, one line for each `bitrate_index` 1..=14.
const BITRATES: &str = "32 8, 40 16, 48 24, 56 32, 64 40, 80 48, 96 56, 112 64, 128 80, 160 96, 192 112, 224 128, \
                        256 144, 320 160";

fn bitrates() -> Vec<[u64; 2]> {
    let pair = |pair: &str| {
        let numbers: Vec<u64> = pair.split_whitespace().map(|n| n.parse().unwrap()).collect();
        [numbers[0], numbers[1]]
    };
    BITRATES.split(',').map(pair).collect()
}

/// Binary digits of the word from bit `from` (0 is the first sent) on.
fn bits(word: u32, from: usize, width: usize) -> usize {
    (word as usize >> (32 - from - width)) & ((1 << width) - 1)
}

struct Expected {
    version: Version,
    kbps: u64,
    hz: u64,
    channels: u8,
    granules: u8,
    side_info: usize,
    frame: u64,
}

fn expected(word: u32, bitrates: &[[u64; 2]]) -> Result<Expected, HeaderError> {
    let (version, column, hz) = match bits(word, 11, 2) {
        0 => (Version::Mpeg25, 1, [11025, 12000, 8000]),
        1 => return Err(HeaderError::ReservedVersion),
        2 => (Version::Mpeg2, 1, [22050, 24000, 16000]),
        _ => (Version::Mpeg1, 0, [44100, 48000, 32000]),
    };
    match bits(word, 13, 2) {
        0 => return Err(HeaderError::ReservedLayer),
        1 => {}
        2 => return Err(HeaderError::LayerII),
        _ => return Err(HeaderError::LayerI),
    }
    let index = bits(word, 16, 4);
    if index == 15 {
        return Err(HeaderError::BadBitrateIndex);
    }
    let hz = *hz.get(bits(word, 20, 2)).ok_or(HeaderError::ReservedSampleRate)?;
    if bits(word, 30, 2) == 2 {
        return Err(HeaderError::ReservedEmphasis);
    }
    let kbps = bitrates.get(index.wrapping_sub(1)).ok_or(HeaderError::FreeFormat)?[column];
    let mono = bits(word, 24, 2) == 3;
    let mpeg1 = version == Version::Mpeg1;
    let frame = if mpeg1 { 144_000 } else { 72_000 } * kbps / hz + bits(word, 22, 1) as u64;
    let side_info = match (mpeg1, mono) {
        (true, false) => 32,
        (true, true) | (false, false) => 17,
        (false, true) => 9,
    };
    let granules = if mpeg1 { 2 } else { 1 };
    Ok(Expected { version, kbps, hz, channels: if mono { 1 } else { 2 }, granules, side_info, frame })
}

#[test]
fn every_word_with_sync_agrees_with_the_tables() {
    let bitrates = bitrates();
    let (mut shortest, mut longest) = (usize::MAX, 0);
    for word in 0xFFE0_0000..=u32::MAX {
        match (FrameHeader::parse(word), expected(word, &bitrates)) {
            (Ok(header), Ok(expected)) => {
                assert_eq!(header.word(), word);
                assert_eq!(header.version(), expected.version, "{word:08x}");
                assert_eq!(u64::from(header.bitrate_kbps()), expected.kbps, "{word:08x}");
                assert_eq!(u64::from(header.sample_rate()), expected.hz, "{word:08x}");
                assert_eq!((header.channels(), header.granules()), (expected.channels, expected.granules));
                assert_eq!(header.samples(), u32::from(expected.granules) * 576);
                assert_eq!(header.crc(), bits(word, 15, 1) == 0, "{word:08x}");
                assert_eq!(header.side_info_bytes(), expected.side_info, "{word:08x}");
                assert_eq!(header.side_info_offset(), if header.crc() { 6 } else { 4 });
                assert_eq!(header.frame_bytes() as u64, expected.frame, "{word:08x}");
                assert_eq!(usize::from(header.bitrate_index()), bits(word, 16, 4));
                assert_eq!(header.mode() as usize, bits(word, 24, 2));
                assert_eq!(usize::from(header.mode_extension()), bits(word, 26, 2));
                assert_eq!(usize::from(header.emphasis()), bits(word, 30, 2));
                assert!(header.frame_bytes() >= header.side_info_offset() + header.side_info_bytes());
                shortest = shortest.min(header.frame_bytes());
                longest = longest.max(header.frame_bytes());
            }
            (Err(error), Err(expected)) => assert_eq!(error, expected, "{word:08x}"),
            (header, _) => panic!("{word:08x}: {header:?}"),
        }
    }
    assert_eq!((shortest, longest), (24, MAX_FRAME_BYTES));
}

#[test]
fn a_word_without_all_sync_bits_is_no_header() {
    for bit in 21..32 {
        assert_eq!(FrameHeader::parse(0xFFFB_9000 ^ 1 << bit), Err(HeaderError::NoSync));
    }
    assert_eq!(FrameHeader::parse(0), Err(HeaderError::NoSync));
}

#[test]
fn frames_follow_each_other_when_version_layer_and_rate_agree() {
    let header = FrameHeader::parse(0xFFFB_9000).unwrap();
    let follows = |word| header.same_stream(FrameHeader::parse(word).unwrap());
    // CRC, bit rate, padding, mode.
    assert!([0xFFFA_9000, 0xFFFB_E000, 0xFFFB_9200, 0xFFFB_90C0].map(follows).into_iter().all(|yes| yes));
    // Sample rate, version.
    assert!(![0xFFFB_9400, 0xFFF3_9000, 0xFFE3_9000].map(follows).into_iter().any(|yes| yes));
}

#[test]
fn refused_kinds_are_unsupported_and_the_rest_malformed() {
    use HeaderError::*;
    for error in [LayerI, LayerII, FreeFormat] {
        assert_eq!(error.class(), ErrorClass::Unsupported);
    }
    for error in [NoSync, ReservedVersion, ReservedLayer, BadBitrateIndex, ReservedSampleRate, ReservedEmphasis] {
        assert_eq!(error.class(), ErrorClass::Malformed);
    }
}

#[test]
fn a_header_reads_well() {
    let text = |word| FrameHeader::parse(word).unwrap().to_string();
    assert_eq!(text(0xFFFB_9044), "MPEG-1 Layer III, 128 kbit/s, 44100 Hz, joint stereo");
    assert_eq!(text(0xFFF3_48C0), "MPEG-2 Layer III, 32 kbit/s, 16000 Hz, mono");
    assert_eq!(text(0xFFE3_1880), "MPEG-2.5 Layer III, 8 kbit/s, 8000 Hz, dual channel");
    assert_eq!(FrameHeader::parse(0xFFFB_9000).unwrap().mode(), ChannelMode::Stereo);
}
