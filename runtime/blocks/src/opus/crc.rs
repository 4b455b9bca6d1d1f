//! The checksum of a page (RFC 3533, section 6): CRC-32 with polynomial 0x04C11DB7, highest bit first, start and final
//! value 0.

const POLYNOMIAL: u32 = 0x04C1_1DB7;

/// Bytes taken at a time.
pub(super) const SLICE: usize = 16;

/// `TABLES[n][byte]` is the checksum of `byte` followed by `n` zero bytes: 16 KiB.
static TABLES: [[u32; 256]; SLICE] = tables();

const fn tables() -> [[u32; 256]; SLICE] {
    let mut tables = [[0; 256]; SLICE];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc >> 31 == 1 { crc << 1 ^ POLYNOMIAL } else { crc << 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut n = 1;
    while n < SLICE {
        let mut byte = 0;
        while byte < 256 {
            let crc = tables[n - 1][byte];
            tables[n][byte] = crc << 8 ^ tables[0][(crc >> 24) as usize];
            byte += 1;
        }
        n += 1;
    }
    tables
}

/// The checksum of what `crc` is the checksum of, followed by `bytes`.
pub(super) fn update(crc: u32, bytes: &[u8]) -> u32 {
    let (slices, rest) = bytes.as_chunks::<SLICE>();
    let crc = slices.iter().fold(crc, |crc, slice| {
        // One table per byte, the last byte's is the first. Only the first four lookups wait for the sum before, so
        // those of the others are summed up apart.
        let [b0, b1, b2, b3, others @ ..] = slice;
        let others = others.iter().rev().zip(&TABLES).fold(0, |sum, (&byte, table)| sum ^ table[usize::from(byte)]);
        let [b0, b1, b2, b3] = (crc ^ u32::from_be_bytes([*b0, *b1, *b2, *b3])).to_be_bytes();
        let first = TABLES[SLICE - 1][usize::from(b0)] ^ TABLES[SLICE - 2][usize::from(b1)];
        first ^ TABLES[SLICE - 3][usize::from(b2)] ^ TABLES[SLICE - 4][usize::from(b3)] ^ others
    });
    rest.iter().fold(crc, |crc, &byte| crc << 8 ^ TABLES[0][usize::from((crc >> 24) as u8 ^ byte)])
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Bit by bit, as the polynomial is defined.
    fn plain(bytes: &[u8]) -> u32 {
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| u32::from(byte >> bit & 1))).fold(0, |crc, bit| {
            let out = crc >> 31 ^ bit;
            crc << 1 ^ if out == 1 { POLYNOMIAL } else { 0 }
        })
    }

    /// The catalogue's check values: CRC-32/CKSUM is this one but for length-free start 0 and inverted end.
    #[test]
    fn agrees_with_the_known_value() {
        assert_eq!(!update(0, b"123456789"), 0x765E_7680);
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(bytes in vec(any::<u8>(), 0..200), split in 0..200_usize) {
            prop_assert_eq!(update(0, &bytes), plain(&bytes));
            let (head, tail) = bytes.split_at(split.min(bytes.len()));
            prop_assert_eq!(update(update(0, head), tail), plain(&bytes));
        }
    }
}
