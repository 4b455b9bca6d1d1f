//! Part 3 of the main data: the Huffman-coded integers (ISO/IEC 11172-3, 2.4.1.7 and 2.4.2.7).

use crate::bits::{Ahead, CodeReader, OutOfBits};

use super::bands::LINES;
use super::huffman::{Code, PairCode, QUAD_CODES};
use super::side_info::GranuleChannel;

/// The integers of one channel of one granule: what quantisation left of 576 frequency lines, -8206..=8206. In short
/// blocks they are in the order coded: band by band, within a band window by window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spectrum {
    /// One for each line.
    pub values: [i16; LINES],
    /// Lines up to the last that is coded; those from here on are 0.
    pub coded: usize,
    /// How its bits ended.
    pub end: SpectrumEnd,
}

/// How the bits of a spectrum ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpectrumEnd {
    /// All bits are used. With line 576 coded, the bits left over are stuffing.
    Whole {
        /// Bits behind the last line.
        stuffing_bits: u16,
    },
    /// The bits ended within a code, or before all large values: what that code would have given is 0. Stuffing behind
    /// the last code, which Shine writes, may end so too.
    Overrun,
}

impl Spectrum {
    pub(super) const ZERO: Self = Self { values: [0; LINES], coded: 0, end: SpectrumEnd::Whole { stuffing_bits: 0 } };

    /// Reads codes until the lines or the bits are used up. `regions` are the lines where the first and the second
    /// region of large values end.
    pub(super) fn read(&mut self, coded: &GranuleChannel, regions: [usize; 2], bits: CodeReader<'_>) {
        self.coded = 0;
        let mut bits = bits.ahead();
        let read = self.read_large(coded, regions, &mut bits).and_then(|()| self.read_small(coded, &mut bits));
        self.values.iter_mut().skip(self.coded).for_each(|value| *value = 0);
        self.end = match read {
            Ok(()) => SpectrumEnd::Whole { stuffing_bits: bits.remaining() as u16 },
            Err(OutOfBits) => SpectrumEnd::Overrun,
        };
    }

    /// The large values, in pairs.
    fn read_large(
        &mut self,
        coded: &GranuleChannel,
        [first, second]: [usize; 2],
        bits: &mut Ahead<'_>,
    ) -> Result<(), OutOfBits> {
        let large = LINES.min(2 * usize::from(coded.big_values));
        for (table_select, end) in coded.table_select.into_iter().zip([first, second, LINES]) {
            let region = self.values.get_mut(self.coded..end.min(large)).unwrap_or_default();
            let (pairs, _) = region.as_chunks_mut();
            let Some(code) = PairCode::select(table_select) else {
                self.coded += 2 * pairs.len();
                pairs.fill([0; 2]);
                continue;
            };
            // In a variable of its own, so that it stays in registers.
            let mut ahead = *bits;
            let need = PAIR_BITS + 2 * code.linbits;
            for pair in pairs {
                let (values, used) = read_pair(code, ahead.show(need));
                ahead.skip(used)?;
                *pair = values;
                self.coded += 2;
            }
            *bits = ahead;
        }
        Ok(())
    }

    /// The values up to 1, four at a time.
    fn read_small(&mut self, coded: &GranuleChannel, bits: &mut Ahead<'_>) -> Result<(), OutOfBits> {
        let [table_a, table_b] = &QUAD_CODES;
        let code = if coded.count1table_select { table_b } else { table_a };
        let (quads, _) = self.values.get_mut(self.coded..).unwrap_or_default().as_chunks_mut();
        let mut ahead = *bits;
        for quad in quads {
            if ahead.remaining() == 0 {
                break;
            }
            let (values, used) = read_quad(code, ahead.show(QUAD_BITS));
            ahead.skip(used)?;
            *quad = values;
            self.coded += 4;
        }
        *bits = ahead;
        Ok(())
    }
}

/// The most bits of two values without `linbits`: 19 of code and two signs.
const PAIR_BITS: u32 = 19 + 2;
/// The most bits of four values: 6 of code and four signs.
const QUAD_BITS: u32 = 6 + 4;
const _: () = assert!(Ahead::MAX_NEED >= PAIR_BITS + 2 * 13, "any two values can be shown at once");

