//! One operation of random strength for each variant, after TrivialAugment (Müller and Hutter, ICCV 2021), as the paper
//! has it. Alone, an operation may be stronger than where all are joined.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::filter::{Filter, Pass};
use super::pitch::change_pitch;
use super::variant::{Augment, MAX_SHIFT_MS, Variant};

/// Gain in dB.
const GAIN_DB: [f32; 2] = [-18.0, 6.0];
/// Speed; pitch changes with it.
const SPEED: [f32; 2] = [0.8, 1.25];
/// Pitch in semitones; the length stays.
const SEMITONES: [f32; 2] = [-3.0, 3.0];
/// Base-10 logarithm of the noise's standard deviation.
const NOISE_LOG10: [f32; 2] = [-4.5, -2.0];
/// Corner of a filter in Hz, low-pass, high-pass, band-pass.
const CORNER_HZ: [(Pass, [f32; 2]); 3] =
    [(Pass::Low, [1_000.0, 7_000.0]), (Pass::High, [50.0, 1_000.0]), (Pass::Band, [300.0, 3_000.0])];
/// Largest share of the clip that is silenced.
const MAX_MASK: f32 = 0.25;

/// The operations that only this policy has. Gain, speed and noise are those of [`Augment`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trivial {
    /// Pitch of -3 to +3 semitones at the same length.
    pub pitch: bool,
    /// A low-pass (1 to 7 kHz), high-pass (50 Hz to 1 kHz) or band-pass filter (300 Hz to 3 kHz).
    pub filter: bool,
    /// Up to a quarter of the clip silenced.
    pub mask: bool,
}

impl Trivial {
    /// All of them.
    pub const ALL: Trivial = Trivial { pitch: true, filter: true, mask: true };
}

/// What is done to a sound besides gain, speed and noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// Its pitch is changed by so many semitones.
    Pitch(f32),
    /// It is filtered.
    Filter(Filter),
    /// A part of it is silenced.
    Mask {
        /// Where the part begins, as a share of where it may begin.
        place: f32,
        /// Its length, as a share of the clip.
        share: f32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Gain,
    Speed,
    Pitch,
    Noise,
    Filter,
    Mask,
}

impl Op {
    const ALL: [Op; 6] = [Op::Gain, Op::Speed, Op::Pitch, Op::Noise, Op::Filter, Op::Mask];

    fn is_on(self, augment: Augment, trivial: Trivial) -> bool {
        match self {
            Op::Gain => augment.gain,
            Op::Speed => augment.speed,
            Op::Pitch => trivial.pitch,
            Op::Noise => augment.noise,
            Op::Filter => trivial.filter,
            Op::Mask => trivial.mask,
        }
    }

    /// `variant` with this done to it; `strength` and `place` are in [0, 1).
    fn done(self, variant: Variant, strength: f32, place: f32) -> Variant {
        match self {
            Op::Gain => Variant { gain_db: between(GAIN_DB, strength), ..variant },
            Op::Speed => Variant { speed: geometric(SPEED, strength), ..variant },
            Op::Noise => Variant { noise: 10f32.powf(between(NOISE_LOG10, strength)), ..variant },
            Op::Pitch => variant.shaped(Shape::Pitch(between(SEMITONES, strength))),
            Op::Mask => variant.shaped(Shape::Mask { place, share: strength * MAX_MASK }),
            Op::Filter => {
                let (pass, corners) = CORNER_HZ[(place * CORNER_HZ.len() as f32) as usize % CORNER_HZ.len()];
                variant.shaped(Shape::Filter(Filter { pass, hertz: geometric(corners, strength) }))
            }
        }
    }
}

/// Draws the variant: its shift, and the first operation of a random order that is switched on. So switching one off
/// leaves the variants of the others as they were.
pub(super) fn draw(random: &mut ChaCha8Rng, sample_rate: u32, augment: Augment, trivial: Trivial) -> Variant {
    let shift = random.random_range(0..=sample_rate * MAX_SHIFT_MS / 1_000);
    let mut order = Op::ALL;
    order.shuffle(random);
    let (strength, place) = (random.random(), random.random());
    let shift_samples = if augment.shift { shift as usize } else { 0 };
    let variant = Variant { shift_samples, noise_seed: random.random(), ..Variant::PLAIN };
    match order.into_iter().find(|op| op.is_on(augment, trivial)) {
        Some(op) => op.done(variant, strength, place),
        None => variant,
    }
}

