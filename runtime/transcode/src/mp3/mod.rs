//! Samples to a bare MP3 stream: constant or average bit rate, mono, nothing but audio frames.
//!
//! The encoder is LAME, which is LGPL: it is built in with the cargo feature `lame` only. Without it [`encode`] still
//! exists and says what to build.

use serde::{Deserialize, Serialize};

#[cfg(not(feature = "lame"))]
mod disabled;
#[cfg(feature = "lame")]
mod enabled;

#[cfg(not(feature = "lame"))]
use disabled as lame;
#[cfg(feature = "lame")]
use enabled as lame;

/// Zero samples appended to every clip before it is encoded, so that the codec's delay does not hold back its last
/// sound: 75 ms at 16 kHz. Part of the data contract: streams made with another number differ.
pub const TAIL_SAMPLES: usize = 1_200;

/// Bit rates of MPEG-1 Layer III (32, 44.1, 48 kHz) in kbit/s: ISO/IEC 11172-3, 2.4.2.3.
const MPEG1_KBPS: [u32; 14] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
/// Bit rates of MPEG-2 Layer III (16, 22.05, 24 kHz) in kbit/s: ISO/IEC 13818-3, 2.4.2.3.
const MPEG2_KBPS: [u32; 14] = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
/// Bit rates of MPEG-2.5 (8, 11.025, 12 kHz), an extension outside the standards, as far as LAME writes them.
const MPEG25_KBPS: [u32; 8] = [8, 16, 24, 32, 40, 48, 56, 64];

/// Lowest mean rate of [`RateMode::Abr`] in kbit/s, as LAME has it.
const MIN_MEAN_KBPS: u32 = 8;

/// What a bit rate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RateMode {
    /// That of every frame.
    #[default]
    Cbr,
    /// What the frames are to have on average, each the rate that its sound asks for. Without the reservoir each is
    /// rounded up to a rate that frames can have, which makes the mean of 20 kbit/s about 25.
    Abr,
}

impl RateMode {
    /// Whether it is [`RateMode::Cbr`], which records leave unsaid.
    #[must_use]
    pub fn is_cbr(&self) -> bool {
        *self == RateMode::Cbr
    }
}

/// How a clip is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncodeParams {
    /// Rate of the samples and of the stream in Hz; one of the nine rates of MP3.
    pub sample_rate: u32,
    /// What the bit rate is.
    #[serde(default, skip_serializing_if = "RateMode::is_cbr")]
    pub mode: RateMode,
    /// Bit rate in kbit/s: constant, one of [`legal_bitrates`]; on average, any from 8 to the last of these.
    pub bitrate_kbps: u32,
    /// Whether a frame may start its data in the frames before it. Off: every frame stands alone.
    pub reservoir: bool,
    /// LAME's `-q`: 0 (slowest, best) to 9.
    pub quality: u8,
}

impl EncodeParams {
    /// Checks that a stream with these parameters exists.
    ///
    /// # Errors
    /// [`EncodeError::SampleRate`], [`EncodeError::Bitrate`], [`EncodeError::MeanBitrate`] or [`EncodeError::Quality`].
    pub fn validate(&self) -> Result<(), EncodeError> {
        let legal = legal_bitrates(self.sample_rate);
        let EncodeParams { sample_rate, bitrate_kbps, .. } = *self;
        let Some(&highest) = legal.last() else { return Err(EncodeError::SampleRate { sample_rate }) };
        match self.mode {
            RateMode::Cbr if !legal.contains(&bitrate_kbps) => {
                return Err(EncodeError::Bitrate { sample_rate, bitrate_kbps, legal });
            }
            RateMode::Abr if !(MIN_MEAN_KBPS..=highest).contains(&bitrate_kbps) => {
                return Err(EncodeError::MeanBitrate { sample_rate, bitrate_kbps, highest });
            }
            _ => {}
        }
        if self.quality > 9 {
            return Err(EncodeError::Quality { quality: self.quality });
        }
        Ok(())
    }
}

