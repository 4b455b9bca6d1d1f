//! The compressed media a model is trained on and accepts.

use crate::{ContractError, MAX_SIZE};
use serde::{Deserialize, Serialize};
use std::fmt;
use tempest_blocks::jpeg::{MAX_COMPONENTS, MAX_UNITS};

/// Samples that Opus counts in a second, whatever was encoded (RFC 7845, 4).
pub const OPUS_RATE: u32 = 48_000;

/// Container, codec and what one block is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "format", rename_all = "kebab-case")]
pub enum Codec {
    /// MPEG-1, MPEG-2 or MPEG-2.5 Layer III.
    Mp3(Mp3),
    /// Opus in Ogg (RFC 7845).
    OggOpus(Opus),
    /// A sequential JPEG image.
    Jpeg(Jpeg),
}

/// MP3 that a model reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mp3 {
    /// [`Unit::Frame`] (the paper), [`Unit::Adu`] or [`Unit::Granule`].
    pub unit: Unit,
    /// Samples per second of the coded audio.
    pub sample_rate: u32,
    /// Coded channels: 1 or 2.
    pub channels: u8,
    /// What these bit rates are.
    #[serde(default, skip_serializing_if = "RateMode::is_cbr")]
    pub mode: RateMode,
    /// Bit rates seen in training, in kbit/s, ascending; media between the first and the last are accepted. On average,
    /// from half the first to twice the last, for the rate of a clip varies with what is heard.
    pub bitrates_kbps: Vec<u32>,
    /// Whether training media used the bit reservoir (`main_data_begin` other than 0).
    pub reservoir: Reservoir,
    /// The encoder that made the training media (`LAME 3.100`), for the record.
    pub encoder: String,
}

/// Ogg Opus that a model reads; a block is one packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opus {
    /// [`Unit::Packet`].
    pub unit: Unit,
    /// Samples of a packet at 48 kHz: 120 (2.5 ms) to 5760 (120 ms).
    pub packet_samples: u32,
    /// Channels that `OpusHead` states: 1 or 2.
    pub channels: u8,
    /// Bit rates the encoder was asked for in training, in kbit/s, ascending; media from half the first to twice the last
    /// are accepted, for the rate of a clip varies with what is heard.
    pub bitrates_kbps: Vec<u32>,
    /// The encoder that made the training media, for the record.
    pub encoder: String,
}

/// JPEG that a model reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jpeg {
    /// [`Unit::Mcu`], [`Unit::McuApprox`] or [`Unit::Restart`].
    pub unit: Unit,
    /// Components of the image: 1 (grey) to 4.
    pub components: u8,
    /// Data units of an MCU: 1 for grey, 3 for colour at 4:4:4, 6 at 4:2:0; 1 to 10.
    pub data_units: u8,
    /// Width and height in pixels, where the model knows one size only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<[u16; 2]>,
    /// Qualities seen in training, 1 to 100, ascending, for the record: an image does not state its own.
    pub qualities: Vec<u8>,
    /// The encoder that made the training media, for the record.
    pub encoder: String,
}

/// What one block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// MP3: one frame of the stream, header included.
    Frame,
    /// MP3: one frame with its own main data behind its side information (RFC 5219).
    Adu,
    /// MP3: one channel of one granule, with its own side information and main data.
    Granule,
    /// Ogg Opus: one packet.
    Packet,
    /// JPEG: one minimum coded unit.
    Mcu,
    /// JPEG: a restart interval in as many parts of equal length as it has MCUs (the paper).
    McuApprox,
    /// JPEG: a restart interval; of a scan without any, its data as a whole.
    Restart,
}

/// What the bit rate of MP3 is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RateMode {
    /// That of every frame.
    #[default]
    Cbr,
    /// The mean of frames that differ.
    Abr,
}

/// How training media used the MP3 bit reservoir.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reservoir {
    /// Every frame holds its own main data.
    Off,
    /// The encoder borrowed bytes of earlier frames where it wanted to.
    On,
    /// Some of the media did, some did not.
    Mixed,
}

impl RateMode {
    // A contract says nothing of what all were before there was another.
    fn is_cbr(&self) -> bool {
        *self == RateMode::Cbr
    }
}

impl Mp3 {
    /// Granules of a frame: 2 in MPEG-1 (32 kHz and above), 1 in MPEG-2 and 2.5 (ISO/IEC 13818-3, 2.4.2.3).
    #[must_use]
    pub fn granules(&self) -> u8 {
        if self.sample_rate >= 32_000 { 2 } else { 1 }
    }

