//! The views that read main data: rows of scale factors and symbols, from frames made by hand.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use std::collections::HashSet;

use common::*;
use proptest::collection::vec;
use proptest::prelude::*;
use tempest_blocks::mp3::{
    self, BAND_SLOTS, Block, FrameHeader, GranuleChannel, MainData, MainDataError, Reservoir, SideInfo, fields, parts,
    scalefactors, symbols,
};
use tempest_blocks::{ErrorClass, ViewError};

/// MPEG-2, joint stereo with intensity stereo.
const MPEG2_INTENSITY: u32 = 0xFFF3_4850;

/// A frame whose side information has `main_data_begin` and one `part2_3_length`, the first; main data as given, then
/// filler.
fn frame_with(word: u32, main_data_begin: usize, part2_3_length: usize, own: &[u8]) -> Vec<u8> {
    let header = FrameHeader::parse(word).unwrap();
    let mut frame = frame(word);
    let side = &mut frame[header.side_info_offset()..];
    put(side, 0, if header.granules() == 2 { 9 } else { 8 }, main_data_begin);
    put(side, part_offset(header, 0), 12, part2_3_length);
    frame[header.main_data_offset()..][..own.len()].copy_from_slice(own);
    frame
}

/// Main data, or missing bytes, of every block of a stream.
fn gather(stream: &[u8]) -> Vec<Result<Vec<u8>, MainDataError>> {
    let mut reservoir = Reservoir::new();
    mp3::blocks(stream).map(|block| reservoir.push(&block).map(|main_data| main_data.bytes().to_vec())).collect()
}

#[test]
fn main_data_spans_frames() {
    // 144 - 13 = 131 bytes of main data in each frame.
    let first: Vec<u8> = (0..131).collect();
    let stream = [
        frame_with(MPEG2_MONO, 0, 8 * 100, &first),
        frame_with(MPEG2_MONO, 31, 8 * 31 + 1, &[0xAA; 131]),
        frame_with(MPEG2_MONO, 130, 8 * 200, &[0xBB; 131]),
        frame_with(MPEG2_MONO, 255, 0, &[0xCC; 131]),
    ]
    .concat();
    let expected = [
        Ok(first[..100].to_vec()),
        Ok([&first[100..], &[0xAA]].concat()),
        Ok([[0xAA; 130].as_slice(), &[0xBB; 70]].concat()),
        Ok(vec![]),
    ];
    assert_eq!(gather(&stream), expected);
}

#[test]
fn main_data_of_frames_that_are_not_there_is_missing() {
    let cut_in = [
        frame_with(MPEG2_MONO, 1, 80, &[]),
        frame_with(MPEG2_MONO, 132, 80, &[]),
        frame_with(MPEG2_MONO, 255, 80, &[]),
    ];
    let gathered = gather(&cut_in.concat());
    assert_eq!(gathered[0], Err(MainDataError::Incomplete { needed: 1, found: 0 }));
    assert_eq!(gathered[1], Err(MainDataError::Incomplete { needed: 132, found: 131 }));
    assert_eq!(gathered[2], Ok(vec![0x55; 10]));
    assert_eq!(gathered[0].as_ref().unwrap_err().class(), ErrorClass::Malformed);

    // Garbage in between: what came before it does not count.
    let whole =
        [frames(MPEG2_MONO, 3), b"garbage".to_vec(), frames(MPEG2_MONO, 1), frame_with(MPEG2_MONO, 200, 0, &[])];
    let gathered = gather(&[whole.concat(), frames(MPEG2_MONO, 1)].concat());
    assert_eq!(gathered[4], Err(MainDataError::Incomplete { needed: 200, found: 131 }));
    assert_eq!(gathered.iter().filter(|main_data| main_data.is_ok()).count(), 5);
}

#[test]
fn main_data_ends_with_a_truncated_frame() {
    let stream = [frame(MPEG1_CRC), frame_with(MPEG1_CRC, 10, 4000, &[])].concat();
    let cut = |bytes: usize| gather(&stream[..417 + bytes]).pop().unwrap();
    assert_eq!(cut(38).unwrap().len(), 10);
    assert_eq!(cut(417).unwrap().len(), 10 + 417 - 38);
    assert_eq!(cut(37), Err(MainDataError::Truncated { needed: 38, found: 37 }));
}

