//! What encoders write, in every setting they have, is cut as ffprobe cuts it: size, position and duration of each packet.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod opus_common;
mod tools;

use std::fs;

use opus_common::{Piece, cut_alike};
use tempest_blocks::opus::{self, SkipReason};
use tools::{Scratch, Sound, run, wav};

/// Size in bytes, position and duration in samples.
type Packet = (u64, i64, u32);

/// The packets as ffprobe has them; `None` if it is not installed.
fn ffprobe(path: &str) -> Option<Vec<Packet>> {
    let entries = "packet=pts,duration,size";
    let options = ["-loglevel", "error", "-select_streams", "a", "-show_entries", entries, "-of", "default=nk=1:nw=1"];
    let listed = String::from_utf8(run("ffprobe", &[&options[..], &[path]].concat())?).unwrap();
    let numbers: Vec<i64> = listed.lines().filter(|line| !line.is_empty()).map(|line| line.parse().unwrap()).collect();
    let (packets, _) = numbers.as_chunks();
    Some(packets.iter().map(|&[pts, duration, size]| (size as u64, pts, duration as u32)).collect())
}

/// Cuts a file and checks that it is whole and sound. A packet lasts up to where the stream ends.
fn cut(file: &[u8]) -> Vec<Packet> {
    let mut packets = Vec::new();
    for piece in cut_alike(file, &[1000, 1, 499]) {
        match piece {
            Piece::Block { packet_bytes, position, duration, trimmed, frames, lost_pages, truncated, .. } => {
                assert!(frames.is_ok() && lost_pages == 0 && !truncated);
                packets.push((packet_bytes, position.unwrap(), duration - trimmed));
            }
            Piece::Skipped(skipped) => {
                use SkipReason::{OpusHead, OpusTags, OtherStream, PageHeader};
                assert!(matches!(skipped.reason, PageHeader | OpusHead | OpusTags | OtherStream), "{skipped:?}");
            }
        }
    }
    packets
}

/// Compares the cut of a file with ffprobe's.
fn check(path: &str, what: &str) -> Option<()> {
    let packets = cut(&fs::read(path).unwrap());
    assert!(packets.len() > 5, "{what}");
    assert_eq!(packets, ffprobe(path)?, "{what}");
    Some(())
}

/// Encodes sound with opusenc.
fn opusenc(scratch: &Scratch, name: &str, channels: u16, options: &[&str]) -> Option<String> {
    let source = scratch.write("source.wav", &wav(Sound::Clicks, 48_000, channels, 1.3));
    let target = scratch.path(name);
    run("opusenc", &[&["--quiet"], options, &[&source, &target]].concat())?;
    Some(target)
}

#[test]
fn settings_of_opusenc() {
    let scratch = Scratch::new();
    let cover = scratch.write("cover.jpg", &[&[0xFF, 0xD8, 0xFF], &b"OggS\0\x02OpusHead"[..]].concat().repeat(5000));
    let picture = format!("3|image/jpeg||9x9x24|{cover}");
    let modes: [&[&str]; 3] =
        [&["--bitrate", "96"], &["--hard-cbr", "--bitrate", "32"], &["--cvbr", "--bitrate", "12"]];
    for frame_size in ["2.5", "5", "10", "20", "40", "60"] {
        for (nth, mode) in modes.iter().enumerate() {
            let options = [mode, &["--framesize", frame_size][..]].concat();
            let Some(path) = opusenc(&scratch, "target.opus", 1 + nth as u16 % 2, &options) else { return };
            check(&path, &options.join(" "));
        }
    }
    for options in [
        &["--picture", &picture, "--title", "title"][..],
        &["--max-delay", "20", "--bitrate", "200"],
        &["--speech", "--bitrate", "6", "--downmix-mono"],
        &["--expect-loss", "20", "--bitrate", "24"],
        &["--padding", "70000"],
    ] {
        let Some(path) = opusenc(&scratch, "target.opus", 2, options) else { return };
        check(&path, &options.join(" "));
    }
}

#[test]
fn settings_of_ffmpeg() {
    let scratch = Scratch::new();
    let source = scratch.write("source.wav", &wav(Sound::Tones, 48_000, 2, 2.0));
    let target = scratch.path("target.opus");
    let fixed = ["-hide_banner", "-loglevel", "error", "-y", "-i", &source];
    let mut settings: Vec<String> = ["2.5", "5", "10", "20", "40", "60", "80", "100", "120"]
        .map(|duration| format!("-c:a libopus -frame_duration {duration} -b:a 48k"))
        .into();
    settings.extend(
        [
            "-c:a libopus -vbr off -b:a 64k -frame_duration 120",
            "-c:a libopus -vbr constrained -application voip -b:a 10k -ac 1",
            "-c:a libopus -application lowdelay -b:a 128k -frame_duration 5",
            "-c:a libopus -b:a 256k -page_duration 60000000",
            "-c:a libopus -b:a 32k -page_duration 1",
        ]
        .map(str::to_owned),
    );
    for options in settings {
        let words: Vec<&str> = options.split(' ').collect();
        if run("ffmpeg", &[&fixed, &words[..], &[&target]].concat()).is_none() || check(&target, &options).is_none() {
            return;
        }
    }
}

/// Streams behind each other: `cat`.
#[test]
fn chained_files() {
    let scratch = Scratch::new();
    let mut files = Vec::new();
    for (name, options) in [("1", &["--framesize", "20"][..]), ("2", &["--framesize", "60", "--bitrate", "16"])] {
        let Some(path) = opusenc(&scratch, name, 2, options) else { return };
        files.push(fs::read(path).unwrap());
    }
    let chained = [&files[0][..], &files[1], &files[0]].concat();
    check(&scratch.write("chained.opus", &chained), "chained");
    assert_eq!(opus::blocks(&chained).last().map(|block| block.link), Some(2));
}

/// Streams beside each other: pages of another codec in between.
#[test]
fn multiplexed_files() {
    let scratch = Scratch::new();
    let source = scratch.write("source.wav", &wav(Sound::Tones, 48_000, 2, 2.0));
    let [alone, beside] = ["alone.opus", "beside.ogg"].map(|name| scratch.path(name));
    let fixed = ["-hide_banner", "-loglevel", "error", "-y", "-i", &source];
    if run("ffmpeg", &[&fixed[..], &["-c:a", "libopus", "-b:a", "64k", &alone]].concat()).is_none() {
        return;
    }
    for (others, codec) in [("flac", "-c:a:1"), ("flac", "-c:a:0")] {
        let opus = if codec == "-c:a:1" { "-c:a:0" } else { "-c:a:1" };
        let maps = ["-map", "0", "-map", "0", opus, "libopus", "-b:a", "64k", codec, others, &beside];
        run("ffmpeg", &[&fixed[..], &maps].concat());
        assert_eq!(cut(&fs::read(&beside).unwrap()), cut(&fs::read(&alone).unwrap()), "{opus}");
    }
}
