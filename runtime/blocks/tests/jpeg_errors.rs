//! What is refused, what is damaged, and where reading goes on.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod jpeg_common;

use jpeg_common::*;
use tempest_blocks::ErrorClass;
use tempest_blocks::jpeg::{Cause, Error, Image, Marker};

fn gray() -> Spec {
    Spec::new(16, 8, &[(1, 1)])
}

/// SOI, these parts, EOI.
fn file(parts: &[&[u8]]) -> Vec<u8> {
    [&[0xFF, 0xD8], &parts.concat()[..], &[0xFF, 0xD9]].concat()
}

fn error(data: &[u8]) -> Error {
    outline(data);
    Image::parse(data).unwrap_err()
}

#[test]
fn kinds_of_jpeg_are_refused_by_name() {
    let named = [
        (0xC2, Cause::Progressive),
        (0xC3, Cause::Lossless),
        (0xC5, Cause::Hierarchical),
        (0xC6, Cause::Hierarchical),
        (0xC7, Cause::Hierarchical),
        (0xC9, Cause::Arithmetic),
        (0xCA, Cause::Arithmetic),
        (0xCB, Cause::Arithmetic),
        (0xCD, Cause::Hierarchical),
        (0xCE, Cause::Hierarchical),
        (0xCF, Cause::Hierarchical),
        (0xDE, Cause::Hierarchical),
        (0xF7, Cause::JpegLs),
    ];
    for (code, cause) in named {
        let found = error(&file(&[&segment(0xE0, &[0; 4]), &sof(code, 8, &gray())]));
        assert_eq!(found, Error { offset: 10, cause });
        assert_eq!(found.class(), ErrorClass::Unsupported);
    }
    let precision = error(&file(&[&sof(0xC1, 12, &gray())]));
    assert_eq!((precision.cause, precision.class()), (Cause::Precision(12), ErrorClass::Unsupported));
    let components = error(&file(&[&sof(0xC0, 8, &Spec::new(8, 8, &[(1, 1); 5]))]));
    assert_eq!((components.cause, components.class()), (Cause::Components(5), ErrorClass::Unsupported));
    let lines = error(&file(&[&sof(0xC0, 8, &Spec::new(8, 0, &[(1, 1)]))]));
    assert_eq!((lines.cause, lines.class()), (Cause::DeferredHeight, ErrorClass::Unsupported));
    assert_eq!(
        lines.to_string(),
        "at byte 2: number of lines left to DNL (only a height in the frame header is supported)"
    );
}

#[test]
fn malformed_headers_are_named() {
    let (frame, tables) = (sof(0xC0, 8, &gray()), tables(false));
    let frame_of = |sampling| sof(0xC0, 8, &Spec::new(8, 8, sampling));
    let edited = |bytes: &[u8], at: usize, value| {
        let mut bytes = bytes.to_vec();
        bytes[at] = value;
        bytes
    };
    let two = frame_of(&[(1, 1), (1, 1)]);
    let many = frame_of(&[(2, 2), (2, 2), (2, 1)]);
    let crowded = segment(0xC4, &[&[0, 3, 0][..], &[0; 14], &[1, 2, 3]].concat());
    let overfull = segment(0xC4, &[&[0][..], &[0; 7], &[255; 2], &[0; 7], &[0; 510]].concat());
    let marker = |code| Cause::UnexpectedMarker(Marker(code));
    let length = |code| Cause::SegmentLength(Marker(code));
    let cases: &[(&[&[u8]], Cause)] = &[
        (&[&frame_of(&[])], Cause::BadFrame),
        (&[&frame_of(&[(0, 1)])], Cause::BadFrame),
        (&[&frame_of(&[(1, 5)])], Cause::BadFrame),
        (&[&sof(0xC0, 8, &Spec::new(0, 8, &[(1, 1)]))], Cause::BadFrame),
        (&[&edited(&two, 13, 1)], Cause::BadFrame),
        (&[&frame, &frame], marker(0xC0)),
        (&[&edited(&frame, 3, 12)], length(0xC0)),
        (&[&edited(&frame, 2, 9)], length(0xC0)),
        (&[&segment(0xC0, &[])], length(0xC0)),
        (&[&[0xFF, 0xD8]], marker(0xD8)),
        (&[&segment(0xC8, &[])], marker(0xC8)),
        (&[&sos(&[0])], marker(0xDA)),
        (&[&[0xFF, 0xE0, 0, 1]], length(0xE0)),
        (&[&segment(0xDD, &[1])], length(0xDD)),
        (&[&segment(0xDD, &[1, 2, 3])], length(0xDD)),
        (&[&segment(0xC4, &[0; 16])], length(0xC4)),
        (&[&segment(0xC4, &[1; 17])], length(0xC4)),
        (&[&crowded], Cause::BadTable),
        (&[&overfull], Cause::BadTable),
        (&[&dht(0x04, DC_LUMINANCE)], Cause::BadTable),
        (&[&dht(0x20, DC_LUMINANCE)], Cause::BadTable),
        (&[&frame, &tables, &sos(&[])], Cause::BadScan),
        (&[&frame, &tables, &sos(&[1])], Cause::BadScan),
        (&[&two, &tables, &sos(&[0, 0])], Cause::BadScan),
        (&[&many, &tables, &sos(&[0, 1, 2, 2])], Cause::BadScan),
        (&[&frame, &tables, &segment(0xDA, &[1, 1, 0x40, 0, 63, 0])], Cause::BadScan),
        (&[&frame, &tables, &segment(0xDA, &[1, 1, 0x02, 0, 63, 0])], Cause::MissingTable),
        (&[&frame, &sos(&[0])], Cause::MissingTable),
        (&[&frame, &tables, &segment(0xDA, &[1, 1, 0, 0, 63])], length(0xDA)),
        (&[&frame, &tables, &segment(0xDA, &[])], length(0xDA)),
        (&[&frame], Cause::NoScan),
    ];
    for (number, (parts, cause)) in cases.iter().enumerate() {
        let found = error(&file(parts));
        assert_eq!((found.cause, found.class()), (*cause, ErrorClass::Malformed), "case {number}");
    }
    let ten = file(&[&frame_of(&[(2, 2), (2, 2), (1, 2)]), &tables, &sos(&[0, 1, 2])]);
    assert!(Image::parse(&ten).is_ok());
    let eleven = file(&[&frame_of(&[(2, 2), (2, 2), (3, 1)]), &tables, &sos(&[0, 1, 2])]);
    assert_eq!(error(&eleven).cause, Cause::BadScan);
}

