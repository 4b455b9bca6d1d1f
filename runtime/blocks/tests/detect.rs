//! The first bytes of many kinds of file, each in several chunkings.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;
mod opus_common;

use common::*;
use proptest::prelude::*;
use tempest_blocks::mp3::SkipReason;
use tempest_blocks::opus::HeadError;
use tempest_blocks::{Detection, Detector, Format};

/// What the first bytes are, for any chunking; and what they are if the stream ends with them.
fn detection(first: &[u8]) -> (Detection, Detection) {
    let detect = |size: usize| {
        let mut detector = Detector::new();
        let so_far = first.chunks(size).map(|chunk| detector.feed(chunk)).last().unwrap_or(Detection::NeedMore);
        (so_far, detector.finish(), detector.candidate())
    };
    let (so_far, whole, candidate) = detect(first.len().max(1));
    for size in [1, 2, 3, 7, 100, 1000] {
        assert_eq!(detect(size), (so_far, whole, candidate), "in chunks of {size}");
    }
    match so_far {
        Detection::NeedMore => assert_ne!(whole, Detection::NeedMore),
        _ => assert_eq!(so_far, whole),
    }
    (so_far, whole)
}

fn is(format: Format) -> (Detection, Detection) {
    (Detection::Format(format), Detection::Format(format))
}

const NONE: (Detection, Detection) = (Detection::None, Detection::None);
const OPEN: (Detection, Detection) = (Detection::NeedMore, Detection::None);

/// A page that begins a stream with this packet.
fn first_page(packet: &[u8]) -> Vec<u8> {
    opus_common::page(0, 2, 0, &[packet.to_vec()])
}

#[test]
fn mp3_takes_two_frames() {
    for word in [MPEG1, MPEG1_PADDED, MPEG1_MONO, MPEG1_CRC, MPEG2_MONO, MPEG25_MONO] {
        let two = frames(word, 2);
        let second = two.len() / 2;
        assert_eq!(detection(&two), is(Format::Mp3));
        assert_eq!(detection(&two[..second + 4]), is(Format::Mp3));
        assert_eq!(detection(&two[..second + 3]), OPEN);
        assert_eq!(detection(&two[..second]), (Detection::NeedMore, Detection::Format(Format::Mp3)));
        assert_eq!(detection(&two[..second - 1]), OPEN);
    }
    assert_eq!(detection(&[frame(MPEG1), id3v1()].concat()), is(Format::Mp3));
    assert_eq!(detection(&[frame(MPEG1), vec![0; 100]].concat()), NONE);
    assert_eq!(detection(&[frame(MPEG1), frame(MPEG1_48K)].concat()), NONE);
}

#[test]
fn tags_before_mp3_are_passed() {
    let two = frames(MPEG1, 2);
    for tag in [id3v2(&[0; 50], false), id3v2(&[0; 100_000], true), id3v1(), [ape(32, true), ape(32, false)].concat()] {
        assert_eq!(detection(&[tag.clone(), two.clone()].concat()), is(Format::Mp3));
        assert_eq!(detection(&[tag.clone(), tag.clone(), two.clone()].concat()), is(Format::Mp3));
        assert_eq!(detection(&tag), OPEN);
        assert_eq!(detection(&[tag.as_slice(), b"fLaC\0\0\0\x22"].concat()), NONE);
        assert_eq!(detection(&[tag, vec![0xFF, 0xD8, 0xFF, 0xE0]].concat()), NONE);
    }
}

#[test]
fn tags_without_end_are_none() {
    let tag = id3v2(&[], false);
    assert_eq!(detection(&[tag.repeat(15), frames(MPEG1, 2)].concat()), is(Format::Mp3));
    assert_eq!(detection(&tag.repeat(17)), NONE);
    assert_eq!(
        detection(&first_page(b"fishead\0").repeat(17)),
        (Detection::OtherOgg(HeadError::Skeleton), Detection::OtherOgg(HeadError::Skeleton))
    );
}

