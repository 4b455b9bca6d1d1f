//! Variants of a clip: the same sound as another microphone, another moment and another encoder would have it.
//!
//! Variant 0 is the clip as it is. The others are drawn from a generator seeded with SHA-256 of (seed, clip id, variant
//! index), so that a variant depends on nothing but these three and the options. Every quantity is drawn whether it is
//! switched on or not: switching one off leaves the others as they were.

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::encode::{EncodeError, EncodeParams};

/// Range of the gain in dB. What goes beyond [-1, 1] is clipped, as a microphone clips it.
const GAIN_DB: std::ops::RangeInclusive<f32> = -8.0..=6.0;
/// Range of the speed; pitch changes with it.
const SPEED: std::ops::RangeInclusive<f32> = 0.9..=1.1;
/// Longest silence put in front, in ms: the borders of the frames then fall anywhere (a frame has 36 ms at 16 kHz).
const MAX_SHIFT_MS: u32 = 150;
/// Range of the base-10 logarithm of the noise's standard deviation.
const NOISE_LOG10: std::ops::RangeInclusive<f32> = -4.5..=-2.5;
/// LAME's `-q` of variant 0: what LAME itself takes where nothing is said.
const DEFAULT_QUALITY: u8 = 3;
/// LAME's `-q` of the other variants. They differ in how the encoder searches, and so in the bytes.
const QUALITIES: [u8; 4] = [2, 3, 5, 7];

/// Whether the frames of the streams may use the bit reservoir.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Reservoir {
    /// Never: each frame stands alone
    #[default]
    Off,
    /// Always
    On,
    /// Off in variant 0, by chance in the others
    Mixed,
}

/// The kind of stream that clips become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodecOptions {
    /// Sample rate in Hz, one of MP3's nine.
    pub sample_rate: u32,
    /// Bit rate of variant 0 in kbit/s.
    pub bitrate_kbps: u32,
    /// Bit rates of the other variants in kbit/s, drawn with equal chance. Empty: that of variant 0.
    pub bitrates_kbps: Vec<u32>,
    /// Use of the bit reservoir.
    pub reservoir: Reservoir,
}

impl Default for CodecOptions {
    /// 16 kHz, 32 kbit/s and for the variants 24, 32 or 40, no reservoir.
    fn default() -> Self {
        let bitrates_kbps = vec![24, 32, 40];
        CodecOptions { sample_rate: 16_000, bitrate_kbps: 32, bitrates_kbps, reservoir: Reservoir::Off }
    }
}

impl CodecOptions {
    /// Checks every bit rate against the sample rate.
    ///
    /// # Errors
    /// The first [`EncodeError`] of [`EncodeParams::validate`].
    pub fn validate(&self) -> Result<(), EncodeError> {
        let mut rates = [self.bitrate_kbps].into_iter().chain(self.bitrates_kbps.iter().copied());
        rates.try_for_each(|kbps| self.params(kbps).validate())
    }

    fn params(&self, bitrate_kbps: u32) -> EncodeParams {
        let reservoir = self.reservoir == Reservoir::On;
        EncodeParams { sample_rate: self.sample_rate, bitrate_kbps, reservoir, quality: DEFAULT_QUALITY }
    }
}

/// What differs between the variants of a clip. All on by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Augment {
    /// Gain of -8 to +6 dB.
    pub gain: bool,
    /// 0 to 150 ms of silence in front.
    pub shift: bool,
    /// Speed of 0.9 to 1.1.
    pub speed: bool,
    /// White noise of standard deviation 10^-4.5 to 10^-2.5.
    pub noise: bool,
    /// Bit rate out of [`CodecOptions::bitrates_kbps`], and LAME's quality out of 2, 3, 5, 7.
    pub bitrate: bool,
}

impl Augment {
    /// Every variant is the clip as it is.
    pub const NONE: Augment = Augment { gain: false, shift: false, speed: false, noise: false, bitrate: false };
    /// Everything varies.
    pub const ALL: Augment = Augment { gain: true, shift: true, speed: true, noise: true, bitrate: true };
}

impl Default for Augment {
    fn default() -> Self {
        Augment::ALL
    }
}

/// One variant of one clip: what is done to its samples, and how they are then encoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// How the result is encoded.
    pub encode: EncodeParams,
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
}

impl Variant {
    /// Variant `index` of the clip `id`.
    pub fn draw(seed: u64, id: &str, index: u32, codec: &CodecOptions, augment: Augment) -> Self {
        let mut encode = codec.params(codec.bitrate_kbps);
        if index == 0 {
            return Variant { encode, gain_db: 0.0, speed: 1.0, shift_samples: 0, noise: 0.0, noise_seed: 0 };
        }
        let mut rng = ChaCha8Rng::from_seed(derive_seed(seed, id, index));
        let gain_db = rng.random_range(GAIN_DB);
        let speed = rng.random_range(SPEED);
        let shift = rng.random_range(0..=codec.sample_rate * MAX_SHIFT_MS / 1_000);
        let noise = 10f32.powf(rng.random_range(NOISE_LOG10));
        let noise_seed = rng.random();
        let (reservoir, quality) = (rng.random(), QUALITIES.choose(&mut rng).copied());
        let kbps = codec.bitrates_kbps.choose(&mut rng).copied();
        if augment.bitrate {
            encode.bitrate_kbps = kbps.unwrap_or(codec.bitrate_kbps);
            encode.quality = quality.unwrap_or(DEFAULT_QUALITY);
        }
        if codec.reservoir == Reservoir::Mixed {
            encode.reservoir = reservoir;
        }
        Variant {
            encode,
            gain_db: if augment.gain { gain_db } else { 0.0 },
            speed: if augment.speed { speed } else { 1.0 },
            shift_samples: if augment.shift { shift as usize } else { 0 },
            noise: if augment.noise { noise } else { 0.0 },
            noise_seed,
        }
    }