#[test]
fn what_is_no_jpeg() {
    assert_eq!(error(b""), Error { offset: 0, cause: Cause::UnexpectedEnd });
    assert_eq!(error(b"GIF89a"), Error { offset: 0, cause: Cause::NoSoi });
    assert_eq!(error(&[0xFF]), Error { offset: 0, cause: Cause::NoSoi });
    assert_eq!(outline(b"GIF89a"), "[at byte 0: no SOI], unread data 6");
}

#[test]
fn every_cut_is_an_error_at_its_end_or_in_its_mcu() {
    let jpeg = write(&gray().restart(1));
    for end in 0..jpeg.bytes.len() {
        let data = &jpeg.bytes[..end];
        let outline = outline(data);
        let ends = outline.matches("the stream ends before EOI").count() + outline.matches("no SOI").count();
        assert_eq!((ends, outline.matches('[').count()), (1, 1), "{outline}");
    }
}

/// A gray image of this many MCUs with one to each restart interval, and where each interval begins.
fn restarts(count: u16) -> (Jpeg, Vec<usize>) {
    let jpeg = write(&Spec::new(8 * count, 8, &[(1, 1)]).restart(1));
    let image = Image::parse(&jpeg.bytes).unwrap();
    let starts = image.restarts().map(|interval| interval.unwrap().place.offset as usize).collect();
    (jpeg, starts)
}

/// The numbers of the MCUs read, each of which must be as written.
fn survivors(data: &[u8], written: &Jpeg) -> Vec<u32> {
    outline(data);
    let read = cut_slice(data).into_iter().filter_map(|piece| match piece {
        Piece::Mcu { mcu, .. } => Some(mcu),
        _ => None,
    });
    read.map(|mcu| {
        assert_eq!(mcu, written.mcus[mcu.mcu as usize]);
        mcu.mcu
    })
    .collect()
}

#[test]
fn an_invalid_code_costs_its_interval() {
    let (jpeg, starts) = restarts(5);
    let mut bytes = jpeg.bytes.clone();
    // Sixteen ones are no code of the tables of annex K.
    bytes.splice(starts[2]..starts[3] - 2, [0xFF, 0, 0xFF, 0, 1, 2]);
    let text = outline(&bytes);
    let error = format!("RST1 2, [at byte {}: invalid Huffman code], damaged data 6, RST2 2, MCU", starts[2]);
    assert!(text.contains(&error), "{text}");
    assert_eq!(survivors(&bytes, &jpeg), [0, 1, 3, 4]);
}

#[test]
fn lost_restart_markers_are_made_up_for() {
    let (jpeg, starts) = restarts(12);
    for lost in 1..=5 {
        let bytes = [&jpeg.bytes[..starts[2]], &jpeg.bytes[starts[2 + lost]..]].concat();
        let text = outline(&bytes);
        let survivors = survivors_by_place(&bytes);
        if lost <= 3 {
            // The data of a later interval are read as the second, then the marker behind them tells.
            assert!(text.contains(&format!("RST{} out of order", 2 + lost)), "{text}");
            let expected: Vec<u32> = (0..3).chain(3 + lost as u32..12).collect();
            assert_eq!(survivors, expected);
        } else {
            assert_eq!(survivors[..3], [0, 1, 2]);
            assert!(survivors.len() < 12 - lost, "{text}");
        }
    }
}

