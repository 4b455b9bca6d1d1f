//! The first byte of a packet (RFC 6716, section 3.1).

use core::fmt;

/// `ccccc s nn`: configuration, stereo, code. Every byte is a legal one.
///
/// ```
/// use tempest_blocks::opus::{Bandwidth, Mode, Toc};
///
/// let toc = Toc(0xFC);
/// assert_eq!((toc.mode(), toc.bandwidth(), toc.frame_samples()), (Mode::Celt, Bandwidth::Full, 960));
/// assert_eq!((toc.config(), toc.stereo(), toc.code()), (31, true, 0));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Toc(pub u8);

/// Which coder made the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Mode {
    /// Linear prediction, for speech.
    Silk,
    /// SILK for the low band, CELT above it.
    Hybrid,
    /// Transform, for music and low delay.
    Celt,
}

/// Up to which frequency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Bandwidth {
    /// 4 kHz.
    Narrow,
    /// 6 kHz.
    Medium,
    /// 8 kHz.
    Wide,
    /// 12 kHz.
    SuperWide,
    /// 20 kHz.
    Full,
}

/// Lengths of a frame in samples at 48 kHz, indexed by `config` (RFC 6716, table 2).
#[rustfmt::skip]
static FRAME_SAMPLES: [u16; 32] = [
    480, 960, 1920, 2880, 480, 960, 1920, 2880, 480, 960, 1920, 2880, // SILK
    480, 960, 480, 960, // hybrid
    120, 240, 480, 960, 120, 240, 480, 960, 120, 240, 480, 960, 120, 240, 480, 960, // CELT
];

impl Toc {
    /// Mode, bandwidth and frame size as one number: 5 bits.
    #[must_use]
    pub const fn config(self) -> u8 {
        self.0 >> 3
    }

    /// Whether two channels are coded.
    #[must_use]
    pub const fn stereo(self) -> bool {
        self.0 & 4 != 0
    }

    /// How the frames are packed: one, two of one size, two, any number: 2 bits.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0 & 3
    }

    /// The coder.
    #[must_use]
    pub const fn mode(self) -> Mode {
        match self.config() {
            0..=11 => Mode::Silk,
            12..=15 => Mode::Hybrid,
            _ => Mode::Celt,
        }
    }

    /// The bandwidth.
    #[must_use]
    pub const fn bandwidth(self) -> Bandwidth {
        match self.config() {
            0..=3 | 16..=19 => Bandwidth::Narrow,
            4..=7 => Bandwidth::Medium,
            8..=11 | 20..=23 => Bandwidth::Wide,
            12 | 13 | 24..=27 => Bandwidth::SuperWide,
            _ => Bandwidth::Full,
        }
    }

    /// Length of one frame in samples at 48 kHz: 120 (2.5 ms), 240, 480, 960 (20 ms), 1920 or 2880.
    #[must_use]
    pub const fn frame_samples(self) -> u32 {
        FRAME_SAMPLES[self.config() as usize] as u32
    }

    /// The same as an index: 0 for 2.5 ms to 5 for 60 ms.
    pub(super) const fn frame_size(self) -> u8 {
        match self.mode() {
            Mode::Silk => 2 + self.config() % 4,
            Mode::Hybrid => 2 + self.config() % 2,
            Mode::Celt => self.config() % 4,
        }
    }
}

/// `CELT full band 20 ms stereo, code 0`.
impl fmt::Display for Toc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let channels = if self.stereo() { "stereo" } else { "mono" };
        let (whole, tenths) = (self.frame_samples() / 48, self.frame_samples() * 10 / 48 % 10);
        write!(f, "{} {} {whole}", self.mode(), self.bandwidth())?;
        if tenths != 0 {
            write!(f, ".{tenths}")?;
        }
        write!(f, " ms {channels}, code {}", self.code())
    }
}

impl fmt::Debug for Toc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Toc({:#04x}: {self})", self.0)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Silk => "SILK",
            Self::Hybrid => "hybrid",
            Self::Celt => "CELT",
        })
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Narrow => "narrow band",
            Self::Medium => "medium band",
            Self::Wide => "wide band",
            Self::SuperWide => "super-wide band",
            Self::Full => "full band",
        })
    }
}
