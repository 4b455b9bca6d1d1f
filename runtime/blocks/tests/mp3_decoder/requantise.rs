//! Integers to lines (11172-3, 2.4.3.4.7 to 2.4.3.4.9): power, gain, middle/side stereo, order.

use std::f64::consts::FRAC_1_SQRT_2;

use tempest_blocks::mp3::{LONG_BANDS, Part, Spectrum};

use super::LINES;

/// The lines in the order coded.
pub fn lines(part: &Part<'_>) -> [f64; LINES] {
    let mut spectrum = Spectrum::default();
    part.read_spectrum(&mut spectrum);
    let mut lines = [0.0; LINES];
    for (slot, band) in part.bands() {
        let gain = f64::from(part.gain(slot)) / 4.0;
        for line in band {
            let value = f64::from(spectrum.values[line]);
            lines[line] = value.signum() * value.abs().powf(4.0 / 3.0) * gain.exp2();
        }
    }
    lines
}

/// Middle and side to left and right.
pub fn left_right(middle: &mut [f64; LINES], side: &mut [f64; LINES]) {
    for (middle, side) in middle.iter_mut().zip(side) {
        (*middle, *side) = ((*middle + *side) * FRAC_1_SQRT_2, (*middle - *side) * FRAC_1_SQRT_2);
    }
}

/// The three windows of each short band interleaved, line by line.
pub fn by_frequency(part: &Part<'_>, coded: &[f64; LINES]) -> [f64; LINES] {
    let mut lines = *coded;
    for (slot, band) in part.bands() {
        let Some(short) = slot.checked_sub(LONG_BANDS) else { continue };
        let (window, width) = (short % 3, band.len());
        let first = band.start - window * width;
        for (nth, line) in band.enumerate() {
            lines[first + 3 * nth + window] = coded[line];
        }
    }
    lines
}