#[test]
fn a_tag_of_256_mib_takes_no_memory() {
    let mut detector = Detector::new();
    assert_eq!(detector.feed(b"ID3\x03\x00\x00\x7F\x7F\x7F\x7F"), Detection::NeedMore);
    for _ in 0..(1 << 12) - 1 {
        assert_eq!(detector.feed(&[0xFF; 1 << 16]), Detection::NeedMore);
    }
    detector.feed(&[0xFF; (1 << 16) - 1]);
    assert_eq!(detector.feed(&frames(MPEG1, 2)), Detection::Format(Format::Mp3));
}

#[test]
fn ogg_is_told_by_its_first_pages() {
    let opus = first_page(b"OpusHead\x01\x02\x38\x01\x80\xBB\0\0\0\0\0");
    assert_eq!(detection(&opus), is(Format::OggOpus));
    assert_eq!(detection(&opus[..36]), is(Format::OggOpus));
    assert_eq!(detection(&opus[..35]), OPEN);
    assert_eq!(detection(&opus_common::headers()), is(Format::OggOpus));
    let (skeleton, video) = (first_page(b"fishead\0\x03\0"), first_page(b"\x80theora\x03"));
    assert_eq!(detection(&[skeleton.clone(), video.clone(), opus.clone()].concat()), is(Format::OggOpus));

    for (packet, codec) in [
        (b"\x01vorbis\0".as_slice(), HeadError::Vorbis),
        (b"Speex   ", HeadError::Speex),
        (b"\x7fFLAC\x01\0\0\x01", HeadError::Flac),
        (b"\x80theora", HeadError::Theora),
        (b"fishead\0", HeadError::Skeleton),
        (b"OpusHea", HeadError::OtherCodec),
        (b"", HeadError::OtherCodec),
    ] {
        let named = Detection::OtherOgg(codec);
        assert_eq!(detection(&first_page(packet)), (Detection::NeedMore, named));
        assert_eq!(
            detection(&[first_page(packet), opus_common::page(1, 0, 0, &[]), opus.clone()].concat()),
            (named, named)
        );
        assert_eq!(detection(&[first_page(packet).as_slice(), b"garbage"].concat()), (named, named));
    }
    assert_eq!(detection(&opus_common::page(1, 0, 0, &[])), NONE);
    assert_eq!(detection(b"OggX"), NONE);
}

#[test]
fn jpeg_is_soi_and_a_marker() {
    for code in [0xC0, 0xC2, 0xC4, 0xDB, 0xDD, 0xE0, 0xE1, 0xEE, 0xFE, 0xFF] {
        assert_eq!(detection(&[0xFF, 0xD8, 0xFF, code]), is(Format::Jpeg));
    }
    for code in [0x00, 0x01, 0x80, 0xD0, 0xD7, 0xD8, 0xD9, 0xDA] {
        assert_eq!(detection(&[0xFF, 0xD8, 0xFF, code]), NONE);
    }
    assert_eq!(detection(&[0xFF, 0xD8, 0xFF]), OPEN);
    assert_eq!(detection(&[0xFF, 0xD8, 0x00]), NONE);
}

