//! Sounds and folders that unit tests make for themselves; the trainer's include this file.
#![allow(dead_code, reason = "each crate uses its own part")]

use std::f64::consts::TAU;
use std::io::Write;
use std::path::{Path, PathBuf};

/// `length` samples of a sine of amplitude 0.5.
pub(crate) fn sine(hertz: f64, sample_rate: u32, length: usize) -> Vec<f32> {
    (0..length).map(|i| (0.5 * (TAU * hertz * i as f64 / f64::from(sample_rate)).sin()) as f32).collect()
}

/// A 16-bit PCM wav file of interleaved samples.
pub(crate) fn wav_bytes(interleaved: &[f32], sample_rate: u32, channels: u16) -> Vec<u8> {
    let data_bytes = (interleaved.len() * 2) as u32;
    let mut out = Vec::new();
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&(36 + data_bytes).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt ");
    out.extend_from_slice(&16u32.to_le_bytes());
    out.extend_from_slice(&1u16.to_le_bytes());
    out.extend_from_slice(&channels.to_le_bytes());
    out.extend_from_slice(&sample_rate.to_le_bytes());
    out.extend_from_slice(&(sample_rate * u32::from(channels) * 2).to_le_bytes());
    out.extend_from_slice(&(channels * 2).to_le_bytes());
    out.extend_from_slice(&16u16.to_le_bytes());
    out.extend_from_slice(b"data");
    out.extend_from_slice(&data_bytes.to_le_bytes());
    for sample in interleaved {
        out.extend_from_slice(&((sample * 32_767.0).round() as i16).to_le_bytes());
    }
    out
}

/// Writes a mono wav file, with the folders above it.
pub(crate) fn write_wav(path: &Path, samples: &[f32], sample_rate: u32) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, wav_bytes(samples, sample_rate, 1)).unwrap();
}

/// Makes each of `files` below `root`: a few milliseconds of sound in wav form, whatever the extension.
pub(crate) fn populate<S: AsRef<str>>(root: &Path, files: impl IntoIterator<Item = S>) {
    for file in files {
        write_wav(&root.join(file.as_ref()), &sine(440.0, 8_000, 80), 8_000);
    }
}

/// The folder with the real recordings, where `TEMPEST_DATA` names one. Otherwise says that the test was skipped.
pub(crate) fn real_data(what: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("TEMPEST_DATA").map(|root| PathBuf::from(root).join(what)).filter(|p| p.is_dir());
    if folder.is_none() {
        let _ = writeln!(std::io::stderr(), "\nSKIPPED: set TEMPEST_DATA to a folder that holds '{what}'");
    }
    folder
}

/// An IDX file of bytes in these dimensions, as MNIST's are.
pub(crate) fn idx(lengths: &[u32], bytes: &[u8]) -> Vec<u8> {
    let header = std::iter::once(0x800 + lengths.len() as u32).chain(lengths.iter().copied());
    header.flat_map(u32::to_be_bytes).chain(bytes.iter().copied()).collect()
}
