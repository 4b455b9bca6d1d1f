//! What a file is, from its first bytes; what to say when it is nothing that is cut.

use crate::survey::{Diagnosis, Format, MAX_HELD_BYTES, Survey, SurveyError};
use std::io::{self, ErrorKind, Read};
use tempest_blocks::{Detection, Detector, ErrorClass};
use thiserror::Error;

/// Bytes that tell what a file is.
const HEAD_BYTES: usize = 16;

/// Bytes without a block after which a stream of a known beginning is given up: beyond any tag that carries cover art.
const SEARCH_BYTES: u64 = MAX_HELD_BYTES as u64;

/// The same for one of an unknown beginning, which may be a broadcast entered in its middle. In more bytes than these,
/// chance makes two frames that fit together.
const SEARCH_BYTES_UNKNOWN: u64 = 1 << 16;

/// Why a file has no blocks.
#[derive(Debug, Error)]
pub(super) enum FileError {
    #[error("cannot read: {0}")]
    Read(#[from] io::Error),
    #[error("the file is empty; give an MP3, Ogg Opus or JPEG file")]
    Empty,
    #[error("neither MP3 nor Ogg Opus nor JPEG: begins with {0}; convert it, or say what it is with --format")]
    Unknown(String),
    #[error("no block: {cause}; {advice}")]
    Refused { cause: String, advice: &'static str },
    #[error("no block of {format} in {bytes} bytes; is the file cut short?")]
    Nothing { format: Format, bytes: u64 },
    #[error(transparent)]
    Survey(#[from] SurveyError),
}

/// How a file is read.
pub(super) struct Opened {
    pub(super) format: Format,
    /// It was asked for, or the file begins like it.
    pub(super) is_known: bool,
}

/// Bytes without a block after which a stream is given up.
pub(super) const fn search_bytes(is_known: bool) -> u64 {
    if is_known { SEARCH_BYTES } else { SEARCH_BYTES_UNKNOWN }
}

/// Reads into `head` until it tells what the file is, and gives the size of the last read: 0 at the end.
pub(super) fn fill(reader: &mut impl Read, chunk: &mut [u8], head: &mut Vec<u8>) -> io::Result<usize> {
    loop {
        let count = some(reader, chunk)?;
        head.extend(&chunk[..count]);
        if count == 0 || head.len() >= HEAD_BYTES {
            return Ok(count);
        }
    }
}

/// Reads what there is.
pub(super) fn some(reader: &mut impl Read, chunk: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(chunk) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// What a file that begins like this is read as.
pub(super) fn format(head: &[u8], asked: Option<Format>) -> Result<Opened, FileError> {
    if head.is_empty() {
        return Err(FileError::Empty);
    }
    if let Some(format) = asked {
        return Ok(Opened { format, is_known: true });
    }
    let mut detector = Detector::new();
    let detection = detector.feed(head);
    if let Detection::OtherOgg(cause) = detection {
        let advice = advice(Format::OggOpus, cause.class());
        return Err(FileError::Refused { cause: cause.to_string(), advice });
    }
    match detector.candidate().and_then(Format::of) {
        Some(format) => Ok(Opened { format, is_known: true }),
        None if name(head).is_some() => Err(FileError::Unknown(beginning(head))),
        None => Ok(Opened { format: Format::Mp3, is_known: false }),
    }
}

/// Why a survey gave no blocks.
pub(super) fn nothing(survey: &Survey, head: &[u8], is_known: bool) -> FileError {
    let format = survey.format();
    match survey.diagnosis() {
        Some(Diagnosis { text, class }) => FileError::Refused { cause: text, advice: advice(format, class) },
        None if is_known => FileError::Nothing { format, bytes: survey.tally().bytes },
        None => FileError::Unknown(beginning(head)),
    }
}

const fn advice(format: Format, class: ErrorClass) -> &'static str {
    match (format, class) {
        (_, ErrorClass::Limit) => "take --unit mcu",
        (Format::Mp3, _) => "make it Layer III with `ffmpeg -i IN OUT.mp3`",
        (Format::OggOpus, ErrorClass::Unsupported) => {
            "make it Opus of two channels with `ffmpeg -i IN -ac 2 -c:a libopus OUT.opus`"
        }
        (Format::Jpeg, ErrorClass::Unsupported) => "make it baseline, as `jpegtran IN > OUT.jpg` does",
        (_, ErrorClass::Malformed) => "the file is damaged: fetch it again",
    }
}

/// `89 50 4E 47, which is a PNG image`.
fn beginning(head: &[u8]) -> String {
    let bytes: Vec<String> = head.iter().take(8).map(|byte| format!("{byte:02X}")).collect();
    let name = name(head).map_or_else(String::new, |name| format!(" ({name})"));
    bytes.join(" ") + &name
}

/// What other files begin with.
fn name(head: &[u8]) -> Option<&'static str> {
    const MAGIC: [(usize, &[u8], &str); 19] = [
        (0, b"\x89PNG", "a PNG image"),
        (0, b"GIF8", "a GIF image"),
        (0, b"BM", "a BMP image"),
        (8, b"WEBP", "a WebP image"),
        (0, b"II*\0", "a TIFF image"),
        (0, b"MM\0*", "a TIFF image"),
        (0, b"\0\0\0\x0CJXL ", "a JPEG XL image"),
        (0, b"\0\0\0\x0CjP  ", "a JPEG 2000 image"),
        (8, b"WAVE", "a WAV file"),
        (8, b"AVI ", "an AVI file"),
        (8, b"AIFF", "an AIFF file"),
        (0, b"fLaC", "a FLAC file"),
        (0, b"MThd", "a MIDI file"),
        (0, b"\x1A\x45\xDF\xA3", "a Matroska or WebM file"),
        (4, b"ftyp", "an MP4 file or one of its kin"),
        (0, b"%PDF", "a PDF document"),
        (0, b"PK\x03\x04", "a ZIP archive"),
        (0, b"\x1F\x8B", "a gzip archive"),
        (0, b"\x7FELF", "a program"),
    ];
    let found = MAGIC.iter().find(|(at, magic, _)| head.get(*at..).is_some_and(|rest| rest.starts_with(magic)));
    let is_text = || head.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~'));
    found.map(|&(_, _, name)| name).or_else(|| is_text().then_some("text"))
}
