//! The 32 bits every frame starts with (ISO/IEC 11172-3, 2.4.1.3 and 2.4.2.3).

use core::fmt;

use super::error::HeaderError;
use super::kinds::{ChannelMode, Version};
use super::tables::{LSF_LAYER_II_III, MPEG1_LAYER_III, sample_rate};

/// Bytes of a header.
pub const HEADER_BYTES: usize = 4;

/// The longest frame whose header states its bit rate: 144 x 320 kbit/s / 32 kHz (MPEG-1) and 72 x 160 kbit/s / 8 kHz
/// (MPEG-2.5) both give 1440 bytes, and padding adds one.
pub const MAX_FRAME_BYTES: usize = 1441;

/// A valid header of a Layer III frame with a stated bit rate.
///
/// ```
/// use tempest_blocks::mp3::{FrameHeader, HeaderError, Version};
///
/// let header = FrameHeader::parse(0xFFFB_90C4)?;
/// assert_eq!(header.version(), Version::Mpeg1);
/// assert_eq!((header.bitrate_kbps(), header.sample_rate(), header.channels()), (128, 44_100, 1));
/// assert_eq!(header.frame_bytes(), 417);
///
/// assert_eq!(FrameHeader::parse(0xFFFD_9000), Err(HeaderError::LayerII));
/// # Ok::<(), HeaderError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FrameHeader {
    /// `parse` has seen that every field is legal:
    /// `11111111 111` sync, `vv` version, `01` layer III, `p` no CRC, `bbbb` bit rate, `ss` sample rate, `p` padding,
    /// `-` private, `mm` mode, `xx` mode extension, `-` copyright, `-` original, `ee` emphasis.
    word: u32,
}

impl FrameHeader {
    /// Reads a header from its four bytes as one big-endian number. Any number is allowed.
    pub const fn parse(word: u32) -> Result<Self, HeaderError> {
        let header = Self { word };
        if header.field(21, 11) != 0x7FF {
            return Err(HeaderError::NoSync);
        }
        if header.field(19, 2) == 0b01 {
            return Err(HeaderError::ReservedVersion);
        }
        match header.field(17, 2) {
            0b00 => return Err(HeaderError::ReservedLayer),
            0b10 => return Err(HeaderError::LayerII),
            0b11 => return Err(HeaderError::LayerI),
            _ => {}
        }
        if header.bitrate_index() == 15 {
            return Err(HeaderError::BadBitrateIndex);
        }
        if header.field(10, 2) == 3 {
            return Err(HeaderError::ReservedSampleRate);
        }
        if header.emphasis() == 2 {
            return Err(HeaderError::ReservedEmphasis);
        }
        if header.bitrate_index() == 0 {
            return Err(HeaderError::FreeFormat);
        }
        Ok(header)
    }

    /// `width` bits above the `shift` lowest.
    const fn field(self, shift: u32, width: u32) -> u32 {
        self.word >> shift & ((1 << width) - 1)
    }

    /// The header's four bytes as one big-endian number.
    #[must_use]
    pub const fn word(self) -> u32 {
        self.word
    }

    /// The standard the frame follows.
    #[must_use]
    pub const fn version(self) -> Version {
        match self.field(19, 2) {
            0b11 => Version::Mpeg1,
            0b10 => Version::Mpeg2,
            _ => Version::Mpeg25,
        }
    }

    /// Whether the second channel may be coded as a position between left and right (intensity stereo).
    #[must_use]
    pub const fn intensity_stereo(self) -> bool {
        matches!(self.mode(), ChannelMode::JointStereo) && self.mode_extension() & 1 == 1
    }

    /// Whether two bytes of CRC stand between header and side information (`protection_bit` is 0). They are not
    /// checked.
    #[must_use]
    pub const fn crc(self) -> bool {
        self.field(16, 1) == 0
    }

    /// `bitrate_index`, 1..=14.
    #[must_use]
    pub const fn bitrate_index(self) -> u8 {
        self.field(12, 4) as u8
    }

    /// The bit rate in kbit/s: 32..=320 in MPEG-1, else 8..=160.
    #[must_use]
    pub const fn bitrate_kbps(self) -> u32 {
        let table = match self.version() {
            Version::Mpeg1 => MPEG1_LAYER_III,
            Version::Mpeg2 | Version::Mpeg25 => LSF_LAYER_II_III,
        };
        // Four bits index sixteen entries.
        table[self.field(12, 4) as usize] as u32
    }

