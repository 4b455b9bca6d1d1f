//! Lines to subband samples (11172-3, 2.4.3.4.10): alias reduction, IMDCT, windows, overlap.

use std::f64::consts::PI;

use tempest_blocks::mp3::Part;

use super::{LINES, SUBBANDS};

/// Lines, and samples, of a subband.
const WIDTH: usize = LINES / SUBBANDS;
const SHORT: u8 = 2;

/// The second half of every subband's last block.
pub struct Hybrid {
    overlap: [[f64; WIDTH]; SUBBANDS],
}

impl Default for Hybrid {
    fn default() -> Self {
        Self { overlap: [[0.0; WIDTH]; SUBBANDS] }
    }
}

impl Hybrid {
    /// For each of 18 points in time, the sample of each subband.
    pub fn subbands(&mut self, part: &Part<'_>, lines: &mut [f64; LINES]) -> [[f64; SUBBANDS]; WIDTH] {
        let coded = &part.coded;
        let long_subbands = match (coded.block_type, coded.mixed_block_flag) {
            (SHORT, false) => 0,
            (SHORT, true) => 2,
            _ => SUBBANDS,
        };
        reduce_aliases(lines, long_subbands);
        let mut samples = [[0.0; SUBBANDS]; WIDTH];
        let (bands, _) = lines.as_chunks::<WIDTH>();
        for (number, (band, overlap)) in bands.iter().zip(&mut self.overlap).enumerate() {
            let in_long = number < long_subbands && coded.block_type == SHORT;
            let block = imdct(band, if in_long { 0 } else { coded.block_type });
            for (time, sample) in samples.iter_mut().enumerate() {
                let inverted = time % 2 == 1 && number % 2 == 1;
                sample[number] = (block[time] + overlap[time]) * if inverted { -1.0 } else { 1.0 };
            }
            overlap.copy_from_slice(&block[WIDTH..]);
        }
        samples
    }
}

/// Butterflies across the borders of long subbands (table B.9).
fn reduce_aliases(lines: &mut [f64; LINES], long_subbands: usize) {
    const C: [f64; 8] = [-0.6, -0.535, -0.33, -0.185, -0.095, -0.041, -0.0142, -0.0037];
    for border in (1..long_subbands).map(|subband| subband * WIDTH) {
        for (distance, c) in C.into_iter().enumerate() {
            let (cs, ca) = (1.0 / (1.0 + c * c).sqrt(), c / (1.0 + c * c).sqrt());
            let (below, above) = (lines[border - 1 - distance], lines[border + distance]);
            lines[border - 1 - distance] = below * cs - above * ca;
            lines[border + distance] = above * cs + below * ca;
        }
    }
}

/// 36 windowed samples; three short blocks overlap within them.
fn imdct(lines: &[f64; WIDTH], block_type: u8) -> [f64; 2 * WIDTH] {
    let mut samples = [0.0; 2 * WIDTH];
    if block_type != SHORT {
        for (at, sample) in samples.iter_mut().enumerate() {
            *sample = window(block_type, at) * transform(lines.iter(), 36, at);
        }
        return samples;
    }
    for block in 0..3 {
        for at in 0..12 {
            let lines = lines.iter().skip(block).step_by(3);
            samples[6 + 6 * block + at] += (PI / 12.0 * (at as f64 + 0.5)).sin() * transform(lines, 12, at);
        }
    }
    samples
}

fn transform<'a>(lines: impl Iterator<Item = &'a f64>, length: usize, at: usize) -> f64 {
    let phase = PI / (2 * length) as f64 * (2 * at + 1 + length / 2) as f64;
    lines.enumerate().map(|(nth, line)| line * (phase * (2 * nth + 1) as f64).cos()).sum()
}

/// Normal, start, end.
fn window(block_type: u8, at: usize) -> f64 {
    let long = (PI / 36.0 * (at as f64 + 0.5)).sin();
    let short = |from: usize| (PI / 12.0 * ((at - from) as f64 + 0.5)).sin();
    match (block_type, at) {
        (1, 18..24) | (3, 12..18) => 1.0,
        (1, 24..30) => short(18),
        (3, 6..12) => short(6),
        (1, 30..) | (3, ..6) => 0.0,
        _ => long,
    }
}