/// Two values, and the bits they take.
#[inline]
fn read_pair(code: &PairCode, window: u64) -> ([i16; 2], u32) {
    let (xy, used) = code.look_up(window);
    let (x, y) = (xy >> 4, xy & 15);
    if code.linbits > 0 && (x == 15 || y == 15) {
        return read_escaped(code, window, [x, y], used);
    }
    let signs = window.rotate_left(used);
    ([with_sign(x, signs >> u32::from(y != 0)), with_sign(y, signs)], used)
}

/// Two values of which one is 15 or both are: it is followed by bits that are added to it, and then by its sign.
fn read_escaped(code: &PairCode, window: u64, xy: [u8; 2], used: u32) -> ([i16; 2], u32) {
    let mut used = used - xy.iter().filter(|&&value| value != 0).count() as u32;
    let pair = xy.map(|value| {
        let mut value = i16::from(value);
        if value == 15 {
            value += (window << used >> (64 - code.linbits)) as i16;
            used += code.linbits;
        }
        used += u32::from(value != 0);
        if window.rotate_left(used) & 1 == 1 { -value } else { value }
    });
    (pair, used)
}

/// Four values, and the bits they take.
#[inline]
fn read_quad(code: &Code, window: u64) -> ([i16; 4], u32) {
    let (vwxy, used) = code.look_up(window);
    let mut signs = window.rotate_left(used);
    let mut next = |bit: u32| {
        let value = vwxy >> bit & 1;
        let signed = with_sign(value, signs);
        signs >>= value;
        signed
    };
    let (y, x, w, v) = (next(0), next(1), next(2), next(3));
    ([v, w, x, y], used)
}

