//! The range decoder (RFC 6716, section 4.1).

/// Bits of the fractions of a bit that [`RangeDecoder::tell_frac`] counts in.
pub(super) const BITRES: u32 = 3;

/// Below this much range a byte is taken in.
const BOTTOM: u32 = 1 << 23;

/// Reads what the coder of a frame wrote: symbols from the first byte on, raw bits from the last byte back.
///
/// Behind the end stand zeros, so any bytes give symbols, and each takes a bounded time.
#[derive(Clone, Debug)]
pub(super) struct RangeDecoder<'a> {
    bytes: &'a [u8],
    /// Bytes taken in from the start.
    next: usize,
    /// The byte taken in last, of which one bit is still to come.
    last: u32,
    range: u32,
    /// How far the top of the range lies above the code, less one.
    value: u32,
    /// Bits taken in, raw ones included.
    total: u32,
    /// Bytes taken from the end.
    raw_bytes: usize,
    raw: u32,
    raw_bits: u32,
}

impl<'a> RangeDecoder<'a> {
    /// Section 4.1.1.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let last = bytes.first().map_or(0, |&byte| u32::from(byte));
        let value = 127 - (last >> 1);
        let (raw_bytes, raw, raw_bits) = (0, 0, 0);
        let mut decoder = Self { bytes, next: 1, last, range: 128, value, total: 9, raw_bytes, raw, raw_bits };
        decoder.normalise();
        decoder
    }

    /// Bits of the frame.
    pub(super) const fn bits(&self) -> i32 {
        self.bytes.len() as i32 * 8
    }

    /// What encoder and decoder compare to know that they agree.
    pub(super) const fn range(&self) -> u32 {
        self.range
    }

    /// Bits used so far, rounded up (section 4.1.6.1).
    pub(super) const fn tell(&self) -> i32 {
        self.total as i32 - self.range_bits() as i32
    }

    /// The same in eighths of a bit (section 4.1.6.2).
    pub(super) const fn tell_frac(&self) -> i32 {
        let mut bits = self.range_bits();
        let mut mantissa = self.range >> (bits - 16);
        let mut digit = 0;
        while digit < BITRES {
            mantissa = (mantissa * mantissa) >> 15;
            let above = mantissa >> 16;
            bits = bits << 1 | above;
            mantissa >>= above;
            digit += 1;
        }
        (self.total << BITRES) as i32 - bits as i32
    }

    /// Gives the bytes from `at` on to another decoder, as if the frame ended there (section 4.5.1).
    pub(super) fn split_off(&mut self, at: usize) -> &'a [u8] {
        let (kept, rest) = self.bytes.split_at(at.min(self.bytes.len()));
        self.bytes = kept;
        rest
    }

    /// A bit that is set with a probability of 1 / 2^`logp` (section 4.1.3.2).
    #[inline]
    pub(super) fn bit_logp(&mut self, logp: u32) -> bool {
        let part = self.range >> logp;
        let set = self.value < part;
        if set {
            self.range = part;
        } else {
            self.value -= part;
            self.range -= part;
        }
        self.normalise();
        set
    }

    /// A symbol by its inverse cumulative distribution of 2^`bits`, which ends in 0 (section 4.1.3.3).
    #[inline]
    pub(super) fn icdf(&mut self, icdf: &[u8], bits: u32) -> usize {
        let unit = self.range >> bits;
        let (mut above, mut symbol) = (self.range, 0);
        for &below in icdf {
            let below = unit * u32::from(below);
            if self.value >= below {
                self.value -= below;
                self.range = above - below;
                break;
            }
            above = below;
            symbol += 1;
        }
        self.normalise();
        symbol
    }

    /// A number below `total`, 1 to 2^16, of which [`update`](Self::update) must be told the limits (section 4.1.2).
    #[inline]
    pub(super) const fn decode(&self, total: u32) -> u32 {
        let counted = self.value / (self.range / total) + 1;
        total - if counted < total { counted } else { total }
    }

    /// Takes the symbol that lies from `low` to `high` of `total` (section 4.1.2).
    #[inline]
    pub(super) fn update(&mut self, low: u32, high: u32, total: u32) {
        let unit = self.range / total;
        let above = unit * (total - high);
        self.value = self.value.wrapping_sub(above);
        self.range = if low > 0 { unit * (high - low) } else { self.range - above };
        self.normalise();
    }

    /// A number below `total`, from 2 on, all equally likely (section 4.1.5).
    pub(super) fn uint(&mut self, total: u32) -> u32 {
        let most = total - 1;
        let raw = (u32::BITS - most.leading_zeros()).saturating_sub(8);
        let coded = (most >> raw) + 1;
        let high = self.decode(coded);
        self.update(high, high + 1, coded);
        (high << raw | self.raw_bits(raw)).min(most)
    }

    /// `count` bits, at most 24, from the end (section 4.1.4).
    pub(super) fn raw_bits(&mut self, count: u32) -> u32 {
        while self.raw_bits < count {
            self.raw_bytes += 1;
            let at = self.bytes.len().checked_sub(self.raw_bytes);
            let byte = at.and_then(|at| self.bytes.get(at)).map_or(0, |&byte| u32::from(byte));
            self.raw |= byte << self.raw_bits;
            self.raw_bits += 8;
        }
        let bits = self.raw & ((1 << count) - 1);
        self.raw >>= count;
        self.raw_bits -= count;
        self.total += count;
        bits
    }

    /// Section 4.1.2.1.
    #[inline]
    fn normalise(&mut self) {
        while self.range <= BOTTOM {
            let byte = self.bytes.get(self.next).map_or(0, |&byte| u32::from(byte));
            let symbol = (self.last << 8 | byte) >> 1 & 0xFF;
            self.value = (self.value << 8 | (0xFF ^ symbol)) & 0x7FFF_FFFF;
            self.range <<= 8;
            self.total += 8;
            self.last = byte;
            self.next += 1;
        }
    }

    const fn range_bits(&self) -> u32 {
        u32::BITS - self.range.leading_zeros()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is read, from however few bytes: each symbol in its range, and bits counted alike in both ways.
        #[test]
        fn symbols_and_bits_are_within_bounds(
            bytes in vec(any::<u8>(), 0..40),
            steps in vec((0..5_u8, any::<u16>()), 0..60),
        ) {
            let mut range = RangeDecoder::new(&bytes);
            for (kind, parameter) in steps {
                let before = range.tell_frac();
                let parameter = u32::from(parameter);
                match kind {
                    0 => { range.bit_logp(1 + parameter % 15); }
                    1 => prop_assert!(range.icdf(&[200, 90, 3, 0], 8) < 4),
                    2 => prop_assert!(range.uint(2 + parameter) < 2 + parameter),
                    3 => prop_assert!(range.raw_bits(parameter % 25) < 1 << (parameter % 25)),
                    _ => {
                        let total = 1 + parameter;
                        let at = range.decode(total);
                        prop_assert!(at < total);
                        range.update(at, at + 1, total);
                    }
                }
                prop_assert!(range.tell_frac() >= before);
                prop_assert_eq!(range.tell(), (range.tell_frac() + 7) / 8);
            }
        }
    }
}
