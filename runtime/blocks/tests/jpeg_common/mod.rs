//! Writes small JPEG files from random coefficients and describes what they are cut into.

#![allow(dead_code, reason = "each test binary uses its own part")]

#[path = "../shared/mod.rs"]
#[allow(clippy::duplicate_mod, reason = "a test of several formats has it for each")]
pub mod shared;

use tempest_blocks::jpeg::{Cutter, Division, Error, Event, Image, Mcu, Place, Skipped, bytes, symbols};

/// Number of codes of each length, and symbols in order of their codes.
pub type Table = (&'static [u8; 16], &'static [u8]);

/// Table K.3 of T.81.
pub const DC_LUMINANCE: Table = (
    &[0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0],
    &[0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B],
);
/// Table K.4 of T.81.
pub const DC_CHROMINANCE: Table = (
    &[0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0],
    &[0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B],
);
/// Table K.5 of T.81.
pub const AC_LUMINANCE: Table = (
    &[0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125],
    &[
        0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71,
        0x14, 0x32, 0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0, 0x24, 0x33, 0x62, 0x72,
        0x82, 0x09, 0x0A, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x34, 0x35, 0x36, 0x37,
        0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59,
        0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x83,
        0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3,
        0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3,
        0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE1, 0xE2,
        0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
    ],
);
/// Table K.6 of T.81.
pub const AC_CHROMINANCE: Table = (
    &[0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119],
    &[
        0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22,
        0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52, 0xF0, 0x15, 0x62, 0x72, 0xD1,
        0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25, 0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x35, 0x36,
        0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58,
        0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A,
        0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A,
        0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA,
        0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA,
        0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
    ],
);

/// Numbers that look random (xorshift64*).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }
}

/// What to write.
#[derive(Clone, Debug)]
pub struct Spec {
    pub width: u16,
    pub height: u16,
    /// Sampling factors of each component.
    pub sampling: Vec<(u8, u8)>,
    /// Components of each scan.
    pub scans: Vec<Vec<usize>>,
    pub restart: u16,
    /// Give every other scan other tables in the same places.
    pub redefine: bool,
    /// Of 64 coefficients so many are not zero.
    pub density: u64,
    pub seed: u64,
}

impl Spec {
    /// One scan of all components.
    pub fn new(width: u16, height: u16, sampling: &[(u8, u8)]) -> Self {
        let scans = vec![(0..sampling.len()).collect()];
        Self { width, height, sampling: sampling.to_vec(), scans, restart: 0, redefine: false, density: 12, seed: 1 }
    }

    pub fn restart(self, restart: u16) -> Self {
        Self { restart, ..self }
    }

    pub fn scans(self, scans: &[&[usize]]) -> Self {
        Self { scans: scans.iter().map(|scan| scan.to_vec()).collect(), ..self }
    }
}

/// An MCU as written.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Expected {
    pub scan: u32,
    pub interval: u32,
    pub mcu: u32,
    pub column: u32,
    pub row: u32,
    pub components: Vec<u8>,
    pub row_values: Vec<i32>,
    pub bits: Vec<bool>,
}

pub struct Jpeg {
    pub bytes: Vec<u8>,
    pub mcus: Vec<Expected>,
    /// Where the entropy-coded data of each scan begin and end.
    pub scan_data: Vec<std::ops::Range<usize>>,
}

/// A marker segment.
pub fn segment(code: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() + 2) as u16;
    [&[0xFF, code], length.to_be_bytes().as_slice(), body].concat()
}

pub fn dht(class_and_place: u8, (counts, symbols): Table) -> Vec<u8> {
    segment(0xC4, &[&[class_and_place], counts.as_slice(), symbols].concat())
}

pub fn sof(code: u8, precision: u8, spec: &Spec) -> Vec<u8> {
    let mut body = vec![precision];
    body.extend(spec.height.to_be_bytes());
    body.extend(spec.width.to_be_bytes());
    body.push(spec.sampling.len() as u8);
    for (id, &(h, v)) in (1..).zip(&spec.sampling) {
        body.extend([id, h << 4 | v, 0]);
    }
    segment(code, &body)
}