/// The value with the sign that the lowest bit says; 0 has none, and stays 0.
#[inline]
const fn with_sign(value: u8, sign: u64) -> i16 {
    let negative = -((sign & 1) as i16);
    (value as i16 ^ negative) - negative
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::codebooks::TABLE_A;
    use super::super::huffman::tests::{leaves, printed};
    use super::*;

    fn put(bits: &mut Vec<bool>, value: u32, width: u32) {
        bits.extend((0..width).rev().map(|bit| value >> bit & 1 == 1));
    }

    fn put_sign(bits: &mut Vec<bool>, value: i16) {
        if value != 0 {
            bits.push(value < 0);
        }
    }

    fn put_pair(bits: &mut Vec<bool>, table_select: u8, pair: [i16; 2]) {
        let Some(code) = PairCode::select(table_select) else { return };
        let [x, y] = pair.map(|value| value.unsigned_abs().min(15) as u8);
        let codes = printed(leaves(table_select));
        let &(_, len, code_bits) = codes.iter().find(|code| code.0 == x << 4 | y).unwrap();
        put(bits, code_bits, len);
        for value in pair {
            if value.unsigned_abs() >= 15 {
                put(bits, u32::from(value.unsigned_abs()) - 15, code.linbits);
            }
            put_sign(bits, value);
        }
    }

    fn put_quad(bits: &mut Vec<bool>, table_b: bool, quad: [i16; 4]) {
        let vwxy = quad.iter().fold(0, |vwxy, &value| vwxy << 1 | value.unsigned_abs() as u8);
        if table_b {
            put(bits, u32::from(15 - vwxy), 4);
        } else {
            let (_, len, code) = printed(&TABLE_A)[usize::from(vwxy)];
            put(bits, code, len);
        }
        quad.into_iter().for_each(|value| put_sign(bits, value));
    }

    fn pack(bits: &[bool]) -> Vec<u8> {
        bits.chunks(8)
            .map(|byte| byte.iter().fold(0, |all, &bit| all << 1 | u8::from(bit)) << (8 - byte.len()))
            .collect()
    }

    /// The largest value a table codes.
    fn limit(table_select: u8) -> i16 {
        let largest = leaves(table_select).iter().map(|leaf| (leaf & 15) as i16).max().unwrap_or(0);
        PairCode::select(table_select).map_or(0, |code| largest + ((1_i16 << code.linbits) - 1))
    }

    #[derive(Clone, Debug)]
    struct Case {
        coded: GranuleChannel,
        regions: [usize; 2],
        values: Vec<i16>,
    }

    fn case() -> impl Strategy<Value = Case> {
        let tables = prop::array::uniform3(0..32_u8);
        let shape = (tables, 0..=288_u16, any::<bool>(), prop::array::uniform2(0..=288_usize), 0..100_usize);
        let value = prop_oneof![4 => -2..=2_i16, 2 => -20..=20_i16, 1 => any::<i16>()];
        (shape, vec(value, LINES)).prop_map(
            |((table_select, big_values, count1table_select, mut regions, quads), raw)| {
                regions.sort_unstable();
                let regions = regions.map(|pairs| 2 * pairs);
                let large = 2 * usize::from(big_values);
                let coded = large + 4 * quads.min((LINES - large) / 4);
                let values = raw.into_iter().take(coded).enumerate().map(|(line, value)| {
                    let limit = match line {
                        _ if line >= large => 1,
                        _ if line < regions[0] => limit(table_select[0]),
                        _ if line < regions[1] => limit(table_select[1]),
                        _ => limit(table_select[2]),
                    };
                    // Every size up to the limit, and the limit itself.
                    if value.unsigned_abs() > limit.unsigned_abs() { limit * value.signum() } else { value }
                });
                let values = values.collect();
                let coded =
                    GranuleChannel { table_select, big_values, count1table_select, ..GranuleChannel::default() };
                Case { coded, regions, values }
            },
        )
    }

    fn encode(case: &Case) -> Vec<bool> {
        let mut bits = Vec::new();
        let (large, small) = case.values.split_at(2 * usize::from(case.coded.big_values));
        let (pairs, _) = large.as_chunks();
        for (nth, &pair) in pairs.iter().enumerate() {
            let region = case.regions.iter().filter(|&&end| 2 * nth >= end).count();
            put_pair(&mut bits, case.coded.table_select[region], pair);
        }
        let (quads, _) = small.as_chunks();
        quads.iter().for_each(|&quad| put_quad(&mut bits, case.coded.count1table_select, quad));
        bits
    }

    fn read(case: &Case, bytes: &[u8], bits: usize) -> Spectrum {
        let mut spectrum = Spectrum { values: [77; LINES], ..Spectrum::ZERO };
        spectrum.read(&case.coded, case.regions, CodeReader::new(bytes).split(bits));
        spectrum
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn what_is_written_is_read(case in case(), shift in 0..8_usize) {
            let mut bits = std::vec![true; shift];
            bits.extend(encode(&case));
            let bytes = pack(&bits);
            let mut reader = CodeReader::new(&bytes).split(bits.len());
            reader.skip(shift as u32).unwrap();
            let mut spectrum = Spectrum::ZERO;
            spectrum.read(&case.coded, case.regions, reader);
            let (coded, rest) = spectrum.values.split_at(case.values.len());
            prop_assert_eq!(coded, case.values.as_slice());
            prop_assert!(rest.iter().all(|&value| value == 0));
            prop_assert_eq!(spectrum.coded, case.values.len());
            prop_assert_eq!(spectrum.end, SpectrumEnd::Whole { stuffing_bits: 0 });
        }

        #[test]
        fn what_is_cut_short_is_read_up_to_there(case in case(), cut in any::<prop::sample::Index>()) {
            let bits = encode(&case);
            prop_assume!(!bits.is_empty());
            let cut = cut.index(bits.len());
            let spectrum = read(&case, &pack(&bits), cut);
            prop_assert!(spectrum.coded <= case.values.len());
            prop_assert_eq!(&spectrum.values[..spectrum.coded], &case.values[..spectrum.coded]);
            prop_assert!(spectrum.values[spectrum.coded..].iter().all(|&value| value == 0));
        }

        #[test]
        fn any_bits_end(case in case(), bytes in vec(any::<u8>(), 0..512), big_values in 0..512_u16) {
            let coded = GranuleChannel { big_values, ..case.coded };
            let case = Case { coded, ..case };
            let spectrum = read(&case, &bytes, 4095);
            prop_assert!(spectrum.coded <= LINES);
            prop_assert!(spectrum.values.iter().all(|value| value.unsigned_abs() <= 8206));
            prop_assert!(spectrum.values[spectrum.coded..].iter().all(|&value| value == 0));
        }
    }
}
