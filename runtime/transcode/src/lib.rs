//! Sounds and pictures to the streams TEMPEST reads, the same bytes for the same input.
//!
//! | step | module | in | out |
//! |---|---|---|---|
//! | read | [`audio`] | a wav, flac, ogg or mp3 file | mono samples at the file's rate |
//! | resample | [`mod@resample`] | mono samples | mono samples at the codec's rate |
//! | encode | [`mp3`] | mono samples | a bare constant-bit-rate MP3 stream |
//! | encode | [`opus`] | samples of one or two channels | an Ogg Opus stream |
//! | encode | [`jpeg`] | grey or RGB pixels | a baseline JPEG image |
//!
//! No stream says more than its sound or picture: there are no tags, no comments and no Info frames.
#![deny(unsafe_code)]

pub mod audio;
pub mod jpeg;
pub mod mp3;
pub mod opus;
pub mod resample;
#[cfg(test)]
mod testing;

pub use audio::{Audio, AudioError};
pub use resample::{ResampleError, resample};
