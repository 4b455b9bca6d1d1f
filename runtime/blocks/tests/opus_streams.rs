//! Hand-made files, one for each rule of how pages are cut. `outline` also checks every one in several chunkings and
//! for both sizes of cutter.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod opus_common;

use opus_common::*;
use tempest_blocks::opus::{self, Cutter, HeadError, MAX_PACKET_BYTES, MAX_PAGE_BYTES, OpusHead};

const HEADERS: &str = "OpusHead 19, OpusTags 20, ";

fn diagnosis(data: &[u8]) -> Option<String> {
    outline(data);
    let mut events = opus::events(data);
    events.by_ref().for_each(drop);
    events.diagnosis().map(|error| error.to_string())
}

/// A page of one packet of `bytes`, the first of the stream behind the headers being 0.
fn audio(number: u32, bytes: usize) -> Vec<u8> {
    page(2 + number, 0, 960 * (u64::from(number) + 1), &[packet(bytes)])
}

#[test]
fn nothing_gives_nothing() {
    assert_eq!(outline(&[]), "");
    assert_eq!(diagnosis(&[]), None);
}

#[test]
fn packets_of_a_page_are_blocks() {
    let stream = [headers(), page(2, LAST, 2880, &[packet(10), packet(0), packet(300)])].concat();
    assert_eq!(outline(&stream), format!("{HEADERS}block 10, block 0, block 300"));
    let blocks: Vec<_> = opus::blocks(&stream).collect();
    let first = (headers().len() + 27 + 4) as u64;
    assert_eq!(blocks.iter().map(|block| block.offset).collect::<Vec<_>>(), [first, first + 10, first + 10]);
    assert_eq!(blocks[0].bytes.as_slice(), Some(packet(10).as_slice()));
}

#[test]
fn lacing_of_255_goes_on() {
    for bytes in [254, 255, 256, 509, 510, 511, 7000] {
        let stream = [headers(), page(2, 0, 960, &[packet(bytes), packet(3)])].concat();
        assert_eq!(outline(&stream), format!("{HEADERS}block {bytes}, block 3"));
    }
}

#[test]
fn packets_go_on_across_pages() {
    for bytes in [254, 255, 256, 510, 511, 3000] {
        let mut writer = Writer::opus(SERIAL, 1, 20);
        writer.packet(&packet(bytes), 960);
        writer.packet(&packet(9), 960);
        assert_eq!(outline(&writer.finish()), format!("{HEADERS}block {bytes}, block 9"));
    }
}

#[test]
fn the_head_is_read() {
    let mut events = headers();
    events.extend(audio(0, 5));
    let mut blocks = opus::blocks(&events);
    assert_eq!(blocks.head(), None);
    blocks.next();
    let expected = OpusHead {
        version: 1,
        channels: 1,
        pre_skip: 312,
        input_sample_rate: 48_000,
        output_gain: 0,
        mapping_family: 0,
    };
    assert_eq!(blocks.head(), Some(expected));
}

#[test]
fn tags_may_have_any_length() {
    for bytes in [8, 255, 70_000, 300_000] {
        let mut writer = Writer::opus(SERIAL, 255, bytes);
        writer.packet(&packet(9), 960);
        assert_eq!(outline(&writer.finish()), format!("OpusHead 19, OpusTags {bytes}, block 9"));
    }
}

#[test]
fn tags_may_be_missing() {
    let stream = [page(0, FIRST, 0, &[head(1, 0)]), page(1, 0, 960, &[packet(9)])].concat();
    assert_eq!(outline(&stream), "OpusHead 19, block 9");
    assert_eq!(times(&stream), [(Some(0), 960, 0)]);
}

#[test]
fn positions_come_from_granules() {
    let last = page(3, LAST, 960 * 5 - 400, &[packet(4), packet(5), packet(6)]);
    let stream = [headers(), page(2, 0, 1920, &[packet(2), packet(3)]), last].concat();
    let expected: Vec<_> =
        (0..5).map(|at| (Some(i64::from(at) * 960 - 312), 960, if at == 4 { 400 } else { 0 })).collect();
    assert_eq!(times(&stream), expected);
    // A stream cut out of the air does not start at 0.
    let stream = [headers(), page(2, 0, 480_000, &[packet(2), packet(3)])].concat();
    assert_eq!(times(&stream)[0].0, Some(480_000 - 1920 - 312));
    // All of it on one page that ends early.
    let stream = [headers(), page(2, LAST, 1000, &[packet(2), packet(3)])].concat();
    assert_eq!(times(&stream), [(Some(-312), 960, 0), (Some(648), 960, 920)]);
}

