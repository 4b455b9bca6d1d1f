//! Marker codes (T.81, table B.1), and how a marker is found among entropy-coded data.

use core::fmt;

use crate::verdict::Verdict;

pub(super) const TEM: u8 = 0x01;
pub(super) const DHT: u8 = 0xC4;
pub(super) const SOI: u8 = 0xD8;
pub(super) const EOI: u8 = 0xD9;
pub(super) const SOS: u8 = 0xDA;
pub(super) const DQT: u8 = 0xDB;
pub(super) const DRI: u8 = 0xDD;

/// The second byte of a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Marker(pub u8);

impl Marker {
    /// Is it one of RST0 to RST7?
    #[must_use]
    pub const fn is_restart(self) -> bool {
        matches!(self.0, 0xD0..=0xD7)
    }
}

/// The standard's word: `SOI`, `APP1`, `RST7`; `marker 0x02` for a code it reserves.
impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.0;
        match code {
            TEM => f.write_str("TEM"),
            DHT => f.write_str("DHT"),
            0xC8 => f.write_str("JPG"),
            0xCC => f.write_str("DAC"),
            0xC0..=0xCF => write!(f, "SOF{}", code - 0xC0),
            0xD0..=0xD7 => write!(f, "RST{}", code - 0xD0),
            SOI => f.write_str("SOI"),
            EOI => f.write_str("EOI"),
            SOS => f.write_str("SOS"),
            DQT => f.write_str("DQT"),
            0xDC => f.write_str("DNL"),
            DRI => f.write_str("DRI"),
            0xDE => f.write_str("DHP"),
            0xDF => f.write_str("EXP"),
            0xE0..=0xEF => write!(f, "APP{}", code - 0xE0),
            0xF0..=0xFD => write!(f, "JPG{}", code - 0xF0),
            0xFE => f.write_str("COM"),
            _ => write!(f, "marker {code:#04x}"),
        }
    }
}

/// Does 0xFF with this byte behind it end entropy-coded data that cannot be read on? Not stuffing, not fill, and not
/// the codes that the standard reserves, which only damage brings about.
const fn is_believed(code: u8) -> bool {
    code >= 0xC0 && code != 0xFF
}

/// Does the window begin with SOI and the marker of a segment, or fill bytes before one?
pub(crate) fn begins_image(window: &[u8]) -> Verdict<()> {
    match *window {
        [0xFF, SOI, 0xFF, 0xC0..=0xCF | DQT..=0xFF, ..] => Verdict::Yes(()),
        [] | [0xFF] | [0xFF, SOI] | [0xFF, SOI, 0xFF] => Verdict::Need(window.len() + 1),
        _ => Verdict::No,
    }
}

/// Where the first marker of the window is, or how far it is certain that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The 0xFF of a marker, not of fill bytes before it.
    At(usize),
    /// None begins in so many bytes; the rest of the window is too short to tell.
    NoneIn(usize),
}

/// Looks for a marker that [`is_believed`]. At the end of the stream, what cannot be told is none.
pub(super) fn find(window: &[u8], end: bool) -> Found {
    let mut at = 0;
    while let Some(ff) = window.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == 0xFF)) {
        let start = at + ff;
        let behind = window.get(start..).unwrap_or_default();
        let fill = behind.iter().take_while(|&&byte| byte == 0xFF).count();
        match behind.get(fill) {
            Some(&code) if is_believed(code) => return Found::At(start + fill - 1),
            Some(_) => at = start + fill,
            None if end => break,
            // The last of a run of fill bytes may yet be a marker's.
            None => return Found::NoneIn(start + fill - 1),
        }
    }
    Found::NoneIn(window.len())
}
