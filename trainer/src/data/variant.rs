//! Variants of a sound: the same as another microphone and another moment would have it.
//!
//! Variant 0 is the clip as it is. The others are drawn from a generator seeded with SHA-256 of (seed, clip id, variant
//! index), so that a variant depends on nothing but these three and the options: first what is done to the sound or picture,
//! then how it is encoded. Every quantity is drawn whether it is switched on or not: switching one off leaves the others as
//! they were. Sounds may instead have one operation each: see [`super::trivial`].

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::trivial::{self, Shape, Trivial};

/// Range of the gain in dB. What goes beyond [-1, 1] is clipped, as a microphone clips it.
const GAIN_DB: std::ops::RangeInclusive<f32> = -8.0..=6.0;
/// Range of the speed; pitch changes with it.
const SPEED: std::ops::RangeInclusive<f32> = 0.9..=1.1;
/// Longest silence put in front, in ms: the borders of the frames then fall anywhere (a frame has 36 ms at 16 kHz).
pub(super) const MAX_SHIFT_MS: u32 = 150;
/// Range of the base-10 logarithm of the noise's standard deviation.
const NOISE_LOG10: std::ops::RangeInclusive<f32> = -4.5..=-2.5;

/// What differs between the variants of a clip. By default all, but nothing that only [`Trivial`] has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Augment {
    /// Gain of -8 to +6 dB; contrast of a picture.
    pub gain: bool,
    /// 0 to 150 ms of silence in front; a picture moved by up to 2 pixels.
    pub shift: bool,
    /// Speed of 0.9 to 1.1; size and turn of a picture.
    pub speed: bool,
    /// White noise of standard deviation 10^-4.5 to 10^-2.5; up to 4 of 255 on a picture.
    pub noise: bool,
    /// Bit rate or quality out of those of [`super::CodecOptions`], and how hard the encoder tries.
    pub bitrate: bool,
    /// Each variant of a sound has one of gain, speed, noise and these, instead of the three together. Pictures have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trivial: Option<Trivial>,
}

impl Augment {
    /// Every variant is the clip as it is.
    pub const NONE: Augment =
        Augment { gain: false, shift: false, speed: false, noise: false, bitrate: false, trivial: None };
    /// Everything varies, each on its own.
    pub const ALL: Augment =
        Augment { gain: true, shift: true, speed: true, noise: true, bitrate: true, trivial: None };
}

impl Default for Augment {
    fn default() -> Self {
        Augment::ALL
    }
}

/// What is done to the samples of one variant of one clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// Gain in dB.
    pub gain_db: f32,
    /// Speed; 1.1 makes the clip shorter and higher.
    pub speed: f32,
    /// Zero samples in front, at the codec's sample rate.
    pub shift_samples: usize,
    /// Standard deviation of the noise; 0 for none.
    pub noise: f32,
    /// Where the noise starts from.
    pub noise_seed: u64,
    /// What else is done to the sound.
    pub shape: Option<Shape>,
}

/// Where variant `index` of the clip `id` draws from; `None` for variant 0.
pub fn generator(seed: u64, id: &str, index: u32) -> Option<ChaCha8Rng> {
    (index > 0).then(|| ChaCha8Rng::from_seed(derive_seed(seed, id, index)))
}

impl Variant {
    /// The clip as it is.
    pub const PLAIN: Variant =
        Variant { gain_db: 0.0, speed: 1.0, shift_samples: 0, noise: 0.0, noise_seed: 0, shape: None };

    /// Draws one, for samples at this rate in Hz; without a generator it is the clip as it is.
    pub fn draw(random: Option<&mut ChaCha8Rng>, sample_rate: u32, augment: Augment) -> Self {
        let Some(random) = random else { return Self::PLAIN };
        if let Some(trivial) = augment.trivial {
            return trivial::draw(random, sample_rate, augment, trivial);
        }
        let gain_db = random.random_range(GAIN_DB);
        let speed = random.random_range(SPEED);
        let shift = random.random_range(0..=sample_rate * MAX_SHIFT_MS / 1_000);
        let noise = 10f32.powf(random.random_range(NOISE_LOG10));
        let noise_seed = random.random();
        Variant {
            gain_db: if augment.gain { gain_db } else { 0.0 },
            speed: if augment.speed { speed } else { 1.0 },
            shift_samples: if augment.shift { shift as usize } else { 0 },
            noise: if augment.noise { noise } else { 0.0 },
            noise_seed,
            shape: None,
        }
    }

