//! What encoders write, in every setting they have, is cut as ffprobe cuts it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;
mod tools;

use std::fs;

use common::{Piece, assert_accounted, cut_chunks, cut_slice};
use tempest_blocks::mp3::SkipReason::{self, ApeV2, Id3v1, Id3v2, Vbri, Xing};
use tempest_blocks::mp3::{self, HeaderError};
use tools::{Scratch, Sound, run, wav};

/// Offset and length of each frame, as ffprobe has them; `None` if it is not installed.
fn ffprobe(path: &str) -> Option<Vec<(u64, usize)>> {
    let entries =
        ["-loglevel", "error", "-select_streams", "a", "-show_entries", "packet=pos,size", "-of", "default=nk=1:nw=1"];
    let listed = String::from_utf8(run("ffprobe", &[&entries[..], &[path]].concat())?).unwrap();
    let numbers: Vec<u64> = listed.lines().map(|line| line.parse().unwrap()).collect();
    let (packets, _) = numbers.as_chunks();
    // It prints the size first.
    Some(packets.iter().map(|&[size, pos]| (pos, size as usize)).collect())
}

/// Cuts a file and checks that every byte is in a whole frame or a tag.
fn cut(file: &[u8]) -> (Vec<(u64, usize)>, Vec<SkipReason>) {
    let (pieces, diagnosis) = cut_slice(file);
    assert_accounted(file, &pieces);
    assert_eq!(cut_chunks(file, &[1000, 1, 499]), (pieces.clone(), diagnosis));
    let (mut frames, mut skipped) = (Vec::new(), Vec::new());
    for piece in pieces {
        match piece {
            Piece::Block { offset, bytes, truncated, .. } => {
                assert!(!truncated);
                frames.push((offset, bytes.len()));
            }
            Piece::Skipped(run) => {
                assert!(matches!(run.reason, Id3v2 | Id3v1 | ApeV2 | Xing | Vbri) && !run.truncated, "{run:?}");
                skipped.push(run.reason);
            }
        }
    }
    (frames, skipped)
}

/// Compares the cut of a file with ffprobe's and gives what is skipped in it.
fn check(path: &str, what: &str) -> Option<Vec<SkipReason>> {
    let (frames, skipped) = cut(&fs::read(path).unwrap());
    assert!(frames.len() > 10, "{what}");
    assert_eq!(frames, ffprobe(path)?, "{what}");
    Some(skipped)
}

/// Encodes a second of sound with LAME.
fn lame(scratch: &Scratch, rate: u32, channels: u16, options: &[&str]) -> Option<String> {
    let source = scratch.write("source.wav", &wav(Sound::Clicks, rate, channels, 1.0));
    let target = scratch.path("target.mp3");
    run("lame", &[&["--quiet"], options, &[&source, &target]].concat())?;
    Some(target)
}

fn lame_cut(scratch: &Scratch, rate: u32, channels: u16, options: &[&str]) -> Option<Vec<SkipReason>> {
    check(&lame(scratch, rate, channels, options)?, &format!("lame {} {rate} Hz {channels}", options.join(" ")))
}

/// Every bit rate of every version, in stereo and mono.
#[test]
fn bit_rates_of_lame() {
    let scratch = Scratch::new();
    let mpeg1 = ["32", "40", "48", "56", "64", "80", "96", "112", "128", "160", "192", "224", "256", "320"];
    let lsf = ["8", "16", "24", "32", "40", "48", "56", "64", "80", "96", "112", "128", "144", "160"];
    for (rates, bitrates) in [([44_100, 48_000, 32_000], mpeg1), ([22_050, 24_000, 16_000], lsf)] {
        for (nth, bitrate) in bitrates.iter().enumerate() {
            let (rate, channels) = (rates[nth % 3], 1 + nth as u16 % 2);
            let resample = (f64::from(rate) / 1000.0).to_string();
            let options = ["-b", bitrate, "--resample", &resample];
            if lame_cut(&scratch, rate, channels, &options).is_none() {
                return;
            }
        }
    }
    for (rate, bitrate) in [(11_025, "8"), (12_000, "24"), (8_000, "64"), (8_000, "8"), (11_025, "56")] {
        lame_cut(&scratch, rate, 1, &["-b", bitrate]);
    }
}