pub fn sos(components: &[usize]) -> Vec<u8> {
    let mut body = vec![components.len() as u8];
    for &component in components {
        body.extend([component as u8 + 1, if component == 0 { 0x00 } else { 0x11 }]);
    }
    body.extend([0, 63, 0]);
    segment(0xDA, &body)
}

/// All four tables of annex K; swapped on demand.
pub fn tables(swapped: bool) -> Vec<u8> {
    let [first, second] = if swapped { [1, 0] } else { [0, 1] };
    [
        dht(first, DC_LUMINANCE),
        dht(second, DC_CHROMINANCE),
        dht(0x10 | first, AC_LUMINANCE),
        dht(0x10 | second, AC_CHROMINANCE),
    ]
    .concat()
}

fn code(table: Table, symbol: u8) -> (u32, usize) {
    let (mut code, mut symbols) = (0, table.1.iter());
    for (length, &count) in (1..).zip(table.0) {
        for _ in 0..count {
            if *symbols.next().unwrap() == symbol {
                return (code, length);
            }
            code += 1;
        }
        code <<= 1;
    }
    panic!("no code for {symbol:#x}");
}

fn put(bits: &mut Vec<bool>, value: u32, width: usize) {
    bits.extend((0..width).rev().map(|bit| value >> bit & 1 == 1));
}

fn size(value: i32) -> u8 {
    (32 - value.unsigned_abs().leading_zeros()) as u8
}

fn put_value(bits: &mut Vec<bool>, value: i32) {
    let size = size(value);
    let coded = if value < 0 { value + (1 << size) - 1 } else { value };
    put(bits, coded as u32, size.into());
}

fn put_unit(bits: &mut Vec<bool>, dc: Table, ac: Table, difference: i32, coefficients: &[i32]) {
    let (value, width) = code(dc, size(difference));
    put(bits, value, width);
    put_value(bits, difference);
    let mut run = 0;
    for &coefficient in coefficients {
        if coefficient == 0 {
            run += 1;
            continue;
        }
        while run > 15 {
            let (value, width) = code(ac, 0xF0);
            put(bits, value, width);
            run -= 16;
        }
        let (value, width) = code(ac, run << 4 | size(coefficient));
        put(bits, value, width);
        put_value(bits, coefficient);
        run = 0;
    }
    if run > 0 {
        let (value, width) = code(ac, 0);
        put(bits, value, width);
    }
}

/// Bits as entropy-coded bytes: filled with ones, zeros stuffed.
pub fn entropy_coded(bits: &[bool]) -> Vec<u8> {
    let bytes =
        bits.chunks(8).map(|chunk| (0..8).fold(0, |byte, bit| byte << 1 | u8::from(*chunk.get(bit).unwrap_or(&true))));
    bytes.flat_map(|byte| if byte == 0xFF { vec![0xFF, 0] } else { vec![byte] }).collect()
}

/// Columns and rows of MCUs, and their data units.
fn grid(spec: &Spec, scan: &[usize]) -> (u32, u32, Vec<u8>) {
    let h_max = u32::from(spec.sampling.iter().map(|s| s.0).max().unwrap());
    let v_max = u32::from(spec.sampling.iter().map(|s| s.1).max().unwrap());
    let (width, height) = (u32::from(spec.width), u32::from(spec.height));
    if let [component] = scan {
        let (h, v) = spec.sampling[*component];
        let columns = (width * u32::from(h)).div_ceil(h_max).div_ceil(8);
        return (columns, (height * u32::from(v)).div_ceil(v_max).div_ceil(8), vec![*component as u8]);
    }
    let units = scan.iter().flat_map(|&c| vec![c as u8; usize::from(spec.sampling[c].0 * spec.sampling[c].1)]);
    (width.div_ceil(8 * h_max), height.div_ceil(8 * v_max), units.collect())
}