/// Bits of the scale factor in a slot, as the standard's prose has it.
fn width(header: FrameHeader, channel: usize, coded: &GranuleChannel, slot: usize) -> u32 {
    let compress = u32::from(coded.scalefac_compress);
    let mpeg1 = header.granules() == 2;
    let (short, mixed) = (coded.block_type == 2, coded.block_type == 2 && coded.mixed_block_flag);
    let long_bands = match (short, mixed) {
        (false, _) => 21,
        (_, false) => 0,
        _ if mpeg1 => 8,
        _ => 6,
    };
    // The scale factor's place in the order coded.
    let nth = match slot.checked_sub(22) {
        None if slot < long_bands => slot,
        Some(nth) if mixed && (9..36).contains(&nth) => long_bands + nth - 9,
        Some(nth) if short && !mixed && nth < 36 => nth,
        _ => return 0,
    };
    if mpeg1 {
        let slen1 = [0, 0, 0, 0, 3, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4][coded.scalefac_compress as usize];
        let slen2 = [0, 1, 2, 3, 0, 1, 2, 3, 1, 2, 3, 1, 2, 3, 2, 3][coded.scalefac_compress as usize];
        let first = if !short { 11 } else { [18, 17][usize::from(mixed)] };
        return if nth < first { slen1 } else { slen2 };
    }
    let intensity = header.intensity_stereo() && channel == 1;
    let (slen, row) = match (intensity, if intensity { compress >> 1 } else { compress }) {
        (false, c @ 0..400) => ([(c >> 4) / 5, (c >> 4) % 5, (c % 16) >> 2, c % 4], 0),
        (false, c @ 400..500) => ([((c - 400) >> 2) / 5, ((c - 400) >> 2) % 5, (c - 400) % 4, 0], 1),
        (false, c) => ([(c - 500) / 3, (c - 500) % 3, 0, 0], 2),
        (true, c @ 0..180) => ([c / 36, (c % 36) / 6, (c % 36) % 6, 0], 3),
        (true, c @ 180..244) => ([((c - 180) % 64) >> 4, ((c - 180) % 16) >> 2, (c - 180) % 4, 0], 4),
        (true, c) => ([(c - 244) / 3, (c - 244) % 3, 0, 0], 5),
    };
    let counts = [
        [[6, 5, 5, 5], [9, 9, 9, 9], [6, 9, 9, 9]],
        [[6, 5, 7, 3], [9, 9, 12, 6], [6, 9, 12, 6]],
        [[11, 10, 0, 0], [18, 18, 0, 0], [15, 18, 0, 0]],
        [[7, 7, 7, 0], [12, 12, 12, 0], [6, 15, 12, 0]],
        [[6, 6, 6, 3], [12, 9, 9, 6], [6, 12, 9, 6]],
        [[8, 8, 5, 0], [15, 12, 9, 0], [6, 18, 9, 0]],
    ][row][usize::from(short) + usize::from(mixed)];
    let mut left = nth;
    for (count, slen) in counts.into_iter().zip(slen) {
        if left < count {
            return slen;
        }
        left -= count;
    }
    panic!("{nth} is beyond the table");
}

#[test]
fn scale_factors_of_every_kind_are_as_wide_as_they_should_be() {
    for word in [MPEG1_MONO, MPEG2_MONO, MPEG2_INTENSITY, 0xFFE3_4800] {
        let header = FrameHeader::parse(word).unwrap();
        for (compress, kind) in (0..512).flat_map(|compress| (0..3).map(move |kind| (compress, kind))) {
            let scalefac_compress = if header.granules() == 2 { compress % 16 } else { compress };
            let coded = GranuleChannel {
                part2_3_length: 400,
                scalefac_compress,
                window_switching_flag: kind > 0,
                block_type: if kind > 0 { 2 } else { 0 },
                mixed_block_flag: kind == 2,
                ..GranuleChannel::default()
            };
            let side_info = SideInfo { granules: [[coded; 2]; 2], ..SideInfo::default() };
            for part in parts(header, &side_info, MainData::new(&[0xFF; 200])) {
                let channel = usize::from(part.channel);
                let expected: [u8; BAND_SLOTS] =
                    std::array::from_fn(|slot| (1_u16 << width(header, channel, &coded, slot)) as u8 - 1);
                assert_eq!(part.scale_factors.slots(), &expected, "{header} ch{channel} {coded:?}");
            }
        }
    }
}

