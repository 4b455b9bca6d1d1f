//! Everything that determines the streams of a clip, and how they are made from it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use tempest_transcode::{jpeg, mp3, opus};

use super::audio::{Audio, AudioError, MAX_SECONDS};
use super::cache::{PrepareError, PrepareOptions};
use super::codec::{CodecOptions, EncodeError};
use super::dataset::{Clip, Split};
use super::picture::{Picture, PictureVariant};
use super::resample::resample;
use super::shard::Entry;
use super::variant::{Augment, Variant, generator};

/// Raised whenever the same options come to give other bytes.
const VERSION: u32 = 1;

/// Largest mp3 file taken as it is: an hour at 320 kbit/s, the longest that is read in any other form too.
const MAX_MP3_BYTES: u64 = MAX_SECONDS as u64 * 320_000 / 8;

/// The options that matter for one split.
#[derive(Debug)]
pub(super) struct Recipe {
    codec: CodecOptions,
    augment: Augment,
    variants: u32,
    seed: u64,
}

/// The outcome for one clip.
pub(super) struct Made {
    pub(super) entry: Entry,
    /// False where another try may end differently: not to be kept.
    pub(super) lasting: bool,
}

impl Recipe {
    /// Validation and test clips come in one variant, whose bytes depend on no seed and no augmentation: these are
    /// left out, so that they do not change the key.
    pub(super) fn new(split: Split, options: &PrepareOptions) -> Result<Self, PrepareError> {
        options.codec.validate().map_err(PrepareError::Codec)?;
        if options.variants == 0 {
            return Err(PrepareError::NoVariants);
        }
        let codec = options.codec.clone();
        if split == Split::Train && options.variants > 1 {
            let PrepareOptions { variants, augment, seed, .. } = *options;
            return Ok(Recipe { codec, augment, variants, seed });
        }
        Ok(Recipe { codec: codec.of_one_variant(), augment: Augment::NONE, variants: 1, seed: 0 })
    }

    /// SHA-256 of all that determines the streams of `clips`.
    pub(super) fn key(&self, clips: &[&Clip]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(format!("{VERSION} {} {}\n", self.codec.encoder(), self.describe()));
        for clip in clips {
            let (bytes, changed_ns) = stamp(&clip.path);
            hash.update(format!("{:?} {bytes} {changed_ns}\n", clip.id));
        }
        hash.finalize().into()
    }

    /// Debug output of plain structs: every field by name, and a new field changes the key by itself. MP3 is described as
    /// it was when there was no other codec, and what was added later is left out where it is not used, so that caches
    /// of then stay good.
    fn describe(&self) -> String {
        let Recipe { codec, augment, variants, seed } = self;
        let codec = match codec {
            CodecOptions::Mp3(mp3) => {
                format!("{mp3:?}").replacen("Mp3Options", "CodecOptions", 1).replacen(" mode: Cbr,", "", 1)
            }
            other => format!("{other:?}"),
        };
        let augment = format!("{augment:?}").replacen(", trivial: None", "", 1);
        format!("Recipe {{ codec: {codec}, augment: {augment}, variants: {variants}, seed: {seed} }}")
    }

    /// Makes all variants of `clip`. A recording that cannot be read is an entry; what else fails is an error, as it
    /// would fail for every clip.
    pub(super) fn make(&self, clip: &Clip, fits: &(dyn Fn(&[u8]) -> bool + Sync)) -> Result<Made, PrepareError> {
        match self.streams(clip, fits) {
            Ok(streams) => Ok(Made { entry: Entry::Streams(streams), lasting: true }),
            Err(Failure::Unreadable(error)) => {
                let lasting = !error.is_transient();
                Ok(Made { entry: Entry::Skipped(error.to_string()), lasting })
            }
            Err(Failure::Fatal(error)) => Err(error),
        }
    }

    fn streams(&self, clip: &Clip, fits: &(dyn Fn(&[u8]) -> bool + Sync)) -> Result<Vec<Vec<u8>>, Failure> {
        if let Some(picture) = &clip.picture {
            return (0..self.variants).map(|index| self.image(clip, picture, index)).collect();
        }
        let as_it_is = read_mp3(&clip.path)?.filter(|bytes| fits(bytes));
        let start = u32::from(as_it_is.is_some());
        let mut streams: Vec<Vec<u8>> = as_it_is.into_iter().collect();
        if start < self.variants {
            let samples = self.samples(clip)?;
            for index in start..self.variants {
                streams.push(self.sound(clip, index, &samples)?);
            }
        }
        Ok(streams)
    }