/// Why a clip was not encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// This binary was built without an encoder.
    #[error("this build has no MP3 encoder: build with `--features lame`, or train on .mp3 files of the right rates")]
    NotBuilt,
    /// MP3 has no such sample rate.
    #[error(
        "MP3 has no sample rate of {sample_rate} Hz: take 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100 or 48000"
    )]
    SampleRate {
        /// The rate asked for in Hz.
        sample_rate: u32,
    },
    /// MP3 has no such constant bit rate at this sample rate.
    #[error("MP3 at {sample_rate} Hz has no bit rate of {bitrate_kbps} kbit/s: take one of {legal:?}")]
    Bitrate {
        /// The sample rate in Hz.
        sample_rate: u32,
        /// The bit rate asked for in kbit/s.
        bitrate_kbps: u32,
        /// What there is, in kbit/s.
        legal: &'static [u32],
    },
    /// No frames have such a mean bit rate at this sample rate.
    #[error("MP3 at {sample_rate} Hz has no mean bit rate of {bitrate_kbps} kbit/s: take {MIN_MEAN_KBPS} to {highest}")]
    MeanBitrate {
        /// The sample rate in Hz.
        sample_rate: u32,
        /// The bit rate asked for in kbit/s.
        bitrate_kbps: u32,
        /// The highest there is, in kbit/s.
        highest: u32,
    },
    /// LAME's qualities go from 0 to 9.
    #[error("LAME has no quality {quality}: take 0 (best) to 9")]
    Quality {
        /// The quality asked for.
        quality: u8,
    },
    /// The encoder refused.
    #[error("LAME failed to {step}: {reason}")]
    Lame {
        /// What it was asked to do.
        step: &'static str,
        /// What it answered.
        reason: String,
    },
}

/// The constant bit rates in kbit/s that MP3 has at `sample_rate` Hz; empty where MP3 has no such sample rate.
pub fn legal_bitrates(sample_rate: u32) -> &'static [u32] {
    match sample_rate {
        32_000 | 44_100 | 48_000 => &MPEG1_KBPS,
        16_000 | 22_050 | 24_000 => &MPEG2_KBPS,
        8_000 | 11_025 | 12_000 => &MPEG25_KBPS,
        _ => &[],
    }
}

/// Encodes mono `samples` in [-1, 1] at `params.sample_rate`, followed by [`TAIL_SAMPLES`] zeros.
///
/// The stream starts with its first audio frame: no ID3 tag, no Xing or Info frame, nothing that tells one file from
/// another but its sound. The same input gives the same bytes.
///
/// # Errors
/// What [`EncodeParams::validate`] says, [`EncodeError::Lame`], or [`EncodeError::NotBuilt`] without the feature
/// `lame`.
pub fn encode(samples: &[f32], params: &EncodeParams) -> Result<Vec<u8>, EncodeError> {
    params.validate()?;
    lame::encode(samples, params)
}

/// Name and version of the encoder, for cards and cache keys: "LAME 3.100", or "none" in a build without one.
pub fn encoder_name() -> String {
    lame::name()
}

/// Whether this build can encode.
pub const fn is_available() -> bool {
    cfg!(feature = "lame")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMS: EncodeParams =
        EncodeParams { sample_rate: 16_000, mode: RateMode::Cbr, bitrate_kbps: 32, reservoir: false, quality: 3 };

    #[test]
    fn impossible_parameters_are_named() {
        let rate = EncodeParams { sample_rate: 12_345, ..PARAMS };
        assert!(matches!(rate.validate(), Err(EncodeError::SampleRate { sample_rate: 12_345 })));
        let bits = EncodeParams { bitrate_kbps: 29, ..PARAMS };
        assert!(bits.validate().unwrap_err().to_string().contains("29 kbit/s: take one of [8, 16, 24, 32"));
        let mean = |bitrate_kbps| EncodeParams { mode: RateMode::Abr, bitrate_kbps, ..PARAMS }.validate();
        assert!([8, 29, 160].into_iter().all(|kbps| mean(kbps).is_ok()) && mean(7).is_err());
        assert!(mean(161).unwrap_err().to_string().contains("mean bit rate of 161 kbit/s: take 8 to 160"));
        assert!(EncodeParams { quality: 10, ..PARAMS }.validate().is_err());
        assert!(PARAMS.validate().is_ok());
    }

    #[cfg(not(feature = "lame"))]
    #[test]
    fn a_build_without_encoder_says_how_to_get_one() {
        assert!(encode(&[0.0], &PARAMS).unwrap_err().to_string().contains("--features lame"));
        assert!(!is_available());
        assert_eq!(encoder_name(), "none");
    }
}
