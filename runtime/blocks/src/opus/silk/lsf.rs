//! Line spectral frequencies (RFC 6716, section 4.2.7.5): where the peaks of the spectrum lie.

use super::Rate;
use super::codebooks::*;
use super::indices::SignalType;
use crate::opus::range::RangeDecoder;

/// Frequencies of a frame at 16 kHz; the other rates have 10.
pub(in crate::opus) const MAX_LSFS: usize = 16;

/// Steps to either side that stage 2 codes at once.
const REACH: i8 = 4;

struct Codebook {
    stage_1: &'static [[u8; 32]; 2],
    stage_2: &'static [[u8; 9]; 8],
    vectors: &'static [u8],
    selection: &'static [u8],
    prediction: [&'static [u8]; 2],
    /// In 1/65536.
    step: i32,
    /// In 1/32768.
    spacing: &'static [i32],
    order: usize,
}

static NARROW: Codebook = Codebook {
    stage_1: &NARROW_STAGE_1_ICDF,
    stage_2: &NARROW_STAGE_2_ICDF,
    vectors: NARROW_CODEBOOK.as_flattened(),
    selection: NARROW_SELECTION.as_flattened(),
    prediction: [&NARROW_PREDICTION[0], &NARROW_PREDICTION[1]],
    step: 11796,
    spacing: &NARROW_SPACING,
    order: 10,
};

static WIDE: Codebook = Codebook {
    stage_1: &WIDE_STAGE_1_ICDF,
    stage_2: &WIDE_STAGE_2_ICDF,
    vectors: WIDE_CODEBOOK.as_flattened(),
    selection: WIDE_SELECTION.as_flattened(),
    prediction: [&WIDE_PREDICTION[0], &WIDE_PREDICTION[1]],
    step: 9830,
    spacing: &WIDE_SPACING,
    order: MAX_LSFS,
};

impl Codebook {
    const fn of(rate: Rate) -> &'static Self {
        if matches!(rate, Rate::Khz16) { &WIDE } else { &NARROW }
    }

    /// In 1/256 of the band.
    fn vector(&self, number: u8) -> &'static [u8] {
        self.vectors.get(usize::from(number) * self.order..).and_then(|from| from.get(..self.order)).unwrap_or_default()
    }

    /// Of each frequency: which distribution its steps have, and which prediction.
    fn choices(&self, number: u8) -> impl Iterator<Item = (usize, usize)> {
        let bytes = self.selection.get(usize::from(number) * self.order / 2..).unwrap_or_default();
        let halves = bytes.iter().flat_map(|&byte| [byte & 15, byte >> 4]).take(self.order);
        halves.map(|half| (usize::from(half >> 1), usize::from(half & 1)))
    }
}

/// Vector and steps (sections 4.2.7.5.1 and 4.2.7.5.2).
pub(super) fn read(range: &mut RangeDecoder<'_>, rate: Rate, signal: SignalType) -> (u8, [i8; MAX_LSFS]) {
    let book = Codebook::of(rate);
    let vector = range.icdf(&book.stage_1[usize::from(signal == SignalType::Voiced)], 8) as u8;
    let mut residual = [0; MAX_LSFS];
    for (steps, (distribution, _)) in residual.iter_mut().zip(book.choices(vector)) {
        *steps = range.icdf(&book.stage_2[distribution], 8) as i8 - REACH;
        if steps.abs() == REACH {
            *steps += steps.signum() * range.icdf(&EXTENSION_ICDF, 8) as i8;
        }
    }
    (vector, residual)
}

/// Frequencies in 1/32768 of half the sampling rate (section 4.2.7.5.3), ascending.
pub(super) fn frequencies(rate: Rate, vector: u8, residual: &[i8; MAX_LSFS]) -> [i16; MAX_LSFS] {
    let book = Codebook::of(rate);
    let from = book.vector(vector);
    let offsets = offsets(book, vector, residual);
    let mut lsfs = [0; MAX_LSFS];
    for (at, (lsf, &centre)) in lsfs.iter_mut().zip(from).enumerate() {
        let moved = (i32::from(centre) << 7) + (offsets[at] << 14) / weight(from, at);
        *lsf = moved.clamp(0, 0x7FFF);
    }
    move_apart(&mut lsfs[..book.order], book.spacing);
    lsfs.map(|lsf| lsf as i16)
}

/// Distances from the vector, each foretold from the one above, in 1/1024 of what a step is.
fn offsets(book: &Codebook, vector: u8, residual: &[i8; MAX_LSFS]) -> [i32; MAX_LSFS] {
    let mut offsets = [0; MAX_LSFS];
    for (at, (offset, (_, choice))) in offsets.iter_mut().zip(book.choices(vector)).enumerate() {
        // The prediction comes from the frequency above: kept here, used on the way down.
        *offset = book.prediction[choice].get(at).map_or(0, |&weight| i32::from(weight));
    }
    let mut above = 0;
    for (offset, &steps) in offsets.iter_mut().zip(residual).take(book.order).rev() {
        let steps = i32::from(steps);
        above = ((above * *offset) >> 8) + (((steps * 1024 - 102 * steps.signum()) * book.step) >> 16);
        *offset = above;
    }
    offsets
}

/// Moves the two apart that are nearest for their place, up to 20 times; then whatever is left, from both ends
/// (section 4.2.7.5.4).
fn move_apart(lsfs: &mut [i32], spacing: &[i32]) {
    let end = lsfs.len();
    for _ in 0..20 {
        let place = |at: usize| lsfs.get(at).map_or(1 << 15, |&lsf| lsf);
        let gap = |at: usize| place(at) - at.checked_sub(1).map_or(0, place) - spacing[at];
        let Some(at) = (0..=end).min_by_key(|&at| gap(at)).filter(|&at| gap(at) < 0) else { return };
        if at == 0 {
            lsfs[0] = spacing[0];
        } else if at == end {
            lsfs[end - 1] = (1 << 15) - spacing[end];
        } else {
            let half = spacing[at] >> 1;
            let lowest = spacing[..at].iter().sum::<i32>() + half;
            let highest = (1 << 15) - spacing[at + 1..].iter().sum::<i32>() - half;
            let centre = (lsfs[at - 1] + lsfs[at] + 1) >> 1;
            lsfs[at - 1] = centre.clamp(lowest, highest) - half;
            lsfs[at] = lsfs[at - 1] + spacing[at];
        }
    }
    lsfs.sort_unstable();
    let mut least = 0;
    for (lsf, spacing) in lsfs.iter_mut().zip(spacing) {
        *lsf = (*lsf).max((least + spacing).min(0x7FFF));
        least = *lsf;
    }
    let mut most = 1 << 15;
    for (lsf, spacing) in lsfs.iter_mut().zip(&spacing[1..]).rev() {
        *lsf = (*lsf).min(most - spacing);
        most = *lsf;
    }
}

/// How near a frequency's neighbours are, which makes its steps smaller.
fn weight(vector: &[u8], at: usize) -> i32 {
    let place = |at: usize| vector.get(at).map_or(256, |&place| i32::from(place));
    let below = at.checked_sub(1).map_or(0, place);
    let square = (1024 / (place(at) - below) + 1024 / (place(at + 1) - place(at))) << 16;
    let bits = 32 - square.leading_zeros() as i32;
    let fraction = square >> (bits - 8) & 127;
    let root = (if bits & 1 == 1 { 32768 } else { 46214 }) >> ((32 - bits) >> 1);
    root + ((213 * fraction * root) >> 16)
}
