//! Reads unsigned fields of any width, most significant bit first (`uimsbf` and `bslbf` of ISO/IEC 11172-3, 2.2.6).

/// The bytes ended before the field did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfBits;

/// The next 64 bits, from the left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bits(u64);

impl Bits {
    /// Those from bit `at` on; behind the end stand zeros.
    #[inline]
    pub(crate) fn at(bytes: &[u8], at: usize) -> Self {
        let ahead = bytes.get(at / 8..).unwrap_or_default();
        let bits = u128::from_be_bytes(ahead.first_chunk().map_or_else(|| padded(ahead), |bytes| *bytes));
        Self((bits << (at % 8) >> 64) as u64)
    }

    /// The next `width` bits, 1 to 32, as an unsigned number. Behind the 64th stand zeros.
    #[inline]
    pub(crate) const fn take(&mut self, width: u32) -> u32 {
        let value = self.0 >> (64 - width);
        self.0 <<= width;
        value as u32
    }

    /// One bit.
    #[inline]
    pub(crate) const fn flag(&mut self) -> bool {
        self.take(1) == 1
    }
}

/// A position within a range of a slice's bits, for codes whose length shows only when they are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodeReader<'a> {
    bytes: &'a [u8],
    /// The next bit.
    at: usize,
    /// The bit behind the last; at most 8 for each byte.
    end: usize,
}

impl<'a> CodeReader<'a> {
    /// Stands before the first bit of `bytes`, with all of them ahead.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, end: bytes.len() * 8 }
    }

    /// Splits off the next `bits`, or as many as there are.
    pub(crate) fn split(&mut self, bits: usize) -> Self {
        let end = self.end.min(self.at + bits);
        let part = Self { end, ..*self };
        self.at = end;
        part
    }

    /// Bits not read yet.
    #[inline]
    pub(crate) const fn remaining(&self) -> usize {
        self.end - self.at
    }

    /// The bits that are left, for codes that follow each other closely.
    #[inline]
    pub(crate) fn ahead(&self) -> Ahead<'a> {
        let rest = self.bytes.get(self.at / 8..).unwrap_or_default();
        let mut ahead = Ahead { rest, bits: 0, known: 0, remaining: self.remaining() };
        ahead.fill();
        ahead.bits <<= self.at % 8;
        ahead.known -= (self.at % 8) as u32;
        ahead
    }

    /// The bits ahead, the next one highest. Behind the end of the range may stand any bits.
    #[inline]
    pub(crate) fn window(&self) -> u64 {
        let ahead = self.bytes.get(self.at / 8..).unwrap_or_default();
        let window = u64::from_be_bytes(ahead.first_chunk().map_or_else(|| padded(ahead), |bytes| *bytes));
        window << (self.at % 8)
    }

    /// Copies what is ahead, from the first bit of `to` on and with zeros up to a whole byte, and gives how many bytes
    /// that makes.
    pub(crate) fn copy_to(&self, to: &mut [u8]) -> usize {
        let mut ahead = *self;
        let mut len = 0;
        for byte in to.iter_mut().take(self.remaining().div_ceil(8)) {
            let width = ahead.remaining().min(8) as u32;
            *byte = (ahead.read_or_zero(width) << (8 - width)) as u8;
            len += 1;
        }
        len
    }

    /// Moves on; past the end is an error and moves to the end.
    #[inline]
    pub(crate) fn skip(&mut self, bits: u32) -> Result<(), OutOfBits> {
        let (at, end) = (self.at + bits as usize, self.end);
        self.at = at.min(end);
        if at > end { Err(OutOfBits) } else { Ok(()) }
    }

    /// The next `width` bits, at most 32, as an unsigned number; 0 if they are not all there, and then none is left.
    pub(crate) fn read_or_zero(&mut self, width: u32) -> u32 {
        let window = self.window();
        // In two shifts, so that a field of no bits does not shift by all 64.
        self.skip(width).map_or(0, |()| (window >> 1 >> (63 - width.min(63))) as u32)
    }
}

/// What a [`CodeReader`] has ahead. As many bits as fit wait in a register, so that no code waits for a load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ahead<'a> {
    /// The bytes that are not in `bits` yet, or not wholly.
    rest: &'a [u8],
    /// The next bits, from the left. Behind the end of the range may stand any bits.
    bits: u64,
    /// How many of them do not change any more.
    known: u32,
    /// Bits not read yet.
    remaining: usize,
}

