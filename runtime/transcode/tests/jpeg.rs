//! What is encoded is cut again, MCU by MCU, by our own cutter, and decoded by others where installed.
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

mod tools;

use tempest_blocks::jpeg::{Event, Image, Process, SkipReason};
use tempest_transcode::jpeg::{Colour, EncodeParams, Pixels, Sampling, encode};
use tools::{picture, run};

const SAMPLINGS: [(Sampling, u16, u16); 4] =
    [(Sampling::Full, 8, 8), (Sampling::Columns, 16, 8), (Sampling::Rows, 8, 16), (Sampling::Both, 16, 16)];

/// MCUs of an image that holds nothing else between its headers and its end.
fn mcus(image: &[u8]) -> usize {
    let image = Image::parse(image).unwrap();
    assert_eq!(image.frame().process(), Process::Baseline);
    let (mut events, mut count) = (image.events(), 0);
    while let Some(event) = events.next() {
        match event {
            Event::Mcu(mcu) => {
                assert_eq!(mcu.place.mcu as usize, count);
                count += 1;
            }
            Event::Skipped(skipped) => {
                assert!(!matches!(skipped.reason, SkipReason::Trailing), "{skipped:?}");
            }
            Event::Error(error) => panic!("{error}"),
        }
    }
    count
}

#[test]
fn every_mcu_is_cut() {
    for colour in [Colour::Grey, Colour::Rgb] {
        for (sampling, across, down) in SAMPLINGS {
            for (width, height) in [(1, 1), (28, 28), (97, 33)] {
                for (quality, restart_interval) in [(1, 0), (75, 3), (100, 1)] {
                    let samples = picture(width, height, colour.samples());
                    let params = EncodeParams { quality, sampling, restart_interval };
                    let image = encode(&Pixels { width, height, colour, samples: &samples }, &params).unwrap();
                    let (across, down) = if colour == Colour::Grey { (8, 8) } else { (across, down) };
                    let expected = width.div_ceil(across) * height.div_ceil(down);
                    assert_eq!(mcus(&image), usize::from(expected), "{colour:?} {width} x {height} {params:?}");
                    let intervals = Image::parse(&image).unwrap().restarts().count();
                    let per_interval = if restart_interval == 0 { expected } else { restart_interval };
                    assert_eq!(intervals, usize::from(expected.div_ceil(per_interval)), "{params:?}");
                }
            }
        }
    }
}

#[test]
fn quality_costs_bytes() {
    let samples = picture(64, 64, 3);
    let pixels = Pixels { width: 64, height: 64, colour: Colour::Rgb, samples: &samples };
    let bytes = |quality| encode(&pixels, &EncodeParams { quality, ..EncodeParams::default() }).unwrap().len();
    assert!([1, 25, 75, 95].map(bytes).is_sorted_by(|a, b| a < b));
}

/// Decoded by ffmpeg, the picture is the same.
#[test]
fn another_decoder_sees_the_same_picture() {
    for colour in [Colour::Grey, Colour::Rgb] {
        for (sampling, ..) in SAMPLINGS {
            let samples = picture(50, 41, colour.samples());
            let params = EncodeParams { quality: 95, sampling, restart_interval: 2 };
            let image = encode(&Pixels { width: 50, height: 41, colour, samples: &samples }, &params).unwrap();
            let dir = tempfile::tempdir().unwrap();
            let [path, decoded] = ["a.jpg", "a.ppm"].map(|name| dir.path().join(name).to_str().unwrap().to_owned());
            std::fs::write(&path, &image).unwrap();
            let options =
                ["-v", "error", "-i", &path, "-pix_fmt", if colour == Colour::Grey { "gray" } else { "rgb24" }];
            if run("ffmpeg", &[&options[..], &["-f", "rawvideo", &decoded]].concat()).is_none() {
                return;
            }
            let found = std::fs::read(&decoded).unwrap();
            assert_eq!(found.len(), samples.len());
            let difference: u64 = found.iter().zip(&samples).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
            assert!(difference < 6 * samples.len() as u64, "{colour:?} {sampling:?}: {difference}");
        }
    }
}
