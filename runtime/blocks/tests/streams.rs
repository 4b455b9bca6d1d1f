//! Hand-made streams, one for each rule of how a stream is cut. `outline` also checks every one in several chunkings.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use common::shared::{feed, finish};
use common::*;
use tempest_blocks::mp3::{self, Cutter, HeaderError, SkipReason};

#[test]
fn nothing_gives_nothing() {
    assert_eq!(outline(&[]), "");
    assert_eq!(diagnosis(&[]), None);
}

#[test]
fn frames_of_every_version_are_cut() {
    assert_eq!(outline(&frames(MPEG1, 3)), "3 x block 417");
    assert_eq!(outline(&frames(MPEG1_MONO, 3)), "3 x block 417");
    assert_eq!(outline(&frames(MPEG1_CRC, 3)), "3 x block 417");
    assert_eq!(outline(&frames(MPEG2_MONO, 3)), "3 x block 144");
    assert_eq!(outline(&frames(MPEG25_MONO, 3)), "3 x block 72");
    // The longest: MPEG-1, 320 kbit/s, 32 kHz, padded.
    assert_eq!(outline(&frames(0xFFFB_EA00, 3)), "3 x block 1441");
}

#[test]
fn one_frame_that_ends_the_stream_is_enough() {
    assert_eq!(outline(&frame(MPEG1)), "block 417");
    assert_eq!(outline(&[frame(MPEG1), id3v1()].concat()), "block 417, ID3v1 tag 128");
    assert_eq!(outline(&[frame(MPEG1), vec![0; 9]].concat()), "garbage 426");
}

#[test]
fn bit_rate_padding_crc_and_mode_may_change() {
    let words = [MPEG1, MPEG1_PADDED, MPEG1_CRC, MPEG1_MONO, 0xFFFB_E000, MPEG1];
    let stream: Vec<u8> = words.into_iter().flat_map(frame).collect();
    assert_eq!(outline(&stream), "block 417, block 418, 2 x block 417, block 1044, block 417");
}

#[test]
fn tags_around_the_frames_are_skipped() {
    let ape_tag = [ape(50 + 32, true), vec![b'x'; 50], ape(50 + 32, false)].concat();
    let stream = [id3v2(&[0; 300], false), frames(MPEG1, 2), ape_tag, id3v1()].concat();
    assert_eq!(outline(&stream), "ID3v2 tag 310, 2 x block 417, APEv2 tag 114, ID3v1 tag 128");
}

#[test]
fn an_id3v2_tag_hides_what_looks_like_frames() {
    let stream = [id3v2(&frames(MPEG1_48K, 4), false), frames(MPEG1, 2)].concat();
    assert_eq!(outline(&stream), "ID3v2 tag 1546, 2 x block 417");
}

#[test]
fn an_id3v2_footer_belongs_to_the_tag() {
    let stream = [id3v2(&[0; 20], true), frames(MPEG1, 2), id3v2(&[0; 5], true)].concat();
    assert_eq!(outline(&stream), "ID3v2 tag 40, 2 x block 417, ID3v2 tag 25");
}

#[test]
fn an_id3v2_tag_whose_header_is_not_legal_is_none() {
    // Version, revision, flags, and a size that is not syncsafe.
    for (at, value) in [(3, 1), (3, 5), (4, 0xFF), (5, 1), (6, 0x80), (9, 0x80)] {
        let mut tag = id3v2(&[0; 20], false);
        tag[at] = value;
        assert_eq!(outline(&[tag, frames(MPEG1, 2)].concat()), "garbage 30, 2 x block 417");
    }
}

#[test]
fn lyrics_end_where_they_say() {
    let text = "[00:02]A TAG, I LOVE LYRICS\r\n[00:04]LYRICSEN";
    for end in ["LYRICSEND", "000055LYRICS200"] {
        let bytes = 11 + text.len() + end.len();
        let stream = [frames(MPEG1, 2), lyrics3(text, end), id3v1(), frames(MPEG1, 2)].concat();
        let rest = "ID3v1 tag 128, 2 x block 417";
        assert_eq!(outline(&stream), format!("2 x block 417, Lyrics3 tag {bytes}, {rest}"));
        let stream = [frame(MPEG1), lyrics3(text, end)].concat();
        assert_eq!(outline(&stream), format!("block 417, Lyrics3 tag {bytes}"));
        let stream = [frame(MPEG1), vec![1; 50], lyrics3(text, end), vec![1; 50]].concat();
        assert_eq!(outline(&stream), format!("garbage 467, Lyrics3 tag {bytes}, garbage 50"));
    }
}

