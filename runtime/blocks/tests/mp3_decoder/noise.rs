//! Frames of noise that are legal in form: every code there is, in granules of every shape.

use std::ops::Range;

use tempest_blocks::mp3::FrameHeader;

use crate::common::{part_offset, put};

/// The most bits of a pair of large values: a code, two signs, twice `linbits`.
const PAIR_BITS: usize = 19 + 2 + 2 * 13;
/// More than scale factors take.
const PART_2_BITS: usize = 200;

/// Numbers that look random (xorshift64*).
pub struct Random(pub u64);

impl Random {
    pub fn within(&mut self, range: Range<usize>) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize;
        range.start + number % range.len()
    }

    /// Of a table that exists.
    fn table(&mut self) -> usize {
        [self.within(0..4), self.within(5..14), self.within(15..32)][self.within(0..3)]
    }
}

/// A frame whose main data is noise, all of it its own. Both channels have the same of the first `shapes` of normal, start,
/// end, short and mixed blocks.
pub fn frame(word: u32, shapes: usize, random: &mut Random) -> Vec<u8> {
    let header = FrameHeader::parse(word).unwrap();
    let mut frame: Vec<u8> = (0..header.frame_bytes()).map(|_| random.within(0..256) as u8).collect();
    frame[..4].copy_from_slice(&word.to_be_bytes());
    let (side, main_data) = frame[header.side_info_offset()..].split_at_mut(header.side_info_bytes());
    side.fill(0);
    let parts = usize::from(header.granules() * header.channels());
    let room = (8 * main_data.len() / parts).min(4095);
    let mut chosen = Vec::new();
    for nth in 0..parts {
        let channel = nth % usize::from(header.channels());
        let shape = if channel == 1 { chosen[nth - 1] } else { random.within(0..shapes) };
        chosen.push(shape);
        put_part(&mut side[..], part_offset(header, nth), header, room, shape, random);
    }
    // Scale factors are taken over from long blocks to long blocks.
    if parts == usize::from(header.channels()) * 2 && chosen.iter().all(|&shape| shape < 3) {
        let scfsi_bits = 4 * usize::from(header.channels());
        put(side, part_offset(header, 0) - scfsi_bits, scfsi_bits, random.within(0..1 << scfsi_bits));
    }
    frame
}

fn put_part(side: &mut [u8], mut at: usize, header: FrameHeader, room: usize, shape: usize, random: &mut Random) {
    let mpeg1 = header.granules() == 2;
    let mut field = |width, value| {
        put(side, at, width, value);
        at += width;
    };
    let bits = random.within(room / 2..room + 1);
    field(12, bits);
    field(9, random.within(0..bits.saturating_sub(PART_2_BITS) / PAIR_BITS + 1));
    field(8, random.within(100..150));
    field(if mpeg1 { 4 } else { 9 }, random.within(0..if mpeg1 { 16 } else { 512 }));
    field(1, usize::from(shape > 0));
    if shape == 0 {
        (0..3).for_each(|_| field(5, random.table()));
        field(4, random.within(0..14));
        field(3, random.within(0..8));
    } else {
        field(2, [0, 1, 3, 2, 2][shape]);
        field(1, usize::from(shape == 4));
        (0..2).for_each(|_| field(5, random.table()));
        (0..3).for_each(|_| field(3, random.within(0..8)));
    }
    if mpeg1 {
        field(1, random.within(0..2));
    }
    field(1, random.within(0..2));
    field(1, random.within(0..2));
}