impl Ahead<'_> {
    /// The most bits that can be asked for at once.
    pub(crate) const MAX_NEED: u32 = 56;

    /// The next bits, from the left, at least `need` of them.
    #[inline(always)]
    pub(crate) fn show(&mut self, need: u32) -> u64 {
        if self.known < need {
            self.fill();
        }
        self.bits
    }

    #[inline(always)]
    fn fill(&mut self) {
        let word = u64::from_be_bytes(self.rest.first_chunk().map_or_else(|| padded(self.rest), |bytes| *bytes));
        self.bits |= word >> self.known;
        // Whole bytes; the bits that fit beyond them are put there again the next time.
        let bytes = (63 - self.known) / 8;
        self.rest = self.rest.get(bytes as usize..).unwrap_or_default();
        self.known += 8 * bytes;
    }

    /// Bits not read yet.
    #[inline(always)]
    pub(crate) const fn remaining(&self) -> usize {
        self.remaining
    }

    /// Moves on, by no more than was shown; past the end is an error.
    #[inline(always)]
    pub(crate) fn skip(&mut self, bits: u32) -> Result<(), OutOfBits> {
        self.bits <<= bits;
        self.known -= bits;
        self.remaining = self.remaining.checked_sub(bits as usize).ok_or(OutOfBits)?;
        Ok(())
    }
}

/// What is left of less than `LEN` bytes, and zeros.
#[cold]
fn padded<const LEN: usize>(bytes: &[u8]) -> [u8; LEN] {
    let mut padded = [0; LEN];
    padded.iter_mut().zip(bytes).for_each(|(to, &from)| *to = from);
    padded
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn takes_the_bits_in_order(bytes in vec(any::<u8>(), 0..30), at in 0..300_usize, widths in vec(1..33_u32, 0..9)) {
            let digits: Vec<u32> =
                bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| u32::from(byte >> bit & 1))).collect();
            let digit = |nth: usize| if nth < 64 { digits.get(at + nth).copied().unwrap_or(0) } else { 0 };
            let (mut bits, mut taken) = (Bits::at(&bytes, at), 0);
            for width in widths {
                let field = taken..taken + width as usize;
                prop_assert_eq!(bits.take(width), field.clone().fold(0, |value, nth| value << 1 | digit(nth)));
                taken = field.end;
            }
        }

        #[test]
        fn what_is_ahead_is_shown(
            bytes in vec(any::<u8>(), 0..40),
            (skipped, split) in (0..90_usize, 0..300_usize),
            widths in vec(0..=Ahead::MAX_NEED, 0..20),
        ) {
            let digits: Vec<u64> =
                bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| u64::from(byte >> bit & 1))).collect();
            let mut reader = CodeReader::new(&bytes);
            reader.split(skipped);
            let part = &digits[skipped.min(digits.len())..digits.len().min(skipped + split)];
            let (mut ahead, mut at) = (reader.split(split).ahead(), 0);
            for width in widths {
                let shown = ahead.show(width) >> (64 - width.max(1));
                let end = at + width as usize;
                if let Some(field) = part.get(at..end).filter(|field| !field.is_empty()) {
                    prop_assert_eq!(shown, field.iter().fold(0, |value, bit| value << 1 | bit));
                }
                prop_assert_eq!(ahead.remaining(), part.len() - at);
                prop_assert_eq!(ahead.skip(width).is_ok(), end <= part.len());
                if end > part.len() {
                    break;
                }
                at = end;
            }
        }

        #[test]
        fn a_part_ends_where_it_was_split(bytes in vec(any::<u8>(), 0..20), parts in vec((0..90_usize, 0..33_u32), 0..9)) {
            let digits: Vec<u32> =
                bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| u32::from(byte >> bit & 1))).collect();
            let (mut reader, mut start) = (CodeReader::new(&bytes), 0);
            for (bits, width) in parts {
                let part_bits = &digits[start..digits.len().min(start + bits)];
                let mut part = reader.split(bits);
                prop_assert_eq!(part.remaining(), part_bits.len());
                for field in part_bits.chunks(width.max(1) as usize).take(part_bits.len() * width as usize) {
                    let value = field.iter().fold(0, |value, bit| value << 1 | bit);
                    let whole = field.len() == width as usize;
                    prop_assert_eq!(part.read_or_zero(width), if whole { value } else { 0 });
                }
                prop_assert_eq!(part.read_or_zero(0), 0);
                prop_assert!(width == 0 || part.remaining() == 0);
                start += part_bits.len();
            }
        }
    }
}
