//! Streams with a bit reservoir, made by hand: the units `adu` and `granule` hold its bytes, bit for bit.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use common::*;
use proptest::collection::vec;
use proptest::prelude::*;
use tempest_blocks::mp3::{
    self, FrameHeader, MAX_FRAME_BYTES, MAX_MAIN_DATA_BEGIN, Part, Reservoir, SideInfo, adu, fields, granule, parts,
    scalefactors, symbols,
};
use tempest_blocks::{Kind, ViewError};

/// A frame to be made: header, how much of the room for main data it takes (of 255), a share for each of four parts, and
/// the bytes that side information and main data are made of.
type Plan = (u32, u8, [u8; 4], [u8; 64]);

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let mpeg1 = prop::sample::select(vec![MPEG1, MPEG1_PADDED, MPEG1_MONO, MPEG1_CRC, 0xFFFB_1040, 0xFFFB_A064]);
    let lsf = prop::sample::select(vec![MPEG2_MONO, 0xFFF3_8850, 0xFFF2_28C0, 0xFFF3_4A40]);
    let fill = prop_oneof![any::<u8>(), Just(255), Just(0)];
    let plan = move |word| (word, fill.clone(), any::<[u8; 4]>(), any::<[u8; 64]>());
    let first = plan(mpeg1.boxed());
    let second = plan(lsf.boxed());
    prop_oneof![vec(first, 2..12), vec(second, 2..12)]
}

/// A frame's main data in the reservoir's bytes.
struct Place {
    start: usize,
    /// Bits of each part.
    parts: Vec<usize>,
}

impl Place {
    fn bits(&self) -> usize {
        self.parts.iter().sum()
    }

    fn bytes<'s>(&self, slots: &'s [u8]) -> &'s [u8] {
        &slots[self.start..][..self.bits().div_ceil(8)]
    }
}

/// The stream, the main data slots of all its frames in a row, and each frame's place in them.
fn encode(plans: &[Plan]) -> (Vec<u8>, Vec<u8>, Vec<Place>) {
    let (mut heads, mut slots, mut places, mut end) = (Vec::new(), Vec::new(), Vec::<Place>::new(), 0);
    for (word, fill, shares, noise) in plans {
        let header = FrameHeader::parse(*word).unwrap();
        let mpeg1 = header.granules() == 2;
        let before = slots.len();
        let start = end.max(before.saturating_sub(if mpeg1 { 511 } else { 255 }));
        let noise_forever = noise.iter().cycle().skip(places.len() % 64);
        slots.extend(noise_forever.take(header.frame_bytes() - header.main_data_offset()));

        let room = (slots.len() - start) * 8 * usize::from(*fill) / 255;
        let count = usize::from(header.granules() * header.channels());
        let total = shares[..count].iter().map(|&share| usize::from(share)).sum::<usize>().max(1);
        let parts: Vec<_> =
            shares[..count].iter().map(|&share| (room * usize::from(share) / total).min(4095)).collect();

        let mut head = frame(*word)[..header.main_data_offset()].to_vec();
        let side = &mut head[header.side_info_offset()..];
        side.copy_from_slice(&noise[..side.len()]);
        put(side, 0, if mpeg1 { 9 } else { 8 }, before - start);
        parts.iter().enumerate().for_each(|(nth, &bits)| put(side, part_offset(header, nth), 12, bits));
        heads.push(head);
        let place = Place { start, parts };
        end = start + place.bits().div_ceil(8);
        places.push(place);
    }
    let mut rest = slots.as_slice();
    let mut stream = Vec::new();
    for head in heads {
        let header = FrameHeader::parse(u32::from_be_bytes(*head.first_chunk().unwrap())).unwrap();
        let (slot, later) = rest.split_at(header.frame_bytes() - head.len());
        stream.extend([head.as_slice(), slot].concat());
        rest = later;
    }
    (stream, slots, places)
}

fn bits(bytes: &[u8]) -> impl Iterator<Item = bool> {
    bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1))
}

