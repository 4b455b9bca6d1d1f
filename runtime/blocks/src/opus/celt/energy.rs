//! The energy of each band (RFC 6716, section 4.3.2), as log2 of an amplitude less the band's usual one.

use super::allocation::Allocation;
use super::shape::Shape;
use super::tables::{BANDS, ENERGY_MODEL};
use crate::opus::range::RangeDecoder;

/// Bits of fraction of an energy.
pub(in crate::opus) const FRACTION_BITS: u32 = 16;
const ONE: i32 = 1 << FRACTION_BITS;

/// Of a silent frame.
const SILENCE: i32 = -28 * ONE;
/// A band so much below its usual energy is taken for one that is only so.
const LEAST_PREDICTOR: i32 = -9 * ONE;
/// Any bytes may be read as energies; no sound has such.
const LIMIT: i64 = 127 * ONE as i64;

/// How much of a band's energy before is expected (alpha), and how much of a difference the bands above do not share
/// (beta), in 1/32768, by frame size (4.3.2.1).
const ALPHA: [i32; 4] = [29440, 26112, 21248, 16384];
const BETA: [i32; 4] = [30147, 22282, 12124, 6554];
const BETA_INTRA: i32 = 4915;

const SMALL_ICDF: [u8; 3] = [2, 1, 0];

/// Bits behind the point of a fine energy at most.
const MAX_FINE_BITS: i32 = 8;

/// The energies of the frame before, which those of the next are predicted from: left and right, for mono the same
/// twice. Bands that are not coded have 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::opus) struct Energies(pub [[i32; BANDS]; 2]);

impl Energies {
    /// Before a mono frame both channels count as the louder one.
    pub(super) fn begin(&mut self, shape: Shape) {
        if shape.channels == 1 {
            let [left, right] = &mut self.0;
            left.iter_mut().zip(right).for_each(|(left, right)| *left = (*left).max(*right));
        }
    }

    /// What is behind a silent frame.
    pub(super) fn silence(&mut self, shape: Shape) {
        self.0[..shape.channels].as_flattened_mut().fill(SILENCE);
        self.end(shape);
    }

    /// Section 4.3.2.1: differences in steps of 6 dB.
    pub(super) fn read_coarse(&mut self, range: &mut RangeDecoder<'_>, shape: Shape, intra: bool) {
        let (alpha, beta) = if intra { (0, BETA_INTRA) } else { (ALPHA[shape.size], BETA[shape.size]) };
        let (model, _) = ENERGY_MODEL[shape.size][usize::from(intra)].as_chunks();
        let mut expected = [0_i64; 2];
        for (band, &[zero, decay]) in shape.bands().zip(&model[shape.start.min(BANDS)..]) {
            for (energies, expected) in self.0[..shape.channels].iter_mut().zip(&mut expected) {
                let step = coarse_step(range, zero, decay);
                let energy = &mut energies[band];
                let before = (i64::from((*energy).max(LEAST_PREDICTOR)) * i64::from(alpha)) >> 15;
                *energy = (before + *expected + (step << FRACTION_BITS)).clamp(-LIMIT, LIMIT) as i32;
                *expected += (step * i64::from(32768 - beta)) << (FRACTION_BITS - 15);
            }
        }
    }

    /// Section 4.3.2.2: the bits behind the point that the allocation gives a band.
    pub(super) fn read_fine(&mut self, range: &mut RangeDecoder<'_>, shape: Shape, allocation: &Allocation) {
        for band in shape.bands() {
            let bits = allocation.fine[band];
            if bits > 0 {
                self.add(shape, band, || ((2 * range.raw_bits(bits as u32) as i32 + 1) << (15 - bits)) - ONE / 2);
            }
        }
    }

    /// Section 4.3.2.2: one bit more for each band while bits are left, and what is not coded.
    pub(super) fn read_last(&mut self, range: &mut RangeDecoder<'_>, shape: Shape, allocation: &Allocation) {
        let mut left = range.bits() - range.tell();
        for late in [false, true] {
            for band in shape.bands() {
                let bits = allocation.fine[band];
                if left < shape.channels as i32 || bits >= MAX_FINE_BITS || allocation.late[band] != late {
                    continue;
                }
                left -= shape.channels as i32;
                self.add(shape, band, || (2 * range.raw_bits(1) as i32 - 1) << (14 - bits));
            }
        }
        self.end(shape);
    }

    fn add(&mut self, shape: Shape, band: usize, mut offset: impl FnMut() -> i32) {
        self.0[..shape.channels].iter_mut().for_each(|energies| energies[band] += offset());
    }

    fn end(&mut self, shape: Shape) {
        if shape.channels == 1 {
            self.0[1] = self.0[0];
        }
        for energies in &mut self.0 {
            energies[..shape.start].fill(0);
            energies[shape.end..].fill(0);
        }
    }
}

/// One difference, in as many bits as are left.
fn coarse_step(range: &mut RangeDecoder<'_>, zero: u8, decay: u8) -> i64 {
    match range.bits() - range.tell() {
        15.. => laplace(range, u32::from(zero) << 7, u32::from(decay) << 6),
        2.. => [0, -1, 1][range.icdf(&SMALL_ICDF, 2).min(2)],
        1 => -i64::from(range.bit_logp(1)),
        _ => -1,
    }
}

/// A number of a Laplace distribution: `zero` of 32768 is its probability of 0, `decay` that of the next but one beside
/// the next. Beyond where probabilities would vanish each is 1.
fn laplace(range: &mut RangeDecoder<'_>, zero: u32, decay: u32) -> i64 {
    let at = range.decode(1 << 15);
    if at < zero {
        range.update(0, zero, 1 << 15);
        return 0;
    }
    let (mut value, mut low) = (1, zero);
    // 16 numbers on either side keep a probability of 1.
    let mut width = (((32768 - 32 - zero) * (16384 - decay)) >> 15) + 1;
    while width > 1 && at >= low + 2 * width {
        low += 2 * width;
        width = (((2 * width - 2) * decay) >> 15) + 1;
        value += 1;
    }
    if width == 1 {
        let further = (at - low) >> 1;
        value += i64::from(further);
        low += 2 * further;
    }
    let negative = at < low + width;
    let low = if negative { low } else { low + width };
    range.update(low, (low + width).min(1 << 15), 1 << 15);
    if negative { -value } else { value }
}
