//! How many bits each band has (RFC 6716, section 4.3.3), in eighths of a bit unless said otherwise.

use super::shape::Shape;
use super::tables::{ALLOCATION, BANDS, LOG_LINES, LOG2_FRAC};
use crate::opus::range::{BITRES, RangeDecoder};

/// One bit.
const BIT: i32 = 1 << BITRES;
/// Steps between two rows of the table.
const STEP_BITS: u32 = 6;
/// A line's part of the bits for its energy, in eighths.
const FINE_OFFSET: i32 = 21;
/// Bits behind the point of an energy at most.
const MAX_FINE: i32 = 8;

/// What the frame says of its allocation.
#[derive(Clone, Debug)]
pub(super) struct Wishes {
    /// Given to a band beforehand.
    pub boosts: [i32; BANDS],
    /// The most a band can take.
    pub caps: [i32; BANDS],
    /// 0 to 10.
    pub trim: i32,
}

/// What each band has.
#[derive(Clone, Debug, Default)]
pub(super) struct Allocation {
    /// For pulses.
    pub pulses: [i32; BANDS],
    /// Whole bits for each energy, behind those of the coarse one.
    pub fine: [i32; BANDS],
    /// Bands whose energy comes last for what is left over.
    pub late: [bool; BANDS],
    /// What bands could not take.
    pub balance: i32,
    /// The band behind the last with pulses.
    pub coded_bands: usize,
    /// The first band of which only one channel is coded.
    pub intensity: usize,
    /// Left and right are coded each for itself, below `intensity`.
    pub dual_stereo: bool,
}

/// What is kept for symbols that may still come.
struct Reserved {
    skip: i32,
    intensity: i32,
    dual_stereo: i32,
}

/// What a band gets for what it wants.
struct Grants<'a> {
    shape: Shape,
    caps: &'a [i32; BANDS],
    /// Below this a band of the top gets no pulses.
    least: [i32; BANDS],
    /// An energy bit for each channel.
    floor: i32,
}

impl Allocation {
    /// Splits `total` and reads what the frame chose of the ways to do so.
    pub(super) fn read(range: &mut RangeDecoder<'_>, shape: Shape, wishes: &Wishes, total: i32) -> Self {
        let mut total = total.max(0);
        let mut reserved = reserve(shape, &mut total);
        let grants = Grants::new(shape, &wishes.caps);
        let (low, more, skip_start) = between_rows(&grants, wishes, total);
        let step = largest(0, 1 << STEP_BITS, |step| {
            grants.sum(|band| low[band] + ((step * more[band]) >> STEP_BITS)) <= total
        });
        let mut allocation = Allocation { coded_bands: shape.end, ..Allocation::default() };
        let mut used = 0;
        grants.each(
            |band| low[band] + ((step * more[band]) >> STEP_BITS),
            |band, bits| {
                allocation.pulses[band] = bits;
                used += bits;
            },
        );
        allocation.skip(range, &grants, &mut reserved, skip_start, &mut total, &mut used);
        allocation.read_stereo(range, shape, &reserved, &mut total);
        allocation.spread_rest(shape, total - used);
        allocation.split_energy(shape, &wishes.caps);
        allocation
    }

    /// Takes bands off the top while the frame says so. Of a band taken off the energy may stay.
    fn skip(
        &mut self,
        range: &mut RangeDecoder<'_>,
        grants: &Grants<'_>,
        reserved: &mut Reserved,
        skip_start: usize,
        total: &mut i32,
        used: &mut i32,
    ) {
        let shape = grants.shape;
        loop {
            let band = self.coded_bands - 1;
            if band <= skip_start {
                *total += reserved.skip;
                return;
            }
            let left = *total - *used;
            let lines = below(self.coded_bands) - below(shape.start);
            let per_line = left / lines;
            let rest = left - lines * per_line;
            let rest = (rest - (below(band) - below(shape.start))).max(0);
            let mut bits = self.pulses[band] + per_line * Shape::width(band) + rest;
            if bits >= grants.least[band].max(grants.floor + BIT) {
                if range.bit_logp(1) {
                    return;
                }
                *used += BIT;
                bits -= BIT;
            }
            *used -= self.pulses[band] + reserved.intensity;
            if reserved.intensity > 0 {
                reserved.intensity = LOG2_FRAC[band - shape.start];
            }
            self.pulses[band] = if bits >= grants.floor { grants.floor } else { 0 };
            *used += reserved.intensity + self.pulses[band];
            self.coded_bands -= 1;
        }
    }

    fn read_stereo(&mut self, range: &mut RangeDecoder<'_>, shape: Shape, reserved: &Reserved, total: &mut i32) {
        if reserved.intensity > 0 {
            self.intensity = shape.start + range.uint((self.coded_bands + 1 - shape.start) as u32) as usize;
        }
        if self.intensity <= shape.start {
            *total += reserved.dual_stereo;
        } else if reserved.dual_stereo > 0 {
            self.dual_stereo = range.bit_logp(1);
        }
    }

    /// Gives the lines of all bands alike what no band has yet.
    fn spread_rest(&mut self, shape: Shape, left: i32) {
        let lines = below(self.coded_bands) - below(shape.start);
        let per_line = left / lines;
        let mut left = left - per_line * lines;
        for band in shape.start..self.coded_bands {
            let width = Shape::width(band);
            let more = left.min(width);
            self.pulses[band] += per_line * width + more;
            left -= more;
        }
    }