pub fn write(spec: &Spec) -> Jpeg {
    let mut random = Random(spec.seed | 1 << 40);
    let mut jpeg = Jpeg { bytes: vec![0xFF, 0xD8], mcus: Vec::new(), scan_data: Vec::new() };
    jpeg.bytes.extend(segment(0xDB, &[1; 65]));
    jpeg.bytes.extend(sof(0xC0, 8, spec));
    if spec.restart > 0 {
        jpeg.bytes.extend(segment(0xDD, &spec.restart.to_be_bytes()));
    }
    for (number, scan) in spec.scans.iter().enumerate() {
        let swapped = spec.redefine && number % 2 == 1;
        if number == 0 || spec.redefine {
            jpeg.bytes.extend(tables(swapped));
        }
        jpeg.bytes.extend(sos(scan));
        let from = jpeg.bytes.len();
        write_scan(spec, number as u32, scan, swapped, &mut random, &mut jpeg);
        jpeg.scan_data.push(from..jpeg.bytes.len());
    }
    jpeg.bytes.extend([0xFF, 0xD9]);
    jpeg
}

fn write_scan(spec: &Spec, number: u32, scan: &[usize], swapped: bool, random: &mut Random, jpeg: &mut Jpeg) {
    let (columns, rows, components) = grid(spec, scan);
    let (mut interval, mut predictors, mut bits) = (0, [0; 4], Vec::new());
    for mcu in 0..columns * rows {
        if spec.restart > 0 && mcu > 0 && mcu % u32::from(spec.restart) == 0 {
            jpeg.bytes.extend(entropy_coded(&bits));
            jpeg.bytes.extend([0xFF, 0xD0 + (interval % 8) as u8]);
            (interval, predictors, bits) = (interval + 1, [0; 4], Vec::new());
        }
        let from = bits.len();
        let mut row_values = Vec::new();
        for &component in &components {
            let (dc, ac) = match (component == 0) != swapped {
                true => (DC_LUMINANCE, AC_LUMINANCE),
                false => (DC_CHROMINANCE, AC_CHROMINANCE),
            };
            let value = random.below(2048) as i32 - 1024;
            let predictor = &mut predictors[usize::from(component)];
            let difference = value - *predictor;
            *predictor = value;
            let coefficients: Vec<i32> = (0..63)
                .map(|_| match random.below(64) < spec.density {
                    true => (random.below(2047) as i32 - 1023) >> random.below(11),
                    false => 0,
                })
                .collect();
            put_unit(&mut bits, dc, ac, difference, &coefficients);
            row_values.extend([difference, value]);
            row_values.extend(coefficients);
        }
        let (column, row) = (mcu % columns, mcu / columns);
        let (components, bits) = (components.clone(), bits[from..].to_vec());
        jpeg.mcus.push(Expected { scan: number, interval, mcu, column, row, components, row_values, bits });
    }
    jpeg.bytes.extend(entropy_coded(&bits));
}

/// An event that owns what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Mcu { place: Place, raw: Vec<u8>, first_bit: u8, mcu: Expected },
    Skipped(Skipped),
    Error(Error),
}

impl From<Mcu<'_>> for Piece {
    fn from(mcu: Mcu<'_>) -> Self {
        let components: Vec<u8> = mcu.units().collect();
        let mut row_values = vec![7; symbols::row_len(components.len())];
        symbols::write(&mcu, &mut row_values).unwrap();
        let aligned: Vec<u8> = mcu.data.aligned().collect();
        let mut bits: Vec<bool> =
            aligned.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect();
        assert!(bits.drain(mcu.data.bits() as usize..).all(|bit| !bit));
        let mut tokens = vec![0; aligned.len() + 1];
        assert_eq!(bytes::write(&mcu.data, &mut tokens), 0);
        assert_eq!(tokens.pop(), Some(bytes::PAD));
        assert!(tokens.iter().zip(&aligned).all(|(&token, &byte)| token == i32::from(byte)));
        let Place { scan, interval, mcu: number, .. } = mcu.place;
        let expected =
            Expected { scan, interval, mcu: number, column: mcu.column, row: mcu.row, components, row_values, bits };
        Self::Mcu { place: mcu.place, raw: mcu.data.raw().to_vec(), first_bit: mcu.data.first_bit(), mcu: expected }
    }
}

impl From<Event<'_>> for Piece {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Mcu(mcu) => mcu.into(),
            Event::Skipped(skipped) => Self::Skipped(skipped),
            Event::Error(error) => Self::Error(error),
        }
    }
}