    pub(super) fn shaped(self, shape: Shape) -> Self {
        Variant { shape: Some(shape), ..self }
    }

    /// The clip's mono `samples`, at the codec's rate in Hz, as this variant has them: speed, shape, gain, silence in
    /// front, noise, in this order. The result is in [-1, 1].
    pub fn apply(&self, samples: &[f32], sample_rate: u32) -> Vec<f32> {
        let gain = 10f32.powf(self.gain_db / 20.0);
        let mut sound: Vec<f32> = change_speed(samples, self.speed).collect();
        if let Some(shape) = self.shape {
            sound = shape.apply(sound, sample_rate);
        }
        let mut out = vec![0.0; self.shift_samples];
        out.extend(sound.into_iter().map(|sample| (sample * gain).clamp(-1.0, 1.0)));
        if self.noise > 0.0 {
            let mut rng = ChaCha8Rng::seed_from_u64(self.noise_seed);
            for sample in &mut out {
                *sample = (*sample + self.noise * bell(&mut rng)).clamp(-1.0, 1.0);
            }
        }
        out
    }
}

fn derive_seed(seed: u64, id: &str, index: u32) -> [u8; 32] {
    let hash = Sha256::new().chain_update(b"tempest variant").chain_update(seed.to_le_bytes());
    hash.chain_update(index.to_le_bytes()).chain_update(id).finalize().into()
}

/// `samples` read at `speed` with linear interpolation: round(n / speed) of them.
pub(super) fn change_speed(samples: &[f32], speed: f32) -> impl Iterator<Item = f32> {
    let speed = f64::from(speed);
    let length = (samples.len() as f64 / speed).round() as usize;
    let last = samples.len().saturating_sub(1);
    (0..length).map(move |i| {
        let at = i as f64 * speed;
        let (left, fraction) = (at as usize, at.fract() as f32);
        let (a, b) = (samples[left.min(last)], samples[(left + 1).min(last)]);
        a + (b - a) * fraction
    })
}