/// A page that cannot be summed up before it is cut tells only by its end where it starts.
#[test]
fn positions_of_a_long_first_page_are_proven_or_unknown() {
    let first_of_small = |granule| {
        let packets: Vec<_> = (0..20).map(|_| packet(1000)).collect();
        let stream = [headers(), page(2, 0, granule, &packets), page(3, 0, granule + 960, &[packet(7)])].concat();
        outline(&stream);
        let events = opus::Events::like_cutter::<{ opus::HELD_BYTES }>(&stream);
        let positions = events.filter_map(|event| match event {
            opus::Event::Block(block) => Some(block.position),
            opus::Event::Skipped(_) => None,
        });
        let positions: Vec<_> = positions.collect();
        (positions[0], positions[19], positions[20])
    };
    assert_eq!(first_of_small(20 * 960), (Some(-312), Some(19 * 960 - 312), Some(20 * 960 - 312)));
    assert_eq!(first_of_small(90 * 960), (None, None, Some(90 * 960 - 312)));
}

#[test]
fn lost_pages_are_counted() {
    let stream = [headers(), audio(0, 5), audio(3, 6), audio(4, 7)].concat();
    assert_eq!(outline(&stream), format!("{HEADERS}block 5, block 6 after 2 lost, block 7"));
    assert_eq!(times(&stream)[1].0, Some(3 * 960 - 312));
    let stream = [headers(), audio(1, 5), audio(0, 6)].concat();
    assert_eq!(outline(&stream), format!("{HEADERS}block 5 after 1 lost, block 6 after {} lost", u32::MAX));
}

#[test]
fn a_lost_page_costs_the_packet_it_held_a_part_of() {
    let begun = raw_page(SERIAL, 2, 0, 960, &[4, 255], &[packet(4), vec![1; 255]].concat());
    let middle = raw_page(SERIAL, 3, CONTINUED, NONE, &[255], &[2; 255]);
    let end = raw_page(SERIAL, 4, CONTINUED, 2880, &[7, 8], &[vec![3; 7], packet(8)].concat());
    let whole = [headers(), begun.clone(), middle.clone(), end.clone()].concat();
    assert_eq!(outline(&whole), format!("{HEADERS}block 4, block 517, block 8"));
    let stream = [headers(), begun.clone(), end.clone()].concat();
    let lost = "packet without end 255 truncated, packet without start 7, block 8 after 1 lost";
    assert_eq!(outline(&stream), format!("{HEADERS}block 4, {lost}"));
    let stream = [headers(), middle, end].concat();
    assert_eq!(outline(&stream), format!("{HEADERS}packet without start 262, block 8 after 1 lost"));
    assert_eq!(times(&stream), [(Some(1920 - 312), 960, 0)]);
    // Without the flag there is nothing to go on with.
    let stream = [headers(), begun, page(3, 0, 1920, &[packet(6)])].concat();
    assert_eq!(outline(&stream), format!("{HEADERS}block 4, packet without end 255 truncated, block 6"));
}