#[test]
fn other_files_are_none() {
    let adts = foreign(0xFFF1_5080, 371).repeat(3);
    let layer_ii = foreign(LAYER_II, 417).repeat(3);
    let free_format = foreign(FREE_FORMAT, 500).repeat(3);
    let mp3_in_wav = [b"RIFF\x24\x10\0\0WAVEfmt \x1E\0\0\0\x55\0".to_vec(), frames(MPEG1, 3)].concat();
    let flac_tagged = [id3v2(&[7; 300], false), b"fLaC\0\0\0\x22\x10\0".to_vec()].concat();
    let adts_tagged = [id3v2(b"TIT2", false), adts.clone()].concat();
    for other in [
        adts.as_slice(),
        &layer_ii,
        &free_format,
        &mp3_in_wav,
        &flac_tagged,
        &adts_tagged,
        b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR",
        b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0",
        b"fLaC\0\0\0\x22\x10\0\x10\0",
        b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41",
        b"GIF89a",
        b"\x1A\x45\xDF\xA3",
        b"PK\x03\x04",
        b"%PDF-1.7",
        b"{\"format\": \"mp3\"}",
        b"[1, 2]",
        b"I came, I saw",
        b"TABLE OF CONTENTS",
        b"APETAGS ARE COMMON",
        b"Once upon a time",
        b"<!DOCTYPE html>",
        b"\xEF\xBB\xBFtext",
        b"\xFF\xFEt\0e\0x\0t\0",
        b"\xFE\xFF\0t\0e\0x\0t",
        b"\x7FELF\x02\x01\x01\0",
        &[0; 5000],
        &[0xFF; 5000],
        &[0xFF, 0xFB],
    ] {
        let (so_far, whole) = detection(other);
        assert_eq!(whole, Detection::None, "{:?}", &other[..other.len().min(16)]);
        assert!(so_far == Detection::None || other.len() == 2, "{so_far:?}");
    }
    assert_eq!(detection(b""), OPEN);
}

#[test]
fn two_bytes_leave_one_candidate() {
    let candidate = |first: &[u8]| {
        let mut detector = Detector::new();
        detector.feed(first);
        detector.candidate()
    };
    assert_eq!(candidate(b""), None);
    assert_eq!(candidate(&[0xFF]), None);
    assert_eq!(candidate(&[0xFF, 0xD8]), Some(Format::Jpeg));
    assert_eq!(candidate(&[0xFF, 0xFB]), Some(Format::Mp3));
    assert_eq!(candidate(b"I"), Some(Format::Mp3));
    assert_eq!(candidate(b"O"), Some(Format::OggOpus));
    assert_eq!(candidate(b"{"), None);
    assert_eq!(candidate(&first_page(b"fishead\0")), Some(Format::OggOpus));
    assert_eq!(candidate(&[id3v2(&[0; 9], false), frame(MPEG1)].concat()), Some(Format::Mp3));
}

/// Bytes that get past the first test of each format.
fn beginning() -> impl Strategy<Value = Vec<u8>> {
    let start = prop::sample::select(vec![
        Vec::new(),
        vec![0xFF],
        vec![0xFF, 0xD8],
        b"OggS\0\x02".to_vec(),
        first_page(b"\x80theora"),
        id3v2(&[0; 40], false),
        id3v1(),
        frame(MPEG25_MONO),
    ]);
    (prop::collection::vec(start, 0..4), prop::collection::vec(any::<u8>(), 0..400))
        .prop_map(|(starts, rest)| [starts.concat(), rest].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn any_input_has_one_answer_and_answers_are_final(first in beginning(), more in any::<[u8; 8]>()) {
        let (so_far, _) = detection(&first);
        let mut detector = Detector::new();
        detector.feed(&first);
        let later = detector.feed(&more);
        prop_assert!(so_far == Detection::NeedMore || so_far == later);
    }

    /// A stream that is believed to be MP3 gives blocks, and one that is no format gives none at its start.
    #[test]
    fn mp3_is_what_the_cutter_enters_at_once(first in beginning()) {
        let enters = cut_slice(&first).0.iter().find_map(|piece| match piece {
            Piece::Skipped(skipped) => match skipped.reason {
                SkipReason::Id3v2 | SkipReason::Id3v1 | SkipReason::ApeV2 => None,
                reason => Some(matches!(reason, SkipReason::Xing | SkipReason::Vbri)),
            },
            Piece::Block { .. } => Some(true),
        });
        prop_assert_eq!(detection(&first).1 == Detection::Format(Format::Mp3), enters == Some(true));
    }
}
