//! Side information written bit by bit and read back, and the rows made of it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use common::*;
use proptest::prelude::*;
use tempest_blocks::mp3::fields::{self, Column, Kind};
use tempest_blocks::mp3::{Block, FrameHeader, GranuleChannel, SideInfo, bytes};
use tempest_blocks::{ErrorClass, ViewError};

/// One header for each of version x channels x CRC.
const WORDS: [u32; 12] = [
    0xFFFB_9000,
    0xFFFB_90C0,
    0xFFFA_9000,
    0xFFFA_90C0,
    0xFFF3_4800,
    0xFFF3_48C0,
    0xFFF2_4800,
    0xFFF2_48C0,
    0xFFE3_4800,
    0xFFE3_48C0,
    0xFFE2_4800,
    0xFFE2_48C0,
];

/// Puts numbers into bytes, highest bit first.
#[derive(Default)]
struct BitWriter(Vec<bool>);

impl BitWriter {
    fn put(&mut self, value: impl Into<u32>, width: u32) {
        let value = value.into();
        assert!(value < 1 << width, "{value} in {width} bits");
        self.0.extend((0..width).rev().map(|bit| value >> bit & 1 == 1));
    }

    fn bytes(&self) -> Vec<u8> {
        assert_eq!(self.0.len() % 8, 0, "side information is whole bytes");
        self.0.chunks(8).map(|byte| byte.iter().fold(0, |byte, &bit| byte << 1 | u8::from(bit))).collect()
    }
}

/// The syntax table of 2.4.1.7, in the order and with the widths it gives.
fn write_side_info(header: FrameHeader, side: &SideInfo) -> Vec<u8> {
    let mpeg1 = header.granules() == 2;
    let channels = usize::from(header.channels());
    let mut bits = BitWriter::default();
    bits.put(side.main_data_begin, if mpeg1 { 9 } else { 8 });
    bits.put(side.private_bits, private_bits(mpeg1, channels));
    if mpeg1 {
        for ch in 0..channels {
            bits.put(side.scfsi[ch], 4);
        }
    }
    for gr in 0..usize::from(header.granules()) {
        for ch in 0..channels {
            let g = &side.granules[gr][ch];
            bits.put(g.part2_3_length, 12);
            bits.put(g.big_values, 9);
            bits.put(g.global_gain, 8);
            bits.put(g.scalefac_compress, if mpeg1 { 4 } else { 9 });
            bits.put(g.window_switching_flag, 1);
            if g.window_switching_flag {
                bits.put(g.block_type, 2);
                bits.put(g.mixed_block_flag, 1);
                (0..2).for_each(|region| bits.put(g.table_select[region], 5));
                (0..3).for_each(|window| bits.put(g.subblock_gain[window], 3));
            } else {
                (0..3).for_each(|region| bits.put(g.table_select[region], 5));
                bits.put(g.region0_count, 4);
                bits.put(g.region1_count, 3);
            }
            if mpeg1 {
                bits.put(g.preflag, 1);
            }
            bits.put(g.scalefac_scale, 1);
            bits.put(g.count1table_select, 1);
        }
    }
    bits.bytes()
}

fn private_bits(mpeg1: bool, channels: usize) -> u32 {
    match (mpeg1, channels) {
        (true, 1) => 5,
        (true, _) => 3,
        (false, channels) => channels as u32,
    }
}

fn granule_channel(mpeg1: bool) -> impl Strategy<Value = GranuleChannel> {
    let gains = (0..4096_u16, 0..512_u16, any::<u8>(), 0..if mpeg1 { 16_u16 } else { 512 });
    let switched = (any::<bool>(), 0..4_u8, any::<bool>(), prop::array::uniform3(0..8_u8));
    let normal = (prop::array::uniform3(0..32_u8), 0..16_u8, 0..8_u8);
    (gains, switched, normal, prop::array::uniform3(any::<bool>())).prop_map(move |(gains, switched, normal, flags)| {
        let (part2_3_length, big_values, global_gain, scalefac_compress) = gains;
        let [preflag, scalefac_scale, count1table_select] = flags;
        let (window_switching_flag, block_type, mixed_block_flag, subblock_gain) = switched;
        let (mut table_select, region0_count, region1_count) = normal;
        let common = GranuleChannel {
            part2_3_length,
            big_values,
            global_gain,
            scalefac_compress,
            window_switching_flag,
            preflag: preflag && mpeg1,
            scalefac_scale,
            count1table_select,
            ..GranuleChannel::default()
        };
        if window_switching_flag {
            table_select[2] = 0;
            GranuleChannel { block_type, mixed_block_flag, table_select, subblock_gain, ..common }
        } else {
            GranuleChannel { table_select, region0_count, region1_count, ..common }
        }
    })
}

