//! Samples to an Ogg Opus stream (RFC 6716, RFC 7845), with libopus as Rust: every build has it.

mod encoder;
mod mux;

use std::io;

use serde::{Deserialize, Serialize};

use encoder::Encoder;

/// Sample rates that the encoder takes, in Hz. The stream itself is timed at 48 kHz, whatever the rate.
pub const SAMPLE_RATES: [u32; 5] = [8_000, 12_000, 16_000, 24_000, 48_000];

/// Durations of a packet in microseconds. From 40 ms on, modes without such a frame pack several shorter ones.
pub const PACKET_US: [u32; 9] = [2_500, 5_000, 10_000, 20_000, 40_000, 60_000, 80_000, 100_000, 120_000];

/// Bit rates in kbit/s (RFC 6716, 2.1.1). libopus spends at most 300 on a channel.
pub const BITRATES_KBPS: std::ops::RangeInclusive<u32> = 6..=510;

/// What the encoder is to favour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Application {
    /// Likeness to the original.
    #[default]
    Audio,
    /// Clarity of speech.
    Voip,
    /// 5 ms of delay: CELT alone.
    LowDelay,
}

/// How a sound is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncodeParams {
    /// Rate of the samples in Hz, one of [`SAMPLE_RATES`].
    pub sample_rate: u32,
    /// 1 or 2; the samples of two channels alternate.
    pub channels: u8,
    /// Bit rate in kbit/s, within [`BITRATES_KBPS`].
    pub bitrate_kbps: u32,
    /// Duration of every packet in microseconds, one of [`PACKET_US`].
    pub packet_us: u32,
    /// Whether packets differ in size. Off: all have the same.
    pub vbr: bool,
    /// What the encoder is to favour.
    pub application: Application,
    /// libopus' complexity: 0 to 10 (slowest, best).
    pub complexity: u8,
}

impl Default for EncodeParams {
    /// Mono at 48 kHz, 29 kbit/s, 40 ms, variable bit rate, complexity 10.
    fn default() -> Self {
        EncodeParams {
            sample_rate: 48_000,
            channels: 1,
            bitrate_kbps: 29,
            packet_us: 40_000,
            vbr: true,
            application: Application::Audio,
            complexity: 10,
        }
    }
}

/// Why a sound was not encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// libopus does not take samples at this rate.
    #[error("Opus is not made from samples at {sample_rate} Hz: take 8000, 12000, 16000, 24000 or 48000")]
    SampleRate {
        /// The rate asked for in Hz.
        sample_rate: u32,
    },
    /// Neither mono nor stereo.
    #[error("Opus is not made of {channels} channels here: take 1 or 2")]
    Channels {
        /// The channels asked for.
        channels: u8,
    },
    /// A bit rate that Opus does not have.
    #[error("Opus has no bit rate of {bitrate_kbps} kbit/s: take 6 to 510")]
    Bitrate {
        /// The bit rate asked for in kbit/s.
        bitrate_kbps: u32,
    },
    /// A duration that a packet cannot have.
    #[error("Opus has no packets of {packet_us} us: take one of {PACKET_US:?}")]
    PacketLength {
        /// The duration asked for in microseconds.
        packet_us: u32,
    },
    /// Complexities go from 0 to 10.
    #[error("libopus has no complexity {complexity}: take 0 to 10 (best)")]
    Complexity {
        /// The complexity asked for.
        complexity: u8,
    },
    /// Samples of two channels that do not come in pairs.
    #[error("{samples} samples are no whole number of {channels} channels")]
    Samples {
        /// Samples given.
        samples: usize,
        /// The channels they were to be.
        channels: u8,
    },
    /// The encoder refused. This is a bug.
    #[error("libopus failed to {step}, this is a bug: {reason}")]
    Libopus {
        /// What it was asked to do.
        step: &'static str,
        /// What it answered.
        reason: String,
    },
    /// The Ogg pages were not written. This is a bug: they are written to memory.
    #[error("cannot write Ogg pages, this is a bug: {source}")]
    Ogg {
        /// The cause.
        source: io::Error,
    },
}