/// The row of one view, by its `write_part`.
fn part_row(len: usize, part: &Part<'_>, write: fn(&Part<'_>, &mut [i32]) -> Result<(), ViewError>) -> Vec<i32> {
    let mut row = vec![i32::MIN; len];
    write(part, &mut row).unwrap();
    assert_eq!(write(part, &mut vec![0; len + 1]), Err(ViewError::RowLength { expected: len, found: len + 1 }));
    row
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn adus_hold_the_reservoir(plans in plans()) {
        let (stream, slots, places) = encode(&plans);
        let (mut reservoir, mut buffer) = (Reservoir::new(), [0; adu::MAX_ADU_BYTES]);
        let mut joined = Vec::new();
        let mut blocks = 0;
        for (block, place) in mp3::blocks(&stream).zip(&places) {
            blocks += 1;
            let main_data = reservoir.push(&block).unwrap();
            prop_assert_eq!(main_data.bytes(), place.bytes(&slots));
            let adu = adu::join(&block, main_data, &mut buffer).unwrap();
            let head = block.header.main_data_offset();
            prop_assert_eq!(&adu.bytes[..head], &block.bytes[..head]);
            prop_assert_eq!(adu.main_data(), main_data);
            prop_assert_eq!((adu.offset, adu.sequence, adu.truncated), (block.offset, block.sequence, false));
            joined.extend_from_slice(&adu.bytes[head..]);

            let mut rows = [(); 2].map(|()| vec![0; symbols::row_len(block.header.granules(), block.header.channels())]);
            symbols::write(&block, main_data, &mut rows[0]).unwrap();
            symbols::write(&adu.as_block(), adu.main_data(), &mut rows[1]).unwrap();
            prop_assert_eq!(&rows[0], &rows[1]);
        }
        prop_assert_eq!(blocks, plans.len());
        let expected: Vec<u8> = places.iter().flat_map(|place| place.bytes(&slots)).copied().collect();
        prop_assert_eq!(joined, expected);
    }

    #[test]
    fn granules_hold_the_reservoir(plans in plans()) {
        let (stream, slots, places) = encode(&plans);
        let (mut reservoir, mut buffer) = (Reservoir::new(), [0; granule::MAX_GRANULE_BYTES]);
        for (block, place) in mp3::blocks(&stream).zip(&places) {
            let header = block.header;
            let main_data = reservoir.push(&block).unwrap();
            let side_info = SideInfo::parse(header, block.bytes).unwrap();
            let side_bits: Vec<bool> = bits(&block.bytes[header.side_info_offset()..]).collect();
            let mut row = vec![0; symbols::row_len(header.granules(), header.channels())];
            symbols::write(&block, main_data, &mut row).unwrap();

            let mut joined = Vec::new();
            for (nth, part) in parts(header, &side_info, main_data).enumerate() {
                let granule = granule::cut(&block, &part, &mut buffer);
                prop_assert!(!granule.truncated);
                prop_assert_eq!(granule.bytes.len(), 8 + place.parts[nth].div_ceil(8));
                let (head, payload) = granule.bytes.split_at(granule::HEAD_BYTES);
                let head: Vec<bool> = bits(head).collect();
                let width = if header.granules() == 2 { 59 } else { 63 };
                prop_assert_eq!(&head[..width], &side_bits[part_offset(header, nth)..][..width]);
                prop_assert!(!head[63]);
                let scfsi = head[width..63].iter().fold(0, |scfsi, &bit| scfsi << 1 | u8::from(bit));
                prop_assert_eq!(scfsi, side_info.scfsi[usize::from(part.channel)] * part.granule);
                joined.extend(bits(payload).take(place.parts[nth]));
                prop_assert!(bits(payload).skip(place.parts[nth]).all(|bit| !bit));

                let at = fields::row_len(header.granules(), header.channels());
                let of_part = part_row(146, &part, symbols::write_part);
                prop_assert_eq!(&of_part[24..], &row[at + 122 * nth..][..122]);
                prop_assert_eq!(&of_part[..4], &row[..4]);
                prop_assert_eq!(&of_part[4..24], &row[4 + 20 * nth..][..20]);
                prop_assert_eq!(&part_row(85, &part, scalefactors::write_part)[..24], &of_part[..24]);
                prop_assert_eq!(part_row(24, &part, fields::write_part), &of_part[..24]);
            }
            let expected: Vec<bool> = bits(place.bytes(&slots)).take(place.bits()).collect();
            prop_assert_eq!(joined, expected);
        }
    }

    #[test]
    fn main_data_is_whole_or_missing(plans in plans(), first in 0..4_usize) {
        let (stream, slots, places) = encode(&plans);
        let mut reservoir = Reservoir::new();
        let mut held = 0;
        for (block, place) in mp3::blocks(&stream).zip(&places).skip(first) {
            held += block.bytes.len() - block.header.main_data_offset();
            match reservoir.push(&block) {
                Ok(main_data) => prop_assert_eq!(main_data.bytes(), place.bytes(&slots)),
                Err(_) => prop_assert!(held < MAX_MAIN_DATA_BEGIN + MAX_FRAME_BYTES),
            }
        }
    }
}

