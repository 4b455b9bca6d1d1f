//! From folders of recordings, or pictures, to compressed streams in memory.
//!
//! The order of the modules is the order of the work:
//!
//! | step | module | in | out |
//! |---|---|---|---|
//! | list | [`dataset`] | a folder | clips with a label and a split |
//! | read | [`audio`] | a wav, flac, ogg or mp3 file | mono samples at the file's rate |
//! | resample | [`resample()`] | mono samples | mono samples at the codec's rate |
//! | vary | [`variant`], [`trivial`], [`picture`] | mono samples, pixels | the same clip with another gain, speed, offset, noise |
//! | encode | [`codec`] | mono samples, pixels | an MP3 or Ogg Opus stream, a JPEG image |
//! | keep | [`cache`] | clips and options | all streams, from disk where they are there already |
//!
//! Everything is a function of the files, the options and one seed: two runs give the same bytes, on any number of
//! threads, with the same encoder build.

pub mod cache;
pub mod codec;
pub mod dataset;
mod error;
pub mod filter;
mod formats;
pub mod picture;
mod pitch;
mod recipe;
mod shard;
pub mod split;
#[cfg(test)]
#[path = "../../../runtime/transcode/src/testing.rs"]
mod testing;
pub mod trivial;
pub mod variant;

pub use cache::{Control, PrepareError, PrepareOptions, Prepared, PreparedClip, Skipped, prepare};
pub use codec::{CodecOptions, EncodeError, JpegOptions, Mp3Options, OpusOptions, Reservoir};
pub use dataset::{Clip, Dataset, DatasetError, Format, Split, SplitOptions};
pub use picture::{Picture, PictureVariant};
pub use tempest_transcode::mp3::{self as encode, EncodeParams};
pub use tempest_transcode::{Audio, AudioError, ResampleError, audio, resample};
pub use trivial::Trivial;
pub use variant::{Augment, Variant};
