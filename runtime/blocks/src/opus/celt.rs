//! The CELT layer of a frame (RFC 6716, section 4.3): its flags and the energy of its bands.
//!
//! Every symbol is read, for the energies end in the bits that the others leave; but lines are not made of the pulses.

mod allocation;
mod energy;
mod pulses;
mod shape;
mod tables;

pub(super) use energy::{Energies, FRACTION_BITS};
pub(super) use shape::Shape;
pub(super) use tables::BANDS;

use allocation::{Allocation, Wishes};
use pulses::Pulses;

use super::range::{BITRES, RangeDecoder};

const SPREAD_ICDF: [u8; 4] = [25, 23, 2, 0];
const TRIM_ICDF: [u8; 11] = [126, 124, 119, 109, 87, 41, 19, 9, 4, 2, 0];
const TAPSET_ICDF: [u8; 3] = [2, 1, 0];

/// What a frame says before its bands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Nothing but zeros; then no other symbol is coded.
    pub silence: bool,
    pub post_filter: Option<PostFilter>,
    /// Short blocks.
    pub transient: bool,
    /// Energies without those of the frame before.
    pub intra: bool,
    /// How far pulses are spread: 0 none to 3 aggressive.
    pub spread: u8,
    /// Tilt of the allocation: 0 to low, 10 to high bands, 5 neither.
    pub trim: u8,
    /// Bands with pulses, those below the first one included.
    pub coded_bands: u8,
}

/// The pitch that was taken out (section 4.3.7.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PostFilter {
    /// Samples at 48 kHz, 15 to 1022.
    pub period: u16,
    /// 0 to 7: 3/32 to 24/32.
    pub gain: u8,
    /// Shape of the filter: 0 to 2.
    pub tapset: u8,
}

/// Reads the layer and moves the energies on.
pub(super) fn read(range: &mut RangeDecoder<'_>, shape: Shape, energies: &mut Energies) -> Head {
    energies.begin(shape);
    let mut head = Head { silence: is_silent(range), spread: 2, trim: 5, ..Head::default() };
    if head.silence {
        energies.silence(shape);
        return head;
    }
    head.post_filter = if shape.start == 0 { post_filter(range) } else { None };
    head.transient = shape.size > 0 && flag(range, 3);
    head.intra = flag(range, 3);
    energies.read_coarse(range, shape, head.intra);
    let changes = time_frequency(range, shape, head.transient);
    if range.tell() + 4 <= range.bits() {
        head.spread = range.icdf(&SPREAD_ICDF, 5) as u8;
    }
    let (caps, boosts, total) = boosts(range, shape);
    if range.tell_frac() + (6 << BITRES) <= total {
        head.trim = range.icdf(&TRIM_ICDF, 7) as u8;
    }
    let left = (range.bits() << BITRES) - range.tell_frac() - 1;
    let reserved = head.transient && shape.size >= 2 && left >= (shape.size as i32 + 2) << BITRES;
    let anti_collapse = i32::from(reserved) << BITRES;
    let wishes = Wishes { boosts, caps, trim: head.trim.into() };
    let allocation = Allocation::read(range, shape, &wishes, left - anti_collapse);
    head.coded_bands = allocation.coded_bands as u8;
    energies.read_fine(range, shape, &allocation);
    Pulses::new(range, shape, &allocation, head.transient).read(&changes, anti_collapse);
    range.raw_bits(reserved.into());
    energies.read_last(range, shape, &allocation);
    head
}

/// A frame whose bits are used up already is silent too.
fn is_silent(range: &mut RangeDecoder<'_>) -> bool {
    range.tell() >= range.bits() || (range.tell() == 1 && range.bit_logp(15))
}

/// A flag, where there is room for one.
fn flag(range: &mut RangeDecoder<'_>, logp: u32) -> bool {
    range.tell() + logp as i32 <= range.bits() && range.bit_logp(logp)
}

fn post_filter(range: &mut RangeDecoder<'_>) -> Option<PostFilter> {
    if range.tell() + 16 > range.bits() || !range.bit_logp(1) {
        return None;
    }
    let octave = range.uint(6);
    let period = ((16 << octave) + range.raw_bits(4 + octave) - 1) as u16;
    let gain = range.raw_bits(3) as u8;
    let tapset = if range.tell() + 2 <= range.bits() { range.icdf(&TAPSET_ICDF, 2) as u8 } else { 0 };
    Some(PostFilter { period, gain, tapset })
}

/// How much finer in time (below 0) or in frequency each band is (section 4.3.4.5).
fn time_frequency(range: &mut RangeDecoder<'_>, shape: Shape, transient: bool) -> [i32; BANDS] {
    let selectable = shape.size > 0 && range.tell() + if transient { 3 } else { 5 } <= range.bits();
    let budget = range.bits() - i32::from(selectable);
    let (mut current, mut changed) = (0, 0);
    let mut changes = [0; BANDS];
    for band in shape.bands() {
        let logp = match (transient, band == shape.start) {
            (true, true) => 2,
            (true, false) | (false, true) => 4,
            (false, false) => 5,
        };
        if range.tell() + logp as i32 <= budget {
            current ^= usize::from(range.bit_logp(logp));
            changed |= current;
        }
        changes[band] = current as i32;
    }
    let row = &tables::TIME_FREQUENCY[shape.size][4 * usize::from(transient)..][..4];
    let select = selectable && row[changed] != row[2 + changed] && range.bit_logp(1);
    for band in shape.bands() {
        changes[band] = row[2 * usize::from(select) + changes[band] as usize];
    }
    changes
}

/// The most a band can take, what bands are given beforehand, and what is left of the frame, in eighths of a bit
/// (section 4.3.3).
fn boosts(range: &mut RangeDecoder<'_>, shape: Shape) -> ([i32; BANDS], [i32; BANDS], i32) {
    let (caps, mut boosts) = (shape.caps(), [0; BANDS]);
    let mut total = range.bits() << BITRES;
    let mut first_logp = 6;
    for band in shape.bands() {
        let lines = shape.lines(band) * shape.channels as i32;
        let quantum = (lines << BITRES).min(lines.max(6 << BITRES));
        let mut logp = first_logp;
        while range.tell_frac() + ((logp as i32) << BITRES) < total && boosts[band] < caps[band] {
            if !range.bit_logp(logp) {
                break;
            }
            boosts[band] += quantum;
            total -= quantum;
            logp = 1;
        }
        if boosts[band] > 0 {
            first_logp = (first_logp - 1).max(2);
        }
    }
    (caps, boosts, total)
}
