//! Turns the clips of a split into compressed streams, and keeps them on disk for the next run.
//!
//! A set of streams is determined by the clips (id, size, time of change), the options and the encoder; SHA-256 of all
//! of that is its key and stands in its files' names. It is kept in parts of [`PART_CLIPS`] clips, each written as soon
//! as it is done: an interrupted preparation goes on where it stopped. A part that is cut short or altered is made
//! anew.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;

use super::codec::{CodecOptions, EncodeError};
use super::dataset::{Clip, Dataset, Split};
use super::recipe::{Made, Recipe};
use super::resample::ResampleError;
use super::shard::{self, Address, Entry, Found};
use super::variant::Augment;
use crate::truth::Truth;

/// Clips in one file of the cache: some seconds of work, which is what an interruption may cost.
pub const PART_CLIPS: usize = 256;

/// What to prepare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrepareOptions {
    /// The kind of stream.
    pub codec: CodecOptions,
    /// Variants of each training clip, at least 1. Validation and test clips have variant 0 only.
    pub variants: u32,
    /// What differs between them.
    pub augment: Augment,
    /// Seed of all variants.
    pub seed: u64,
    /// Folder of the cache; made if missing. It may be shared between data sets and emptied at any time.
    pub cache_dir: PathBuf,
    /// Whether a recording that cannot be read is an error. Otherwise it is skipped and reported.
    pub strict: bool,
}

/// How a preparation is watched and steered from outside.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    /// Whether the bytes of an .mp3 file already are a stream that the model reads. They are then taken as they are for
    /// variant 0, tags and all. Must depend on the bytes and on [`CodecOptions`] only: its answers are kept.
    pub fits: &'a (dyn Fn(&[u8]) -> bool + Sync),
    /// When it turns true the work ends with [`PrepareError::Interrupted`]; what is done is kept.
    pub stop: &'a AtomicBool,
    /// Advanced by one for each clip; see [`progress_bar`].
    pub bar: &'a ProgressBar,
}

/// The streams of a split.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prepared {
    /// The clips that could be read, in the order of the data set.
    pub clips: Vec<PreparedClip>,
    /// Those that could not.
    pub skipped: Vec<Skipped>,
    /// Parts taken from the cache.
    pub parts_reused: usize,
    /// Parts made now.
    pub parts_made: usize,
    /// Of these, parts that stood in the cache and were found damaged.
    pub parts_damaged: usize,
}

/// One clip as the model reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedClip {
    /// [`Clip::id`].
    pub id: String,
    /// [`Clip::truth`].
    pub truth: Truth,
    /// The bytes of each variant; never empty.
    pub streams: Vec<Vec<u8>>,
}

/// A clip that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// [`Clip::id`].
    pub id: String,
    /// The error in words, with the path.
    pub reason: String,
}

/// Why a split was not prepared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// Zero variants asked for.
    #[error("0 variants of each clip leave nothing to train on: take 1 or more")]
    NoVariants,
    /// The codec has no such options.
    #[error(transparent)]
    Codec(EncodeError),
    /// A recording cannot be read, and `strict` was asked for.
    #[error("{reason}")]
    Unreadable {
        /// The clip.
        id: String,
        /// The [`super::AudioError`] in words, with the path.
        reason: String,
    },
    /// A recording was read, but cannot be brought to the codec's rate.
    #[error("{id}: {source}")]
    Resample {
        /// The clip.
        id: String,
        /// The cause.
        source: ResampleError,
    },
    /// A recording was read, but cannot be encoded: without an encoder in this build, for one.
    #[error("{id}: {source}")]
    Encode {
        /// The clip.
        id: String,
        /// The cause.
        source: EncodeError,
    },
    /// Not one recording of the split can be read.
    #[error("none of {clips} clips can be read; the first: {first}")]
    NothingReadable {
        /// Clips of the split.
        clips: usize,
        /// Why the first was skipped.
        first: String,
    },
    /// The cache cannot be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Stopped through [`Control::stop`]. Running it again goes on from here.
    #[error("stopped; the clips done so far are kept in the cache")]
    Interrupted,
}

