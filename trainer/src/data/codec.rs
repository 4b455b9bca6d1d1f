//! The kinds of stream that clips become.

use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tempest_transcode::{jpeg, mp3, opus};

/// LAME's `-q` of variant 0: what LAME itself takes where nothing is said.
const DEFAULT_QUALITY: u8 = 3;
/// LAME's `-q` of the other variants. They differ in how the encoder searches, and so in the bytes.
const QUALITIES: [u8; 4] = [2, 3, 5, 7];
/// libopus' complexities of the variants behind the first, for the same reason.
const COMPLEXITIES: [u8; 4] = [5, 8, 9, 10];

/// The kind of stream, and what may differ between the variants of a clip. What is not stated varies not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "codec", rename_all = "lowercase")]
pub enum CodecOptions {
    /// Sounds become MP3 streams.
    Mp3(Mp3Options),
    /// Sounds become Ogg Opus streams.
    Opus(OpusOptions),
    /// Pictures become JPEG images.
    Jpeg(JpegOptions),
}

/// Mono.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mp3Options {
    /// Sample rate in Hz, one of MP3's nine.
    pub sample_rate: u32,
    /// What the bit rates are.
    #[serde(default, skip_serializing_if = "mp3::RateMode::is_cbr")]
    pub mode: mp3::RateMode,
    /// Bit rate of variant 0 in kbit/s.
    pub bitrate_kbps: u32,
    /// Bit rates of the other variants in kbit/s, drawn with equal chance. Empty: that of variant 0.
    pub bitrates_kbps: Vec<u32>,
    /// Use of the bit reservoir.
    pub reservoir: Reservoir,
}

/// Whether the frames of MP3 streams may use the bit reservoir.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Reservoir {
    /// Never: each frame stands alone
    #[default]
    Off,
    /// Always
    On,
    /// Off in variant 0, by chance in the others
    Mixed,
}

/// Mono.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OpusOptions {
    /// How variant 0 is encoded.
    pub encode: opus::EncodeParams,
    /// Bit rates of the other variants in kbit/s, drawn with equal chance. Empty: that of variant 0.
    pub bitrates_kbps: Vec<u32>,
    /// What the encoder favours in the other variants, drawn with equal chance: libopus then codes the same sound by
    /// SILK, CELT or both. Empty: as in variant 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<opus::Application>,
}

/// Grey pictures.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JpegOptions {
    /// How variant 0 is encoded.
    pub encode: jpeg::EncodeParams,
    /// Qualities of the other variants, drawn with equal chance. Empty: that of variant 0.
    pub qualities: Vec<u8>,
}

/// Why a clip was not encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// As MP3.
    #[error(transparent)]
    Mp3(#[from] mp3::EncodeError),
    /// As Ogg Opus.
    #[error(transparent)]
    Opus(#[from] opus::EncodeError),
    /// As JPEG.
    #[error(transparent)]
    Jpeg(#[from] jpeg::EncodeError),
    /// A picture was to become sound, or the other way round.
    #[error("{content} cannot become {codec}: choose another --codec")]
    Content {
        /// What the clip is.
        content: &'static str,
        /// What it was to become.
        codec: &'static str,
    },
}

impl Default for CodecOptions {
    fn default() -> Self {
        CodecOptions::Mp3(Mp3Options::default())
    }
}

impl Default for Mp3Options {
    /// 16 kHz, constant 32 kbit/s and for the variants 24, 32 or 40, no reservoir.
    fn default() -> Self {
        let bitrates_kbps = vec![24, 32, 40];
        let mode = mp3::RateMode::Cbr;
        Mp3Options { sample_rate: 16_000, mode, bitrate_kbps: 32, bitrates_kbps, reservoir: Reservoir::Off }
    }
}

impl CodecOptions {
    /// Checks every bit rate or quality.
    ///
    /// # Errors
    /// What the encoder's own `validate` says first.
    pub fn validate(&self) -> Result<(), EncodeError> {
        match self {
            CodecOptions::Mp3(mp3) => {
                let mut rates = [mp3.bitrate_kbps].into_iter().chain(mp3.bitrates_kbps.iter().copied());
                rates.try_for_each(|kbps| mp3.params(kbps).validate())?;
            }
            CodecOptions::Opus(opus) => {
                opus.encode.validate()?;
                let params = |&bitrate_kbps| opus::EncodeParams { bitrate_kbps, ..opus.encode };
                opus.bitrates_kbps.iter().map(params).try_for_each(|params| params.validate())?;
            }
            CodecOptions::Jpeg(jpeg) => {
                jpeg.encode.validate()?;
                let params = |&quality| jpeg::EncodeParams { quality, ..jpeg.encode };
                jpeg.qualities.iter().map(params).try_for_each(|params| params.validate())?;
            }
        }
        Ok(())
    }

    /// The same without anything to draw from: all that matters for clips of one variant.
    pub(super) fn of_one_variant(mut self) -> Self {
        match &mut self {
            CodecOptions::Mp3(mp3) => mp3.bitrates_kbps.clear(),
            CodecOptions::Opus(opus) => {
                opus.bitrates_kbps.clear();
                opus.applications.clear();
            }
            CodecOptions::Jpeg(jpeg) => jpeg.qualities.clear(),
        }
        self
    }

    /// Rate of the samples that are encoded, in Hz; `None` for pictures.
    pub fn sample_rate(&self) -> Option<u32> {
        match self {
            CodecOptions::Mp3(mp3) => Some(mp3.sample_rate),
            CodecOptions::Opus(opus) => Some(opus.encode.sample_rate),
            CodecOptions::Jpeg(_) => None,
        }
    }

    /// The format's name for people.
    pub fn name(&self) -> &'static str {
        match self {
            CodecOptions::Mp3(_) => "MP3",
            CodecOptions::Opus(_) => "Ogg Opus",
            CodecOptions::Jpeg(_) => "JPEG",
        }
    }

    /// How files of the format end.
    pub fn extension(&self) -> &'static str {
        match self {
            CodecOptions::Mp3(_) => "mp3",
            CodecOptions::Opus(_) => "opus",
            CodecOptions::Jpeg(_) => "jpg",
        }
    }

    /// Name and version of the encoder, for the record and for cache keys.
    pub fn encoder(&self) -> String {
        match self {
            CodecOptions::Mp3(_) => mp3::encoder_name(),
            CodecOptions::Opus(_) => opus::encoder_name(),
            CodecOptions::Jpeg(_) => jpeg::encoder_name(),
        }
    }
}

