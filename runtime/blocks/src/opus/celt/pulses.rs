//! The pulses of the bands (RFC 6716, section 4.3.4): read to know where they end, not kept.

use super::allocation::Allocation;
use super::shape::Shape;
use super::tables::{BANDS, COST_INDEX, COSTS, LOG_LINES};
use crate::opus::range::{BITRES, RangeDecoder};

const BIT: i32 = 1 << BITRES;
/// An angle of 90 degrees: all of the energy lies in the second part.
const RIGHT_ANGLE: i32 = 16384;

/// Reads the pulses of all bands.
pub(super) struct Pulses<'d, 'a> {
    range: &'d mut RangeDecoder<'a>,
    shape: Shape,
    allocation: &'d Allocation,
    /// Short blocks of the frame, or 1.
    blocks: i32,
    band: usize,
    /// What is left of the frame, in eighths of a bit.
    remaining: i32,
}

/// How a band's energy lies in two parts.
struct Angle {
    theta: i32,
    /// What the second part has more of the bits.
    delta: i32,
    /// What the angle itself took.
    cost: i32,
}

impl<'d, 'a> Pulses<'d, 'a> {
    pub(super) fn new(
        range: &'d mut RangeDecoder<'a>,
        shape: Shape,
        allocation: &'d Allocation,
        transient: bool,
    ) -> Self {
        let blocks = if transient { 1 << shape.size } else { 1 };
        Self { range, shape, allocation, blocks, band: 0, remaining: 0 }
    }

    /// `changes` are those of the resolution in time, `reserved` eighths of a bit come behind.
    pub(super) fn read(mut self, changes: &[i32; BANDS], reserved: i32) {
        let total = (self.range.bits() << BITRES) - reserved;
        let allocation = self.allocation;
        let mut balance = allocation.balance;
        for band in self.shape.bands() {
            let tell = self.range.tell_frac();
            if band != self.shape.start {
                balance -= tell;
            }
            self.band = band;
            self.remaining = total - tell - 1;
            let mut bits = 0;
            if band < allocation.coded_bands {
                let share = balance / (allocation.coded_bands - band).min(3) as i32;
                bits = (self.remaining + 1).min(allocation.pulses[band] + share).clamp(0, 16383);
            }
            let (lines, change) = (self.shape.lines(band), changes[band]);
            if self.shape.channels == 1 {
                self.channel(lines, bits, change);
            } else if allocation.dual_stereo && band < allocation.intensity {
                self.channel(lines, bits / 2, change);
                self.channel(lines, bits / 2, change);
            } else {
                self.both_channels(lines, bits, change);
            }
            balance += allocation.pulses[band] + tell;
        }
    }

    /// A band of one channel.
    fn channel(&mut self, lines: i32, bits: i32, change: i32) {
        if lines == 1 {
            return self.sign();
        }
        let mut blocks = self.blocks >> change.max(0);
        let mut block_lines = (lines / self.blocks) << change.max(0);
        let mut finer = change.min(0);
        while block_lines & 1 == 0 && finer < 0 {
            blocks <<= 1;
            block_lines >>= 1;
            finer += 1;
        }
        self.partition(lines, bits, blocks, self.shape.size as i32);
    }

    /// A band of two channels that share an angle.
    fn both_channels(&mut self, lines: i32, mut bits: i32, change: i32) {
        if lines == 1 {
            self.sign();
            return self.sign();
        }
        let angle = self.angle(lines, &mut bits, self.blocks, self.shape.size as i32, true);
        if lines == 2 {
            let sign = if angle.theta == 0 || angle.theta == RIGHT_ANGLE { 0 } else { 1 };
            self.remaining -= angle.cost + sign * BIT;
            self.range.raw_bits(sign as u32);
            return self.channel(lines, bits - sign * BIT, change);
        }
        self.parts(&angle, bits, |pulses, bits| pulses.channel(lines, bits, change));
    }

    /// A band or a part of one: split in halves while there are more bits than a half can take (section 4.3.4.4).
    fn partition(&mut self, lines: i32, mut bits: i32, blocks: i32, size: i32) {
        let costs = costs(self.band, size);
        let most = costs.last().map_or(0, |&cost| i32::from(cost));
        if size < 0 || lines <= 2 || bits <= most + 12 {
            return self.code(lines, bits, costs);
        }
        let (half, size, half_blocks) = (lines >> 1, size - 1, (blocks + 1) >> 1);
        let mut angle = self.angle(half, &mut bits, blocks, size, false);
        if blocks > 1 && angle.theta & (RIGHT_ANGLE - 1) != 0 {
            if angle.theta > RIGHT_ANGLE / 2 {
                angle.delta -= angle.delta >> (4 - size);
            } else {
                angle.delta = (angle.delta + (half << BITRES >> (5 - size))).min(0);
            }
        }
        self.parts(&angle, bits, |pulses, bits| pulses.partition(half, bits, half_blocks, size));
    }

