//! Images written from known coefficients give those back, cut where they were written.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod jpeg_common;

use jpeg_common::*;
use tempest_blocks::jpeg::{Division, Image, IntervalEvent, bytes, symbols};
use tempest_blocks::{ErrorClass, ViewError};

const GRAY: &[(u8, u8)] = &[(1, 1)];
const YUV444: &[(u8, u8)] = &[(1, 1), (1, 1), (1, 1)];
const YUV422: &[(u8, u8)] = &[(2, 1), (1, 1), (1, 1)];
const YUV420: &[(u8, u8)] = &[(2, 2), (1, 1), (1, 1)];
const CMYK: &[(u8, u8)] = &[(1, 1), (1, 1), (1, 1), (1, 1)];
/// A single component is never interleaved: an MCU is one data unit whatever its sampling factors.
const GRAY_2X2: &[(u8, u8)] = &[(2, 2)];
const ODD: &[(u8, u8)] = &[(4, 1), (1, 2), (2, 2)];

fn check(spec: &Spec) {
    let jpeg = write(spec);
    assert_eq!(mcus(&jpeg.bytes), jpeg.mcus, "{spec:?}");
}

#[test]
fn every_sampling_gives_its_coefficients_back() {
    for sampling in [GRAY, GRAY_2X2, YUV444, YUV422, YUV420, CMYK, ODD] {
        for (width, height) in [(1, 1), (28, 28), (65, 33)] {
            for restart in [0, 1, 3, 1000] {
                for density in [0, 12, 64] {
                    check(&Spec { density, ..Spec::new(width, height, sampling).restart(restart) });
                }
            }
        }
    }
}

#[test]
fn several_scans_are_read_in_their_own_grids() {
    let one_by_one: &[&[usize]] = &[&[0], &[1], &[2]];
    for scans in [one_by_one, &[&[0], &[1, 2]], &[&[2, 0], &[1]], &[&[1], &[0, 2]]] {
        for restart in [0, 5] {
            for redefine in [false, true] {
                check(&Spec { redefine, ..Spec::new(50, 35, YUV420).scans(scans).restart(restart) });
            }
        }
    }
}

#[test]
fn an_image_is_accounted_for_in_order() {
    let jpeg = write(&Spec::new(20, 10, GRAY).restart(2));
    let data: usize = jpeg.scan_data.iter().map(std::ops::Range::len).sum();
    assert_eq!(jpeg.bytes.len(), 2 + 69 + 13 + 6 + 33 + 33 + 183 + 183 + 10 + data + 2);
    assert_eq!(
        outline(&jpeg.bytes),
        "SOI 2, DQT 69, SOF0 13, DRI 6, 2 x DHT 33, 2 x DHT 183, SOS 10, 2 x MCU, RST0 2, 2 x MCU, RST1 2, 2 x MCU, EOI 2"
    );
}

#[test]
fn many_restarts_count_on_behind_rst7() {
    let jpeg = write(&Spec::new(200, 8, GRAY).restart(1));
    assert_eq!(mcus(&jpeg.bytes).last().unwrap().interval, 24);
}

#[test]
fn other_segments_fill_bytes_and_stray_restarts_are_skipped() {
    let jpeg = write(&Spec::new(8, 8, GRAY));
    let (soi, rest) = jpeg.bytes.split_at(2);
    let thumbnail = segment(0xE1, &jpeg.bytes);
    let more =
        [&thumbnail, &[0xFF, 0xFF][..], &segment(0xFE, b"hello"), &segment(0xDC, &[0, 8]), &[0xFF, 0x01, 0xFF, 0xD3]];
    let bytes =
        [soi, &more.concat(), &rest[..rest.len() - 2], &[0xFF, 0xFF, 0xFF, 0xD9], b"more", &jpeg.bytes].concat();
    let trailing = 4 + jpeg.bytes.len();
    assert_eq!(
        outline(&bytes),
        format!(
            "SOI 2, APP1 {}, COM 11, DNL 6, TEM 2, RST3 2, DQT 69, SOF0 13, 2 x DHT 33, 2 x DHT 183, SOS 10, MCU, EOI 4, \
             data behind the image {trailing}",
            thumbnail.len()
        )
    );
}

