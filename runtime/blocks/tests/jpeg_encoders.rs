//! What encoders write, in every setting they have: as many MCUs as the image has, up to the scan's end, and the
//! coefficients that libjpeg reads.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod jpeg_common;
mod tools;

use std::collections::HashMap;
use std::fs;
use std::process::Command;

use jpeg_common::{Expected, mcus};
use tempest_blocks::jpeg::{Cause, Component, Frame, Image};
use tools::{Scratch, picture, run, skip};

/// Data units of a component: by column and row, 64 coefficients each in zig-zag order.
type Plane = HashMap<(u32, u32), Vec<i32>>;

/// The planes of an image as this crate reads them, those of data units behind its borders included.
fn planes(frame: &Frame, mcus: &[Expected]) -> Vec<Plane> {
    let mut planes = vec![Plane::new(); frame.components().len()];
    for mcu in mcus {
        let interleaved = mcu.components.iter().any(|&component| component != mcu.components[0]);
        let mut before = vec![0; planes.len()];
        for (&component, unit) in mcu.components.iter().zip(mcu.row_values.chunks(65)) {
            let Component { horizontal, vertical, .. } = frame.components()[usize::from(component)];
            let (across, down) = if interleaved { (horizontal.into(), vertical.into()) } else { (1, 1) };
            let nth = &mut before[usize::from(component)];
            let place = (mcu.column * across + *nth % across, mcu.row * down + *nth / across);
            *nth += 1;
            assert!(
                planes[usize::from(component)].insert(place, unit[1..].to_vec()).is_none(),
                "{place:?} comes twice"
            );
        }
    }
    planes
}

/// Place in zig-zag order of each coefficient in natural order (T.81, figure 5).
fn zig_zag() -> [usize; 64] {
    let mut order: Vec<usize> = (0..64).collect();
    order.sort_by_key(|&at| {
        let (row, column) = (at / 8, at % 8);
        let diagonal = row + column;
        (diagonal, if diagonal % 2 == 0 { column } else { row })
    });
    let mut places = [0; 64];
    order.into_iter().enumerate().for_each(|(place, at)| places[at] = place);
    places
}

/// The program on libjpeg, compiled; `None` without compiler or library.
struct Libjpeg(String);

impl Libjpeg {
    fn new(scratch: &Scratch) -> Option<Self> {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/libjpeg/coefficients.c");
        let program = scratch.path("coefficients");
        match Command::new("cc").args(["-O1", "-o", &program, source, "-ljpeg"]).output() {
            Ok(output) if output.status.success() => return Some(Self(program)),
            Ok(output) => skip(&format!("no program on libjpeg: {}", String::from_utf8_lossy(&output.stderr))),
            Err(error) => skip(&format!("no program on libjpeg: cc: {error}")),
        }
        None
    }

    /// The image has the same coefficients.
    fn agrees(&self, path: &str, frame: &Frame, planes: &[Plane]) {
        let bytes = run(&self.0, &["read", path]).unwrap();
        let mut numbers = bytes.as_chunks().0.iter().map(|&pair| i16::from_ne_bytes(pair));
        let zig_zag = zig_zag();
        for (component, plane) in frame.components().iter().zip(planes) {
            let (columns, rows) = (numbers.next().unwrap() as u32, numbers.next().unwrap() as u32);
            assert_eq!(frame.single_mcus(component), (columns, rows));
            for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
                let mut unit = [0; 64];
                zig_zag.iter().for_each(|&place| unit[place] = numbers.next().unwrap().into());
                assert_eq!(plane[&(column, row)], unit, "{path}: {component:?} {column} {row}");
            }
        }
        assert_eq!(numbers.next(), None);
    }
}

/// How many data units the image has by its size: width and height over 8 times the largest factors, rounded up.
fn interleaved(frame: &Frame) -> u32 {
    let largest = |of: fn(&Component) -> u8| u32::from(frame.components().iter().map(of).max().unwrap());
    let (across, down) = (8 * largest(|c| c.horizontal), 8 * largest(|c| c.vertical));
    u32::from(frame.width()).div_ceil(across) * u32::from(frame.height()).div_ceil(down)
}

/// Walks a file to its end, which must be free of errors, and compares with libjpeg.
fn check(path: &str, libjpeg: Option<&Libjpeg>) -> usize {
    let file = fs::read(path).unwrap();
    let image = Image::parse(&file).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mcus = mcus(&file);
    let planes = planes(image.frame(), &mcus);
    if let Some(libjpeg) = libjpeg {
        libjpeg.agrees(path, image.frame(), &planes);
    }
    let scans = 1 + mcus.last().unwrap().scan;
    if scans == 1 && image.frame().components().len() > 1 {
        assert_eq!(mcus.len(), interleaved(image.frame()) as usize);
    }
    mcus.len()
}

