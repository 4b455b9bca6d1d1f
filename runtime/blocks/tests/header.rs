//! Every header there is, against the standard's tables written down a second time.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::ops::{Range, RangeInclusive};
use std::thread;

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

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    word: u32,
    version: Version,
    crc: bool,
    bitrate_index: usize,
    kbps: u64,
    hz: u64,
    padding: bool,
    mode: usize,
    mode_extension: usize,
    emphasis: usize,
    intensity_stereo: bool,
    channels: u8,
    granules: u8,
    samples: u32,
    side_info: Range<usize>,
    frame: u64,
}

fn said(header: FrameHeader) -> Said {
    let side_info = header.side_info_offset()..header.main_data_offset();
    assert_eq!(side_info.len(), header.side_info_bytes());
    Said {
        word: header.word(),
        version: header.version(),
        crc: header.crc(),
        bitrate_index: header.bitrate_index().into(),
        kbps: header.bitrate_kbps().into(),
        hz: header.sample_rate().into(),
        padding: header.padding(),
        mode: header.mode() as usize,
        mode_extension: header.mode_extension().into(),
        emphasis: header.emphasis().into(),
        intensity_stereo: header.intensity_stereo(),
        channels: header.channels(),
        granules: header.granules(),
        samples: header.samples(),
        side_info,
        frame: header.frame_bytes() as u64,
    }
}

fn expected(word: u32, bitrates: &[[u64; 2]]) -> Result<Said, HeaderError> {
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
    let bitrate_index = bits(word, 16, 4);
    if bitrate_index == 15 {
        return Err(HeaderError::BadBitrateIndex);
    }
    let hz = *hz.get(bits(word, 20, 2)).ok_or(HeaderError::ReservedSampleRate)?;
    if bits(word, 30, 2) == 2 {
        return Err(HeaderError::ReservedEmphasis);
    }
    let kbps = bitrates.get(bitrate_index.wrapping_sub(1)).ok_or(HeaderError::FreeFormat)?[column];
    let (mode, mode_extension) = (bits(word, 24, 2), bits(word, 26, 2));
    let (mpeg1, mono) = (version == Version::Mpeg1, mode == 3);
    let crc = bits(word, 15, 1) == 0;
    let before = if crc { 6 } else { 4 };
    let side_info = match (mpeg1, mono) {
        (true, false) => 32,
        (true, true) | (false, false) => 17,
        (false, true) => 9,
    };
    let padding = bits(word, 22, 1);
    Ok(Said {
        word,
        version,
        crc,
        bitrate_index,
        kbps,
        hz,
        padding: padding == 1,
        mode,
        mode_extension,
        emphasis: bits(word, 30, 2),
        intensity_stereo: mode == 1 && mode_extension % 2 == 1,
        channels: if mono { 1 } else { 2 },
        granules: if mpeg1 { 2 } else { 1 },
        samples: if mpeg1 { 1152 } else { 576 },
        side_info: before..before + side_info,
        frame: if mpeg1 { 144_000 } else { 72_000 } * kbps / hz + padding as u64,
    })
}

/// The words that begin with these eleven bits; 2^21 of them.
fn words(sync: u32) -> RangeInclusive<u32> {
    sync << 21..=sync << 21 | 0x1F_FFFF
}

/// All 2^32 of them, in two threads: those without sync, and those with. Together 6 s of processor time.
#[test]
fn every_word_agrees_with_the_tables() {
    let none = |sync| words(sync).all(|word| FrameHeader::parse(word) == Err(HeaderError::NoSync));
    let lower = thread::spawn(move || (0..0x400).all(none));
    assert!((0x400..0x7FF).all(none));
    assert!(lower.join().unwrap());

    let (bitrates, mut headers, mut shortest, mut longest) = (bitrates(), 0, u64::MAX, 0);
    for word in words(0x7FF) {
        match (FrameHeader::parse(word), expected(word, &bitrates)) {
            (Ok(header), Ok(expected)) => {
                assert_eq!(said(header), expected);
                assert!(expected.frame >= expected.side_info.end as u64, "{word:08x}");
                headers += 1;
                (shortest, longest) = (shortest.min(expected.frame), longest.max(expected.frame));
            }
            (header, expected) => assert_eq!(header.err(), expected.err(), "{word:08x}"),
        }
    }
    // Three versions, CRC or not, bit rates, sample rates, padding, private, modes, extensions, copyright, original,
    // emphases.
    assert_eq!(headers, 3 * 2 * 14 * 3 * 2 * 2 * 4 * 4 * 2 * 2 * 3);
    assert_eq!((shortest, longest), (24, MAX_FRAME_BYTES as u64));
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