impl EncodeParams {
    /// Checks that a stream with these parameters exists.
    ///
    /// # Errors
    /// The first [`EncodeError`] that names one of them.
    pub fn validate(&self) -> Result<(), EncodeError> {
        let EncodeParams { sample_rate, channels, bitrate_kbps, packet_us, complexity, .. } = *self;
        if !SAMPLE_RATES.contains(&sample_rate) {
            return Err(EncodeError::SampleRate { sample_rate });
        }
        if !(1..=2).contains(&channels) {
            return Err(EncodeError::Channels { channels });
        }
        if !BITRATES_KBPS.contains(&bitrate_kbps) {
            return Err(EncodeError::Bitrate { bitrate_kbps });
        }
        if !PACKET_US.contains(&packet_us) {
            return Err(EncodeError::PacketLength { packet_us });
        }
        if complexity > 10 {
            return Err(EncodeError::Complexity { complexity });
        }
        Ok(())
    }

    /// Samples of each channel in a packet: a whole number at every rate, as 2.5 ms are 20 at 8 kHz.
    fn packet_samples(&self) -> usize {
        (u64::from(self.sample_rate) * u64::from(self.packet_us) / 1_000_000) as usize
    }
}

/// Encodes `samples` in [-1, 1], of two channels in turn, as one Ogg Opus stream.
///
/// A decoder that honours pre-skip and end trimming (RFC 7845, 4) gives back as many samples as went in, in their
/// place. The comment header is empty. The same input gives the same bytes.
///
/// # Errors
/// What [`EncodeParams::validate`] says, or [`EncodeError::Samples`].
pub fn encode(samples: &[f32], params: &EncodeParams) -> Result<Vec<u8>, EncodeError> {
    params.validate()?;
    let channels = usize::from(params.channels);
    if !samples.len().is_multiple_of(channels) {
        return Err(EncodeError::Samples { samples: samples.len(), channels: params.channels });
    }
    let mut encoder = Encoder::new(params)?;
    let lookahead = encoder.lookahead()?;
    let (length, per_packet) = (samples.len() / channels + lookahead, params.packet_samples());
    let pieces = (0..length.div_ceil(per_packet)).map(|index| piece(samples, index, per_packet * channels));
    let packets = pieces.map(|piece| encoder.encode(&piece)).collect::<Result<Vec<_>, _>>()?;
    let at_48_khz = 48_000 / params.sample_rate as usize;
    let stream = mux::Stream {
        channels: params.channels,
        sample_rate: params.sample_rate,
        pre_skip: lookahead * at_48_khz,
        packet_samples: per_packet * at_48_khz,
        samples: length * at_48_khz,
    };
    stream.mux(&packets).map_err(|source| EncodeError::Ogg { source })
}

/// The samples of a packet; zeros where the sound has ended.
fn piece(samples: &[f32], index: usize, length: usize) -> Vec<f32> {
    let start = (index * length).min(samples.len());
    let mut piece = samples[start..samples.len().min(start + length)].to_vec();
    piece.resize(length, 0.0);
    piece
}

/// Name and version of the encoder, for cards and cache keys.
pub fn encoder_name() -> String {
    "libopus 1.3.1 (unsafe-libopus 0.2)".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sine;

    #[test]
    fn impossible_parameters_are_named() {
        let good = EncodeParams::default();
        assert!(good.validate().is_ok());
        let message = |params: EncodeParams| params.validate().unwrap_err().to_string();
        assert!(message(EncodeParams { sample_rate: 44_100, ..good }).contains("44100 Hz: take 8000"));
        assert!(message(EncodeParams { channels: 3, ..good }).contains("3 channels"));
        assert!(message(EncodeParams { bitrate_kbps: 5, ..good }).contains("5 kbit/s: take 6 to 510"));
        assert!(message(EncodeParams { packet_us: 30_000, ..good }).contains("30000 us: take one of [2500, "));
        assert!(message(EncodeParams { complexity: 11, ..good }).contains("complexity 11"));
        let stereo = EncodeParams { channels: 2, ..good };
        assert!(matches!(encode(&[0.0; 3], &stereo), Err(EncodeError::Samples { samples: 3, channels: 2 })));
    }

    #[test]
    fn threads_do_not_change_the_bytes() {
        let sound = sine(700.0, 48_000, 20_000);
        let alone = encode(&sound, &EncodeParams::default()).unwrap();
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| encode(&sound, &EncodeParams::default()).unwrap())).collect();
            assert!(threads.into_iter().all(|thread| thread.join().unwrap() == alone));
        });
    }
}
