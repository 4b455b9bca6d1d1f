//! Reads unsigned fields of any width, most significant bit first (`uimsbf` and `bslbf` of ISO/IEC 11172-3, 2.2.6).

/// The bytes ended before the field did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfBits;

/// A position in a slice, counted in bits.
#[derive(Clone, Debug)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits of the first byte that are read already: 0..=7.
    used: usize,
}

impl<'a> BitReader<'a> {
    /// The widest field; with the bits used of its first byte it lies within 64 bits.
    const MAX_WIDTH: usize = 32;

    /// Stands before the first bit of `bytes`.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, used: 0 }
    }

    /// The next `width` bits, at most 32, as an unsigned number. A field that is not wholly there is an error and
    /// moves nothing.
    #[inline]
    pub(crate) fn read(&mut self, width: usize) -> Result<u32, OutOfBits> {
        if width > Self::MAX_WIDTH || width > self.remaining() {
            return Err(OutOfBits);
        }
        let window = self.bytes.first_chunk().map_or_else(|| self.last_bytes(), |bytes| u64::from_be_bytes(*bytes));
        let end = self.used + width;
        self.bytes = self.bytes.get(end / 8..).unwrap_or_default();
        // In two shifts, so that a field of no bits does not shift by all 64.
        let value = (window << self.used >> 1) >> (63 - width);
        self.used = end % 8;
        Ok(value as u32)
    }

    /// One bit.
    #[inline]
    pub(crate) fn flag(&mut self) -> Result<bool, OutOfBits> {
        Ok(self.read(1)? == 1)
    }

    /// Bits not read yet.
    const fn remaining(&self) -> usize {
        self.bytes.len() * 8 - self.used
    }

    /// What is left of less than eight bytes, and zeros.
    #[cold]
    fn last_bytes(&self) -> u64 {
        let mut window = [0; 8];
        window.iter_mut().zip(self.bytes).for_each(|(to, &from)| *to = from);
        u64::from_be_bytes(window)
    }
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
        fn reads_the_bits_in_order(bytes in vec(any::<u8>(), 0..20), widths in vec(0..34_usize, 0..30)) {
            let digits: Vec<u32> =
                bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| u32::from(byte >> bit & 1))).collect();
            let mut reader = BitReader::new(&bytes);
            let mut at = 0;
            for width in widths {
                let field = digits.get(at..at + width).filter(|_| width <= 32);
                let expected = field.map(|field| field.iter().fold(0, |value, bit| value << 1 | bit)).ok_or(OutOfBits);
                prop_assert_eq!(reader.read(width), expected);
                at += if expected.is_ok() { width } else { 0 };
            }
        }
    }
}