#[test]
fn settings_of_lame() {
    let scratch = Scratch::new();
    // A picture whose bytes are frames of another stream.
    let cover =
        scratch.write("cover.jpg", &[&[0xFF, 0xD8, 0xFF, 0xE0], &common::frames(common::MPEG1_48K, 30)[..]].concat());
    let settings: [(&[&str], &[SkipReason]); 14] = [
        (&["-V", "0"], &[Xing]),
        (&["-V", "9", "-t"], &[]),
        (&["--abr", "100"], &[Xing]),
        (&["-b", "128", "-p"], &[Xing]),
        (&["-b", "128", "-p", "-t", "-m", "m"], &[]),
        (&["-b", "128", "--nores"], &[Xing]),
        (&["-b", "64", "-m", "s"], &[Xing]),
        (&["-b", "64", "-m", "f"], &[Xing]),
        (&["-b", "96", "-m", "d"], &[Xing]),
        (&["-b", "128", "-e", "n", "-c", "-o"], &[Xing]),
        (&["-b", "128", "--tt", "title", "--id3v1-only"], &[Xing, Id3v1]),
        (&["-b", "128", "--tt", "title", "--add-id3v2", "--pad-id3v2-size", "3000"], &[Id3v2, Xing, Id3v1]),
        (&["-V", "4", "--tt", "title", "--id3v2-only", "--id3v2-utf16"], &[Id3v2, Xing]),
        (&["-b", "128", "--ti", &cover, "--id3v2-only"], &[Id3v2, Xing]),
    ];
    for (options, expected) in settings {
        let Some(skipped) = lame_cut(&scratch, 44_100, 2, options) else { return };
        assert_eq!(skipped, expected, "{options:?}");
    }
}

#[test]
fn encoders_of_ffmpeg() {
    let scratch = Scratch::new();
    let source = scratch.write("source.wav", &wav(Sound::Tones, 44_100, 2, 1.0));
    let target = scratch.path("target.mp3");
    for options in [
        "-c:a libmp3lame -b:a 128k",
        "-c:a libmp3lame -b:a 96k -reservoir 0 -write_xing 0",
        "-c:a libmp3lame -q:a 3 -id3v2_version 3 -write_id3v1 1 -metadata title=title",
        "-c:a libmp3lame -abr 1 -b:a 80k -id3v2_version 4 -metadata title=title",
        "-c:a libmp3lame -b:a 32k -ar 16000 -ac 1 -joint_stereo 0",
        "-c:a libmp3lame -b:a 16k -ar 8000",
        "-c:a libshine -b:a 128k",
        "-c:a libshine -b:a 192k -ar 48000",
        "-c:a libshine -b:a 64k -ar 32000 -ac 1",
    ] {
        let words: Vec<&str> = options.split(' ').collect();
        if words[1] == "libshine" && !has_encoder(words[1]) {
            tools::skip("ffmpeg has no libshine");
            continue;
        }
        let fixed = ["-hide_banner", "-loglevel", "error", "-y", "-i", &source];
        if run("ffmpeg", &[&fixed, &words[..], &[&target]].concat()).is_none() || check(&target, options).is_none() {
            return;
        }
    }
}

fn has_encoder(name: &str) -> bool {
    run("ffmpeg", &["-hide_banner", "-encoders"]).is_some_and(|list| String::from_utf8(list).unwrap().contains(name))
}

/// Frames of a file lie in it as they lie in a file it is joined to, with whatever tags.
#[test]
fn joined_files() {
    let scratch = Scratch::new();
    let settings: [(u32, &[&str]); 5] = [
        (44_100, &["-V", "5", "--tt", "title", "--add-id3v2"]),
        (44_100, &["-b", "64", "-t", "-m", "m"]),
        (22_050, &["-b", "32", "--tt", "title", "--id3v1-only"]),
        (48_000, &["-b", "320", "-p"]),
        (8_000, &["-b", "8"]),
    ];
    let mut files = Vec::new();
    for (rate, options) in settings {
        let Some(path) = lame(&scratch, rate, 2, options) else { return };
        files.push(fs::read(path).unwrap());
    }
    for first in &files {
        for second in &files {
            let joined = [&first[..], second].concat();
            let behind = |&(at, len): &(u64, usize)| (at + first.len() as u64, len);
            let (mut frames, mut skipped) = cut(first);
            frames.extend(cut(second).0.iter().map(behind));
            skipped.extend(cut(second).1);
            assert_eq!(cut(&joined), (frames, skipped));
        }
    }
}

#[test]
fn other_layers_and_the_free_format_are_named() {
    let scratch = Scratch::new();
    let source = scratch.write("source.wav", &wav(Sound::Tones, 44_100, 2, 1.0));
    let target = scratch.path("target");
    let cause = |path: &str| mp3::blocks(&fs::read(path).unwrap()).diagnosis_at_end();
    let fixed = ["-hide_banner", "-loglevel", "error", "-y", "-i", &source];
    if run("ffmpeg", &[&fixed[..], &["-c:a", "mp2", "-f", "mp2", &target]].concat()).is_some() {
        assert_eq!(cause(&target), Some(HeaderError::LayerII));
    }
    if run("ffmpeg", &[&fixed[..], &["-c:a", "aac", "-f", "adts", &target]].concat()).is_some() {
        assert_eq!(cause(&target), Some(HeaderError::ReservedLayer));
    }
    if run("lame", &["--quiet", "--freeformat", "-b", "400", &source, &target]).is_some() {
        assert_eq!(cause(&target), Some(HeaderError::FreeFormat));
    }
}

/// What a stream without blocks is.
trait AtEnd {
    fn diagnosis_at_end(self) -> Option<HeaderError>;
}

impl AtEnd for mp3::Blocks<'_> {
    fn diagnosis_at_end(mut self) -> Option<HeaderError> {
        assert_eq!(self.next(), None);
        self.diagnosis().map(|error| error.cause)
    }
}