/// What the slice iterator makes of the file; an image that cannot be parsed, only the error.
pub fn cut_slice(data: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    match Image::parse(data) {
        Err(error) => pieces.push(Piece::Error(error)),
        Ok(image) => {
            let mut events = image.events();
            while let Some(event) = events.next() {
                pieces.push(event.into());
            }
        }
    }
    pieces
}

/// What the cutter makes of the file, in chunks of these sizes over and over.
pub fn cut_chunks(data: &[u8], sizes: &[usize]) -> Vec<Piece> {
    shared::cut_chunks(&mut Cutter::new(), data, sizes)
}

/// Every byte is in a piece, in order; only MCUs share a byte, with its stuffing.
pub fn assert_accounted(data: &[u8], pieces: &[Piece]) {
    let (mut at, mut mcus) = (0, 0);
    for piece in pieces {
        match piece {
            Piece::Mcu { place, raw, first_bit, mcu } => {
                let from = place.offset as usize;
                assert_eq!(place.sequence, mcus);
                assert_eq!(data[from..from + raw.len()], raw[..]);
                let shared = match (first_bit, &raw[..]) {
                    (0, _) => 0,
                    (_, [0xFF, 0, ..]) => 2,
                    _ => 1,
                };
                assert_eq!(place.offset + shared, at);
                assert_eq!(usize::from(*first_bit) + mcu.bits.len() > 0, !raw.is_empty());
                at = place.offset + raw.len() as u64;
                mcus += 1;
            }
            Piece::Skipped(skipped) => {
                assert_eq!(skipped.offset, at);
                assert_ne!(skipped.bytes, 0);
                at += skipped.bytes;
            }
            Piece::Error(error) => assert!(error.offset <= data.len() as u64),
        }
    }
    assert_eq!(at, data.len() as u64);
}

/// The file in words: `SOI 2, SOF0 13, 4 x MCU, EOI 2`. Checks on the way that slice and chunks agree.
pub fn outline(data: &[u8]) -> String {
    let pieces = cut_chunks(data, &[data.len()]);
    assert_accounted(data, &pieces);
    for sizes in [[1, 1, 1], [3, 5, 7], [64, 1, 65], [4096, 1, 4096]] {
        assert_eq!(cut_chunks(data, &sizes), pieces, "in chunks of {sizes:?}");
    }
    let slice = cut_slice(data);
    if let [Piece::Error(error)] = slice[..] {
        let first = pieces.iter().find(|piece| matches!(piece, Piece::Error(_)));
        assert_eq!(first, Some(&Piece::Error(error)));
    } else {
        assert_eq!(slice, pieces);
    }
    shared::in_words(pieces.iter().map(|piece| match piece {
        Piece::Mcu { .. } => "MCU".to_owned(),
        Piece::Skipped(skipped) => format!("{} {}", skipped.reason, skipped.bytes),
        Piece::Error(error) => format!("[{error}]"),
    }))
}

/// The MCUs of the file, which must be free of errors.
pub fn mcus(data: &[u8]) -> Vec<Expected> {
    let pieces = cut_slice(data);
    assert_accounted(data, &pieces);
    let of_piece = |piece| match piece {
        Piece::Mcu { mcu, .. } => Some(mcu),
        Piece::Skipped(_) => None,
        Piece::Error(error) => panic!("{error}"),
    };
    pieces.into_iter().filter_map(of_piece).collect()
}

/// All that can be asked of a file, checked against what must hold of any.
pub fn examine(data: &[u8], sizes: &[usize]) {
    let pieces = cut_chunks(data, &[data.len()]);
    assert_accounted(data, &pieces);
    assert_eq!(cut_chunks(data, sizes), pieces);
    // An MCU takes two bits at least: a code each for DC and AC of a data unit.
    let mcus = pieces.iter().filter(|piece| matches!(piece, Piece::Mcu { .. })).count();
    assert!(mcus <= 4 * data.len());
    assert!(pieces.len() - mcus <= 2 * data.len() + 2);
    let Ok(image) = Image::parse(data) else { return };
    assert_eq!(cut_slice(data), pieces);
    let mut at = 0;
    for interval in image.restarts().flatten() {
        assert!(interval.place.offset >= at);
        at = interval.place.offset + interval.data.raw().len() as u64;
    }
    assert!(image.approx(Division::Mcus).count() <= 3 * data.len());
}