    /// Parts the bits of each band into those for its energy and those for pulses.
    fn split_energy(&mut self, shape: Shape, caps: &[i32; BANDS]) {
        let channels = shape.channels as i32;
        for (band, &cap) in caps.iter().enumerate().take(self.coded_bands).skip(shape.start) {
            let lines = shape.lines(band);
            let bits = self.pulses[band] + self.balance;
            let mut excess = (bits - if lines > 1 { cap } else { channels * BIT }).max(0);
            self.pulses[band] = bits - excess;
            self.late[band] = true;
            if lines > 1 {
                self.split_band(shape, band, lines);
            }
            if excess > 0 {
                let more = (excess / (channels * BIT)).min(MAX_FINE - self.fine[band]);
                self.fine[band] += more;
                self.late[band] = more * channels * BIT >= excess - self.balance;
                excess -= more * channels * BIT;
            }
            self.balance = excess;
        }
        for band in self.coded_bands..shape.end {
            self.fine[band] = self.pulses[band] / channels / BIT;
            self.pulses[band] = 0;
            self.late[band] = self.fine[band] < 1;
        }
    }

    fn split_band(&mut self, shape: Shape, band: usize, lines: i32) {
        let (channels, bits) = (shape.channels as i32, self.pulses[band]);
        // One more degree of freedom, where two channels share an angle.
        let shared = channels == 2 && lines > 2 && !self.dual_stereo && band < self.intensity;
        let freedom = channels * lines + i32::from(shared);
        let log = freedom * (LOG_LINES[band] + ((shape.size as i32) << BITRES));
        let mut offset = (log >> 1) - freedom * FINE_OFFSET;
        if lines == 2 {
            offset += freedom << BITRES >> 2;
        }
        if bits + offset < freedom * 2 * BIT {
            offset += log >> 2;
        } else if bits + offset < freedom * 3 * BIT {
            offset += log >> 3;
        }
        let wanted = (bits + offset + (freedom << 2)).max(0) / freedom / BIT;
        let possible = if channels * wanted > bits / BIT { bits / channels / BIT } else { wanted };
        self.fine[band] = possible.min(MAX_FINE);
        self.late[band] = self.fine[band] * freedom * BIT >= bits + offset;
        self.pulses[band] -= channels * self.fine[band] * BIT;
    }
}

impl<'a> Grants<'a> {
    fn new(shape: Shape, caps: &'a [i32; BANDS]) -> Self {
        let floor = shape.channels as i32 * BIT;
        let least = core::array::from_fn(|band| floor.max((3 * shape.lines(band)) << BITRES >> 4));
        Self { shape, caps, least, floor }
    }

    /// From the top down: what each band gets, and which one it is.
    fn each(&self, wanted: impl Fn(usize) -> i32, mut granted: impl FnMut(usize, i32)) {
        let mut reached = false;
        for band in self.shape.bands().rev() {
            let bits = wanted(band);
            reached |= bits >= self.least[band];
            let floor = if bits >= self.floor { self.floor } else { 0 };
            granted(band, if reached { bits.min(self.caps[band]) } else { floor });
        }
    }

    fn sum(&self, wanted: impl Fn(usize) -> i32) -> i32 {
        let mut sum = 0;
        self.each(wanted, |_, bits| sum += bits);
        sum
    }
}

fn reserve(shape: Shape, total: &mut i32) -> Reserved {
    let mut take = |bits: i32| {
        let taken = if bits > *total { 0 } else { bits };
        *total -= taken;
        taken
    };
    let skip = take(BIT);
    let intensity = if shape.channels == 2 { take(LOG2_FRAC[shape.end - shape.start]) } else { 0 };
    let dual_stereo = if intensity > 0 { take(BIT) } else { 0 };
    Reserved { skip, intensity, dual_stereo }
}

/// What bands get by the last row of the table that the frame can pay, how much more by the next, and the last band
/// with a boost, at which skipping ends.
fn between_rows(grants: &Grants<'_>, wishes: &Wishes, total: i32) -> ([i32; BANDS], [i32; BANDS], usize) {
    let shape = grants.shape;
    let of_row = |row: usize, band: usize| match ALLOCATION.get(row) {
        None => wishes.caps[band],
        Some(row) => (shape.channels as i32 * Shape::width(band) * i32::from(row[band])) << shape.size >> 2,
    };
    let trimmed = |bits: i32, band: usize| if bits > 0 { (bits + trim(shape, wishes.trim, band)).max(0) } else { bits };
    let wanted = |row: usize, band: usize| trimmed(of_row(row, band), band) + wishes.boosts[band];
    let fits = |row: i32| grants.sum(|band| wanted(row as usize, band)) <= total;
    let row = largest(0, ALLOCATION.len() as i32, fits) as usize;
    let (mut low, mut more) = ([0; BANDS], [0; BANDS]);
    for band in shape.bands() {
        low[band] = wanted(row, band) - if row > 0 { 0 } else { wishes.boosts[band] };
        more[band] = (wanted(row + 1, band) - low[band]).max(0);
    }
    let boosted = shape.bands().rev().find(|&band| wishes.boosts[band] > 0);
    (low, more, boosted.unwrap_or(shape.start))
}

/// What a band gets more or less for the trim.
fn trim(shape: Shape, trim: i32, band: usize) -> i32 {
    let (channels, size) = (shape.channels as i32, shape.size as i32);
    let above = (shape.end - band - 1) as i32;
    let tilt = (channels * Shape::width(band) * (trim - 5 - size) * above * (1 << (size + 3))) >> 6;
    tilt - if shape.lines(band) == 1 { channels * BIT } else { 0 }
}

/// By halves: the largest number from `low` up to below `high` that fits; `low` if none above does.
fn largest(mut low: i32, mut high: i32, fits: impl Fn(i32) -> bool) -> i32 {
    while high - low > 1 {
        let middle = (low + high) / 2;
        if fits(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// Lines below a band, in a frame of 2.5 ms.
fn below(band: usize) -> i32 {
    super::tables::EDGES[band]
}
