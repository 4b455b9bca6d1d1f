//! Recordings of other kinds, encoded anew as a model reads them.

use tempest_contract::{Codec, Contract, RateMode, Reservoir};
use tempest_transcode::{Audio, AudioError, ResampleError, audio, mp3, opus, resample};
use thiserror::Error;

/// Samples that Opus is made from, in Hz.
const OPUS_HZ: u32 = 48_000;

/// LAME's `-q` of the streams that models are trained on.
const LAME_QUALITY: u8 = 3;

/// How files of recordings that can be encoded anew end, without the dot, lower case.
pub const EXTENSIONS: [&str; 5] = audio::EXTENSIONS;

/// Why a recording was not encoded anew.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecodeError {
    /// Not a recording that can be read.
    #[error(transparent)]
    Audio(#[from] AudioError),
    /// Its rate cannot be changed.
    #[error(transparent)]
    Resample(#[from] ResampleError),
    /// LAME refuses.
    #[error(transparent)]
    Mp3(#[from] mp3::EncodeError),
    /// libopus refuses.
    #[error(transparent)]
    Opus(#[from] opus::EncodeError),
    /// No sound becomes the model's media.
    #[error("the model '{model}' reads {media}: no sound is made into that")]
    Media {
        /// The model.
        model: String,
        /// What it reads.
        media: String,
    },
}

/// A recording, ready to be encoded any number of times.
#[derive(Clone, Debug)]
pub struct Recording {
    audio: Audio,
}

impl Recording {
    /// Decodes a wav, flac, Ogg Vorbis or mp3 file.
    ///
    /// # Errors
    /// [`RecodeError::Audio`].
    pub fn read(bytes: Vec<u8>) -> Result<Self, RecodeError> {
        Ok(Recording { audio: Audio::from_bytes("the recording", bytes)? })
    }

    /// The stream a model of this contract reads, of `kbps` kbit/s: the same for the same recording.
    ///
    /// # Errors
    /// [`RecodeError`]: a bit rate the codec does not have, or media that no sound becomes.
    pub fn encode(&self, contract: &Contract, kbps: u32) -> Result<Vec<u8>, RecodeError> {
        match encoding(contract, kbps)? {
            Encoding::Mp3(params) => Ok(mp3::encode(&self.at(params.sample_rate)?, &params)?),
            Encoding::Opus(params) => {
                let mono = self.at(params.sample_rate)?;
                let channels = usize::from(params.channels);
                let samples: Vec<f32> =
                    mono.into_iter().flat_map(|sample| std::iter::repeat_n(sample, channels)).collect();
                Ok(opus::encode(&samples, &params)?)
            }
        }
    }

    fn at(&self, rate: u32) -> Result<Vec<f32>, ResampleError> {
        resample(&self.audio.samples, self.audio.sample_rate, rate)
    }
}

/// Whether [`Recording::encode`] can make this contract's media at this bit rate.
///
/// # Errors
/// As [`Recording::encode`].
pub fn check(contract: &Contract, kbps: u32) -> Result<(), RecodeError> {
    match encoding(contract, kbps)? {
        Encoding::Mp3(params) => Ok(params.validate()?),
        Encoding::Opus(params) => Ok(params.validate()?),
    }
}

enum Encoding {
    Mp3(mp3::EncodeParams),
    Opus(opus::EncodeParams),
}

fn encoding(contract: &Contract, kbps: u32) -> Result<Encoding, RecodeError> {
    match &contract.codec {
        Codec::Mp3(codec) if codec.channels == 1 => Ok(Encoding::Mp3(mp3::EncodeParams {
            sample_rate: codec.sample_rate,
            mode: match codec.mode {
                RateMode::Cbr => mp3::RateMode::Cbr,
                RateMode::Abr => mp3::RateMode::Abr,
            },
            bitrate_kbps: kbps,
            reservoir: codec.reservoir == Reservoir::On,
            quality: LAME_QUALITY,
        })),
        Codec::OggOpus(codec) => Ok(Encoding::Opus(opus::EncodeParams {
            sample_rate: OPUS_HZ,
            channels: codec.channels,
            bitrate_kbps: kbps,
            packet_us: (u64::from(codec.packet_samples) * 1_000_000 / u64::from(OPUS_HZ)) as u32,
            ..opus::EncodeParams::default()
        })),
        _ => Err(RecodeError::Media { model: contract.name.clone(), media: contract.media() }),
    }
}