    /// Samples of a frame: 576 a granule.
    #[must_use]
    pub fn frame_samples(&self) -> u32 {
        576 * u32::from(self.granules())
    }

    /// Samples that a block stands for: of granules, blocks of two channels share theirs.
    #[must_use]
    pub fn block_samples(&self) -> u32 {
        match self.unit {
            Unit::Granule => 576 / u32::from(self.channels.max(1)),
            _ => self.frame_samples(),
        }
    }
}

impl Codec {
    /// Blocks of a second of audio; `None` for images.
    #[must_use]
    pub fn blocks_per_second(&self) -> Option<f64> {
        let (rate, samples) = self.clock()?;
        Some(f64::from(rate) / f64::from(samples))
    }

    /// Samples a second, and samples of one block; `None` for images.
    #[must_use]
    pub fn clock(&self) -> Option<(u32, u32)> {
        match self {
            Codec::Mp3(mp3) => Some((mp3.sample_rate, mp3.block_samples())),
            Codec::OggOpus(opus) => Some((OPUS_RATE, opus.packet_samples)),
            Codec::Jpeg(_) => None,
        }
    }

    /// Bit rates seen in training, in kbit/s, ascending; none for images.
    #[must_use]
    pub fn bitrates_kbps(&self) -> &[u32] {
        match self {
            Codec::Mp3(mp3) => &mp3.bitrates_kbps,
            Codec::OggOpus(opus) => &opus.bitrates_kbps,
            Codec::Jpeg(_) => &[],
        }
    }

    /// Whether media of this mean bit rate are near enough to what training saw. Images have none.
    #[must_use]
    pub fn accepts_rate(&self, kbps: f64) -> bool {
        let rates = self.bitrates_kbps();
        let (Some(&low), Some(&high)) = (rates.first(), rates.last()) else { return true };
        let slack = if self.rate_varies() { 2.0 } else { 1.0 };
        // Padding keeps the mean of whole frames near their bit rate, not on it.
        (f64::from(low) / slack..=f64::from(high) * slack).contains(&kbps.round())
    }

    /// Whether a bit rate is what an encoder was asked for on average, and a clip's own may differ.
    #[must_use]
    pub fn rate_varies(&self) -> bool {
        match self {
            Codec::Mp3(mp3) => mp3.mode == RateMode::Abr,
            Codec::OggOpus(_) => true,
            Codec::Jpeg(_) => false,
        }
    }