fn side_info(header: FrameHeader) -> impl Strategy<Value = SideInfo> {
    let mpeg1 = header.granules() == 2;
    let channels = usize::from(header.channels());
    let frame = (0..if mpeg1 { 512_u16 } else { 256 }, 0..1_u8 << private_bits(mpeg1, channels));
    let granules = prop::array::uniform2(prop::array::uniform2(granule_channel(mpeg1)));
    (frame, prop::array::uniform2(0..16_u8), granules).prop_map(move |(frame, mut scfsi, mut granules)| {
        let (main_data_begin, private_bits) = frame;
        if !mpeg1 {
            scfsi = [0; 2];
            granules[1] = Default::default();
        }
        if channels == 1 {
            scfsi[1] = 0;
            granules.iter_mut().for_each(|granule| granule[1] = GranuleChannel::default());
        }
        SideInfo { main_data_begin, private_bits, scfsi, granules }
    })
}

fn frame_with_side_info() -> impl Strategy<Value = (FrameHeader, SideInfo, Vec<u8>)> {
    prop::sample::select(WORDS.as_slice()).prop_flat_map(|word| {
        let header = FrameHeader::parse(word).unwrap();
        side_info(header).prop_map(move |side| {
            let mut frame = frame(word);
            let coded = write_side_info(header, &side);
            assert_eq!(coded.len(), header.side_info_bytes());
            frame[header.side_info_offset()..][..coded.len()].copy_from_slice(&coded);
            (header, side, frame)
        })
    })
}

fn block(header: FrameHeader, bytes: &[u8]) -> Block<'_> {
    Block { header, bytes, offset: 0, sequence: 0, truncated: bytes.len() < header.frame_bytes() }
}

