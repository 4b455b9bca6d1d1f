//! Notices frames of kinds that are not cut, so that a stream without blocks can say what it is.

use super::error::{HeaderError, StreamError};
use super::header::{FrameHeader, same_stream};
use super::tables::{LSF_LAYER_I, LSF_LAYER_II_III, MPEG1_LAYER_I, MPEG1_LAYER_II, sample_rate};

/// The longest free format frame looked for, twice the longest other frame: LAME writes up to 640 kbit/s.
const FREE_FORMAT_BYTES_MAX: u64 = 2881;
/// Headers in a row, each where the one before says, before garbage is believed to be such a stream. Executables are full
/// of bytes FF: two such headers stand in two of three of them.
const CHAIN: u8 = 4;
/// A reason that comes after the layer in a header's error. It tells code from Layer I: the jumps of x86-64 libraries look
/// alike, and are always a multiple of eight and two away.
const RESERVED_EMPHASIS: u32 = 2;
/// No frame is shorter: header and the smallest side information.
const FREE_FORMAT_BYTES_MIN: u64 = 4 + 9;

/// Remembers a header of a refused kind until others confirm it.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    suspect: Option<Suspect>,
    found: Option<StreamError>,
}

/// A header that may be one of a refused kind.
#[derive(Clone, Copy, Debug)]
struct Suspect {
    word: u32,
    offset: u64,
    cause: HeaderError,
    /// Distance to the next header: exactly `reach`, or up to it in the free format.
    reach: u64,
    /// Offset of the first header of its chain, and how many there are up to this one.
    start: u64,
    links: u8,
}

impl Refused {
    pub(super) const fn new() -> Self {
        Self { suspect: None, found: None }
    }

    pub(super) const fn found(&self) -> Option<StreamError> {
        self.found
    }

    /// A word where a stream must begin. Free format does not say where its second frame is and ADTS is another format
    /// altogether: both are believed here, at the first word.
    pub(super) fn note_start(&mut self, word: u32, offset: u64) {
        if let Err(cause @ (HeaderError::FreeFormat | HeaderError::ReservedLayer)) = FrameHeader::parse(word) {
            self.found.get_or_insert(StreamError { offset, cause });
        }
    }

    /// A word within garbage, given in order of offset.
    pub(super) fn note(&mut self, word: u32, offset: u64) {
        if self.found.is_some() {
            return;
        }
        let Some(next) = Suspect::new(word, offset) else { return };
        match self.suspect {
            Some(last) if last.leads_to(&next) => {
                let next = Suspect { start: last.start, links: last.links + 1, ..next };
                if next.links >= CHAIN {
                    self.found = Some(StreamError { offset: next.start, cause: next.cause });
                }
                self.suspect = Some(next);
            }
            Some(last) if offset < last.offset + last.reach => {}
            _ => self.suspect = Some(next),
        }
    }
}

impl Suspect {
    fn new(word: u32, offset: u64) -> Option<Self> {
        let cause = FrameHeader::parse(word).err()?;
        if word & 3 == RESERVED_EMPHASIS {
            return None;
        }
        let reach = match cause {
            HeaderError::LayerI | HeaderError::LayerII => layer_i_ii_frame_bytes(word)?,
            HeaderError::FreeFormat => FREE_FORMAT_BYTES_MAX,
            _ => return None,
        };
        Some(Self { word, offset, cause, reach, start: offset, links: 1 })
    }

    fn leads_to(&self, next: &Self) -> bool {
        let distance = next.offset - self.offset;
        let in_reach = match self.cause {
            HeaderError::FreeFormat => (FREE_FORMAT_BYTES_MIN..=self.reach).contains(&distance),
            _ => distance == self.reach,
        };
        in_reach && self.cause == next.cause && same_stream(self.word, next.word)
    }
}

/// Length of a Layer I or II frame (ISO/IEC 11172-3, 2.4.3.1): 12 slots of four bytes, or 144 of one, for each sample
/// of bit rate over sample rate. `None` if the header leaves it open.
fn layer_i_ii_frame_bytes(word: u32) -> Option<u64> {
    let (version, layer) = (word >> 19 & 3, word >> 17 & 3);
    let (bitrates, slots, slot_bytes) = match (version, layer) {
        (0b11, 0b11) => (MPEG1_LAYER_I, 12, 4),
        (0b11, _) => (MPEG1_LAYER_II, 144, 1),
        (_, 0b11) => (LSF_LAYER_I, 12, 4),
        _ => (LSF_LAYER_II_III, 144, 1),
    };
    let bitrate = u32::from(bitrates[(word >> 12 & 15) as usize]) * 1000;
    let reserved_sample_rate = word >> 10 & 3 == 3;
    if bitrate == 0 || reserved_sample_rate {
        return None;
    }
    let padding = word >> 9 & 1;
    Some(u64::from((slots * bitrate / sample_rate(word) + padding) * slot_bytes))
}
