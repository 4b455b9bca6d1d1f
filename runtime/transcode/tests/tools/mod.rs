//! Sounds and pictures, and the tools of others. One that is not installed is said to be, and skipped.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::f64::consts::TAU;
use std::io::{ErrorKind, Write};
use std::process::Command;

/// What a tool says on both outputs; `None` if it is not installed.
///
/// # Panics
/// If it fails.
pub fn run(tool: &str, arguments: &[&str]) -> Option<String> {
    let output = match Command::new(tool).args(arguments).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            skip(&format!("{tool} is not installed"));
            return None;
        }
        output => output.unwrap(),
    };
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{tool} {}: {said}", arguments.join(" "));
    Some(said)
}

/// Says that a test, or a part of it, did not run. Past the test harness, which would swallow it.
pub fn skip(reason: &str) {
    let _ = writeln!(std::io::stderr(), "\nSKIPPED: {reason}");
}

/// Rising tones, a little apart in the second channel.
pub fn sound(sample_rate: u32, channels: u8, seconds: f64) -> Vec<f32> {
    let length = (seconds * f64::from(sample_rate)).round() as usize;
    let moments = (0..length).map(|i| i as f64 / f64::from(sample_rate));
    let tone = |t: f64, hertz: f64| 0.3 * (TAU * hertz * t).sin() + 0.2 * (TAU * (200.0 + 500.0 * t) * t).sin();
    moments.flat_map(|t| (0..channels).map(move |channel| tone(t, 440.0 + 30.0 * f64::from(channel)) as f32)).collect()
}

/// Smooth waves, different in each of a pixel's samples.
pub fn picture(width: u16, height: u16, samples: usize) -> Vec<u8> {
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (f64::from(x), f64::from(y))));
    let waves = [(0.11, 0.05), (0.03, 0.09), (0.07, 0.06)];
    pixels
        .flat_map(|(x, y)| waves.map(|(a, b)| (128.0 + 100.0 * (x * a + y * b).sin()) as u8).into_iter().take(samples))
        .collect()
}
