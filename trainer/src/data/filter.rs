//! Filters of second order, in the form of R. Bristow-Johnson's Audio EQ Cookbook (W3C Note, 8 June 2021).

use std::f64::consts::{FRAC_1_SQRT_2, TAU};

/// Q of all filters: as flat as it can be in the band that passes.
const Q: f64 = FRAC_1_SQRT_2;

/// Highest corner, as a share of the sample rate: below its half, where the corner would lie nowhere.
const MAX_CORNER: f64 = 0.45;

/// Which frequencies pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Those below the corner.
    Low,
    /// Those above it.
    High,
    /// Those around it, some 1.9 octaves.
    Band,
}

/// A filter of second order: 12 dB an octave, of a band 6 dB on either side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Filter {
    /// Which frequencies pass.
    pub pass: Pass,
    /// Corner, or middle of the band, in Hz; at most 0.45 of the sample rate counts.
    pub hertz: f32,
}

impl Filter {
    /// Filters `samples` in place.
    pub fn apply(self, samples: &mut [f32], sample_rate: u32) {
        let ([b0, b1, b2], [a1, a2]) = self.coefficients(sample_rate);
        let (mut x1, mut x2, mut y1, mut y2) = (0.0, 0.0, 0.0, 0.0);
        for sample in samples {
            let x = f64::from(*sample);
            let y = b0 * x + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2;
            (x2, x1, y2, y1) = (x1, x, y1, y);
            *sample = y as f32;
        }
    }

    /// Numerator and denominator, divided by a0.
    fn coefficients(self, sample_rate: u32) -> ([f64; 3], [f64; 2]) {
        let corner = (f64::from(self.hertz) / f64::from(sample_rate)).min(MAX_CORNER);
        let (sin, cos) = (TAU * corner).sin_cos();
        let alpha = sin / (2.0 * Q);
        let numerator = match self.pass {
            Pass::Low => [(1.0 - cos) / 2.0, 1.0 - cos, (1.0 - cos) / 2.0],
            Pass::High => [(1.0 + cos) / 2.0, -(1.0 + cos), (1.0 + cos) / 2.0],
            Pass::Band => [alpha, 0.0, -alpha],
        };
        let a0 = 1.0 + alpha;
        (numerator.map(|b| b / a0), [-2.0 * cos, 1.0 - alpha].map(|a| a / a0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::sine;

    /// What becomes of a tone, in dB, once the filter has settled.
    fn gain_db(pass: Pass, corner: f32, tone: f64) -> f64 {
        let before = sine(tone, 16_000, 16_000);
        let mut after = before.clone();
        Filter { pass, hertz: corner }.apply(&mut after, 16_000);
        let power = |sound: &[f32]| sound[4_000..].iter().map(|s| f64::from(s * s)).sum::<f64>();
        10.0 * (power(&after) / power(&before)).log10()
    }

    #[test]
    fn tones_pass_or_do_not() {
        for (pass, tone, expected) in [
            (Pass::Low, 100.0, 0.0),
            (Pass::Low, 1_000.0, -3.0),
            (Pass::Low, 4_000.0, -27.6),
            (Pass::High, 6_000.0, 0.0),
            (Pass::High, 1_000.0, -3.0),
            (Pass::High, 250.0, -24.3),
            (Pass::Band, 1_000.0, 0.0),
            (Pass::Band, 250.0, -8.8),
        ] {
            let found = gain_db(pass, 1_000.0, tone);
            assert!((found - expected).abs() < 0.5, "{pass:?} {tone} Hz: {found} dB");
        }
    }

    #[test]
    fn any_corner_is_stable() {
        for pass in [Pass::Low, Pass::High, Pass::Band] {
            for hertz in [1.0, 3_999.0, 4_000.0, 1e9] {
                let mut sound = sine(440.0, 8_000, 8_000);
                Filter { pass, hertz }.apply(&mut sound, 8_000);
                assert!(sound.iter().all(|s| s.abs() <= 1.0), "{pass:?} at {hertz} Hz");
            }
        }
    }
}