#[test]
fn lyrics_without_end_go_up_to_the_next_stream() {
    let lyrics = lyrics3("la la", "");
    for next in ["", "LYRICSBEGINLYRICSEND"] {
        let stream = [frames(MPEG1, 2), lyrics.clone(), next.into(), id3v2(&[0; 10], false), frames(MPEG1, 2)].concat();
        let more = if next.is_empty() { "" } else { ", Lyrics3 tag 20" };
        assert_eq!(outline(&stream), format!("2 x block 417, Lyrics3 tag 16{more}, ID3v2 tag 20, 2 x block 417"));
    }
    assert_eq!(outline(&[frames(MPEG1, 2), lyrics.clone()].concat()), "2 x block 417, Lyrics3 tag 16 truncated");
    assert_eq!(
        outline(&[frames(MPEG1, 2), lyrics, b"LYRICSEN".to_vec()].concat()),
        "2 x block 417, Lyrics3 tag 24 truncated"
    );
    assert_eq!(outline(&[frames(MPEG1, 2), b"LYRICSBEGI".to_vec()].concat()), "2 x block 417, garbage 10");
}

#[test]
fn an_ape_footer_without_header_leaves_its_items_as_garbage() {
    let stream = [frames(MPEG1, 2), vec![b'x'; 50], ape(50 + 32, false), id3v1()].concat();
    assert_eq!(outline(&stream), "2 x block 417, garbage 50, APEv2 tag 32, ID3v1 tag 128");
}

#[test]
fn an_ape_tag_cannot_swallow_a_stream() {
    let stream = [frames(MPEG1, 2), ape(u32::MAX, true), frames(MPEG1, 2)].concat();
    assert_eq!(outline(&stream), "2 x block 417, garbage 32, 2 x block 417");
}

#[test]
fn joined_streams_are_cut_on() {
    let one = [id3v2(&[1; 30], false), frames(MPEG1, 2), id3v1()].concat();
    let two = [id3v2(&[2; 40], false), frames(MPEG2_MONO, 2), id3v1()].concat();
    let each = ["ID3v2 tag 40, 2 x block 417, ID3v1 tag 128", "ID3v2 tag 50, 2 x block 144, ID3v1 tag 128"];
    assert_eq!(outline(&[one, two].concat()), each.join(", "));
}

#[test]
fn a_joined_stream_of_another_kind_needs_no_tag_between() {
    let stream = [frames(MPEG1, 2), frames(MPEG1_48K, 2), frames(MPEG25_MONO, 2)].concat();
    assert_eq!(outline(&stream), "2 x block 417, 2 x block 384, 2 x block 72");
}

#[test]
fn a_frame_of_another_kind_alone_is_garbage() {
    let stream = [frames(MPEG1, 2), frame(MPEG1_48K), frames(MPEG1, 2)].concat();
    assert_eq!(outline(&stream), "2 x block 417, garbage 384, 2 x block 417");
}

#[test]
fn garbage_between_frames_is_passed() {
    let stream = [vec![0; 100], frames(MPEG1, 2), vec![0xFF; 99], frames(MPEG1, 2), vec![7; 50]].concat();
    assert_eq!(outline(&stream), "garbage 100, 2 x block 417, garbage 99, 2 x block 417, garbage 50");
}

#[test]
fn a_lone_header_in_garbage_is_not_a_frame() {
    let stream = [foreign(MPEG1, 300), frames(MPEG1, 2)].concat();
    assert_eq!(outline(&stream), "garbage 300, 2 x block 417");
    let stream = [frames(MPEG1, 2), b"..".to_vec(), foreign(MPEG1, 500), frames(MPEG1, 2)].concat();
    assert_eq!(outline(&stream), "2 x block 417, garbage 502, 2 x block 417");
}

#[test]
fn garbage_full_of_headers_is_passed() {
    let headers = MPEG1.to_be_bytes().repeat(5000);
    assert_eq!(outline(&[headers, frames(MPEG1, 2)].concat()), "garbage 20000, 2 x block 417");
    // Each header must be followed to its end, 1441 bytes on.
    let headers = 0xFFFB_EA00_u32.to_be_bytes().repeat(5000);
    assert_eq!(outline(&[frames(MPEG1_48K, 2), headers].concat()), "2 x block 384, garbage 20000");
}

#[test]
fn a_tag_ends_garbage() {
    let stream = [frames(MPEG1, 2), vec![1; 33], id3v2(&[0; 10], false), frames(MPEG2_MONO, 2)].concat();
    assert_eq!(outline(&stream), "2 x block 417, garbage 33, ID3v2 tag 20, 2 x block 144");
}