    /// Both parts, the one with more bits first; what it leaves goes to the other.
    fn parts(&mut self, angle: &Angle, bits: i32, mut part: impl FnMut(&mut Self, i32)) {
        let first = ((bits - angle.delta) / 2).min(bits).max(0);
        let second = bits - first;
        self.remaining -= angle.cost;
        let before = self.remaining;
        let (larger, mut smaller, none) =
            if first >= second { (first, second, 0) } else { (second, first, RIGHT_ANGLE) };
        part(self, larger);
        let left = larger - (before - self.remaining);
        if left > 3 * BIT && angle.theta != none {
            smaller += left - 3 * BIT;
        }
        part(self, smaller);
    }

    /// The pulses of a part as one number (sections 4.3.4.1 and 4.3.4.2).
    fn code(&mut self, lines: i32, bits: i32, costs: &[u8]) {
        let cost = |number: usize| match number.checked_sub(1) {
            None => 0,
            Some(at) => costs.get(at).map_or(0, |&cost| i32::from(cost) + 1),
        };
        let mut number = nearest(costs, bits - 1);
        self.remaining -= cost(number);
        while self.remaining < 0 && number > 0 {
            self.remaining += cost(number);
            number -= 1;
            self.remaining -= cost(number);
        }
        if number > 0 {
            self.range.uint(codewords(lines as u64, pulses(number)));
        }
    }

    /// All that one line has.
    fn sign(&mut self) {
        if self.remaining >= BIT {
            self.range.raw_bits(1);
            self.remaining -= BIT;
        }
    }

    /// How the energy lies in two parts of so many lines each; what that takes is taken off `bits`.
    fn angle(&mut self, lines: i32, bits: &mut i32, blocks: i32, size: i32, stereo: bool) -> Angle {
        let cap = LOG_LINES[self.band] + size * BIT;
        let offset = (cap >> 1) - if stereo && lines == 2 { 16 } else { 4 };
        let mut steps = angle_steps(lines, *bits, offset, cap, stereo);
        if stereo && self.band >= self.allocation.intensity {
            steps = 1;
        }
        let tell = self.range.tell_frac();
        let mut theta = 0;
        if steps > 1 {
            let step = match (stereo, lines > 2) {
                (true, true) => self.stepped(steps),
                (false, _) if blocks == 1 => self.triangular(steps),
                _ => self.range.uint(steps + 1),
            };
            theta = (step * RIGHT_ANGLE as u32 / steps) as i32;
        } else if stereo && *bits > 2 * BIT && self.remaining > 2 * BIT {
            self.range.bit_logp(2); // inverted
        }
        let cost = self.range.tell_frac() - tell;
        *bits -= cost;
        Angle { theta, delta: delta(theta, lines), cost }
    }

    /// Angles up to the half three times as likely as those above.
    fn stepped(&mut self, steps: u32) -> u32 {
        let half = steps / 2;
        let split = 3 * (half + 1);
        let total = split + half;
        let at = self.range.decode(total);
        if at < split {
            let step = at / 3;
            self.range.update(3 * step, 3 * step + 3, total);
            step
        } else {
            self.range.update(at, at + 1, total);
            half + 1 + (at - split)
        }
    }

    /// Angles the likelier the nearer to the half.
    fn triangular(&mut self, steps: u32) -> u32 {
        let half = steps / 2;
        let total = (half + 1) * (half + 1);
        let at = self.range.decode(total);
        if at < half * (half + 1) / 2 {
            let step = ((8 * at + 1).isqrt() - 1) / 2;
            let low = step * (step + 1) / 2;
            self.range.update(low, low + step + 1, total);
            step
        } else {
            let step = (2 * (steps + 1) - (8 * (total - at - 1) + 1).isqrt()) / 2;
            let low = total - (steps + 1 - step) * (steps + 2 - step) / 2;
            self.range.update(low, low + steps + 1 - step, total);
            step
        }
    }
}

/// What each number of pulses costs in a band halved until its size is `size`; empty where no band is.
fn costs(band: usize, size: i32) -> &'static [u8] {
    let index = usize::try_from(size + 1).ok().and_then(|row| COST_INDEX.get(row)).map_or(-1, |row| row[band]);
    let from = usize::try_from(index).ok().and_then(|index| COSTS.get(index..)).unwrap_or_default();
    from.split_first().and_then(|(&count, costs)| costs.get(..usize::from(count))).unwrap_or_default()
}