impl Mp3Options {
    fn params(&self, bitrate_kbps: u32) -> mp3::EncodeParams {
        mp3::EncodeParams {
            sample_rate: self.sample_rate,
            mode: self.mode,
            bitrate_kbps,
            reservoir: self.reservoir == Reservoir::On,
            quality: DEFAULT_QUALITY,
        }
    }

    /// How a variant is encoded; the first one draws nothing. `vary` is [`super::Augment::bitrate`].
    pub fn draw(&self, random: Option<&mut ChaCha8Rng>, vary: bool) -> mp3::EncodeParams {
        let mut params = self.params(self.bitrate_kbps);
        let Some(random) = random else { return params };
        let (reservoir, quality) = (random.random(), QUALITIES.choose(random).copied());
        let kbps = self.bitrates_kbps.choose(random).copied();
        if vary {
            params.bitrate_kbps = kbps.unwrap_or(self.bitrate_kbps);
            params.quality = quality.unwrap_or(DEFAULT_QUALITY);
        }
        if self.reservoir == Reservoir::Mixed {
            params.reservoir = reservoir;
        }
        params
    }
}

impl OpusOptions {
    /// How a variant is encoded; the first one draws nothing. `vary` is [`super::Augment::bitrate`].
    pub fn draw(&self, random: Option<&mut ChaCha8Rng>, vary: bool) -> opus::EncodeParams {
        let mut params = self.encode;
        if let (Some(random), true) = (random, vary) {
            params.complexity = COMPLEXITIES.choose(random).copied().unwrap_or(params.complexity);
            params.bitrate_kbps = self.bitrates_kbps.choose(random).copied().unwrap_or(params.bitrate_kbps);
            params.application = self.applications.choose(random).copied().unwrap_or(params.application);
        }
        params
    }
}

impl JpegOptions {
    /// How a variant is encoded; the first one draws nothing. `vary` is [`super::Augment::bitrate`].
    pub fn draw(&self, random: Option<&mut ChaCha8Rng>, vary: bool) -> jpeg::EncodeParams {
        let mut params = self.encode;
        if let (Some(random), true) = (random, vary) {
            params.quality = self.qualities.choose(random).copied().unwrap_or(params.quality);
        }
        params
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::variant::generator;

    #[test]
    fn every_rate_and_quality_is_checked() {
        let bad = [
            CodecOptions::Mp3(Mp3Options { bitrates_kbps: vec![32, 33], ..Default::default() }),
            CodecOptions::Opus(OpusOptions { bitrates_kbps: vec![29, 600], ..Default::default() }),
            CodecOptions::Jpeg(JpegOptions { qualities: vec![75, 0], ..Default::default() }),
        ];
        let messages = bad.map(|options| options.validate().unwrap_err().to_string());
        assert!(messages[0].contains("33") && messages[1].contains("600") && messages[2].contains("quality 0"));
        assert!(CodecOptions::default().validate().is_ok());
    }

    #[test]
    fn variants_differ_in_what_is_given_and_the_first_in_nothing() {
        let applications = vec![opus::Application::Voip, opus::Application::LowDelay];
        let opus = OpusOptions { bitrates_kbps: vec![16, 24], applications, ..Default::default() };
        assert_eq!(opus.draw(None, true), opus.encode);
        let jpeg = JpegOptions { qualities: vec![50, 90], ..Default::default() };
        assert_eq!(jpeg.draw(None, true), jpeg.encode);
        let generator = |index| generator(1, "a", index);
        let rates: Vec<u32> = (1..200).map(|i| opus.draw(generator(i).as_mut(), true).bitrate_kbps).collect();
        assert!(rates.contains(&16) && rates.contains(&24) && !rates.contains(&29));
        let of = |application| (1..200).any(|i| opus.draw(generator(i).as_mut(), true).application == application);
        assert!(of(opus::Application::Voip) && of(opus::Application::LowDelay) && !of(opus::Application::Audio));
        let qualities: Vec<u8> = (1..200).map(|i| jpeg.draw(generator(i).as_mut(), true).quality).collect();
        assert!(qualities.contains(&50) && qualities.contains(&90) && !qualities.contains(&75));
        assert!((1..200).all(|i| jpeg.draw(generator(i).as_mut(), false) == jpeg.encode));
    }

    #[test]
    fn options_are_written_and_read() {
        let options = CodecOptions::Opus(OpusOptions { bitrates_kbps: vec![12], ..Default::default() });
        let json = serde_json::to_string(&options).unwrap();
        assert!(json.contains(r#""codec":"opus""#), "{json}");
        assert_eq!(serde_json::from_str::<CodecOptions>(&json).unwrap(), options);
    }
}