impl Shape {
    pub(super) fn apply(self, mut samples: Vec<f32>, sample_rate: u32) -> Vec<f32> {
        match self {
            Shape::Pitch(semitones) => return change_pitch(&samples, semitones, sample_rate),
            Shape::Filter(filter) => filter.apply(&mut samples, sample_rate),
            Shape::Mask { place, share } => {
                let length = (samples.len() as f32 * share) as usize;
                let start = ((samples.len() - length) as f32 * place) as usize;
                samples[start..][..length].fill(0.0);
            }
        }
        samples
    }
}

fn between([low, high]: [f32; 2], at: f32) -> f32 {
    low + (high - low) * at
}

/// Between, by factors: the middle of 1 and 100 is 10.
fn geometric([low, high]: [f32; 2], at: f32) -> f32 {
    low * (high / low).powf(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::sine;
    use crate::data::variant::generator;

    const TRIVIAL: Augment = Augment { trivial: Some(Trivial::ALL), ..Augment::ALL };

    fn variant(index: u32, augment: Augment) -> Variant {
        Variant::draw(generator(7, "a.wav", index).as_mut(), 16_000, augment)
    }

    /// Which operations a variant has, by name.
    fn ops(variant: &Variant) -> Vec<&'static str> {
        let shape = match variant.shape {
            Some(Shape::Pitch(_)) => Some("pitch"),
            Some(Shape::Filter(_)) => Some("filter"),
            Some(Shape::Mask { .. }) => Some("mask"),
            None => None,
        };
        let plain = Variant::PLAIN;
        let gain = (variant.gain_db != plain.gain_db).then_some("gain");
        let speed = (variant.speed != plain.speed).then_some("speed");
        let noise = (variant.noise != plain.noise).then_some("noise");
        [shape, gain, speed, noise].into_iter().flatten().collect()
    }

    #[test]
    fn each_variant_has_one_operation_and_all_occur_alike() {
        let found: Vec<_> = (1..3_000).map(|index| ops(&variant(index, TRIVIAL))).collect();
        assert!(found.iter().all(|ops| ops.len() == 1));
        for name in ["gain", "speed", "pitch", "noise", "filter", "mask"] {
            let count = found.iter().filter(|ops| ops[0] == name).count();
            assert!((400..600).contains(&count), "{name}: {count}");
        }
        let shifts: Vec<usize> = (1..3_000).map(|index| variant(index, TRIVIAL).shift_samples).collect();
        assert!(shifts.iter().any(|&shift| shift < 30) && shifts.iter().any(|&shift| shift > 2_370));
        assert_eq!(ops(&variant(0, TRIVIAL)), [""; 0]);
    }

    #[test]
    fn what_is_left_out_does_not_occur_and_the_rest_stays() {
        let without = Augment { trivial: Some(Trivial { mask: false, ..Trivial::ALL }), gain: false, ..TRIVIAL };
        for index in 1..500 {
            let (all, some) = (variant(index, TRIVIAL), variant(index, without));
            if matches!(ops(&all)[0], "mask" | "gain") {
                assert!(!matches!(ops(&some)[0], "mask" | "gain"));
            } else {
                assert_eq!(some, all);
            }
        }
        let none = Trivial { pitch: false, filter: false, mask: false };
        let none = variant(1, Augment { trivial: Some(none), ..Augment::NONE });
        assert_eq!((ops(&none), none.shift_samples), (vec![], 0));
    }

    #[test]
    fn every_variant_of_every_length_is_a_sound() {
        for index in 1..60 {
            for length in [0, 1, 700, 5_000] {
                let out = variant(index, TRIVIAL).apply(&sine(440.0, 16_000, length), 16_000);
                assert!(out.iter().all(|sample| sample.abs() <= 1.0), "{index}");
                assert!(length < 5_000 || out.len() >= 4_000, "{index}: {}", out.len());
            }
        }
    }

    #[test]
    fn a_mask_silences_its_part() {
        let masked = Shape::Mask { place: 0.5, share: 0.25 }.apply(vec![0.5; 1_000], 16_000);
        let silent: Vec<usize> = (0..1_000).filter(|&i| masked[i] == 0.0).collect();
        assert_eq!((silent.len(), silent[0], silent[249]), (250, 375, 624));
    }
}
