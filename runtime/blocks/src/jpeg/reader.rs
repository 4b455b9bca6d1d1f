//! Reads entropy-coded data: bits from the left of each byte, over stuffed zero bytes, up to a marker.

use super::error::Cause;
use super::huffman::{AcTable, CODE_BITS_MAX, DcTable, Entry, Table};

/// Why a walk stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The data end: with the slice, or at a marker.
    Short,
    /// What was read cannot be.
    Bad(Cause),
}

/// A place in entropy-coded data, counted in bits.
#[derive(Clone)]
pub(super) struct Reader<'a> {
    data: &'a [u8],
    /// Index of the first byte that is not in `bits` yet.
    at: usize,
    /// No byte from here to `at` is 0xFF.
    clean: usize,
    /// The next bits, from the left. Behind the first `count` there may be more of the same data, or zeros.
    bits: u64,
    count: u32,
    /// Bits ever taken in.
    loaded: u32,
}

/// Where a reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// Index of the byte that holds the next bit.
    pub(super) byte: usize,
    /// Bits of it that are read.
    pub(super) bit: u8,
    /// Index behind the last byte that holds a bit read, and its stuffing.
    pub(super) end: usize,
}

impl<'a> Reader<'a> {
    /// Enough for a code and its value, 26 and 27 bits.
    const FILLED: u32 = 32;

    /// Stands before bit `bit` (0..=7) of the data.
    #[inline]
    pub(super) fn new(data: &'a [u8], bit: u8) -> Self {
        let mut reader = Self { data, at: 0, clean: 0, bits: 0, count: 0, loaded: 0 };
        reader.fill();
        reader.skip(u32::from(bit).min(reader.count));
        reader
    }

    /// Bits read, with those before the first.
    pub(super) const fn read_bits(&self) -> u32 {
        self.loaded - self.count
    }

    /// Whether the data taken in so far end at a marker rather than with the slice.
    pub(super) fn at_marker(&self) -> bool {
        matches!(self.data.get(self.at..).unwrap_or_default(), [0xFF, code, ..] if *code != 0)
    }

    /// Goes back over the bytes taken in but not read.
    #[inline]
    pub(super) fn position(&self) -> Position {
        let bit = (8 - self.count % 8) % 8;
        let back = self.count.div_ceil(8) as usize;
        let mut byte = self.at;
        if byte - self.clean >= back {
            byte -= back;
        } else {
            for _ in 0..back {
                byte -= if self.data.get(..byte).unwrap_or_default().ends_with(&[0xFF, 0]) { 2 } else { 1 };
            }
        }
        let stuffed = self.data.get(byte) == Some(&0xFF);
        let end = if bit == 0 { byte } else { byte + 1 + usize::from(stuffed) };
        Position { byte, bit: bit as u8, end }
    }

    /// Reads a data unit: `put` gets the place of each coefficient that is not zero in zig-zag order, and its value;
    /// at place 0 the DC difference, which is also returned. It also gets some zeros, and places behind 63 for codes
    /// that stand for no coefficient.
    #[inline(always)]
    pub(super) fn unit(&mut self, dc: &DcTable, ac: &AcTable, mut put: impl FnMut(usize, i32)) -> Result<i32, Stop> {
        let (_, difference) = self.coefficient(dc)?;
        put(0, difference);
        let mut place = 1;
        while place < 64 {
            let (covered, value) = self.coefficient(&ac.codes)?;
            place += covered;
            put(place - 1, value);
        }
        Self::end_unit(place, difference)
    }

    /// Reads a data unit as [`unit`](Self::unit) does, but for the DC difference no value.
    #[inline(always)]
    pub(super) fn pass_unit(&mut self, dc: &DcTable, ac: &AcTable) -> Result<i32, Stop> {
        let (_, difference) = self.coefficient(dc)?;
        let mut place = 1;
        while place < 64 {
            if self.count < Self::FILLED {
                self.fill();
            }
            let pass = ac.pass(self.bits);
            // The second of two codes is of the next data unit if the first ends this one.
            if !pass.is_none() && pass.total_bits() <= self.count && place + pass.before() < 64 {
                self.skip(pass.total_bits());
                place += pass.covered();
            } else {
                place += self.coefficient(&ac.codes)?.0;
            }
        }
        Self::end_unit(place, difference)
    }

    /// The DC difference, unless more coefficients were covered than there are.
    #[inline(always)]
    const fn end_unit(place: usize, difference: i32) -> Result<i32, Stop> {
        match place {
            65..Entry::END_OF_BLOCK => Err(Stop::Bad(Cause::TooManyCoefficients)),
            _ => Ok(difference),
        }
    }

