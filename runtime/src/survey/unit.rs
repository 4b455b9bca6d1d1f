//! What a stream may be cut into, and which rows its blocks have.

use clap::ValueEnum;
use std::fmt;

/// A format that can be surveyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub enum Format {
    /// MPEG audio Layer III
    Mp3,
    /// Opus in Ogg
    #[value(name = "opus")]
    OggOpus,
    /// JPEG
    Jpeg,
}

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub enum Unit {
    /// MP3: a frame as the stream has it. Opus: a frame within a packet
    Frame,
    /// MP3: a frame with its own main data (RFC 5219)
    Adu,
    /// MP3: one channel of one granule, 576 samples
    Granule,
    /// Opus: a packet
    Packet,
    /// JPEG: an MCU, exact to the bit
    Mcu,
    /// JPEG: a restart interval in as many equal parts as it has MCUs
    McuApprox,
    /// JPEG: a restart interval, or a scan without any
    Restart,
}

/// Which row of numbers a block has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub enum View {
    /// The bytes of the block
    Bytes,
    /// MP3: header and side information. Opus: what the packet says of its frames
    Fields,
    /// MP3: fields and scale factors
    Scalefactors,
    /// MP3: fields, gains and pooled integers of each band. Opus: fields, energies, gains, spectrum and pitch. JPEG:
    /// quantised coefficients
    Symbols,
}

impl Format {
    /// The format that was detected, if it is one of these.
    #[must_use]
    pub const fn of(detected: tempest_blocks::Format) -> Option<Self> {
        match detected {
            tempest_blocks::Format::Mp3 => Some(Self::Mp3),
            tempest_blocks::Format::OggOpus => Some(Self::OggOpus),
            tempest_blocks::Format::Jpeg => Some(Self::Jpeg),
            _ => None,
        }
    }
}

impl Unit {
    /// The units of a format, first the one that its cutter gives.
    #[must_use]
    pub const fn of(format: Format) -> &'static [Self] {
        match format {
            Format::Mp3 => &[Self::Frame, Self::Adu, Self::Granule],
            Format::OggOpus => &[Self::Packet, Self::Frame],
            Format::Jpeg => &[Self::Mcu, Self::McuApprox, Self::Restart],
        }
    }

    /// Their names: `packet or frame`.
    pub(super) fn names(format: Format) -> String {
        alternatives(Self::of(format))
    }

    /// What extracted blocks are called behind the dot. Only an MP3 frame is a file of its format.
    #[must_use]
    pub const fn extension(self, format: Format) -> &'static str {
        match (self, format) {
            (Self::Frame, Format::Mp3) => "mp3",
            (Self::Frame, _) => "frame",
            (Self::Adu, _) => "adu",
            (Self::Granule, _) => "granule",
            (Self::Packet, _) => "packet",
            (Self::Mcu, _) => "mcu",
            (Self::McuApprox, _) => "part",
            (Self::Restart, _) => "interval",
        }
    }
}

impl View {
    /// The views of a unit.
    #[must_use]
    pub const fn of(format: Format, unit: Unit) -> &'static [Self] {
        match (format, unit) {
            (Format::Mp3, _) => &[Self::Bytes, Self::Fields, Self::Scalefactors, Self::Symbols],
            (_, Unit::Packet) => &[Self::Bytes, Self::Fields, Self::Symbols],
            (_, Unit::Mcu) => &[Self::Bytes, Self::Symbols],
            _ => &[Self::Bytes],
        }
    }

    pub(super) fn names(format: Format, unit: Unit) -> String {
        alternatives(Self::of(format, unit))
    }
}

fn alternatives(values: &[impl fmt::Display]) -> String {
    let names: Vec<String> = values.iter().map(ToString::to_string).collect();
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => names.concat(),
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mp3 => "MP3",
            Self::OggOpus => "Ogg Opus",
            Self::Jpeg => "JPEG",
        })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_possible_value().as_ref().map_or("", |value| value.get_name()))
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_possible_value().as_ref().map_or("", |value| value.get_name()))
    }
}