    /// `sampling_frequency`, 0..=2, as it stands: 44.1, 48 and 32 kHz in MPEG-1, half of that in MPEG-2, a quarter in
    /// MPEG-2.5.
    #[must_use]
    pub const fn sampling_frequency(self) -> u8 {
        self.field(10, 2) as u8
    }

    /// The sample rate in Hz.
    #[must_use]
    pub const fn sample_rate(self) -> u32 {
        sample_rate(self.word)
    }

    /// Whether the frame is one byte longer than the bit rate alone says (`padding_bit`).
    #[must_use]
    pub const fn padding(self) -> bool {
        self.field(9, 1) == 1
    }

    /// How the channels are coded.
    #[must_use]
    pub const fn mode(self) -> ChannelMode {
        match self.field(6, 2) {
            0 => ChannelMode::Stereo,
            1 => ChannelMode::JointStereo,
            2 => ChannelMode::DualChannel,
            _ => ChannelMode::SingleChannel,
        }
    }

    /// `mode_extension`, 0..=3, as it stands: 1 is intensity stereo, 2 is middle/side stereo. Means something in
    /// joint stereo only.
    #[must_use]
    pub const fn mode_extension(self) -> u8 {
        self.field(4, 2) as u8
    }

    /// `emphasis`, 0, 1 or 3.
    #[must_use]
    pub const fn emphasis(self) -> u8 {
        self.field(0, 2) as u8
    }

    /// Channels: 1 or 2.
    #[must_use]
    pub const fn channels(self) -> u8 {
        match self.mode() {
            ChannelMode::SingleChannel => 1,
            _ => 2,
        }
    }

    /// Granules: 2 in MPEG-1, else 1.
    #[must_use]
    pub const fn granules(self) -> u8 {
        match self.version() {
            Version::Mpeg1 => 2,
            Version::Mpeg2 | Version::Mpeg25 => 1,
        }
    }

    /// Samples of each channel the frame stands for: 576 for each granule.
    #[must_use]
    pub const fn samples(self) -> u32 {
        self.granules() as u32 * 576
    }

    /// Bytes from this header to the next, 24..=[`MAX_FRAME_BYTES`] (2.4.3.1: the bit rate's share of
    /// [`samples`](Self::samples), rounded down, plus padding).
    #[must_use]
    pub const fn frame_bytes(self) -> usize {
        let bytes = self.samples() / 8 * self.bitrate_kbps() * 1000 / self.sample_rate();
        bytes as usize + self.padding() as usize
    }

    /// Bytes of side information, without the CRC.
    #[must_use]
    pub const fn side_info_bytes(self) -> usize {
        match (self.granules(), self.channels()) {
            (2, 2) => 32,
            (2, _) | (_, 2) => 17,
            _ => 9,
        }
    }

    /// Bytes before the side information: the header, and the CRC if there is one.
    #[must_use]
    pub const fn side_info_offset(self) -> usize {
        HEADER_BYTES + if self.crc() { 2 } else { 0 }
    }

    /// Bytes before the frame's share of main data: header, CRC if any, side information.
    #[must_use]
    pub const fn main_data_offset(self) -> usize {
        self.side_info_offset() + self.side_info_bytes()
    }

    /// Whether a frame of `other` may follow a frame of `self` in one stream: version, layer and sample rate agree.
    #[must_use]
    pub const fn same_stream(self, other: Self) -> bool {
        same_stream(self.word, other.word)
    }
}

/// Version, layer and sample rate of two headers agree, whatever their layer.
pub(super) const fn same_stream(a: u32, b: u32) -> bool {
    (a ^ b) & 0x001E_0C00 == 0
}

impl fmt::Debug for FrameHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrameHeader({:#010X}: {self})", self.word)
    }
}

/// `MPEG-1 Layer III, 128 kbit/s, 44100 Hz, joint stereo`
impl fmt::Display for FrameHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (version, mode) = (self.version(), self.mode());
        write!(f, "{version} Layer III, {} kbit/s, {} Hz, {mode}", self.bitrate_kbps(), self.sample_rate())
    }
}