/// The value the row should have in a column, found by the column's name.
fn expected(column: &Column, header: FrameHeader, side: &SideInfo) -> i32 {
    let Some((granule, channel)) = column.place else {
        return match column.name {
            "bitrate_index" => header.bitrate_index().into(),
            "mode" => (header.word() >> 6 & 3) as i32,
            "mode_extension" => header.mode_extension().into(),
            "main_data_begin" => side.main_data_begin.into(),
            name => panic!("{name}"),
        };
    };
    let (granule, channel) = (usize::from(granule), usize::from(channel));
    let g = &side.granules[granule][channel];
    match column.name {
        "part2_3_length" => g.part2_3_length.into(),
        "big_values" => g.big_values.into(),
        "global_gain" => g.global_gain.into(),
        "scalefac_compress_high" => i32::from(g.scalefac_compress) / 16,
        "scalefac_compress_low" => i32::from(g.scalefac_compress) % 16,
        "window_switching" => g.window_switching_flag.into(),
        "block_type" => g.block_type.into(),
        "mixed_block" => g.mixed_block_flag.into(),
        "region0_count" => g.region0_count.into(),
        "region1_count" => g.region1_count.into(),
        "preflag" => g.preflag.into(),
        "scalefac_scale" => g.scalefac_scale.into(),
        "count1table_select" => g.count1table_select.into(),
        "scfsi" => i32::from(side.scfsi[channel]) * granule as i32,
        name => {
            let (name, index) = name.rsplit_once('_').unwrap();
            let values = match name {
                "table_select" => g.table_select,
                "subblock_gain" => g.subblock_gain,
                name => panic!("{name}"),
            };
            values[index.parse::<usize>().unwrap()].into()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn side_info_is_read_as_written((header, side, frame) in frame_with_side_info()) {
        prop_assert_eq!(SideInfo::parse(header, &frame), Ok(side));
    }

    #[test]
    fn a_row_holds_the_side_info_column_by_column((header, side, frame) in frame_with_side_info()) {
        let (granules, channels) = (header.granules(), header.channels());
        let mut row = vec![-1; fields::row_len(granules, channels)];
        fields::write(&block(header, &frame), &mut row).unwrap();
        for (column, &value) in fields::columns(granules, channels).zip(&row) {
            prop_assert_eq!(value, expected(&column, header, &side), "{}", column);
        }
    }
}

#[test]
fn rows_have_the_length_of_their_columns_and_unique_names() {
    for (granules, channels, len) in [(1, 1, 24), (1, 2, 44), (2, 1, 44), (2, 2, 84)] {
        let mut names: Vec<_> = fields::columns(granules, channels).map(|column| column.to_string()).collect();
        assert_eq!((names.len(), fields::row_len(granules, channels)), (len, len));
        names.sort();
        names.dedup();
        assert_eq!(names.len(), len);
    }
}

/// A model trained on layout 1 depends on this list: change it only together with `LAYOUT`.
#[test]
fn layout_1_is_frozen() {
    assert_eq!(fields::LAYOUT, 1);
    let column = |column: Column| match column.kind {
        Kind::Number => column.to_string(),
        Kind::Category(cardinality) => format!("{column}:{cardinality}"),
    };
    let columns: Vec<_> = fields::columns(1, 1).map(column).collect();
    let expected = "bitrate_index:16 mode:4 mode_extension:4 main_data_begin gr0.ch0.part2_3_length gr0.ch0.big_values \
        gr0.ch0.global_gain gr0.ch0.scalefac_compress_high:32 gr0.ch0.scalefac_compress_low:16 \
        gr0.ch0.window_switching:2 gr0.ch0.block_type:4 gr0.ch0.mixed_block:2 gr0.ch0.table_select_0:32 \
        gr0.ch0.table_select_1:32 gr0.ch0.table_select_2:32 gr0.ch0.subblock_gain_0:8 gr0.ch0.subblock_gain_1:8 \
        gr0.ch0.subblock_gain_2:8 gr0.ch0.region0_count:16 gr0.ch0.region1_count:8 gr0.ch0.preflag:2 \
        gr0.ch0.scalefac_scale:2 gr0.ch0.count1table_select:2 gr0.ch0.scfsi:16";
    assert_eq!(columns.join(" "), expected);
    let places: Vec<_> = fields::columns(2, 2).filter(|column| column.name == "scfsi").map(|c| c.place).collect();
    assert_eq!(places, [(0, 0), (0, 1), (1, 0), (1, 1)].map(Some));
}

#[test]
fn a_block_cut_within_its_side_info_has_no_row() {
    let header = FrameHeader::parse(MPEG1_CRC).unwrap();
    let frame = frame(MPEG1_CRC);
    let mut row = [0; fields::row_len(2, 2)];
    assert_eq!(fields::write(&block(header, &frame[..38]), &mut row), Ok(()));
    let error = fields::write(&block(header, &frame[..37]), &mut row).unwrap_err();
    assert_eq!(error, ViewError::Truncated { needed: 38, found: 37 });
    assert_eq!(error.class(), ErrorClass::Malformed);
}

#[test]
fn a_row_of_another_shape_is_refused() {
    let header = FrameHeader::parse(MPEG2_MONO).unwrap();
    let frame = frame(MPEG2_MONO);
    for found in [0, 3, 23, 25, 44] {
        let error = fields::write(&block(header, &frame), &mut vec![0; found]).unwrap_err();
        assert_eq!(error, ViewError::RowLength { expected: 24, found });
        assert_eq!(error.class(), ErrorClass::Limit);
    }
}

#[test]
fn bytes_are_padded_or_cut_to_the_row() {
    let header = FrameHeader::parse(MPEG25_MONO).unwrap();
    let frame = frame(MPEG25_MONO);
    let mut row = [0; 80];
    assert_eq!(bytes::write(&block(header, &frame), &mut row), 0);
    assert!(row[..72].iter().zip(&frame).all(|(&token, &byte)| token == i32::from(byte)));
    assert_eq!(row[72..], [bytes::PAD; 8]);
    assert_eq!(bytes::write(&block(header, &frame), &mut row[..70]), 2);
    assert_eq!(bytes::write(&block(header, &frame), &mut []), 72);
}