#[test]
fn settings_of_cjpeg() {
    let scratch = Scratch::new();
    let libjpeg = Libjpeg::new(&scratch);
    let scans = scratch.write("scans", b"0;\n1 2;\n");
    let apart = scratch.write("apart", b"2;\n0;\n1;\n");
    let settings = [
        "-quality 75",
        "-quality 95 -optimize",
        "-quality 100 -sample 1x1",
        "-quality 5",
        "-quality 60 -sample 2x1",
        "-quality 60 -sample 1x2",
        "-quality 60 -sample 4x1",
        "-quality 60 -sample 1x4",
        "-quality 60 -sample 2x2,1x2,2x1",
        "-quality 60 -sample 4x2",
        "-quality 60 -sample 3x1",
        "-quality 60 -sample 1x1,2x2,1x1",
        "-quality 90 -restart 1",
        "-quality 90 -restart 1B -optimize",
        "-quality 90 -restart 7B -sample 1x1",
        "-quality 60 -grayscale",
        "-quality 60 -grayscale -restart 3B",
        "-quality 60 -rgb",
        &format!("-quality 60 -scans {scans}"),
        &format!("-quality 60 -sample 2x1 -restart 5B -optimize -scans {apart}"),
    ]
    .map(str::to_owned);
    for (width, height) in [(64, 48), (51, 37), (1, 1), (8, 200), (133, 17)] {
        let source = scratch.write("source.ppm", &picture(width, height));
        for options in &settings {
            let target = scratch.path(&format!("{width}x{height}.jpg"));
            let words: Vec<&str> = options.split(' ').chain(["-outfile", &target, &source]).collect();
            if run("cjpeg", &words).is_none() {
                return;
            }
            println!("{options} {width}x{height}: {} MCUs", check(&target, libjpeg.as_ref()));
        }
    }
}

#[test]
fn four_components() {
    let scratch = Scratch::new();
    let Some(libjpeg) = Libjpeg::new(&scratch) else { return };
    let target = scratch.path("cmyk.jpg");
    run(&libjpeg.0, &["cmyk", &target]);
    assert_eq!(check(&target, Some(&libjpeg)), 28);
}

#[test]
fn images_of_ffmpeg() {
    let scratch = Scratch::new();
    let libjpeg = Libjpeg::new(&scratch);
    let source = scratch.write("source.ppm", &picture(101, 67));
    let target = scratch.path("target.jpg");
    for format in ["yuvj420p", "yuvj422p", "yuvj444p"] {
        for options in ["-q:v 2", "-q:v 20 -huffman default", "-q:v 8 -huffman optimal"] {
            let fixed = ["-hide_banner", "-loglevel", "error", "-y", "-i", &source, "-pix_fmt", format];
            let words: Vec<&str> = fixed.into_iter().chain(options.split(' ')).chain([target.as_str()]).collect();
            if run("ffmpeg", &words).is_none() {
                return;
            }
            println!("{format} {options}: {} MCUs", check(&target, libjpeg.as_ref()));
        }
    }
}

#[test]
fn what_is_refused_is_refused_by_name() {
    let scratch = Scratch::new();
    let source = scratch.write("source.ppm", &picture(51, 37));
    let target = scratch.path("target.jpg");
    let cause = || Image::parse(&fs::read(&target).unwrap()).unwrap_err().cause;
    for (option, expected) in [("-progressive", Cause::Progressive), ("-arithmetic", Cause::Arithmetic)] {
        if run("cjpeg", &[option, "-outfile", &target, &source]).is_none() {
            return;
        }
        assert_eq!(cause(), expected, "{option}");
    }
    let fixed = ["-hide_banner", "-loglevel", "error", "-y", "-i", &source];
    for (codec, expected) in [("ljpeg", Cause::Lossless), ("jpegls", Cause::JpegLs)] {
        let has = run("ffmpeg", &["-hide_banner", "-encoders"]).map(|list| String::from_utf8(list).unwrap());
        let Some(list) = has else { return };
        if !list.contains(&format!(" {codec} ")) {
            skip(&format!("ffmpeg has no {codec}"));
            continue;
        }
        run("ffmpeg", &[&fixed[..], &["-c:v", codec, "-f", "image2", "-update", "1", &target]].concat());
        assert_eq!(cause(), expected, "{codec}");
    }
}