/// A sum of four uniform numbers, scaled to mean 0 and variance 1: close to normal, and the same on every machine, as
/// no library function is called.
pub(super) fn bell(rng: &mut ChaCha8Rng) -> f32 {
    let sum: f32 = (0..4).map(|_| rng.random_range(-1.0..1.0f32)).sum();
    // A uniform number in [-1, 1) has variance 1/3.
    sum * (3.0f32 / 4.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::codec::{Mp3Options, Reservoir};
    use crate::data::encode::{EncodeParams, RateMode};
    use crate::data::testing::sine;

    fn draw(id: &str, index: u32, augment: Augment) -> Variant {
        Variant::draw(generator(7, id, index).as_mut(), 16_000, augment)
    }

    fn encode(options: &Mp3Options, index: u32, augment: Augment) -> EncodeParams {
        let mut random = generator(7, "a.wav", index);
        let _ = Variant::draw(random.as_mut(), 16_000, augment);
        options.draw(random.as_mut(), augment.bitrate)
    }

    #[test]
    fn variant_zero_is_the_clip() {
        let sound = sine(440.0, 16_000, 1_000);
        assert_eq!(draw("a.wav", 0, Augment::ALL).apply(&sound, 16_000), sound);
        let expected =
            EncodeParams { sample_rate: 16_000, mode: RateMode::Cbr, bitrate_kbps: 32, reservoir: false, quality: 3 };
        assert_eq!(encode(&Mp3Options::default(), 0, Augment::ALL), expected);
    }

    #[test]
    fn a_variant_depends_on_seed_id_and_index_only() {
        let sound = sine(440.0, 16_000, 1_000);
        let variant = draw("a.wav", 3, Augment::ALL);
        assert_eq!(variant, draw("a.wav", 3, Augment::ALL));
        assert_eq!(variant.apply(&sound, 16_000), variant.apply(&sound, 16_000));
        assert_ne!(variant, draw("b.wav", 3, Augment::ALL));
        assert_ne!(variant, draw("a.wav", 4, Augment::ALL));
        assert_ne!(variant, Variant::draw(generator(8, "a.wav", 3).as_mut(), 16_000, Augment::ALL));
    }

    #[test]
    fn quantities_stay_in_their_ranges_and_fill_them() {
        let variants: Vec<Variant> = (1..2_000).map(|i| draw("a.wav", i, Augment::ALL)).collect();
        let span = |f: &dyn Fn(&Variant) -> f32| {
            let values = variants.iter().map(f);
            (values.clone().fold(f32::INFINITY, f32::min), values.fold(f32::NEG_INFINITY, f32::max))
        };
        let near = |(low, high): (f32, f32), a: f32, b: f32| {
            let edge = (b - a) * 0.02;
            assert!(low >= a && low < a + edge && high <= b && high > b - edge, "{low}..{high} in {a}..{b}");
        };
        near(span(&|v| v.gain_db), -8.0, 6.0);
        near(span(&|v| v.speed), 0.9, 1.1);
        near(span(&|v| v.shift_samples as f32), 0.0, 2_400.0);
        near(span(&|v| v.noise.log10()), -4.501, -2.499);
        let options = Mp3Options::default();
        let encoded: Vec<EncodeParams> = (1..2_000).map(|i| encode(&options, i, Augment::ALL)).collect();
        for kbps in [24, 32, 40] {
            let share = encoded.iter().filter(|params| params.bitrate_kbps == kbps).count();
            assert!((560..780).contains(&share), "{kbps}: {share}");
        }
        assert!([2, 3, 5, 7].iter().all(|q| encoded.iter().any(|params| params.quality == *q)));
        assert!(encoded.iter().all(|params| !params.reservoir));
    }

    #[test]
    fn switching_one_quantity_off_leaves_the_others() {
        let all = draw("a.wav", 1, Augment::ALL);
        let without = draw("a.wav", 1, Augment { gain: false, ..Augment::ALL });
        assert_eq!(without, Variant { gain_db: 0.0, ..all });
        let none = draw("a.wav", 1, Augment::NONE);
        let sound = sine(440.0, 16_000, 500);
        assert_eq!(none.apply(&sound, 16_000), sound);
        let options = Mp3Options::default();
        assert_eq!(encode(&options, 1, Augment::NONE), encode(&options, 0, Augment::NONE));
    }

    #[test]
    fn mixed_reservoirs_spare_variant_zero() {
        let options = Mp3Options { reservoir: Reservoir::Mixed, ..Default::default() };
        let uses = |index| encode(&options, index, Augment::ALL).reservoir;
        assert!(!uses(0));
        let share = (1..1_000).filter(|i| uses(*i)).count();
        assert!((400..600).contains(&share), "{share}");
    }

    #[test]
    fn operations_do_what_they_say() {
        let plain = draw("a.wav", 0, Augment::NONE);
        let ramp: Vec<f32> = (0..100).map(|i| i as f32 / 100.0).collect();
        let fast = Variant { speed: 1.1, ..plain.clone() }.apply(&ramp, 16_000);
        assert_eq!(fast.len(), 91);
        assert!((fast[50] - 0.55).abs() < 1e-4);
        let loud = Variant { gain_db: 6.0, ..plain.clone() }.apply(&ramp, 16_000);
        assert!((loud[10] - 0.1995).abs() < 1e-3 && loud[99] == 1.0);
        let late = Variant { shift_samples: 5, ..plain.clone() }.apply(&ramp, 16_000);
        assert_eq!((late.len(), late[4], late[15]), (105, 0.0, 0.1));
        let noisy = Variant { noise: 0.01, ..plain.clone() }.apply(&vec![0.0; 20_000], 16_000);
        let deviation = (noisy.iter().map(|s| s * s).sum::<f32>() / 20_000.0).sqrt();
        assert!((deviation - 0.01).abs() < 3e-4, "{deviation}");
        assert!(Variant { speed: 0.9, ..plain }.apply(&[], 16_000).is_empty());
    }
}