/// A bar on stderr with the time left, hidden where stderr is no terminal.
pub fn progress_bar(message: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len} clips, {eta} left");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
    ProgressBar::new(0).with_style(style).with_message(message.to_owned())
}

/// Makes the streams of all clips of `split`, or takes them from the cache.
///
/// Each recording is read, resampled, varied and encoded, clips in parallel on rayon's current pool. All streams are
/// held in memory: about 4 kB for each second of each variant at 32 kbit/s.
///
/// # Errors
/// [`PrepareError`]. A recording that cannot be read is one only with `strict`, or when there is no other.
pub fn prepare(
    dataset: &Dataset,
    split: Split,
    options: &PrepareOptions,
    control: Control<'_>,
) -> Result<Prepared, PrepareError> {
    let recipe = Recipe::new(split, options)?;
    let clips: Vec<&Clip> = dataset.split(split).collect();
    let key = recipe.key(&clips);
    fs::create_dir_all(&options.cache_dir).map_err(io_error(&options.cache_dir))?;
    control.bar.set_length(clips.len() as u64);
    let mut prepared = Prepared::default();
    for (part, clips) in (0..).zip(clips.chunks(PART_CLIPS)) {
        let path = options.cache_dir.join(part_name(&dataset.name, split, &key, part));
        let address = Address { key: &key, part, clips: clips.len() };
        let entries = match shard::read(&path, address) {
            Found::Whole(entries) => {
                prepared.parts_reused += 1;
                control.bar.inc(clips.len() as u64);
                control.bar.reset_eta();
                entries
            }
            found => {
                prepared.parts_made += 1;
                prepared.parts_damaged += usize::from(found == Found::Damaged);
                make_part(&recipe, clips, control, &path, address)?
            }
        };
        prepared.add(clips, entries, options.strict)?;
    }
    control.bar.finish_and_clear();
    match prepared.skipped.first() {
        Some(first) if prepared.clips.is_empty() => {
            Err(PrepareError::NothingReadable { clips: clips.len(), first: first.reason.clone() })
        }
        _ => Ok(prepared),
    }
}

impl Prepared {
    fn add(&mut self, clips: &[&Clip], entries: Vec<Entry>, strict: bool) -> Result<(), PrepareError> {
        for (clip, entry) in clips.iter().zip(entries) {
            let id = clip.id.clone();
            match entry {
                Entry::Streams(streams) => self.clips.push(PreparedClip { id, truth: clip.truth.clone(), streams }),
                Entry::Skipped(reason) if strict => return Err(PrepareError::Unreadable { id, reason }),
                Entry::Skipped(reason) => self.skipped.push(Skipped { id, reason }),
            }
        }
        Ok(())
    }
}

/// Makes one part and writes it, unless a recording in it may be readable the next time.
fn make_part(
    recipe: &Recipe,
    clips: &[&Clip],
    control: Control<'_>,
    path: &Path,
    address: Address<'_>,
) -> Result<Vec<Entry>, PrepareError> {
    let make = |clip: &&Clip| {
        if control.stop.load(Ordering::Relaxed) {
            return Err(PrepareError::Interrupted);
        }
        let made = recipe.make(clip, control.fits);
        control.bar.inc(1);
        made
    };
    let made = clips.par_iter().map(make).collect::<Result<Vec<Made>, _>>()?;
    let lasting = made.iter().all(|made| made.lasting);
    let entries: Vec<Entry> = made.into_iter().map(|made| made.entry).collect();
    if lasting {
        shard::write(path, address, &entries).map_err(io_error(path))?;
    }
    Ok(entries)
}

/// `fsdd-train-0123456789abcdef-0000.shard`
fn part_name(dataset: &str, split: Split, key: &[u8; 32], part: u32) -> String {
    let name: String = dataset.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).take(40).collect();
    let split = match split {
        Split::Train => "train",
        Split::Validation => "validation",
        Split::Test => "test",
    };
    let key: String = key.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{name}-{split}-{key}-{part:04}.shard")
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> PrepareError {
    let path = path.to_owned();
    move |source| PrepareError::Io { path: path.clone(), source }
}

#[cfg(all(test, feature = "lame"))]
#[path = "cache_tests.rs"]
mod tests;