    /// The format's name for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Codec::Mp3(_) => "MP3",
            Codec::OggOpus(_) => "Ogg Opus",
            Codec::Jpeg(_) => "JPEG",
        }
    }

    /// The name with its article.
    #[must_use]
    pub fn a_name(&self) -> &'static str {
        match self {
            Codec::Mp3(_) => "an MP3",
            Codec::OggOpus(_) => "an Ogg Opus",
            Codec::Jpeg(_) => "a JPEG",
        }
    }

    /// How files of the format end, without the dot, lower case.
    #[must_use]
    pub fn extensions(&self) -> &'static [&'static str] {
        match self {
            Codec::Mp3(_) => &["mp3"],
            Codec::OggOpus(_) => &["opus", "ogg", "oga"],
            Codec::Jpeg(_) => &["jpg", "jpeg"],
        }
    }

    /// What media of the format may be cut into; the first is what all media have.
    #[must_use]
    pub fn units(&self) -> &'static [Unit] {
        match self {
            Codec::Mp3(_) => &[Unit::Frame, Unit::Adu, Unit::Granule],
            Codec::OggOpus(_) => &[Unit::Packet],
            Codec::Jpeg(_) => &[Unit::Mcu, Unit::McuApprox, Unit::Restart],
        }
    }

    /// What a whole block is called.
    #[must_use]
    pub fn unit(&self) -> Unit {
        match self {
            Codec::Mp3(mp3) => mp3.unit,
            Codec::OggOpus(opus) => opus.unit,
            Codec::Jpeg(jpeg) => jpeg.unit,
        }
    }

    /// A command that makes fitting media of others.
    #[must_use]
    pub fn recipe(&self) -> String {
        let rates = self.bitrates_kbps();
        let rate = rates.get(rates.len() / 2).copied().unwrap_or(32);
        match self {
            Codec::Mp3(mp3) => {
                let abr = if mp3.mode == RateMode::Abr { " -abr 1" } else { "" };
                format!("`ffmpeg -i IN -ar {} -ac {} -b:a {rate}k{abr} OUT.mp3`", mp3.sample_rate, mp3.channels)
            }
            Codec::OggOpus(opus) => {
                let ms = milliseconds(opus);
                format!("`ffmpeg -i IN -ac {} -c:a libopus -b:a {rate}k -frame_duration {ms} OUT.opus`", opus.channels)
            }
            Codec::Jpeg(jpeg) => {
                let quality = jpeg.qualities.get(jpeg.qualities.len() / 2).copied().unwrap_or(75);
                let size = jpeg.size.map(|[width, height]| format!(" -resize {width}x{height}!")).unwrap_or_default();
                let grey = if jpeg.components == 1 { " -colorspace Gray" } else { "" };
                format!("`convert IN{size}{grey} -quality {quality} OUT.jpg`")
            }
        }
    }

    pub(crate) fn check(&self) -> Result<(), ContractError> {
        let bad = |field, reason| Err(ContractError::Invalid { field, reason });
        if !self.units().contains(&self.unit()) {
            let units: Vec<&str> = self.units().iter().map(|unit| unit.name()).collect();
            return bad("codec.unit", format!("{} is cut into units of '{}'", self.name(), units.join("', '")));
        }
        let rates = self.bitrates_kbps();
        if !matches!(self, Codec::Jpeg(_)) && (rates.is_empty() || !rates.is_sorted()) {
            return bad("codec.bitrates_kbps", "must be a non-empty ascending list".into());
        }
        match self {
            Codec::Mp3(Mp3 { channels, .. }) | Codec::OggOpus(Opus { channels, .. }) if !(1..=2).contains(channels) => {
                bad("codec.channels", format!("{channels} is not 1 or 2"))
            }
            Codec::Mp3(mp3) if !(1..=MAX_SIZE).contains(&(mp3.sample_rate as usize)) => {
                bad("codec.sample_rate", format!("{} is not in 1..={MAX_SIZE}", mp3.sample_rate))
            }
            Codec::OggOpus(opus) if !(120..=5760).contains(&opus.packet_samples) => {
                bad("codec.packet_samples", format!("{} is not in 120..=5760", opus.packet_samples))
            }
            Codec::Jpeg(jpeg) if !(1..=MAX_COMPONENTS).contains(&usize::from(jpeg.components)) => {
                bad("codec.components", format!("{} is not in 1..={MAX_COMPONENTS}", jpeg.components))
            }
            Codec::Jpeg(jpeg) if !(1..=MAX_UNITS).contains(&usize::from(jpeg.data_units)) => {
                bad("codec.data_units", format!("{} is not in 1..={MAX_UNITS}", jpeg.data_units))
            }
            _ => Ok(()),
        }
    }
}

/// `MP3, 16000 Hz, mono, 24-40 kbit/s`
impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let channels = |count| if count == 1 { "mono" } else { "stereo" };
        let rates = match *self.bitrates_kbps() {
            [low, .., high] if low != high => format!("{low}-{high}"),
            [only, ..] => only.to_string(),
            [] => "any".into(),
        };
        match self {
            Codec::Mp3(mp3) => {
                let unit = in_units(mp3.unit, Unit::Frame);
                let about = if mp3.mode == RateMode::Abr { "about " } else { "" };
                write!(f, "MP3, {} Hz, {}, {about}{rates} kbit/s{unit}", mp3.sample_rate, channels(mp3.channels))
            }
            Codec::OggOpus(opus) => {
                let ms = milliseconds(opus);
                write!(f, "Ogg Opus, packets of {ms} ms, {}, about {rates} kbit/s", channels(opus.channels))
            }
            Codec::Jpeg(jpeg) => {
                let size = jpeg.size.map(|[width, height]| format!(", {width}x{height}")).unwrap_or_default();
                let colours = if jpeg.components == 1 { "grey" } else { "colour" };
                let unit = in_units(jpeg.unit, Unit::Mcu);
                write!(f, "JPEG, {colours}{size}, MCUs of {} data units{unit}", jpeg.data_units)
            }
        }
    }
}

impl Unit {
    /// Its name, as in the JSON of a contract.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Unit::Frame => "frame",
            Unit::Adu => "adu",
            Unit::Granule => "granule",
            Unit::Packet => "packet",
            Unit::Mcu => "mcu",
            Unit::McuApprox => "mcu-approx",
            Unit::Restart => "restart",
        }
    }
}

/// Says a unit that is not the format's usual one.
fn in_units(unit: Unit, usual: Unit) -> String {
    if unit == usual { String::new() } else { format!(", in units of '{}'", unit.name()) }
}

fn milliseconds(opus: &Opus) -> f32 {
    opus.packet_samples as f32 / (OPUS_RATE / 1000) as f32
}