    /// A code and the value behind it.
    #[inline(always)]
    fn coefficient<const LOOKUP: usize>(&mut self, table: &Table<LOOKUP>) -> Result<(usize, i32), Stop> {
        if self.count < Self::FILLED {
            self.fill();
        }
        let mut entry = table.look_up(self.bits);
        if entry.is_none() {
            entry = match table.search(self.bits) {
                Some(entry) => entry,
                None if self.count < CODE_BITS_MAX => return Err(Stop::Short),
                None => return Err(Stop::Bad(Cause::InvalidCode)),
            };
        }
        let total = entry.total_bits();
        if total > self.count {
            return Err(Stop::Short);
        }
        let size = entry.value_bits();
        let value = extend(self.bits << (total - size), size);
        self.skip(total);
        Ok((entry.covered(), value))
    }

    #[inline(always)]
    const fn skip(&mut self, bits: u32) {
        self.bits <<= bits;
        self.count -= bits;
    }

    /// Takes in bytes until there are more than 56 bits, or the data end.
    #[inline(always)]
    fn fill(&mut self) {
        let word = self.data.get(self.at..).and_then(|rest| rest.first_chunk()).map(|bytes| u64::from_be_bytes(*bytes));
        match word {
            Some(word) if !has_ff(word) => {
                self.bits |= word >> self.count;
                let bytes = (63 - self.count) / 8;
                self.at += bytes as usize;
                self.count += bytes * 8;
                self.loaded += bytes * 8;
            }
            _ => self.fill_by_byte(),
        }
    }

    #[cold]
    fn fill_by_byte(&mut self) {
        while self.count <= 56 {
            let byte = match self.data.get(self.at..).unwrap_or_default() {
                [0xFF, 0, ..] => {
                    self.at += 2;
                    self.clean = self.at;
                    0xFF
                }
                [] | [0xFF, ..] => return,
                [byte, ..] => {
                    self.at += 1;
                    *byte
                }
            };
            self.bits |= u64::from(byte) << (56 - self.count);
            self.count += 8;
            self.loaded += 8;
        }
    }
}

/// Is one of the eight bytes 0xFF?
#[inline(always)]
const fn has_ff(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    (!word).wrapping_sub(ONES) & word & ONES << 7 != 0
}

/// The value of the first `size` bits, 0 to 15 of them (T.81, F.2.2.1, EXTEND): those with a leading zero are negative.
#[inline(always)]
const fn extend(bits: u64, size: u32) -> i32 {
    // In two shifts, so that a value of no bits does not shift by all 64.
    let value = (bits >> 1 >> (63 - size)) as i32;
    let negative = (bits >> 63 == 0) as i32;
    value - (negative * ((1 << size) - 1))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::huffman::Class;
    use super::*;

    extern crate std;

    /// Numbers of codes that leave room for each other, and as many symbols.
    fn definition() -> impl Strategy<Value = ([u8; 16], std::vec::Vec<u8>)> {
        let symbol = prop_oneof![4 => (0..16_u8, 0..4_u8).prop_map(|(run, size)| run << 4 | size), 1 => any::<u8>()];
        (vec(any::<u8>(), 16), vec(symbol, 256)).prop_map(|(wanted, mut symbols)| {
            let (mut counts, mut room, mut used) = ([0; 16], 1_usize << 16, 0);
            for (length, (count, wanted)) in (1..).zip(counts.iter_mut().zip(wanted)) {
                *count = usize::from(wanted).min(256 - used).min(room >> (16 - length)).min(1 << (length / 2)) as u8;
                room -= usize::from(*count) << (16 - length);
                used += usize::from(*count);
            }
            symbols.truncate(used);
            (counts, symbols)
        })
    }

    proptest! {
        #[test]
        fn passing_is_reading(
            dc in definition(),
            ac in definition(),
            bytes in vec(prop_oneof![30 => 0..0xFF_u8, 1 => Just(0xFF)], 0..200),
            bit in 0..8_u8,
        ) {
            let (mut dc_table, mut ac_table) = (DcTable::undefined(Class::Dc), AcTable::undefined());
            dc_table.define(&dc.0, &dc.1).unwrap();
            ac_table.define(&ac.0, &ac.1).unwrap();
            let mut passing = Reader::new(&bytes, bit);
            let mut reading = passing.clone();
            loop {
                let read = reading.unit(&dc_table, &ac_table, |_, _| {});
                prop_assert_eq!(passing.pass_unit(&dc_table, &ac_table), read);
                if read.is_err() {
                    prop_assert!(read != Err(Stop::Short) || passing.at_marker() == reading.at_marker());
                    break;
                }
                prop_assert_eq!(passing.position(), reading.position());
                prop_assert_eq!(passing.read_bits(), reading.read_bits());
            }
        }
    }
}