#[test]
fn chained_streams_are_links() {
    let one = [headers(), page(2, LAST, 960, &[packet(5)])].concat();
    let open = [headers(), audio(0, 6)].concat();
    let stream = [one.clone(), open, one].concat();
    assert_eq!(outline(&stream), format!("{HEADERS}block 5, {HEADERS}block 6, {HEADERS}block 5"));
    assert_eq!(opus::blocks(&stream).map(|block| block.link).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(opus::blocks(&stream).all(|block| block.position == Some(-312)));
}

#[test]
fn a_stream_that_does_not_end_is_replaced_by_the_next() {
    let begun = raw_page(SERIAL, 2, 0, 960, &[5, 255], &[packet(5), packet(255)].concat());
    let mut next = Writer::opus(SERIAL + 1, 255, 20);
    next.packet(&packet(6), 960);
    let stream = [headers(), begun, next.finish()].concat();
    assert_eq!(outline(&stream), format!("{HEADERS}block 5, packet without end 255 truncated, {HEADERS}block 6"));
}

#[test]
fn a_last_page_behind_missing_ones_has_no_position() {
    let stream = [headers(), audio(0, 5), page(9, LAST, 9000, &[packet(6)])].concat();
    assert_eq!(times(&stream), [(Some(-312), 960, 0), (None, 960, 0)]);
}

#[test]
fn other_streams_are_passed() {
    let vorbis = raw_page(1, 0, FIRST, 0, &[7], b"\x01vorbis");
    let beside = raw_page(2, 0, FIRST, 0, &[19], &head(2, 0));
    let more = raw_page(1, 1, 0, 9, &[255; 255], &[7; 65025]);
    let headers = [page(0, FIRST, 0, &[head(1, 312)]), beside, page(1, 0, 0, &[tags_packet(20)])].concat();
    let begun = raw_page(SERIAL, 2, 0, NONE, &[255], &packet(255));
    let end = raw_page(SERIAL, 3, CONTINUED, 960, &[3], &[1; 3]);
    let stream = [vorbis, headers, begun, more, end].concat();
    let expected =
        format!("other stream 35, OpusHead 19, other stream 47, OpusTags 20, other stream {MAX_PAGE_BYTES}, block 258");
    assert_eq!(outline(&stream), expected);
    assert_eq!(opus::blocks(&stream).next().unwrap().bytes.parts().count(), 2);
}

#[test]
fn pages_without_a_begin_belong_to_no_stream() {
    assert_eq!(outline(&audio(0, 5)), "other stream 33");
    let stream = [headers(), page(2, LAST, 960, &[packet(5)]), audio(1, 6)].concat();
    assert_eq!(outline(&stream), format!("{HEADERS}block 5, other stream 34"));
}

#[test]
fn garbage_is_passed() {
    let stream = [b"OggS and Ogg and O".to_vec(), headers(), audio(0, 5), vec![0; 99], audio(1, 6)].concat();
    assert_eq!(outline(&stream), format!("garbage 18, {HEADERS}block 5, garbage 99, block 6"));
    assert_eq!(outline(b"no Ogg at all, OggS"), "garbage 19");
}

#[test]
fn garbage_ends_an_open_packet() {
    let begun = raw_page(SERIAL, 2, 0, NONE, &[255], &packet(255));
    let end = raw_page(SERIAL, 3, CONTINUED, 960, &[3, 4], &[0xF8; 7]);
    let stream = [headers(), begun, vec![0; 9], end].concat();
    let expected = "packet without end 255 truncated, garbage 9, packet without start 3, block 4";
    assert_eq!(outline(&stream), format!("{HEADERS}{expected}"));
}

#[test]
fn a_damaged_page_is_not_believed() {
    let sound = [headers(), audio(0, 5), audio(1, 6), audio(2, 7)].concat();
    let start = headers().len() + audio(0, 5).len();
    for at in start..start + audio(1, 6).len() {
        let mut stream = sound.clone();
        stream[at] ^= 0x10;
        let in_capture = at < start + 6;
        let what = if in_capture { "garbage" } else { "damaged page" };
        let expected = format!("{HEADERS}block 5, {what} 34, block 7 after 1 lost");
        assert_eq!(outline(&stream), expected, "byte {at}");
    }
}

/// Headers within each other's pages, 230 to a page, are not summed up 230 times; as many damaged pages one behind the
/// other are each looked at.
#[test]
fn overlapping_headers_do_not_cost_more_than_in_proportion() {
    let overlapping = [raw_page(1, 0, 0, 0, &[], &[])[..26].to_vec(), vec![255], vec![255; 255]].concat();
    let mut stream = overlapping.repeat(300);
    let start = stream.len();
    stream.extend([headers(), audio(0, 5)].concat());
    // Too much was summed up in vain, and the filler makes the last of the long pages complete.
    let drained = [stream.clone(), vec![0; MAX_PAGE_BYTES]].concat();
    assert_eq!(describe(&cut_alike(&drained, &[9999])), format!("damaged page {}", drained.len()));
    // Nothing is summed up where pages cannot be complete, so by then there is something to spend again.
    assert_eq!(describe(&cut_alike(&stream, &[9999])), format!("damaged page {start}, {HEADERS}block 5"));
    let mut long = raw_page(1, 0, 0, 0, &[255; 255], &[7; 65025]);
    long[500] ^= 1;
    let stream = [long.repeat(30), stream[start..].to_vec()].concat();
    let expected = format!("damaged page {}, {HEADERS}block 5", long.len() * 30);
    assert_eq!(describe(&cut_alike(&stream, &[50_000])), expected);
}

#[test]
fn a_page_too_long_to_hold_is_judged_behind_its_packets() {
    let packets: Vec<_> = (0..20).map(|_| packet(1000)).collect();
    let long = page(2, 0, 960 * 20, &packets);
    let mut stream = [headers(), long.clone(), page(3, 0, 960 * 21, &[packet(7)])].concat();
    assert_eq!(small_outline(&stream), format!("{HEADERS}20 x block 1000 unverified, block 7"));
    stream[headers().len() + 5000] ^= 1;
    let expected = "20 x block 1000 unverified, page header, bad checksum 107, block 7";
    assert_eq!(small_outline(&stream), format!("{HEADERS}{expected}"));
    assert_eq!(outline(&stream), format!("{HEADERS}damaged page {}, block 7 after 1 lost", long.len()));
}

#[test]
fn a_packet_that_reaches_into_a_long_page_shares_its_verdict() {
    let begun = raw_page(SERIAL, 2, 0, NONE, &[255], &packet(255));
    let lacing = [vec![3], [255, 255, 255, 235].repeat(20), vec![255]].concat();
    let body = [vec![1; 3], packet(1000).repeat(20), packet(255)].concat();
    let long = raw_page(SERIAL, 3, CONTINUED, 960 * 21, &lacing, &body);
    let end = raw_page(SERIAL, 4, CONTINUED, 960 * 23, &[4, 7], &[vec![1; 4], packet(7)].concat());
    let mut stream = [headers(), begun.clone(), long, end].concat();
    let blocks = "block 258 unverified, 20 x block 1000 unverified";
    assert_eq!(small_outline(&stream), format!("{HEADERS}{blocks}, block 259 unverified, block 7"));
    stream[headers().len() + begun.len() + 5000] ^= 1;
    let lost = "packet without end 255 truncated, page header, bad checksum 109, packet without start 4, block 7";
    assert_eq!(small_outline(&stream), format!("{HEADERS}{blocks}, {lost}"));
}

#[test]
fn a_long_page_behind_missing_ones_has_no_position() {
    let packets: Vec<_> = (0..20).map(|_| packet(1000)).collect();
    let stream = [headers(), audio(0, 5), page(5, 0, 960 * 40, &packets), page(6, 0, 960 * 41, &[packet(6)])].concat();
    outline(&stream);
    let events = opus::Events::like_cutter::<{ opus::HELD_BYTES }>(&stream);
    let positions = events.filter_map(|event| match event {
        opus::Event::Block(block) => Some(block.position),
        opus::Event::Skipped(_) => None,
    });
    let expected = [vec![Some(-312)], vec![None; 20], vec![Some(960 * 40 - 312)]].concat();
    assert_eq!(positions.collect::<Vec<_>>(), expected);
}

#[test]
fn a_long_page_in_garbage_is_not_believed_unless_it_is_of_the_stream() {
    let hidden = [headers(), audio(0, 5)].concat();
    let body = [hidden.clone(), vec![7; 65025 - hidden.len()]].concat();
    let mut fake = raw_page(99, 0, 0, 0, &[255; 255], &body);
    fake[22] ^= 1;
    let stream = [vec![1; 9], fake].concat();
    let expected = format!("garbage 291, {HEADERS}block 5, garbage {}", 65025 - hidden.len());
    assert_eq!(small_outline(&stream), expected);
    // Of the stream that is cut.
    let packets: Vec<_> = (0..20).map(|_| packet(1000)).collect();
    let stream = [headers(), vec![1; 9], page(2, 0, 960 * 20, &packets)].concat();
    assert_eq!(small_outline(&stream), format!("{HEADERS}garbage 9, 20 x block 1000 unverified"));
}

#[test]
fn the_end_may_be_missing() {
    let whole = [headers(), audio(0, 5), audio(1, 600)].concat();
    let last = audio(1, 600).len();
    for missing in 1..last {
        let stream = &whole[..whole.len() - missing];
        let partial = last - missing;
        assert_eq!(outline(stream), format!("{HEADERS}block 5, partial page {partial} truncated"));
    }
    let begun = raw_page(SERIAL, 2, 0, NONE, &[255], &packet(255));
    let stream = [headers(), begun].concat();
    assert_eq!(outline(&stream), format!("{HEADERS}packet without end 255 truncated"));
    // A page too long to hold gives what there is of it.
    let packets: Vec<_> = (0..20).map(|_| packet(1000)).collect();
    let long = page(2, 0, 960 * 20, &packets);
    let stream = [headers(), long[..107 + 2500].to_vec()].concat();
    let expected = "2 x block 1000 unverified, packet without end 500 truncated, page header 107 truncated";
    assert_eq!(small_outline(&stream), format!("{HEADERS}{expected}"));
    let stream = [headers(), long[..107].to_vec()].concat();
    assert_eq!(small_outline(&stream), format!("{HEADERS}page header 107 truncated"));
}

#[test]
fn a_packet_too_long_is_cut_and_says_so() {
    let longest = [headers(), page(2, 0, 960, &[packet(MAX_PACKET_BYTES)])].concat();
    assert_eq!(outline(&longest), format!("{HEADERS}block 7664"));
    let longer = [headers(), page(2, 0, 960, &[packet(MAX_PACKET_BYTES + 1), packet(4)])].concat();
    assert_eq!(outline(&longer), format!("{HEADERS}block 7665 truncated, block 4"));
    let mut writer = Writer::opus(SERIAL, 255, 20);
    writer.packet(&packet(200_000), 960);
    let stream = writer.finish();
    assert_eq!(outline(&stream), format!("{HEADERS}block 200000 truncated"));
    assert_eq!(opus::blocks(&stream).next().unwrap().bytes.len(), MAX_PACKET_BYTES);
}

#[test]
fn what_is_not_opus_says_what_it_is() {
    let first = |packet: &[u8]| raw_page(1, 0, FIRST, 0, &[packet.len() as u8], packet);
    let at_0 = |cause: &str| Some(format!("at byte 0: {cause}"));
    assert_eq!(diagnosis(&first(b"\x01vorbis")), at_0("Vorbis (only Opus is supported)"));
    assert_eq!(diagnosis(&first(b"\x7fFLAC")), at_0("FLAC (only Opus is supported)"));
    assert_eq!(diagnosis(&first(b"whatever")), at_0("unknown codec (only Opus is supported)"));
    assert_eq!(diagnosis(&first(b"OpusHead")), at_0("broken OpusHead"));
    assert_eq!(diagnosis(&[headers(), audio(0, 5)].concat()), None);
    let surround = [head(6, 0)[..18].to_vec(), vec![1, 4, 2, 0, 4, 1, 2, 3, 5]].concat();
    assert_eq!(OpusHead::parse(&surround), Err(HeadError::Multistream));
    let one = [head(1, 0)[..18].to_vec(), vec![1, 1, 0, 0]].concat();
    assert_eq!(OpusHead::parse(&one).map(|head| head.mapping_family), Ok(1));
    assert_eq!(OpusHead::parse(&head(3, 0)), Err(HeadError::BadHead));
    assert_eq!(OpusHead::parse(&head(0, 0)), Err(HeadError::BadHead));
    let mut version = head(1, 0);
    version[8] = 16;
    assert_eq!(OpusHead::parse(&version), Err(HeadError::Version));
    // The mapping table is part of the head.
    assert_eq!(OpusHead::parse(&one[..20]), Err(HeadError::BadHead));
}

#[test]
fn a_cutter_reads_on_after_the_end() {
    let stream = [headers(), audio(0, 5)].concat();
    let mut cutter = Cutter::new();
    for sequence in 0..2 {
        let mut input = stream.as_slice();
        let mut blocks = 0;
        loop {
            input = match cutter.feed(input) {
                opus::Fed::NeedMore => break,
                opus::Fed::Block { block, rest } => {
                    assert_eq!((block.sequence, block.offset / stream.len() as u64), (sequence, sequence));
                    blocks += 1;
                    rest
                }
                opus::Fed::Skipped { rest, .. } => rest,
            };
        }
        assert_eq!(blocks, 1);
        assert_eq!(cutter.finish(), None);
    }
}