#[test]
fn scfsi_takes_scale_factors_over_and_reads_no_bits() {
    let header = FrameHeader::parse(MPEG1_MONO).unwrap();
    let coded = GranuleChannel { part2_3_length: 64, scalefac_compress: 15, ..GranuleChannel::default() };
    // 4 bits for 11 bands, 3 bits for 10: 74 bits, of which granule 0 has 64 and then zeros.
    let main_data: Vec<u8> = [[0x12, 0x34, 0x56, 0x78, 0x9A, 0xBF, 0xFF, 0xFF], [0xFE; 8]].concat();
    let scale = |scfsi: u8| {
        let side_info = SideInfo { scfsi: [scfsi, 0], granules: [[coded; 2]; 2], ..SideInfo::default() };
        let mut parts = parts(header, &side_info, MainData::new(&main_data));
        [(); 2].map(|()| parts.next().unwrap().scale_factors.long())
    };
    let [granule0, granule1] = scale(0b1111);
    assert_eq!(granule0, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 7, 7, 7, 7, 7, 7, 0, 0, 0, 0, 0]);
    assert_eq!(granule1, granule0);
    let [_, granule1] = scale(0b1000);
    assert_eq!(granule1[..11], [1, 2, 3, 4, 5, 6, 15, 14, 15, 14, 15]);
    let [_, granule1] = scale(0b0001);
    assert_eq!((granule1[0], granule1[12], granule1[16]), (15, 3, 7));
}

#[test]
fn gains_gather_every_factor() {
    let header = FrameHeader::parse(MPEG1_MONO).unwrap();
    let long = GranuleChannel { global_gain: 200, preflag: true, ..GranuleChannel::default() };
    let short = GranuleChannel {
        part2_3_length: 200,
        global_gain: 170,
        scalefac_compress: 15,
        window_switching_flag: true,
        block_type: 2,
        subblock_gain: [0, 3, 7],
        scalefac_scale: true,
        ..GranuleChannel::default()
    };
    let side_info = SideInfo { granules: [[long; 2], [short; 2]], ..SideInfo::default() };
    let mut parts = parts(header, &side_info, MainData::new(&[0xFF; 30]));
    let gains = parts.next().unwrap().gains();
    assert_eq!(gains[..22], [[-10; 11].as_slice(), &[-12; 4], &[-14; 2], &[-16; 3], &[-14, -10]].concat());
    assert_eq!(gains[22..], [0; 39]);
    let gains = parts.next().unwrap().gains();
    assert_eq!(gains[..22], [0; 22]);
    // 15 in steps of 4 quarters; 7 above band 5; none in band 12.
    assert_eq!(gains[22..25], [-100, -124, -156]);
    assert_eq!(gains[40..43], [-68, -92, -124]);
    assert_eq!(gains[58..], [-40, -64, -96]);
}

#[test]
fn rows_have_the_columns_of_fields_first() {
    for (granules, channels, scale, pooled) in [(1, 1, 85, 146), (1, 2, 166, 288), (2, 1, 166, 288), (2, 2, 328, 572)] {
        assert_eq!(scalefactors::row_len(granules, channels), scale);
        assert_eq!(symbols::row_len(granules, channels), pooled);
        for columns in [
            scalefactors::columns(granules, channels).collect::<Vec<_>>(),
            symbols::columns(granules, channels).collect(),
        ] {
            assert!([scale, pooled].contains(&columns.len()));
            let of_fields: Vec<_> = fields::columns(granules, channels).collect();
            assert_eq!(columns[..of_fields.len()], of_fields);
            let names: HashSet<_> = columns.iter().map(ToString::to_string).collect();
            assert_eq!(names.len(), columns.len());
        }
    }
    let names: Vec<_> = symbols::columns(2, 2).map(|column| column.to_string()).collect();
    assert_eq!(names[84..86], ["gr0.ch0.gain_l0", "gr0.ch0.gain_l1"]);
    assert_eq!((names[84 + 22].as_str(), names[571].as_str()), ("gr0.ch0.gain_s0_w0", "gr1.ch1.pooled_s12_w2"));
}

