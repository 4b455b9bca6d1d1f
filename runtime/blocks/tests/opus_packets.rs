//! Hand-written packets, one for each way to pack frames and each rule of RFC 6716, section 3.4.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod opus_common;

use opus_common::*;
use tempest_blocks::opus::{self, Bandwidth, Mode, Packet, PacketError, Toc, bytes, fields};
use tempest_blocks::{ErrorClass, ViewError};

/// Lengths of the frames, and the padding.
fn parse(packet: &[u8]) -> Result<(Vec<usize>, u64), PacketError> {
    let packet = Packet::parse(packet)?;
    Ok((packet.frames().map(|frame| frame.bytes.len()).collect(), packet.padding()))
}

fn with(first: &[u8], zeros: usize) -> Vec<u8> {
    [first, &vec![0; zeros]].concat()
}

/// RFC 6716, table 2.
#[test]
fn every_configuration_is_that_of_the_table() {
    use Bandwidth::{Full, Medium, Narrow, SuperWide, Wide};
    let table: [(std::ops::RangeInclusive<u8>, Mode, Bandwidth, &[u32]); 9] = [
        (0..=3, Mode::Silk, Narrow, &[480, 960, 1920, 2880]),
        (4..=7, Mode::Silk, Medium, &[480, 960, 1920, 2880]),
        (8..=11, Mode::Silk, Wide, &[480, 960, 1920, 2880]),
        (12..=13, Mode::Hybrid, SuperWide, &[480, 960]),
        (14..=15, Mode::Hybrid, Full, &[480, 960]),
        (16..=19, Mode::Celt, Narrow, &[120, 240, 480, 960]),
        (20..=23, Mode::Celt, Wide, &[120, 240, 480, 960]),
        (24..=27, Mode::Celt, SuperWide, &[120, 240, 480, 960]),
        (28..=31, Mode::Celt, Full, &[120, 240, 480, 960]),
    ];
    let mut seen = 0;
    for (configs, mode, bandwidth, samples) in table {
        for (config, &samples) in configs.zip(samples) {
            for low in 0..8 {
                let toc = Toc(config << 3 | low);
                assert_eq!((toc.mode(), toc.bandwidth(), toc.frame_samples()), (mode, bandwidth, samples));
                assert_eq!((toc.config(), toc.stereo(), toc.code()), (config, low >= 4, low & 3));
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 256);
    assert_eq!(Toc(0x87).to_string(), "CELT narrow band 2.5 ms stereo, code 3");
}

#[test]
fn code_0_is_one_frame() {
    assert_eq!(parse(&[0xF8]), Ok((vec![0], 0)));
    assert_eq!(parse(&with(&[0xF8], 1275)), Ok((vec![1275], 0)));
}

#[test]
fn code_1_is_two_frames_of_one_size() {
    assert_eq!(parse(&[0xF9]), Ok((vec![0, 0], 0)));
    assert_eq!(parse(&with(&[0xF9], 14)), Ok((vec![7, 7], 0)));
}

#[test]
fn code_2_is_two_frames() {
    assert_eq!(parse(&with(&[0xFA, 3], 10)), Ok((vec![3, 7], 0)));
    assert_eq!(parse(&[0xFA, 0]), Ok((vec![0, 0], 0)));
    // 251 is the last length of one byte, 252 + 4 x 0 the first of two, 255 + 4 x 255 the last.
    assert_eq!(parse(&with(&[0xFA, 251], 260)), Ok((vec![251, 9], 0)));
    assert_eq!(parse(&with(&[0xFA, 252, 0], 260)), Ok((vec![252, 8], 0)));
    assert_eq!(parse(&with(&[0xFA, 253, 2], 270)), Ok((vec![261, 9], 0)));
    assert_eq!(parse(&with(&[0xFA, 255, 255], 1276)), Ok((vec![1275, 1], 0)));
}

#[test]
fn code_3_of_constant_bit_rate_divides_the_rest() {
    assert_eq!(parse(&with(&[0xFB, 3], 12)), Ok((vec![4, 4, 4], 0)));
    assert_eq!(parse(&with(&[0xFB, 0x43, 5], 12 + 5)), Ok((vec![4, 4, 4], 5)));
    // 255 stands for 254 and one more byte.
    assert_eq!(parse(&with(&[0xFB, 0x41, 255, 0], 6 + 254)), Ok((vec![6], 254)));
    assert_eq!(parse(&with(&[0xFB, 0x41, 255, 255, 1], 6 + 509)), Ok((vec![6], 509)));
    assert_eq!(parse(&[0xFB, 0x42, 0]), Ok((vec![0, 0], 0)));
}

#[test]
fn code_3_of_variable_bit_rate_states_all_lengths_but_one() {
    assert_eq!(parse(&with(&[0xFB, 0x83, 2, 1], 6)), Ok((vec![2, 1, 3], 0)));
    assert_eq!(parse(&with(&[0xFB, 0xC3, 4, 252, 1, 1], 256 + 1 + 2 + 4)), Ok((vec![256, 1, 2], 4)));
    assert_eq!(parse(&with(&[0xFB, 0x81], 9)), Ok((vec![9], 0)));
}

/// The count is of six bits: 48 frames of 2.5 ms.
#[test]
fn code_3_counts_up_to_48() {
    assert_eq!(parse(&with(&[0xE3, 48], 96)), Ok((vec![2; 48], 0)));
    assert_eq!(Packet::parse(&with(&[0xE3, 48], 96)).unwrap().samples(), 5760);
    assert_eq!(parse(&with(&[0xE3, 32], 64)), Ok((vec![2; 32], 0)));
}

#[test]
fn r1_a_packet_has_a_byte() {
    assert_eq!(parse(&[]), Err(PacketError::R1));
}

#[test]
fn r2_an_implicit_length_is_at_most_1275() {
    assert_eq!(parse(&with(&[0xF8], 1276)), Err(PacketError::R2));
    assert_eq!(parse(&with(&[0xF9], 2 * 1276)), Err(PacketError::R2));
    assert_eq!(parse(&with(&[0xFA, 0], 1276)), Err(PacketError::R2));
    assert_eq!(parse(&with(&[0xFB, 2], 2 * 1276)), Err(PacketError::R2));
    assert_eq!(parse(&with(&[0xFB, 0x82, 0], 1276)), Err(PacketError::R2));
}

#[test]
fn r3_two_frames_of_one_size_divide_the_packet() {
    assert_eq!(parse(&with(&[0xF9], 3)), Err(PacketError::R3));
}

#[test]
fn r4_the_first_of_two_frames_fits() {
    assert_eq!(parse(&[0xFA]), Err(PacketError::R4));
    assert_eq!(parse(&[0xFA, 252]), Err(PacketError::R4));
    assert_eq!(parse(&with(&[0xFA, 4], 3)), Err(PacketError::R4));
    assert_eq!(parse(&with(&[0xFA, 4], 4)), Ok((vec![4, 0], 0)));
}

#[test]
fn r5_there_are_frames_but_no_more_than_120_ms() {
    assert_eq!(parse(&[0xFB, 0]), Err(PacketError::R5));
    assert_eq!(parse(&[0xE3, 49]), Err(PacketError::R5));
    assert_eq!(parse(&[0xFB, 7]), Err(PacketError::R5));
    assert_eq!(parse(&[0xFB, 6]), Ok((vec![0; 6], 0)));
    assert_eq!(parse(&[0x1B, 3]), Err(PacketError::R5));
    assert_eq!(parse(&[0x1B, 2]), Ok((vec![0; 2], 0)));
}

#[test]
fn r6_frames_of_one_size_and_padding_fit() {
    assert_eq!(parse(&[0xFB]), Err(PacketError::R6));
    assert_eq!(parse(&[0xFB, 0x41]), Err(PacketError::R6));
    assert_eq!(parse(&[0xFB, 0x41, 255]), Err(PacketError::R6));
    assert_eq!(parse(&with(&[0xFB, 0x41, 5], 4)), Err(PacketError::R6));
    assert_eq!(parse(&with(&[0xFB, 3], 10)), Err(PacketError::R6));
}

#[test]
fn r7_lengths_frames_and_padding_fit() {
    assert_eq!(parse(&[0xFB, 0x82]), Err(PacketError::R7));
    assert_eq!(parse(&[0xFB, 0x82, 252]), Err(PacketError::R7));
    assert_eq!(parse(&with(&[0xFB, 0x82, 5], 4)), Err(PacketError::R7));
    assert_eq!(parse(&with(&[0xFB, 0xC2, 1, 4], 4)), Err(PacketError::R7));
    assert_eq!(parse(&[0xFB, 0xC1, 255]), Err(PacketError::R7));
}

#[test]
fn errors_name_the_rule_and_their_class() {
    assert!(PacketError::R5.to_string().starts_with("RFC 6716 R5: "));
    assert_eq!(PacketError::R7.class(), ErrorClass::Malformed);
    assert_eq!(PacketError::Cut.class(), ErrorClass::Limit);
}

#[test]
fn fields_are_what_the_packet_says() {
    let packet = with(&[0x7F, 0xC3, 4, 252, 1, 1], 256 + 1 + 2 + 4);
    let stream = [headers(), page(2, 0, 2880, &[packet.clone(), vec![]])].concat();
    let mut blocks = opus::blocks(&stream);
    let block = blocks.next().unwrap();
    let mut row = [-1; fields::ROW_LEN];
    fields::write(&block, &mut row).unwrap();
    // Hybrid, full band, 20 ms, stereo, code 3, VBR, 3 frames, 4 bytes of padding.
    assert_eq!(row, [15, 1, 4, 3, 1, 3, 1, 3, 4, packet.len() as i32, 256, 1, 2, 0, 0, 0]);
    assert_eq!(fields::write(&block, &mut row[1..]), Err(ViewError::RowLength { expected: 16, found: 15 }));
    let empty = blocks.next().unwrap();
    assert_eq!(fields::write(&empty, &mut row), Err(ViewError::Packet(PacketError::R1)));
    assert_eq!(empty.toc(), None);
}

#[test]
fn column_names_are_unique() {
    let names: std::collections::BTreeSet<_> = fields::COLUMNS.iter().map(|column| column.name).collect();
    assert_eq!(names.len(), fields::ROW_LEN);
}

/// A packet on three pages: its views and frames are those of the same packet in one piece.
#[test]
fn views_read_across_pages() {
    let packet = with(&[0xFB, 0x82, 255, 1], 259 + 300);
    let mut writer = Writer::opus(SERIAL, 1, 20);
    writer.packet(&packet, 1920);
    let stream = writer.finish();
    let block = opus::blocks(&stream).next().unwrap();
    assert_eq!(block.bytes.as_slice(), None);
    assert_eq!(block.bytes.parts().map(<[u8]>::len).collect::<Vec<_>>(), [255, 255, packet.len() - 510]);
    let frames: Vec<_> = block.packet().unwrap().frames().collect();
    let whole: Vec<_> = Packet::parse(&packet).unwrap().frames().collect();
    assert_eq!(frames, whole);
    assert_eq!(frames[1].start, 4 + 259);
    let (mut split, mut joined) = ([0; 700], [0; 700]);
    assert_eq!(bytes::write(&block.bytes, &mut split), 0);
    bytes::write(
        &opus::blocks(&[headers(), page(2, 0, 0, std::slice::from_ref(&packet))].concat()).next().unwrap().bytes,
        &mut joined,
    );
    assert_eq!(split, joined);
    assert_eq!(split[packet.len()], bytes::PAD);
    assert_eq!(bytes::write(&block.bytes, &mut split[..300]), packet.len() - 300);
}
