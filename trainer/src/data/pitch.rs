//! Another pitch at the same length: the speed is changed, and the time taken back.

use std::f64::consts::TAU;

use super::variant::change_speed;

/// Pieces that a sound is put together from, in ms: some periods of a voice.
const PIECE_MS: u32 = 32;
/// How far a piece may be taken from its place, in ms either way: a period of a low voice.
const REACH_MS: u32 = 8;

/// `samples` with their pitch changed by so many semitones; as many as they were.
pub(super) fn change_pitch(samples: &[f32], semitones: f32, sample_rate: u32) -> Vec<f32> {
    let faster: Vec<f32> = change_speed(samples, 2f32.powf(semitones / 12.0)).collect();
    stretch(&faster, samples.len(), sample_rate)
}

/// The sound with `length` samples and the pitch it has, by waveform similarity overlap-add (Verhelst and Roelands,
/// ICASSP 1993): pieces that overlap by half, each taken near its place, where it most resembles what followed
/// the piece before.
fn stretch(samples: &[f32], length: usize, sample_rate: u32) -> Vec<f32> {
    let hop = (sample_rate * PIECE_MS / 2_000).max(1) as usize;
    let reach = (sample_rate * REACH_MS / 1_000) as usize;
    // Silence around the sound holds all that a piece or its neighbours may reach for.
    let margin = 3 * hop + reach;
    let mut sound = vec![0.0; samples.len() + 2 * margin];
    sound[margin..][..samples.len()].copy_from_slice(samples);
    let window: Vec<f32> =
        (0..2 * hop).map(|i| (0.5 - 0.5 * (TAU * i as f64 / (2 * hop) as f64).cos()) as f32).collect();
    let ratio = samples.len() as f64 / length.max(1) as f64;
    // The first piece begins before the sound, so that its second half is faded in over nothing.
    let mut out = vec![0.0; length + 3 * hop];
    let mut piece = margin - hop;
    for start in (0..length + hop).step_by(hop) {
        let place = margin - hop + (start as f64 * ratio) as usize;
        if start > 0 {
            piece = most_alike(&sound, piece + hop, place - reach..=place + reach, hop);
        }
        let taken = sound[piece..].iter().zip(&window).map(|(sample, weight)| sample * weight);
        out[start..].iter_mut().zip(taken).for_each(|(to, sample)| *to += sample);
    }
    out.drain(..hop);
    out.truncate(length);
    out
}

/// Where among `places` the sound is most like that at `next`, over `length` samples.
fn most_alike(sound: &[f32], next: usize, places: std::ops::RangeInclusive<usize>, length: usize) -> usize {
    let wanted = &sound[next.min(sound.len() - length)..][..length];
    let likeness = |&place: &usize| -> f32 { sound[place..].iter().zip(wanted).map(|(a, b)| a * b).sum() };
    let middle = (places.start() + places.end()) / 2;
    let scored = places.map(|place| (likeness(&place), place.abs_diff(middle), place));
    // Of equal ones, as in silence, the nearest to its place.
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    best.map_or(middle, |(_, _, place)| place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::sine;

    /// Frequency by zero crossings, away from the ends.
    fn hertz(sound: &[f32], sample_rate: f64) -> f64 {
        let middle = &sound[sound.len() / 10..sound.len() * 9 / 10];
        let crossings = middle.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
        crossings as f64 * sample_rate / middle.len() as f64
    }

    #[test]
    fn the_pitch_changes_and_the_length_does_not() {
        for rate in [8_000, 16_000, 48_000] {
            let sound = sine(440.0, rate, rate as usize);
            for (semitones, expected) in [(0.0, 440.0), (3.0, 523.25), (-3.0, 370.0), (12.0, 880.0)] {
                let other = change_pitch(&sound, semitones, rate);
                assert_eq!(other.len(), sound.len());
                let found = hertz(&other, f64::from(rate));
                assert!((found / expected - 1.0).abs() < 0.01, "{rate} Hz, {semitones}: {found} Hz");
            }
        }
    }

    #[test]
    fn pieces_join_without_a_dent() {
        let sound = sine(200.0, 16_000, 16_000);
        let power = |sound: &[f32]| sound.iter().map(|s| s * s).sum::<f32>() / sound.len() as f32;
        for semitones in [-2.5, 1.3] {
            let other = change_pitch(&sound, semitones, 16_000);
            for part in other[1_000..15_000].chunks(800) {
                assert!((power(part) / 0.125 - 1.0).abs() < 0.1, "{semitones}: {}", power(part));
            }
        }
    }

    #[test]
    fn nothing_and_next_to_nothing_are_sounds() {
        for length in [0, 1, 2, 100, 600] {
            assert_eq!(change_pitch(&vec![0.1; length], 2.0, 16_000).len(), length);
        }
    }
}
