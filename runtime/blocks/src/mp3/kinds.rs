//! The two choices of a header that have names.

use core::fmt;

/// Which standard a frame follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Version {
    /// ISO/IEC 11172-3: 32, 44.1 and 48 kHz.
    Mpeg1,
    /// ISO/IEC 13818-3, low sampling frequencies: 16, 22.05 and 24 kHz.
    Mpeg2,
    /// The extension in common use: 8, 11.025 and 12 kHz.
    Mpeg25,
}

/// How the channels are coded (`mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ChannelMode {
    /// Left and right, each for itself.
    Stereo,
    /// Left and right, jointly where `mode_extension` says so.
    JointStereo,
    /// Two channels that do not belong together.
    DualChannel,
    /// One channel.
    SingleChannel,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mpeg1 => "MPEG-1",
            Self::Mpeg2 => "MPEG-2",
            Self::Mpeg25 => "MPEG-2.5",
        })
    }
}

impl fmt::Display for ChannelMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stereo => "stereo",
            Self::JointStereo => "joint stereo",
            Self::DualChannel => "dual channel",
            Self::SingleChannel => "mono",
        })
    }
}