    /// The clip's mono `samples`, at the codec's rate, as this variant has them: speed, gain, silence in front, noise,
    /// in this order. The result is in [-1, 1].
    pub fn apply(&self, samples: &[f32]) -> Vec<f32> {
        let gain = 10f32.powf(self.gain_db / 20.0);
        let sound = change_speed(samples, self.speed).map(|sample| (sample * gain).clamp(-1.0, 1.0));
        let mut out = vec![0.0; self.shift_samples];
        out.extend(sound);
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
fn change_speed(samples: &[f32], speed: f32) -> impl Iterator<Item = f32> {
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
fn bell(rng: &mut ChaCha8Rng) -> f32 {
    let sum: f32 = (0..4).map(|_| rng.random_range(-1.0..1.0f32)).sum();
    // A uniform number in [-1, 1) has variance 1/3.
    sum * (3.0f32 / 4.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::sine;

    fn draw(id: &str, index: u32, augment: Augment) -> Variant {
        Variant::draw(7, id, index, &CodecOptions::default(), augment)
    }

    #[test]
    fn variant_zero_is_the_clip() {
        let sound = sine(440.0, 16_000, 1_000);
        let variant = draw("a.wav", 0, Augment::ALL);
        assert_eq!(variant.apply(&sound), sound);
        let expected = EncodeParams { sample_rate: 16_000, bitrate_kbps: 32, reservoir: false, quality: 3 };
        assert_eq!(variant.encode, expected);
    }

    #[test]
    fn a_variant_depends_on_seed_id_and_index_only() {
        let sound = sine(440.0, 16_000, 1_000);
        let variant = draw("a.wav", 3, Augment::ALL);
        assert_eq!(variant, draw("a.wav", 3, Augment::ALL));
        assert_eq!(variant.apply(&sound), variant.apply(&sound));
        assert_ne!(variant, draw("b.wav", 3, Augment::ALL));
        assert_ne!(variant, draw("a.wav", 4, Augment::ALL));
        assert_ne!(variant, Variant::draw(8, "a.wav", 3, &CodecOptions::default(), Augment::ALL));
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
        for kbps in [24, 32, 40] {
            let share = variants.iter().filter(|v| v.encode.bitrate_kbps == kbps).count();
            assert!((560..780).contains(&share), "{kbps}: {share}");
        }
        assert!(QUALITIES.iter().all(|q| variants.iter().any(|v| v.encode.quality == *q)));
        assert!(variants.iter().all(|v| !v.encode.reservoir));
    }

    #[test]
    fn switching_one_quantity_off_leaves_the_others() {
        let all = draw("a.wav", 1, Augment::ALL);
        let without = draw("a.wav", 1, Augment { gain: false, ..Augment::ALL });
        assert_eq!(without, Variant { gain_db: 0.0, ..all });
        let none = draw("a.wav", 1, Augment::NONE);
        let sound = sine(440.0, 16_000, 500);
        assert_eq!((none.apply(&sound), none.encode), (sound, draw("a.wav", 0, Augment::NONE).encode));
    }

    #[test]
    fn mixed_reservoirs_spare_variant_zero() {
        let codec = CodecOptions { reservoir: Reservoir::Mixed, ..Default::default() };
        let uses = |index| Variant::draw(7, "a.wav", index, &codec, Augment::ALL).encode.reservoir;
        assert!(!uses(0));
        let share = (1..1_000).filter(|i| uses(*i)).count();
        assert!((400..600).contains(&share), "{share}");
    }

    #[test]
    fn operations_do_what_they_say() {
        let plain = draw("a.wav", 0, Augment::NONE);
        let ramp: Vec<f32> = (0..100).map(|i| i as f32 / 100.0).collect();
        let fast = Variant { speed: 1.1, ..plain.clone() }.apply(&ramp);
        assert_eq!(fast.len(), 91);
        assert!((fast[50] - 0.55).abs() < 1e-4);
        let loud = Variant { gain_db: 6.0, ..plain.clone() }.apply(&ramp);
        assert!((loud[10] - 0.1995).abs() < 1e-3 && loud[99] == 1.0);
        let late = Variant { shift_samples: 5, ..plain.clone() }.apply(&ramp);
        assert_eq!((late.len(), late[4], late[15]), (105, 0.0, 0.1));
        let noisy = Variant { noise: 0.01, ..plain.clone() }.apply(&vec![0.0; 20_000]);
        let deviation = (noisy.iter().map(|s| s * s).sum::<f32>() / 20_000.0).sqrt();
        assert!((deviation - 0.01).abs() < 3e-4, "{deviation}");
        assert!(Variant { speed: 0.9, ..plain }.apply(&[]).is_empty());
    }
}