#[test]
fn tables_of_contents_are_no_blocks() {
    // Behind the side information: 32, 17, 17 and 9 bytes of it.
    for (word, bytes, at) in [(MPEG1, 417, 36), (MPEG1_MONO, 417, 21), (0xFFF3_4800, 144, 21), (MPEG2_MONO, 144, 13)] {
        for magic in [b"Xing", b"Info"] {
            let stream = [table_of_contents(word, magic, at), frames(word, 2)].concat();
            assert_eq!(outline(&stream), format!("Xing/Info frame {bytes}, 2 x block {bytes}"));
        }
        let stream = [table_of_contents(word, b"VBRI", 36), frames(word, 2)].concat();
        assert_eq!(outline(&stream), format!("VBRI frame {bytes}, 2 x block {bytes}"));
    }
}

#[test]
fn a_table_of_contents_stands_with_or_without_counting_the_crc() {
    for at in [36, 38] {
        let stream = [table_of_contents(MPEG1_CRC, b"Xing", at), frames(MPEG1_CRC, 2)].concat();
        assert_eq!(outline(&stream), "Xing/Info frame 417, 2 x block 417");
    }
}

#[test]
fn a_table_of_contents_within_a_joined_stream_is_found_if_silent() {
    let info = table_of_contents(MPEG1, b"Info", 36);
    let stream = [info.clone(), frames(MPEG1, 2), info.clone(), frames(MPEG1, 2)].concat();
    assert_eq!(outline(&stream), "Xing/Info frame 417, 2 x block 417, Xing/Info frame 417, 2 x block 417");

    let mut loud = info.clone();
    loud[10] = 1;
    let stream = [info, frames(MPEG1, 2), loud, frames(MPEG1, 2)].concat();
    assert_eq!(outline(&stream), "Xing/Info frame 417, 5 x block 417");
}

#[test]
fn a_file_of_nothing_but_a_table_of_contents_has_no_blocks() {
    assert_eq!(outline(&table_of_contents(MPEG1, b"Info", 36)), "Xing/Info frame 417");
}

#[test]
fn a_cut_last_frame_is_a_truncated_block() {
    let stream = frames(MPEG1, 3);
    assert_eq!(outline(&stream[..1250]), "2 x block 417, block 416 truncated");
    assert_eq!(outline(&stream[..838]), "2 x block 417, block 4 truncated");
    assert_eq!(outline(&stream[..837]), "2 x block 417, partial header 3 truncated");
    assert_eq!(outline(&stream[..835]), "2 x block 417, partial header 1 truncated");
    assert_eq!(outline(&stream[..834]), "2 x block 417");
    assert_eq!(outline(&[&stream[..834], &[0xFF, 0x10]].concat()), "2 x block 417, garbage 2");
}

#[test]
fn a_cut_tag_is_truncated() {
    let tag = id3v2(&[0; 100], false);
    assert_eq!(outline(&tag[..60]), "ID3v2 tag 60 truncated");
    assert_eq!(outline(&tag[..10]), "ID3v2 tag 10 truncated");
    assert_eq!(outline(&tag[..9]), "garbage 9");
    assert_eq!(
        outline(&[frames(MPEG1, 2), id3v1()[..100].to_vec()].concat()),
        "2 x block 417, ID3v1 tag 100 truncated"
    );
}

#[test]
fn a_cutter_goes_on_after_finish() {
    let mut cutter = Cutter::new();
    let mut pieces = Vec::new();
    for stream in [&frames(MPEG1, 2)[..700], &frames(MPEG1, 2)] {
        feed(&mut cutter, stream, &mut pieces);
        finish(&mut cutter, &mut pieces);
    }
    let blocks = pieces.iter().map(|piece| match piece {
        Piece::Block { offset, sequence, truncated, .. } => (*offset, *sequence, *truncated),
        Piece::Skipped(skipped) => panic!("{skipped:?}"),
    });
    assert_eq!(blocks.collect::<Vec<_>>(), [(0, 0, false), (417, 1, true), (700, 2, false), (1117, 3, false)]);
}

#[test]
fn blocks_in_the_input_are_borrowed_from_it() {
    let stream = frames(MPEG1, 3);
    let inside = |bytes: &[u8]| stream.as_ptr_range().contains(&bytes.as_ptr());
    assert!(mp3::blocks(&stream).all(|block| inside(block.bytes)));

    let mut cutter = Cutter::new();
    let mp3::Fed::Block { block, rest } = cutter.feed(&stream) else { panic!("no block") };
    assert!(inside(block.bytes));
    assert_eq!(rest.len(), 2 * 417);
}

