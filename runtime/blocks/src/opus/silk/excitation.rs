//! The excitation of a SILK frame (RFC 6716, section 4.2.7.8): pulses in shells of 16 samples.

use super::indices::{Indices, SignalType};
use super::shells::*;
use super::{MAX_SUBFRAMES, Shape};
use crate::opus::range::RangeDecoder;

/// Samples of a shell.
const SHELL: usize = 16;
/// Shells of 20 ms at 16 kHz.
const MAX_SHELLS: usize = 20;
/// In place of a number of pulses: magnitudes have a bit more.
const MORE_BITS: usize = 17;
/// Bits more at most.
const MAX_MORE_BITS: u32 = 10;

/// What a shell says of its pulses.
#[derive(Clone, Copy, Debug, Default)]
struct Shell {
    pulses: u8,
    /// Bits of each magnitude below those of the pulses.
    bits: u32,
}

/// Reads the excitation and sums up its magnitudes over each subframe.
pub(super) fn read(range: &mut RangeDecoder<'_>, shape: Shape, indices: &Indices) -> [u32; MAX_SUBFRAMES] {
    let subframe = 5 * shape.rate as usize;
    // 10 ms at 12 kHz end within a shell.
    let shells = (shape.subframes * subframe).div_ceil(SHELL);
    let mut heads = [Shell::default(); MAX_SHELLS];
    read_heads(range, indices, &mut heads[..shells]);
    let mut magnitudes = [[0_u16; SHELL]; MAX_SHELLS];
    for (shell, magnitudes) in heads[..shells].iter().zip(&mut magnitudes) {
        split(range, magnitudes, shell.pulses, 0);
    }
    for (shell, magnitudes) in heads[..shells].iter().zip(&mut magnitudes) {
        read_bits(range, shell.bits, magnitudes);
    }
    for (shell, magnitudes) in heads[..shells].iter().zip(&magnitudes) {
        read_signs(range, indices, shell, magnitudes);
    }
    let mut sums = [0; MAX_SUBFRAMES];
    for (at, &magnitude) in magnitudes.as_flattened().iter().enumerate() {
        sums[(at / subframe).min(MAX_SUBFRAMES - 1)] += u32::from(magnitude);
    }
    sums
}

/// Sections 4.2.7.8.1 and 4.2.7.8.2.
fn read_heads(range: &mut RangeDecoder<'_>, indices: &Indices, shells: &mut [Shell]) {
    let level = range.icdf(&RATE_LEVEL_ICDF[usize::from(indices.signal == SignalType::Voiced)], 8);
    for shell in shells {
        let mut pulses = range.icdf(&PULSES_ICDF[level.min(8)], 8);
        while pulses == MORE_BITS {
            shell.bits += 1;
            // The last time there is no such choice.
            pulses = range.icdf(&PULSES_ICDF[9][usize::from(shell.bits == MAX_MORE_BITS)..], 8);
        }
        shell.pulses = pulses as u8;
    }
}

/// How pulses lie in two halves, and so on down to single samples (section 4.2.7.8.3).
fn split(range: &mut RangeDecoder<'_>, samples: &mut [u16], pulses: u8, depth: usize) {
    if let [sample] = samples {
        *sample = pulses.into();
        return;
    }
    let (first, second) = samples.split_at_mut(samples.len() / 2);
    let mut left = 0;
    if let (true, Some(table)) = (pulses > 0, SPLITS.get(depth)) {
        let at = SPLIT_OFFSETS.get(usize::from(pulses)).copied().unwrap_or_default();
        left = (range.icdf(&table[usize::from(at)..], 8) as u8).min(pulses);
    }
    split(range, first, left, depth + 1);
    split(range, second, pulses - left, depth + 1);
}

/// Section 4.2.7.8.4.
fn read_bits(range: &mut RangeDecoder<'_>, bits: u32, magnitudes: &mut [u16; SHELL]) {
    if bits > 0 {
        for magnitude in magnitudes {
            for _ in 0..bits {
                *magnitude = *magnitude << 1 | range.icdf(&LSB_ICDF, 8) as u16;
            }
        }
    }
}

/// Section 4.2.7.8.5: one sign for each magnitude that is not 0.
fn read_signs(range: &mut RangeDecoder<'_>, indices: &Indices, shell: &Shell, magnitudes: &[u16; SHELL]) {
    let row = &SIGN_ICDF[2 * indices.signal as usize + usize::from(indices.high_offset)];
    let icdf = [row[usize::from(shell.pulses.min(6))], 0];
    for _ in magnitudes.iter().filter(|&&magnitude| magnitude > 0) {
        range.icdf(&icdf, 8);
    }
}