#[test]
fn extended_sequential_uses_tables_2_and_3() {
    let spec = Spec::new(8, 8, GRAY);
    let plain = write(&spec);
    let data = &plain.bytes[plain.scan_data[0].clone()];
    let sos = segment(0xDA, &[1, 1, 0x32, 0, 63, 0]);
    let parts = [&[0xFF, 0xD8], &sof(0xC1, 8, &spec)[..], &dht(3, DC_LUMINANCE), &dht(0x12, AC_LUMINANCE), &sos, data];
    assert_eq!(mcus(&[&parts.concat()[..], &[0xFF, 0xD9]].concat()), plain.mcus);
}

#[test]
fn bytes_between_data_and_the_next_marker_are_garbage() {
    let jpeg = write(&Spec::new(8, 8, GRAY));
    let end = jpeg.bytes.len() - 2;
    let bytes = [&jpeg.bytes[..end], &[1, 2, 0xFF, 0, 0xFF, 0x02, 3], &jpeg.bytes[end..]].concat();
    assert!(outline(&bytes).ends_with("SOS 10, MCU, garbage 7, EOI 2"));
}

#[test]
fn intervals_hold_the_bits_of_their_mcus() {
    for restart in [0, 3] {
        let jpeg = write(&Spec::new(50, 35, YUV420).scans(&[&[0], &[1, 2]]).restart(restart));
        let mut left = &jpeg.mcus[..];
        for interval in Image::parse(&jpeg.bytes).unwrap().restarts() {
            let interval = interval.unwrap();
            let (mcus, rest) = left.split_at(interval.mcus as usize);
            left = rest;
            let place = interval.place;
            assert_eq!((mcus[0].scan, mcus[0].interval, mcus[0].mcu), (place.scan, place.interval, place.mcu));
            let bits: Vec<bool> = mcus.iter().flat_map(|mcu| mcu.bits.clone()).collect();
            assert_eq!(interval.data.raw(), entropy_coded(&bits));
            let mut aligned = vec![0; interval.data.aligned_len()];
            assert_eq!(interval.data.align(&mut aligned), 0);
            assert_eq!(aligned.len(), bits.len().div_ceil(8));
        }
        assert!(left.is_empty());
    }
}

#[test]
fn intervals_and_what_lies_between_are_every_byte() {
    let jpeg = write(&Spec::new(50, 35, YUV420).scans(&[&[0], &[1, 2]]).restart(3));
    let mut damaged = jpeg.bytes.clone();
    let second_scan = &mut damaged[jpeg.scan_data[1].clone()];
    let marker = second_scan.windows(2).position(|two| two == [0xFF, 0xD0]).unwrap();
    second_scan[marker + 1] = 0xD5;
    for (bytes, errors) in [(&jpeg.bytes, 0), (&damaged, 1)] {
        let image = Image::parse(bytes).unwrap();
        let (mut at, mut intervals, mut found) = (0, Vec::new(), 0);
        for event in image.interval_events() {
            let (offset, length) = match event {
                IntervalEvent::Interval(interval) => {
                    let parts: Vec<u8> =
                        interval.parts(Division::Mcus).flat_map(|part| part.data.raw().to_vec()).collect();
                    assert_eq!(parts, interval.data.raw());
                    intervals.push(interval);
                    (interval.place.offset, parts.len() as u64)
                }
                IntervalEvent::Skipped(skipped) => (skipped.offset, skipped.bytes),
                IntervalEvent::Error(_) => {
                    found += 1;
                    continue;
                }
            };
            assert_eq!(offset, at);
            at += length;
        }
        assert_eq!((at, found), (bytes.len() as u64, errors));
        assert_eq!(intervals, image.restarts().flatten().collect::<Vec<_>>());
    }
}

