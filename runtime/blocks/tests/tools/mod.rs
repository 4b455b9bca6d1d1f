//! Runs encoders on synthesised sound and pictures. A tool that is not installed is said to be, and skipped.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// What a tool writes to standard output; `None` if it is not installed.
///
/// # Panics
/// If it fails.
pub fn run(tool: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    let output = match Command::new(tool).args(arguments).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            skip(&format!("{tool} is not installed"));
            return None;
        }
        output => output.unwrap(),
    };
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool} {}: {message}", arguments.join(" "));
    Some(output.stdout)
}

/// Says that a test, or a part of it, did not run. Past the test harness, which would swallow it.
pub fn skip(reason: &str) {
    let _ = writeln!(std::io::stderr(), "\nSKIPPED: {reason}");
}

/// A folder for files that go with the test.
pub struct Scratch(TempDir);

impl Scratch {
    pub fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> String {
        let path: PathBuf = self.0.path().join(name);
        path.to_str().unwrap().to_owned()
    }

    /// Writes a file and gives its path.
    pub fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

/// What a sound is like.
#[derive(Clone, Copy, Debug)]
pub enum Sound {
    /// Rising tones, alike in both channels but for a little noise.
    Tones,
    /// Bursts out of silence, to make an encoder switch to short blocks.
    Clicks,
    /// A tone in each channel that has nothing to do with the other's.
    Apart,
    /// Vowels, hissing and pauses in turn.
    Voice,
}

/// A WAV file of 16-bit samples.
pub fn wav(sound: Sound, rate: u32, channels: u16, seconds: f64) -> Vec<u8> {
    let frames = (seconds * f64::from(rate)) as u32;
    let mut noise = Noise(1);
    let samples = (0..frames).flat_map(|frame| {
        let seconds = f64::from(frame) / f64::from(rate);
        let values = [0, 1].map(|channel| sample(sound, channel, seconds, noise.next()));
        (0..channels).map(move |channel| (values[usize::from(channel)] * 20_000.0) as i16)
    });
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let format = [1, channels].map(u16::to_le_bytes).concat();
    let rates = [rate, rate * u32::from(channels) * 2].map(u32::to_le_bytes).concat();
    let widths = [channels * 2, 16].map(u16::to_le_bytes).concat();
    let sizes = [36 + data.len() as u32, 16, data.len() as u32].map(u32::to_le_bytes);
    [b"RIFF", &sizes[0][..], b"WAVEfmt ", &sizes[1], &format, &rates, &widths, b"data", &sizes[2], &data].concat()
}

fn sample(sound: Sound, channel: u8, seconds: f64, noise: f64) -> f64 {
    let tone = |hz: f64| (std::f64::consts::TAU * hz * seconds).sin();
    match sound {
        Sound::Tones => 0.4 * tone(200.0 + 900.0 * seconds) + 0.2 * tone(1250.0) + 0.02 * noise,
        Sound::Clicks => {
            let since = seconds % 0.09;
            0.9 * noise * (-since * 400.0).exp() + 0.02 * tone(440.0)
        }
        Sound::Apart => 0.6 * tone(if channel == 0 { 330.0 } else { 2100.0 }) + 0.1 * noise,
        Sound::Voice => {
            let turn = (seconds * 4.0) as usize % 6;
            // A pulse of the voice makes each formant ring.
            let since = seconds % (1.0 / [120.0, 105.0, 140.0][turn % 3]);
            let ring = |hz: f64| (-since * 300.0).exp() * (std::f64::consts::TAU * hz * since).sin();
            let [first, second] = [[700.0, 1200.0], [300.0, 2300.0], [400.0, 800.0]][turn % 3];
            match turn {
                3 => 0.2 * noise,
                5 => 0.001 * noise,
                _ => 0.5 * ring(first) + 0.3 * ring(second) + 0.1 * ring(2900.0) + 0.01 * noise,
            }
        }
    }
}

/// Numbers in -1..1 that look random (xorshift64*).
pub struct Noise(pub u64);

impl Noise {
    pub fn next(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// A PPM file of some waves and noise.
pub fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut noise = Noise(1);
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (f64::from(x), f64::from(y))));
    let samples = pixels.flat_map(|(x, y)| {
        let waves = [(0.2, 0.05), (0.03, 0.3), (0.11, 0.13)].map(|(across, down)| (x * across + y * down).sin());
        waves.map(|wave| (128.0 + 90.0 * wave + 30.0 * noise.next()) as u8)
    });
    format!("P6\n{width} {height}\n255\n").into_bytes().into_iter().chain(samples).collect()
}
