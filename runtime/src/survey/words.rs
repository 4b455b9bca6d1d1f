//! How a person reads what a survey gives.

use super::item::{Cause, Kind, Label, Reason};
use std::fmt;

/// `MPEG-2 Layer III, 32 kbit/s, 16000 Hz, mono; main_data_begin 12`.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame { header, main_data_begin, adu } => {
                write!(f, "{}{header}", if *adu { "ADU of " } else { "" })?;
                main_data_begin.map_or(Ok(()), |bytes| write!(f, "; main_data_begin {bytes}"))
            }
            Self::Granule { header, granule, channel, block_type, part2_3_length } => {
                let shape = ["normal", "start", "short", "end"][usize::from(block_type & 3)];
                write!(f, "gr{granule}.ch{channel}, {shape}, part2_3_length {part2_3_length}; {header}")
            }
            Self::Packet { toc, frames, trimmed, lost_pages, link } => {
                match toc {
                    Some(toc) => toc.fmt(f)?,
                    None => f.write_str("empty")?,
                }
                match frames {
                    Ok((1, _)) => f.write_str("; 1 frame")?,
                    Ok((frames, _)) => write!(f, "; {frames} frames")?,
                    Err(rule) => write!(f, "; {rule}")?,
                }
                if let Ok((_, padding @ 1..)) = frames {
                    write!(f, "; padding: {padding}")?;
                }
                note(f, "trimmed samples", *trimmed)?;
                note(f, "lost pages before", *lost_pages)?;
                if *link > 0 { write!(f, "; link {link}") } else { Ok(()) }
            }
            Self::PacketFrame { toc, packet, index } => write!(f, "{toc}; packet {packet}, frame {index}"),
            Self::Mcu { scan, interval, bits, units } => {
                let units: Vec<String> = units.iter().filter(|&&count| count > 0).map(u8::to_string).collect();
                write!(f, "MCU, {bits} bits, {} units; scan {scan}, interval {interval}", units.join("+"))
            }
            Self::Interval { scan, interval, bits, part } => {
                let bytes = bits / 8;
                match part {
                    Some((index, of)) => write!(f, "part {} of {of}, {bytes} bytes; ", index + 1)?,
                    None => write!(f, "restart interval, {bytes} bytes; ")?,
                }
                write!(f, "scan {scan}, interval {interval}")
            }
        }
    }
}

fn note(f: &mut fmt::Formatter<'_>, what: &str, count: u32) -> fmt::Result {
    if count > 0 { write!(f, "; {what}: {count}") } else { Ok(()) }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mp3(reason) => reason.fmt(f),
            Self::Opus(reason) => reason.fmt(f),
            Self::Jpeg(reason) => reason.fmt(f),
            Self::Restart => f.write_str("RST0 to RST7"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jpeg(cause) => cause.fmt(f),
            Self::MainData(error) => error.fmt(f),
            Self::Packet(rule) => rule.fmt(f),
        }
    }
}

/// `MPEG-2 Layer III, 16000 Hz, mono`; `CELT full band 20 ms stereo`.
impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mp3(header) => {
                write!(f, "{} Layer III, {} Hz, {}", header.version(), header.sample_rate(), header.mode())
            }
            Self::Opus(toc) => {
                let text = toc.to_string();
                f.write_str(text.split(", code").next().unwrap_or_default())
            }
        }
    }
}