    fn samples(&self, clip: &Clip) -> Result<Vec<f32>, Failure> {
        let rate = self.codec.sample_rate().ok_or_else(|| self.other_content(clip, "a recording"))?;
        let audio = Audio::read(&clip.path)?;
        resample(&audio.samples, audio.sample_rate, rate)
            .map_err(|source| Failure::Fatal(PrepareError::Resample { id: clip.id.clone(), source }))
    }

    fn sound(&self, clip: &Clip, index: u32, samples: &[f32]) -> Result<Vec<u8>, Failure> {
        let rate = self.codec.sample_rate().unwrap_or_default();
        let mut random = generator(self.seed, &clip.id, index);
        let samples = Variant::draw(random.as_mut(), rate, self.augment).apply(samples, rate);
        let vary = self.augment.bitrate;
        let stream = match &self.codec {
            CodecOptions::Mp3(mp3) => {
                mp3::encode(&samples, &mp3.draw(random.as_mut(), vary)).map_err(EncodeError::from)
            }
            CodecOptions::Opus(opus) => {
                opus::encode(&samples, &opus.draw(random.as_mut(), vary)).map_err(EncodeError::from)
            }
            CodecOptions::Jpeg(_) => return Err(self.other_content(clip, "a recording")),
        };
        stream.map_err(|cause| failed(clip, cause))
    }

    fn image(&self, clip: &Clip, picture: &Picture, index: u32) -> Result<Vec<u8>, Failure> {
        let CodecOptions::Jpeg(jpeg) = &self.codec else { return Err(self.other_content(clip, "a picture")) };
        let mut random = generator(self.seed, &clip.id, index);
        let pixels = PictureVariant::draw(random.as_mut(), self.augment).apply(picture);
        let params = jpeg.draw(random.as_mut(), self.augment.bitrate);
        jpeg::encode(&picture.grey(&pixels), &params).map_err(|cause| failed(clip, cause))
    }

    fn other_content(&self, clip: &Clip, content: &'static str) -> Failure {
        failed(clip, EncodeError::Content { content, codec: self.codec.name() })
    }
}

fn failed(clip: &Clip, cause: impl Into<EncodeError>) -> Failure {
    Failure::Fatal(PrepareError::Encode { id: clip.id.clone(), source: cause.into() })
}

/// Why a clip has no streams.
enum Failure {
    Unreadable(AudioError),
    Fatal(PrepareError),
}

impl From<AudioError> for Failure {
    fn from(error: AudioError) -> Self {
        Failure::Unreadable(error)
    }
}

/// The bytes of an .mp3 file of a plausible size; `None` for any other file.
fn read_mp3(path: &Path) -> Result<Option<Vec<u8>>, AudioError> {
    if !path.extension().is_some_and(|e| e.eq_ignore_ascii_case("mp3")) {
        return Ok(None);
    }
    let read = || -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_MP3_BYTES + 1).read_to_end(&mut bytes)?;
        Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= MAX_MP3_BYTES))
    };
    read().map_err(|source| AudioError::Io { path: path.to_owned(), source })
}

/// Size in bytes and time of change in ns since 1970; zeros where unknown, in which case reading it will say why.
fn stamp(path: &Path) -> (u64, u128) {
    let Ok(metadata) = fs::metadata(path) else { return (0, 0) };
    let changed = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    (metadata.len(), changed.map_or(0, |time| time.as_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Caches of earlier builds stay good: what is hashed is spelled out here.
    #[test]
    fn the_key_of_mp3_streams_is_what_it_was() {
        let options = PrepareOptions {
            codec: CodecOptions::default(),
            variants: 8,
            augment: Augment::ALL,
            seed: 1,
            cache_dir: "unused".into(),
            strict: false,
        };
        let key = |split| Recipe::new(split, &options).unwrap().key(&[]);
        let hash = |text: String| -> [u8; 32] { Sha256::digest(text).into() };
        let encoder = mp3::encoder_name();
        assert_eq!(
            key(Split::Train),
            hash(format!(
                "1 {encoder} Recipe {{ codec: CodecOptions {{ sample_rate: 16000, bitrate_kbps: 32, \
                 bitrates_kbps: [24, 32, 40], reservoir: Off }}, augment: Augment {{ gain: true, shift: true, \
                 speed: true, noise: true, bitrate: true }}, variants: 8, seed: 1 }}\n"
            ))
        );
        assert_eq!(
            key(Split::Test),
            hash(format!(
                "1 {encoder} Recipe {{ codec: CodecOptions {{ sample_rate: 16000, bitrate_kbps: 32, \
                 bitrates_kbps: [], reservoir: Off }}, augment: Augment {{ gain: false, shift: false, speed: false, \
                 noise: false, bitrate: false }}, variants: 1, seed: 0 }}\n"
            ))
        );
    }
}