#[test]
fn guessed_parts_divide_each_interval() {
    let jpeg = write(&Spec::new(64, 24, GRAY).restart(8));
    let image = Image::parse(&jpeg.bytes).unwrap();
    let intervals: Vec<_> = image.restarts().map(|interval| interval.unwrap().data.raw()).collect();
    assert_eq!(intervals.len(), 3);
    for (division, of) in [(Division::Mcus, 8), (Division::Parts(3), 3), (Division::Parts(1), 1)] {
        let parts: Vec<_> = image.approx(division).map(Result::unwrap).collect();
        assert_eq!(parts.len(), 3 * of);
        for (raw, parts) in intervals.iter().zip(parts.chunks(of)) {
            let joined: Vec<u8> = parts.iter().flat_map(|part| part.data.raw().to_vec()).collect();
            assert_eq!(joined, *raw);
            let lengths = parts.iter().map(|part| part.data.raw().len());
            assert!(lengths.clone().max().unwrap() - lengths.min().unwrap() <= 1);
        }
        let last = parts.last().unwrap();
        assert_eq!((last.index + 1, last.of, last.place.sequence + 1), (of as u32, of as u32, 3 * of as u64));
        assert_eq!(last.place.mcu, if division == Division::Mcus { 23 } else { 16 });
    }
    assert_eq!(image.approx(Division::Parts(0)).count(), 0);
    let all: usize = intervals.iter().map(|raw| raw.len()).sum();
    assert_eq!(image.approx(Division::Parts(u32::MAX)).count(), all);
}

#[test]
fn rows_and_buffers_of_other_lengths() {
    let jpeg = write(&Spec { density: 64, ..Spec::new(8, 8, YUV444) });
    let mut mcus = Image::parse(&jpeg.bytes).unwrap().mcus();
    let mcu = mcus.next().unwrap().unwrap();
    let wrong = symbols::write(&mcu, &mut [0; 194]);
    assert_eq!(wrong, Err(ViewError::RowLength { expected: 195, found: 194 }));
    assert_eq!(wrong.unwrap_err().class(), ErrorClass::Limit);
    let len = mcu.data.aligned_len();
    assert_eq!(len, jpeg.mcus[0].bits.len().div_ceil(8));
    let (mut row, mut buffer) = ([0; 10], [0; 10]);
    assert_eq!((bytes::write(&mcu.data, &mut row), mcu.data.align(&mut buffer)), (len - 10, len - 10));
    assert_eq!(row, buffer.map(i32::from));
    assert!(mcus.next().is_none());
}

/// The longest MCU there is: ten data units, each of 64 values with codes of 16 bits.
#[test]
fn the_longest_mcu_fits_the_cutter() {
    const ONE_CODE: &[u8; 16] = &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let spec = Spec::new(1, 1, &[(2, 2), (2, 2), (1, 2)]);
    let tables = [0, 1].map(|place| [dht(place, (ONE_CODE, &[11])), dht(0x10 | place, (ONE_CODE, &[0x0A]))].concat());
    let unit: Vec<bool> =
        [[false; 16].as_slice(), &[true; 11], &[[false; 16].as_slice(), &[true; 10]].concat().repeat(63)].concat();
    let bits = unit.repeat(10);
    assert_eq!(bits.len(), 16_650);
    let head = [&[0xFF, 0xD8], &sof(0xC0, 8, &spec)[..], &tables.concat(), &sos(&[0, 1, 2])].concat();
    let bytes = [&head[..], &entropy_coded(&bits), &[0xFF, 0xD9]].concat();
    let mcus = mcus(&bytes);
    assert_eq!((mcus.len(), &mcus[0].bits), (1, &bits));
    let [first, .., last] = mcus[0].row_values[..] else { panic!() };
    assert_eq!((first, last), (2047, 1023));
    outline(&bytes);
}