#[test]
fn symbols_of_a_frame_by_hand() {
    // Table 1: `000` is (1, 1), `01` is (1, 0), `1` is (0, 0), `001` is (0, 1), a sign behind each 1. Then, in table B,
    // `1000` is (0, 1, 1, 1).
    let mut frame = frame_with(MPEG2_MONO, 0, 20, &[0b0000_1011, 0b1001_0100, 0b0011_0000]);
    let side = &mut frame[4..13];
    put(side, 21, 9, 4); // big_values
    put(side, 30, 8, 190); // global_gain
    put(side, 48, 5, 1); // table_select of region 0
    put(side, 53, 5, 1);
    put(side, 58, 5, 1);
    put(side, 71, 1, 1); // count1table_select
    let header = FrameHeader::parse(MPEG2_MONO).unwrap();
    let block = Block { header, bytes: &frame, offset: 0, sequence: 0, truncated: false };
    let mut reservoir = Reservoir::new();
    let main_data = reservoir.push(&block).unwrap();

    let mut whole = [7; 576];
    symbols::write_whole(&block, main_data, &mut whole).unwrap();
    assert_eq!(whole[..12], [1, -1, -1, 0, 0, 0, 0, 1, 0, 1, -1, -1]);
    assert_eq!(whole[12..], [0; 564]);

    let mut row = [7; symbols::row_len(1, 1)];
    symbols::write(&block, main_data, &mut row).unwrap();
    let (gains, pooled) = row[24..].split_at(BAND_SLOTS);
    assert_eq!(gains, [[-20; 22].as_slice(), &[0; 39]].concat());
    // Three ones in lines 0 to 5, four in lines 6 to 11: log2(4) and log2(5).
    assert_eq!(pooled, [[512, 594].as_slice(), &[0; 59]].concat());
}

#[test]
fn rows_of_another_shape_are_refused() {
    let header = FrameHeader::parse(MPEG2_MONO).unwrap();
    let frame = frame(MPEG2_MONO);
    let block = Block { header, bytes: &frame, offset: 0, sequence: 0, truncated: false };
    let none = MainData::default();
    for found in [0, 24, 84, 86, 145, 147, 575, 577] {
        let row = &mut vec![0; found];
        let refused = |expected| Err(ViewError::RowLength { expected, found });
        assert_eq!(scalefactors::write(&block, none, row), refused(85));
        assert_eq!(symbols::write(&block, none, row), refused(146));
        assert_eq!(symbols::write_whole(&block, none, row), refused(576));
    }
    let cut = Block { bytes: &frame[..12], ..block };
    assert_eq!(symbols::write(&cut, none, &mut [0; 146]), Err(ViewError::Truncated { needed: 13, found: 12 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_have_rows(
        word in prop::sample::select(vec![MPEG1, MPEG1_MONO, MPEG1_CRC, MPEG2_MONO, MPEG25_MONO, MPEG2_INTENSITY]),
        noise in vec(vec(any::<u8>(), 1500), 1..6),
    ) {
        let header = FrameHeader::parse(word).unwrap();
        let (granules, channels) = (header.granules(), header.channels());
        let mut reservoir = Reservoir::new();
        let mut offset = 0;
        for mut noise in noise {
            noise[..4].copy_from_slice(&word.to_be_bytes());
            noise.truncate(header.frame_bytes());
            let block = Block { header, bytes: &noise, offset, sequence: 0, truncated: false };
            offset += noise.len() as u64;
            let main_data = reservoir.push(&block).unwrap_or_default();
            let mut row = vec![i32::MIN; symbols::row_len(granules, channels)];
            prop_assert_eq!(symbols::write(&block, main_data, &mut row), Ok(()));
            let at = fields::row_len(granules, channels);
            for of_bands in row[at..].chunks(2 * BAND_SLOTS) {
                let (gains, pooled) = of_bands.split_at(BAND_SLOTS);
                prop_assert!(gains.iter().all(|gain| (-410..=45).contains(gain)), "{gains:?}");
                prop_assert!(pooled.iter().all(|sum| (0..=6771).contains(sum)), "{pooled:?}");
            }
            let mut row = vec![i32::MIN; scalefactors::row_len(granules, channels)];
            prop_assert_eq!(scalefactors::write(&block, main_data, &mut row), Ok(()));
            prop_assert!(row[at..].iter().all(|scale| (0..=31).contains(scale)));
            let mut row = vec![i32::MIN; symbols::whole_len(granules, channels)];
            prop_assert_eq!(symbols::write_whole(&block, main_data, &mut row), Ok(()));
            prop_assert!(row.iter().all(|value| (-8206..=8206).contains(value)));
        }
    }
}
