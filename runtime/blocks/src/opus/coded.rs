//! What stands in the range-coded part of a frame (RFC 6716, section 4), and what is remembered from one to the next.

use super::block::Block;
use super::celt::{self, Energies};
use super::packet::{Frame, MAX_FRAME_BYTES};
use super::range::RangeDecoder;
use super::silk::{self, Rate};
use super::toc::{Mode, Toc};

/// The band that CELT begins at in a hybrid frame (section 4.3).
const HYBRID_START: usize = 17;

/// What one packet hands on to the next: energies, gains and lags are coded as differences.
///
/// It goes through a stream with the packets, as a decoder does. Behind missing pages, and where a chained stream
/// begins, it begins anew; a packet that is not shown to it counts for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    energies: Energies,
    silk: silk::State,
    /// Of the frame before that was transmitted.
    mode: Option<Mode>,
    /// That frame ended with CELT for the next one to go on from.
    leads_on: bool,
    final_range: u32,
    /// The chained stream it is in.
    link: Option<u32>,
}

/// The layers of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Coded {
    /// `None` where nothing was transmitted.
    pub mode: Option<Mode>,
    pub silk: silk::Frames,
    /// With the energies behind it.
    pub celt: Option<(celt::Head, Energies)>,
}

/// CELT for 5 ms beside a SILK layer, where modes change (section 4.5.1).
struct Redundancy<'a> {
    bytes: &'a [u8],
    /// It belongs to the start of the frame: the frame before was CELT.
    from_celt: bool,
}

impl State {
    /// That of a decoder that has heard nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The range behind the last frame, as `OPUS_GET_FINAL_RANGE` of libopus gives it: encoder and decoder have the
    /// same if they agree on every symbol. 0 behind a frame that was not transmitted.
    #[must_use]
    pub const fn final_range(&self) -> u32 {
        self.final_range
    }

    /// Begins anew if the block does not follow the one before.
    pub(super) fn enter(&mut self, block: &Block<'_>) {
        if self.link != Some(block.link) || block.lost_pages > 0 {
            *self = Self { link: Some(block.link), ..Self::new() };
        }
    }

    /// Reads a frame. One of less than two bytes was not transmitted.
    pub(super) fn read(&mut self, frame: &Frame<'_>) -> Coded {
        let mut copy = [0; MAX_FRAME_BYTES];
        let bytes = frame.bytes.as_slice().unwrap_or_else(|| {
            let copied = frame.bytes.copy_to(&mut copy);
            copy.get(..copied).unwrap_or_default()
        });
        if bytes.len() < 2 {
            self.silk.lose();
            (self.leads_on, self.final_range) = (false, 0);
            return Coded::default();
        }
        self.read_bytes(bytes, frame.toc)
    }

    fn read_bytes(&mut self, bytes: &[u8], toc: Toc) -> Coded {
        let mut range = RangeDecoder::new(bytes);
        let mode = toc.mode();
        let mut coded = Coded { mode: Some(mode), ..Coded::default() };
        let mut redundancy = None;
        if mode != Mode::Celt {
            if self.mode == Some(Mode::Celt) {
                self.silk = silk::State::default();
            }
            coded.silk = self.silk.read(&mut range, silk_shape(toc));
            redundancy = redundant(&mut range, mode);
        }
        let mut final_range = 0;
        if let Some(Redundancy { bytes, from_celt: true }) = redundancy {
            final_range ^= self.read_redundancy(bytes, toc);
        }
        if mode != Mode::Silk {
            if self.mode.is_some_and(|before| before != mode) && !self.leads_on {
                self.energies = Energies::default();
            }
            coded.celt = self.read_celt(&mut range, toc);
        }
        if let Some(Redundancy { bytes, from_celt: false }) = redundancy {
            self.energies = Energies::default();
            final_range ^= self.read_redundancy(bytes, toc);
        }
        self.mode = Some(mode);
        self.leads_on = redundancy.is_some_and(|redundancy| !redundancy.from_celt);
        self.final_range = if range.bits() < 16 { 0 } else { final_range ^ range.range() };
        coded
    }

    fn read_celt(&mut self, range: &mut RangeDecoder<'_>, toc: Toc) -> Option<(celt::Head, Energies)> {
        // What redundancy leaves may be too short for a frame.
        if range.bits() < 16 {
            return None;
        }
        let start = if toc.mode() == Mode::Hybrid { HYBRID_START } else { 0 };
        let shape = celt_shape(toc, (toc.frame_samples() / 120).ilog2() as usize, start);
        let head = celt::read(range, shape, &mut self.energies);
        Some((head, self.energies))
    }

    /// Gives its final range.
    fn read_redundancy(&mut self, bytes: &[u8], toc: Toc) -> u32 {
        if bytes.len() < 2 {
            return 0;
        }
        let mut range = RangeDecoder::new(bytes);
        celt::read(&mut range, celt_shape(toc, 1, 0), &mut self.energies);
        range.range()
    }
}

fn celt_shape(toc: Toc, size: usize, start: usize) -> celt::Shape {
    celt::Shape { size, start, end: celt::Shape::end(toc.bandwidth()), channels: channels(toc) }
}

fn silk_shape(toc: Toc) -> silk::Shape {
    let ms = toc.frame_samples() / 48;
    let (frames, subframes) = (ms.div_ceil(20) as usize, if ms == 10 { 2 } else { silk::MAX_SUBFRAMES });
    silk::Shape { rate: Rate::of(toc.bandwidth()), frames, subframes, channels: channels(toc) }
}

const fn channels(toc: Toc) -> usize {
    if toc.stereo() { 2 } else { 1 }
}

/// Splits off the redundancy behind a SILK layer: in a SILK frame whatever is left, in a hybrid one as much as is said.
fn redundant<'a>(range: &mut RangeDecoder<'a>, mode: Mode) -> Option<Redundancy<'a>> {
    let hybrid = mode == Mode::Hybrid;
    if range.tell() + if hybrid { 37 } else { 17 } > range.bits() || (hybrid && !range.bit_logp(12)) {
        return None;
    }
    let from_celt = range.bit_logp(1);
    let len = range.bits() / 8;
    let taken = if hybrid { range.uint(256) as i32 + 2 } else { len - (range.tell() + 7) / 8 };
    let kept = len - taken;
    if kept * 8 < range.tell() {
        // No room for what it says: the frame has nothing more.
        range.split_off(0);
        return None;
    }
    Some(Redundancy { bytes: range.split_off(kept as usize), from_celt })
}
