//! Changes the sample rate of a whole recording.

use rubato::audioadapter_buffers::direct::SequentialSliceOfSlices;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};

/// Shortest FFT block, in input samples. Longer blocks have a steeper anti-aliasing filter; the delay that comes with
/// them is removed, so only the memory grows.
const BLOCK_SAMPLES: usize = 1024;

/// Why samples were not resampled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResampleError {
    /// A rate of zero.
    #[error("cannot resample from {from} Hz to {to} Hz")]
    Rate {
        /// Rate of the input in Hz.
        from: u32,
        /// Rate asked for in Hz.
        to: u32,
    },
    /// The resampler refused. This is a bug.
    #[error("resampling from {from} Hz to {to} Hz failed, this is a bug: {reason}")]
    Internal {
        /// Rate of the input in Hz.
        from: u32,
        /// Rate asked for in Hz.
        to: u32,
        /// What the resampler said.
        reason: String,
    },
}

/// Resamples mono `samples` from `from` Hz to `to` Hz.
///
/// The result has `round(samples.len() * to / from)` samples and is aligned with the input: sample `i` is the sound at
/// second `i / to`. Frequencies above half of the lower rate are removed. Equal rates give a copy.
///
/// # Errors
/// [`ResampleError::Rate`] where a rate is zero.
///
/// ```
/// use tempest_transcode::resample;
/// let second = vec![0.25; 8_000];
/// assert_eq!(resample(&second, 8_000, 16_000)?.len(), 16_000);
/// # Ok::<(), tempest_transcode::ResampleError>(())
/// ```
pub fn resample(samples: &[f32], from: u32, to: u32) -> Result<Vec<f32>, ResampleError> {
    if from == 0 || to == 0 {
        return Err(ResampleError::Rate { from, to });
    }
    if from == to || samples.is_empty() {
        return Ok(samples.to_vec());
    }
    let internal = |reason: String| ResampleError::Internal { from, to, reason };
    let window = WindowFunction::BlackmanHarris2;
    let mut resampler =
        Fft::<f32>::new_custom(from as usize, to as usize, block_len(from, to), 1, 1, window, FixedSync::Input)
            .map_err(|e| internal(e.to_string()))?;
    let channels = [samples];
    let input = SequentialSliceOfSlices::new(&channels, 1, samples.len()).map_err(|e| internal(e.to_string()))?;
    let output = resampler.process_all(&input, samples.len(), None).map_err(|e| internal(e.to_string()))?;
    let mut output = output.take_data();
    // `process_all` rounds the length up; the contract here is the nearest.
    output.resize(resampled_len(samples.len(), from, to), 0.0);
    Ok(output)
}

/// Length of an FFT block in input samples: the first even multiple of the ratio's period from [`BLOCK_SAMPLES`] on.
/// The delay is half a block; an odd one would leave the result half a sample off.
fn block_len(from: u32, to: u32) -> usize {
    let period = (from / gcd(from, to)) as usize;
    BLOCK_SAMPLES.div_ceil(period).next_multiple_of(2) * period
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// `round(length * to / from)`, halves up.
fn resampled_len(length: usize, from: u32, to: u32) -> usize {
    let (length, from, to) = (length as u128, u128::from(from), u128::from(to));
    ((2 * length * to + from) / (2 * from)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sine;

    /// Largest difference away from the ends, where the filter sees silence.
    fn worst(a: &[f32], b: &[f32]) -> f32 {
        let edge = a.len() / 10;
        a.iter().zip(b).skip(edge).take(a.len() - 2 * edge).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_sine_keeps_frequency_amplitude_and_alignment() {
        for (from, to) in
            [(8_000, 16_000), (44_100, 16_000), (48_000, 16_000), (22_050, 16_000), (11_025, 44_100), (7_919, 16_000)]
        {
            let input = sine(440.0, from, from as usize);
            let output = resample(&input, from, to).unwrap();
            assert_eq!(output.len(), to as usize, "{from} -> {to}");
            let expected = sine(440.0, to, output.len());
            assert!(worst(&output, &expected) < 2e-3, "{from} -> {to}: {}", worst(&output, &expected));
        }
    }

    #[test]
    fn frequencies_above_the_new_limit_are_removed() {
        let output = resample(&sine(12_000.0, 48_000, 24_000), 48_000, 16_000).unwrap();
        let silence = vec![0.0; output.len()];
        assert!(worst(&output, &silence) < 1e-3);
    }

    #[test]
    fn length_is_the_nearest_for_short_and_odd_inputs() {
        for length in [1, 2, 3, 7, 441, 442, 1_023] {
            for (from, to) in [(44_100, 16_000), (8_000, 16_000), (16_000, 11_025), (7_919, 16_000)] {
                let expected = (length as f64 * f64::from(to) / f64::from(from)).round() as usize;
                assert_eq!(resample(&vec![0.1; length], from, to).unwrap().len(), expected, "{length} {from} {to}");
            }
        }
    }

    #[test]
    fn equal_rates_copy_and_zero_rates_are_refused() {
        assert_eq!(resample(&[0.1, 0.2], 8_000, 8_000).unwrap(), [0.1, 0.2]);
        assert!(resample(&[], 8_000, 16_000).unwrap().is_empty());
        assert!(matches!(resample(&[0.1], 0, 8_000), Err(ResampleError::Rate { from: 0, to: 8_000 })));
    }
}