fn survivors_by_place(data: &[u8]) -> Vec<u32> {
    let read = cut_slice(data).into_iter().filter_map(|piece| match piece {
        Piece::Mcu { mcu, .. } => Some(mcu.mcu),
        _ => None,
    });
    read.collect()
}

#[test]
fn an_interval_that_comes_twice_is_read_once() {
    let (jpeg, starts) = restarts(6);
    let twice = &jpeg.bytes[starts[2]..starts[3]];
    let bytes = [&jpeg.bytes[..starts[3]], twice, &jpeg.bytes[starts[3]..]].concat();
    assert_eq!(survivors_by_place(&bytes), [0, 1, 2, 3, 4, 5]);
    let text = outline(&bytes);
    assert!(text.contains("RST2 out of order") && text.contains("damaged data"), "{text}");
}

#[test]
fn a_missing_marker_and_an_early_one() {
    let (jpeg, starts) = restarts(4);
    let without = [&jpeg.bytes[..starts[2] - 2], &jpeg.bytes[starts[2]..]].concat();
    assert!(outline(&without).contains("RST marker missing"));
    assert_eq!(survivors_by_place(&without), [0, 1, 3]);

    let early = [&jpeg.bytes[..starts[1]], &jpeg.bytes[starts[2] - 2..]].concat();
    assert!(outline(&early).contains(&format!("[at byte {}: a marker before the last MCU], RST1", starts[1])));
    assert_eq!(survivors(&early, &jpeg), [0, 2, 3]);

    let eoi = [&jpeg.bytes[..starts[2] - 2], &[0xFF, 0xD9]].concat();
    let text = outline(&eoi);
    assert!(text.ends_with(&format!("[at byte {}: a marker before the last MCU], EOI 2", starts[2] - 2)), "{text}");
}

/// TEM means nothing in sequential images, and one byte put into RSTn makes it.
#[test]
fn a_tem_where_a_restart_is_due_does_not_end_the_scan() {
    let (jpeg, starts) = restarts(4);
    let mut bytes = jpeg.bytes.clone();
    bytes.insert(starts[2] - 1, 1);
    let error = format!("[at byte {}: RST marker missing], damaged data", starts[2] - 2);
    assert!(outline(&bytes).contains(&error), "{}", outline(&bytes));
    assert_eq!(survivors_by_place(&bytes), [0, 1, 3]);
}

#[test]
fn a_scan_cut_short_leaves_the_next_one_alone() {
    let jpeg = write(&Spec { redefine: true, ..Spec::new(40, 40, &[(1, 1), (1, 1)]).scans(&[&[0], &[1]]) });
    let first = jpeg.scan_data[0].clone();
    let bytes = [&jpeg.bytes[..first.start + 10], &jpeg.bytes[first.end..]].concat();
    let second = cut_slice(&bytes).into_iter().filter(|piece| matches!(piece, Piece::Mcu { mcu, .. } if mcu.scan == 1));
    assert_eq!(second.count(), 25);
    assert!(outline(&bytes).contains("a marker before the last MCU"));
}

#[test]
fn too_many_coefficients() {
    // DC difference 0 (code 00), then ZRL (11111111001) four times: 64 zeros behind DC reach place 65.
    let bits: Vec<bool> = "00".chars().chain("11111111001".repeat(4).chars()).map(|bit| bit == '1').collect();
    let data = entropy_coded(&bits);
    let parts = [&sof(0xC0, 8, &gray()), &tables(false), &sos(&[0]), &data[..]];
    assert!(outline(&file(&parts)).contains("more than 64 coefficients in a data unit"));
}

#[test]
fn codes_of_values_that_cannot_be() {
    // One code of one bit: the size of the DC difference, or run and size of an AC coefficient.
    fn only(symbol: &'static [u8]) -> Table {
        (&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], symbol)
    }
    for (dc_symbol, ac_symbol, is_valid) in
        [(&[11], &[0x00], true), (&[12], &[0x00], false), (&[0], &[0x0B], false), (&[0], &[0x10], false)]
    {
        let tables = [dht(0, only(dc_symbol)), dht(0x10, only(ac_symbol))].concat();
        let spec = Spec::new(8, 8, &[(1, 1)]);
        let text = outline(&file(&[&sof(0xC0, 8, &spec), &tables, &sos(&[0]), &[0; 4]]));
        assert_eq!(text.contains("MCU,") && !text.contains('['), is_valid, "{text}");
        assert_eq!(text.contains("invalid Huffman code"), !is_valid, "{text}");
    }
}