/// The number of pulses that costs about so much, 0 being none.
fn nearest(costs: &[u8], bits: i32) -> usize {
    let above = costs.partition_point(|&cost| i32::from(cost) < bits);
    let (mut low, mut high) = (above, above + 1);
    if above == costs.len() {
        (low, high) = (costs.len().saturating_sub(1), costs.len());
    }
    let cost = |number: usize| match number.checked_sub(1) {
        None => -1,
        Some(at) => costs.get(at).map_or(i32::MAX, |&cost| i32::from(cost)),
    };
    if bits - cost(low) <= cost(high).saturating_sub(bits) { low } else { high }
}

/// From the eighth on they grow faster.
const fn pulses(number: usize) -> u64 {
    if number < 8 { number as u64 } else { (8 + (number as u64 & 7)) << ((number >> 3) - 1) }
}

/// In how many ways so many pulses lie on so many lines, signs included: V(N, K). The sum over how many of the lines
/// have any, of the ways to choose those, to part the pulses among them, and of their signs.
fn codewords(lines: u64, pulses: u64) -> u32 {
    let (mut ways, mut sum) = (2 * lines, 0);
    for taken in 1..=lines.min(pulses) {
        sum += ways;
        ways = ways * 2 * (lines - taken) * (pulses - taken) / (taken * (taken + 1));
    }
    u32::try_from(sum).unwrap_or(u32::MAX)
}

/// Into how many steps an angle is divided: 1, for none, or an even number up to 256.
fn angle_steps(lines: i32, bits: i32, offset: i32, cap: i32, stereo: bool) -> u32 {
    const EXP2: [u32; 8] = [16384, 17866, 19483, 21247, 23170, 25267, 27554, 30048];
    let freedom = 2 * lines - if stereo && lines == 2 { 2 } else { 1 };
    let log = ((bits + freedom * offset) / freedom).min(bits - cap - 4 * BIT).min(8 * BIT);
    if log < BIT / 2 {
        return 1;
    }
    let steps = EXP2[(log & 7) as usize] >> (14 - (log >> BITRES));
    steps.div_ceil(2) * 2
}

/// How many more eighths of a bit the second part has, for an angle between parts of so many lines.
fn delta(theta: i32, lines: i32) -> i32 {
    match theta {
        0 => -RIGHT_ANGLE,
        RIGHT_ANGLE => RIGHT_ANGLE,
        _ => multiply((lines - 1) << 7, log2_tangent(cosine(RIGHT_ANGLE - theta), cosine(theta))),
    }
}

/// Rounded product of numbers with 15 bits of fraction.
const fn multiply(left: i32, right: i32) -> i32 {
    (16384 + left * right) >> 15
}

/// Of an angle above 0 and below the right one, with 15 bits of fraction.
const fn cosine(theta: i32) -> i32 {
    let square = (4096 + theta * theta) >> 13;
    let inner = 8277 + multiply(-626, square);
    32768 - square + multiply(square, -7651 + multiply(square, inner))
}

/// With 11 bits of fraction.
const fn log2_tangent(sine: i32, cosine: i32) -> i32 {
    let (sine_bits, cosine_bits) = (32 - sine.leading_zeros() as i32, 32 - cosine.leading_zeros() as i32);
    let (sine, cosine) = (sine << (15 - sine_bits), cosine << (15 - cosine_bits));
    (sine_bits - cosine_bits) * 2048 + multiply(sine, multiply(sine, -2597) + 7932)
        - multiply(cosine, multiply(cosine, -2597) + 7932)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec;

    use super::*;

    #[test]
    fn codewords_are_those_of_the_recurrence() {
        let mut table = vec![vec![0_u64; 20]; 20];
        table[0][0] = 1;
        for lines in 1..20 {
            table[lines][0] = 1;
            for pulses in 1..20 {
                table[lines][pulses] =
                    table[lines - 1][pulses] + table[lines][pulses - 1] + table[lines - 1][pulses - 1];
                let most = u64::from(u32::MAX);
                assert_eq!(
                    u64::from(codewords(lines as u64, pulses as u64)),
                    table[lines][pulses].min(most),
                    "V({lines}, {pulses})"
                );
            }
        }
    }

    /// Each number of pulses costs what its code words need, in eighths of a bit.
    #[test]
    fn costs_are_those_of_the_codewords() {
        let mut checked = 0;
        for (band, size) in (0..BANDS).flat_map(|band| (-1..4).map(move |size| (band, size))) {
            let lines = (Shape::width(band) << (size + 1)) >> 1;
            for (&cost, number) in costs(band, size).iter().zip(1..) {
                let needed = 8.0 * f64::from(codewords(lines as u64, pulses(number))).log2();
                let cost = f64::from(cost) + 1.0;
                assert!(
                    (needed - 0.001..needed + 1.1).contains(&cost),
                    "{lines} lines, {number}: {cost}, not {needed}"
                );
                checked += 1;
            }
        }
        assert!(checked > 1000, "{checked} numbers of pulses");
    }
}