#[test]
fn units_of_a_truncated_frame_say_so() {
    let plan = |fill| (MPEG1, fill, [1, 1, 1, 1], [0x35; 64]);
    let (stream, _, places) = encode(&[plan(0), plan(255)]);
    let cut = &stream[..stream.len() - 200];
    let (mut reservoir, mut adus, mut granules) = (Reservoir::new(), [0; adu::MAX_ADU_BYTES], [0; 520]);
    let blocks: Vec<_> = mp3::blocks(cut).collect();
    assert!(!adu::join(&blocks[0], reservoir.push(&blocks[0]).unwrap(), &mut adus).unwrap().truncated);
    let main_data = reservoir.push(&blocks[1]).unwrap();
    let adu = adu::join(&blocks[1], main_data, &mut adus).unwrap();
    assert!(adu.truncated);
    assert_eq!(adu.bytes.len(), 36 + places[1].bits().div_ceil(8) - 200);
    let side_info = SideInfo::parse(blocks[1].header, blocks[1].bytes).unwrap();
    let truncated: Vec<_> = parts(blocks[1].header, &side_info, main_data)
        .map(|part| granule::cut(&blocks[1], &part, &mut granules).truncated)
        .collect();
    assert_eq!(truncated, [false, false, true, true]);
}

#[test]
fn rows_of_a_granule_say_which_it_is() {
    // 44.1 kHz stereo, 48 kHz mono, 16 kHz mono, 8 kHz mono.
    let cases = [(MPEG1, 0, 0), (0xFFFB_94C0, 0, 1), (MPEG2_MONO, 1, 2), (MPEG25_MONO, 2, 2)];
    for (word, version, sampling_frequency) in cases {
        let header = FrameHeader::parse(word).unwrap();
        let mut side_info = SideInfo::default();
        side_info.granules[0][0].global_gain = 99;
        let mut places = Vec::new();
        for part in parts(header, &side_info, mp3::MainData::default()) {
            let mut row = [i32::MIN; 28];
            granule::write(&part, &mut row, fields::write_part).unwrap();
            assert_eq!(row[..2], [version, sampling_frequency]);
            assert_eq!(row[4..], part_row(24, &part, fields::write_part));
            places.push((row[2], row[3]));
            for (column, &value) in granule::COLUMNS.iter().zip(&row) {
                assert!(matches!(column.kind, Kind::Category(of) if (0..of.into()).contains(&value)), "{column}");
            }
            let wrong = |expected, found| Err(ViewError::RowLength { expected, found });
            assert_eq!(granule::write(&part, &mut [0; 27], fields::write_part), wrong(28, 27));
            assert_eq!(granule::write(&part, &mut [0; 3], fields::write_part), wrong(4, 3));
        }
        let all = [(0, 0), (0, 1), (1, 0), (1, 1)];
        let there =
            |&(granule, channel): &(i32, i32)| granule < header.granules().into() && channel < header.channels().into();
        assert_eq!(places, Vec::from_iter(all.into_iter().filter(there)));
    }
}
