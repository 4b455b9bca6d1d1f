//! The identification header (RFC 7845, section 5.1), and what other codecs put in its place.

use core::{error::Error, fmt};

use crate::ErrorClass;

/// What the identification header begins with.
pub(super) const MAGIC: &[u8; MAGIC_BYTES] = b"OpusHead";
/// So many bytes tell any codec.
pub(super) const MAGIC_BYTES: usize = 8;

/// What `OpusHead` says of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct OpusHead {
    /// Encapsulation version; its upper half is 0.
    pub version: u8,
    /// Output channels: 1 or 2, more only under another mapping than 0.
    pub channels: u8,
    /// Samples at 48 kHz that a decoder throws away at the start.
    pub pre_skip: u16,
    /// Sample rate of what was encoded, in Hz; says nothing of the stream, 0 if unknown.
    pub input_sample_rate: u32,
    /// Gain a decoder applies, in dB x 256.
    pub output_gain: i16,
    /// Channel mapping family.
    pub mapping_family: u8,
}

impl OpusHead {
    /// Reads the first packet of a logical stream.
    pub fn parse(packet: &[u8]) -> Result<Self, HeadError> {
        let Some(fields) = packet.strip_prefix(MAGIC) else { return Err(HeadError::of_other_codec(packet)) };
        let Some((&[version, channels, pre_skip_low, pre_skip_high, r0, r1, r2, r3, g0, g1, family], mapping)) =
            fields.split_first_chunk()
        else {
            return Err(HeadError::BadHead);
        };
        if version >> 4 != 0 {
            return Err(HeadError::Version);
        }
        if channels == 0 || family == 0 && channels > 2 || family != 0 && mapping.len() < 2 + usize::from(channels) {
            return Err(HeadError::BadHead);
        }
        if family != 0 && mapping.first() != Some(&1) {
            return Err(HeadError::Multistream);
        }
        Ok(Self {
            version,
            channels,
            pre_skip: u16::from_le_bytes([pre_skip_low, pre_skip_high]),
            input_sample_rate: u32::from_le_bytes([r0, r1, r2, r3]),
            output_gain: i16::from_le_bytes([g0, g1]),
            mapping_family: family,
        })
    }
}

/// Why a logical stream is not cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum HeadError {
    /// `OpusHead` is too short or breaks its rules.
    BadHead,
    /// `OpusHead` of a version after 15.
    Version,
    /// Several Opus streams in one, for more than two channels: their packets are framed in another way.
    Multistream,
    /// Vorbis.
    Vorbis,
    /// Speex.
    Speex,
    /// FLAC.
    Flac,
    /// Theora.
    Theora,
    /// A Skeleton, which describes other streams.
    Skeleton,
    /// Something else.
    OtherCodec,
}

impl HeadError {
    /// By what the first packet of a stream begins with, [`MAGIC_BYTES`] at most.
    pub(super) fn of_other_codec(packet: &[u8]) -> Self {
        const CODECS: [(&[u8], HeadError); 5] = [
            (b"\x01vorbis", HeadError::Vorbis),
            (b"Speex   ", HeadError::Speex),
            (b"\x7fFLAC", HeadError::Flac),
            (b"\x80theora", HeadError::Theora),
            (b"fishead\0", HeadError::Skeleton),
        ];
        CODECS.iter().find(|(magic, _)| packet.starts_with(magic)).map_or(Self::OtherCodec, |&(_, codec)| codec)
    }

    /// The class of this error.
    #[must_use]
    pub const fn class(self) -> ErrorClass {
        match self {
            Self::BadHead => ErrorClass::Malformed,
            _ => ErrorClass::Unsupported,
        }
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadHead => "broken OpusHead",
            Self::Version => "OpusHead of an unknown version",
            Self::Multistream => "Opus with several streams in one (only mono and stereo are supported)",
            Self::Vorbis => "Vorbis (only Opus is supported)",
            Self::Speex => "Speex (only Opus is supported)",
            Self::Flac => "FLAC (only Opus is supported)",
            Self::Theora => "Theora (only Opus is supported)",
            Self::Skeleton => "Skeleton (only Opus is supported)",
            Self::OtherCodec => "unknown codec (only Opus is supported)",
        })
    }
}

impl Error for HeadError {}

/// What a file holds in place of an Opus stream that can be cut, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StreamError {
    /// Offset in the file, in bytes, of the first page of that stream.
    pub offset: u64,
    /// What its first packet says.
    pub cause: HeadError,
}

impl StreamError {
    /// The class of this error.
    #[must_use]
    pub const fn class(self) -> ErrorClass {
        self.cause.class()
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.offset, self.cause)
    }
}

impl Error for StreamError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}
