//! What the benches read: sound and pictures made here, encoded by the programs that are installed, and files given by
//! hand.
//!
//! Noise-like content on purpose: silence and flat areas code to next to nothing, and flatter every parser.

mod music;
mod photo;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

pub use music::music;
pub use photo::photo;

/// Paths, as in `PATH`, of files that are read beside those made here.
const FILES: &str = "TEMPEST_BENCH_FILES";

/// A file in memory, for as long as the process runs.
pub struct Input {
    /// What it is called in reports.
    pub name: String,
    /// What it holds.
    pub bytes: &'static [u8],
}

impl Input {
    fn new(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self { name: name.into(), bytes: bytes.leak() }
    }
}

/// MP3 of 60 seconds of music.
pub fn mp3s() -> Vec<Input> {
    let encode = |name: &str, rate: u32, channels: usize, kbps: &str| {
        let (khz, mode) = (format!("{}", f64::from(rate) / 1000.0), if channels == 1 { "m" } else { "j" });
        let args = ["--quiet", "-r", "-s", &khz, "--resample", &khz, "-m", mode, "-b", kbps, "-", "-"];
        Some(Input::new(name, encoded("lame", &args, &pcm(&music(60, rate, channels)))?))
    };
    let made = [
        encode("32 kbit/s 16 kHz mono", 16_000, 1, "32"),
        encode("128 kbit/s 44.1 kHz stereo", 44_100, 2, "128"),
        encode("320 kbit/s 44.1 kHz stereo", 44_100, 2, "320"),
    ];
    made.into_iter().flatten().chain(given(&["mp3"])).collect()
}

/// Ogg Opus of 120 seconds of music.
pub fn opuses() -> Vec<Input> {
    let encode = |name: &str, channels: usize, args: &[&str]| {
        let chan = channels.to_string();
        let raw = ["--quiet", "--raw", "--raw-rate", "48000", "--raw-chan", &chan];
        let args = [&raw, args, &["-", "-"]].concat();
        Some(Input::new(name, encoded("opusenc", &args, &pcm(&music(120, 48_000, channels)))?))
    };
    let made = [
        encode("29 kbit/s 40 ms mono", 1, &["--bitrate", "29", "--framesize", "40"]),
        encode("96 kbit/s 20 ms stereo", 2, &["--bitrate", "96", "--framesize", "20"]),
        encode("8.4 kbit/s 20 ms mono, 21-byte packets", 1, &["--bitrate", "8.4", "--hard-cbr", "--framesize", "20"]),
    ];
    made.into_iter().flatten().chain(given(&["opus", "ogg"])).collect()
}

/// JPEG of a picture of two megapixels.
pub fn jpegs() -> Vec<Input> {
    let (width, height) = (1632, 1224);
    let mut ppm = format!("P6 {width} {height} 255\n").into_bytes();
    ppm.extend(photo(width, height));
    let encode = |quality: &str, sample: &str| {
        let args = ["-quality", quality, "-sample", sample];
        Some(Input::new(format!("quality {quality}, {sample}"), encoded("cjpeg", &args, &ppm)?))
    };
    let made = [("75", "2x2"), ("95", "2x2"), ("95", "1x1"), ("100", "1x1")].map(|(q, sample)| encode(q, sample));
    made.into_iter().flatten().chain(given(&["jpg", "jpeg"])).collect()
}

fn pcm(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// What a program makes of `input`; `None`, and a word about it, where it is not installed or fails.
fn encoded(program: &str, args: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let run = || {
        let mut child = Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take();
        std::thread::scope(|scope| {
            // A program may stop reading early; how it ends says more than that.
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
            child.wait_with_output()
        })
    };
    match run() {
        Ok(output) if output.status.success() => Some(output.stdout),
        Ok(output) => skipped(format_args!("{program} {args:?} ended with {}", output.status)),
        Err(error) => skipped(format_args!("{program}: {error}")),
    }
}

/// The files given by hand that have one of these extensions.
fn given(extensions: &[&str]) -> Vec<Input> {
    let paths = std::env::var_os(FILES).unwrap_or_default();
    let of_kind = |path: &Path| path.extension().is_some_and(|e| extensions.iter().any(|known| e == *known));
    let read = |path: &Path| match std::fs::read(path) {
        Ok(bytes) => Some(Input::new(path.file_name()?.to_string_lossy(), bytes)),
        Err(error) => skipped(format_args!("{}: {error}", path.display())),
    };
    std::env::split_paths(&paths).filter(|path| of_kind(path)).filter_map(|path| read(&path)).collect()
}

fn skipped<T>(why: std::fmt::Arguments<'_>) -> Option<T> {
    eprintln!("SKIPPED: {why}");
    None
}
