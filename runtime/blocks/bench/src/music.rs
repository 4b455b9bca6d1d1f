//! Sound that codes like music: plucked strings over a bed of noise.

use crate::photo::Random;

/// Interleaved samples of so many seconds. Each second brings six new strings; every channel hears them at a loudness
/// of its own and has its own noise.
pub fn music(seconds: u32, rate: u32, channels: usize) -> Vec<i16> {
    let mut random = Random(7);
    let frames = (seconds * rate) as usize;
    let mut sound = vec![0.0_f32; frames * channels];
    for _ in 0..6 * seconds {
        pluck(&mut sound, rate, channels, &mut random);
    }
    let mut hum = vec![0.0_f32; channels];
    let samples = sound.into_iter().enumerate().map(|(at, strings)| {
        // White noise, and the same without its highs.
        let white = random.unit() - 0.5;
        let hum = &mut hum[at % channels];
        *hum += 0.02 * (white - *hum);
        ((strings + 0.02 * white + 0.4 * *hum) * 32_767.0) as i16
    });
    samples.collect()
}

/// A string: Karplus and Strong's, a burst of noise that goes round and loses its highs.
fn pluck(sound: &mut [f32], rate: u32, channels: usize, random: &mut Random) {
    let pitch = 55.0 * (random.unit() * 5.0).exp2();
    let period = (rate as f32 / pitch) as usize;
    let mut string: Vec<f32> = (0..period).map(|_| random.unit() - 0.5).collect();
    let loudness: Vec<f32> = (0..channels).map(|_| 0.05 + 0.25 * random.unit()).collect();
    let start = (random.unit() * (sound.len() / channels) as f32) as usize;
    let frames = sound.chunks_exact_mut(channels).skip(start).take(2 * rate as usize);
    for (at, frame) in frames.enumerate() {
        let (here, next) = (string[at % period], string[(at + 1) % period]);
        frame.iter_mut().zip(&loudness).for_each(|(to, loudness)| *to += loudness * here);
        string[at % period] = 0.499 * (here + next);
    }
}
