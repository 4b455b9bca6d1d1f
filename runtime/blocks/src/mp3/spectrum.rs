//! Part 3 of the main data: the Huffman-coded integers (ISO/IEC 11172-3, 2.4.1.7 and 2.4.2.7).

use crate::bits::{CodeReader, OutOfBits};

use super::bands::LINES;
use super::huffman::{PairCode, TABLE_A_CODE};
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
    /// The bits ended within a code, or before all large values: what that code would have given is 0.
    Overrun,
}

impl Spectrum {
    pub(super) const ZERO: Self = Self { values: [0; LINES], coded: 0, end: SpectrumEnd::Whole { stuffing_bits: 0 } };

    /// Reads codes until the lines or the bits are used up. `regions` are the lines where the first and the second
    /// region of large values end.
    pub(super) fn read(&mut self, coded: &GranuleChannel, regions: [usize; 2], mut bits: CodeReader<'_>) {
        self.coded = 0;
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
        bits: &mut CodeReader<'_>,
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
            for pair in pairs {
                *pair = read_pair(code, bits)?;
                self.coded += 2;
            }
        }
        Ok(())
    }

    /// The values up to 1, four at a time.
    fn read_small(&mut self, coded: &GranuleChannel, bits: &mut CodeReader<'_>) -> Result<(), OutOfBits> {
        let (quads, _) = self.values.get_mut(self.coded..).unwrap_or_default().as_chunks_mut();
        for quad in quads {
            if bits.remaining() == 0 {
                break;
            }
            *quad = read_quad(coded.count1table_select, bits)?;
            self.coded += 4;
        }
        Ok(())
    }
}

/// Two values: the code, then for each the bits added to a 15 and the sign of what is not 0. At most 19 + 2 x 13 + 2 =
/// 47 bits, so one window shows them all.
#[inline]
fn read_pair(code: &PairCode, bits: &mut CodeReader<'_>) -> Result<[i16; 2], OutOfBits> {
    const { assert!(CodeReader::WINDOW_BITS >= 19 + 2 * 13 + 2) };
    let window = bits.window();
    let (xy, mut used) = code.look_up(window);
    let pair = [xy >> 4, xy & 15].map(|value| {
        let mut value = i16::from(value);
        if value == 15 && code.linbits > 0 {
            value += (window << used >> (64 - code.linbits)) as i16;
            used += code.linbits;
        }
        let (signed, sign_bits) = with_sign(value, window << used);
        used += sign_bits;
        signed
    });
    bits.skip(used)?;
    Ok(pair)
}

/// Four values: the code, then the signs of those that are not 0.
#[inline]
fn read_quad(table_b: bool, bits: &mut CodeReader<'_>) -> Result<[i16; 4], OutOfBits> {
    let window = bits.window();
    let (vwxy, mut used) = if table_b { (!(window >> 60) as u8 & 15, 4) } else { TABLE_A_CODE.look_up(window) };
    let quad = [3, 2, 1, 0].map(|bit| {
        let (signed, sign_bits) = with_sign(i16::from(vwxy >> bit & 1), window << used);
        used += sign_bits;
        signed
    });
    bits.skip(used)?;
    Ok(quad)
}

/// The value with the sign that the window begins with, and the bits of that sign: none for 0.
#[inline]
const fn with_sign(value: i16, window: u64) -> (i16, u32) {
    let negative = -((window >> 63) as i16);
    ((value ^ negative) - negative, (value != 0) as u32)
}