#[test]
fn other_layers_are_named() {
    let layer_ii = foreign(LAYER_II, 417).repeat(4);
    assert_eq!(outline(&layer_ii), "garbage 1668");
    assert_eq!(diagnosis(&layer_ii).unwrap(), "at byte 0: MPEG audio Layer II (only Layer III is supported)");
    // Layer I: 12 x 128 kbit/s / 44.1 kHz, 34 slots of four bytes.
    let layer_i = [id3v2(&[0; 10], false), foreign(0xFFFF_4000, 136).repeat(4)].concat();
    assert_eq!(diagnosis(&layer_i).unwrap(), "at byte 20: MPEG audio Layer I (only Layer III is supported)");
    // MPEG-2, 64 kbit/s, 24 kHz.
    let lsf = [vec![0; 5], foreign(0xFFF5_8400, 384).repeat(4)].concat();
    assert_eq!(diagnosis(&lsf).unwrap(), "at byte 5: MPEG audio Layer II (only Layer III is supported)");
}

#[test]
fn free_format_is_named() {
    let name = "free format (only frames with a stated bit rate are supported)";
    assert_eq!(diagnosis(&foreign(FREE_FORMAT, 500)).unwrap(), format!("at byte 0: {name}"));
    let tagged = [id3v2(&[0; 10], false), foreign(FREE_FORMAT, 500)].concat();
    assert_eq!(diagnosis(&tagged).unwrap(), format!("at byte 20: {name}"));
    let within = [vec![0; 5], foreign(FREE_FORMAT, 500).repeat(4)].concat();
    assert_eq!(diagnosis(&within).unwrap(), format!("at byte 5: {name}"));
}

#[test]
fn adts_is_named() {
    let (_, diagnosis) = cut_slice(&foreign(0xFFF1_5080, 300));
    assert_eq!(diagnosis.unwrap().cause, HeaderError::ReservedLayer);
}

#[test]
fn a_few_headers_in_garbage_are_no_diagnosis() {
    assert_eq!(diagnosis(&[vec![0; 5], foreign(LAYER_II, 417).repeat(3)].concat()), None);
    assert_eq!(diagnosis(&[vec![0; 5], foreign(LAYER_II, 1000), vec![0; 500]].concat()), None);
    assert_eq!(diagnosis(&[vec![0; 5], foreign(FREE_FORMAT, 1000), vec![0; 5000]].concat()), None);
    // At the right distance, but of another sample rate.
    assert_eq!(diagnosis(&[foreign(LAYER_II, 417), foreign(LAYER_II | 0x400, 417)].concat()), None);
    // Text in UTF-16 begins like Layer I.
    assert_eq!(diagnosis(&[b"\xFF\xFEA\0".as_slice(), &[b'x'; 1000]].concat()), None);
    assert_eq!(diagnosis(&[frames(MPEG1, 2), foreign(LAYER_II, 600), frames(MPEG1, 2)].concat()), None);
}

/// The procedure linkage table of an x86-64 library: jumps, 16 bytes each, whose displacements make headers of Layer I with
/// a reserved emphasis, 64 bytes apart.
#[test]
fn code_is_no_layer_i() {
    let entry = |nth: u8| [&[0xE9, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF, 0x25, 0xFA - 8 * nth], [0; 8].as_slice()].concat();
    assert_eq!(diagnosis(&(0..30).flat_map(entry).collect::<Vec<_>>()), None);
}

#[test]
fn a_false_suspect_does_not_hide_the_true_kind() {
    let stream = [vec![0; 5], foreign(LAYER_II, 300), foreign(LAYER_II, 417).repeat(8)].concat();
    assert_eq!(cut_slice(&stream).1.unwrap().cause, HeaderError::LayerII);
    let stream = [vec![0; 5], foreign(FREE_FORMAT, 300), foreign(LAYER_II, 417).repeat(12)].concat();
    assert_eq!(cut_slice(&stream).1.unwrap().cause, HeaderError::LayerII);
}

#[test]
fn a_long_tag_takes_no_memory_and_one_report() {
    let mut cutter = Cutter::new();
    let mut pieces = Vec::new();
    feed(&mut cutter, b"ID3\x03\x00\x00\x7F\x7F\x7F\x7F", &mut pieces);
    for _ in 0..1 << 12 {
        feed(&mut cutter, &[0xFF; 1 << 16], &mut pieces);
    }
    finish(&mut cutter, &mut pieces);
    let [Piece::Skipped(tag), Piece::Skipped(rest)] = pieces[..] else { panic!("{pieces:?}") };
    assert_eq!((tag.reason, tag.bytes, tag.truncated), (SkipReason::Id3v2, 10 + (1 << 28) - 1, false));
    assert_eq!((rest.reason, rest.bytes), (SkipReason::Garbage, 1));
}
