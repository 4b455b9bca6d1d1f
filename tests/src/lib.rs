//! What the suites share: the built binaries, engines, media made on the spot.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test should panic")]

use candle_core::Device;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempest_contract::{
    Answers, Codec, Contract, FORMAT_VERSION, Mp3, RateMode, Reservoir, Unit, View, ViewKind, Window,
};
use tempest_engine::{Engine, Gpu, OnnxRuntime, Tract, engine};
use tempest_models::{Checkpoint, ModelConfig, initialise, slots};

/// The repository's root.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// A file of the repository.
#[must_use]
pub fn repo(path: &str) -> PathBuf {
    root().join(path)
}

/// A binary of this workspace, built beside the tests by `tests/run`.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent().and_then(Path::parent).unwrap().join(name);
    assert!(path.exists(), "{} is not built; run tests/run", path.display());
    path
}

/// Runs a binary of this workspace to its end.
#[must_use]
pub fn run(name: &str, args: &[&str]) -> Output {
    Command::new(binary(name)).args(args).env_remove("TEMPEST_MODEL").env_remove("TEMPEST_DATA").output().unwrap()
}

/// Standard output of a run that must succeed.
#[must_use]
pub fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Says why a test did nothing, past the harness, which would keep it to itself.
pub fn skipped(reason: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "\nSKIPPED: {reason}");
}

/// tract, and ONNX Runtime where its library is; a missing one is said aloud.
#[must_use]
pub fn engines() -> Vec<Box<dyn Engine>> {
    let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(Tract)];
    let onnxruntime = OnnxRuntime::new(None);
    match onnxruntime.check() {
        Ok(_) => engines.push(Box::new(onnxruntime)),
        Err(error) => skipped(&format!("onnxruntime: {error}")),
    }
    engines
}

/// ONNX Runtime on a card, by CUDA and by TensorRT: where there is a card and the library has the provider, it must run.
/// What is missing is said aloud.
#[must_use]
pub fn cards() -> Vec<Box<dyn Engine>> {
    let card = Gpu::all().and_then(|cards| cards.into_iter().next().ok_or_else(|| "no card".into()));
    let mut engines: Vec<Box<dyn Engine>> = vec![];
    for engine in ["onnxruntime:cuda", "onnxruntime:tensorrt"].map(|name| engine(name).unwrap()) {
        match (&card, engine.check()) {
            (Ok(_), Ok(_)) => engines.push(engine),
            (Err(reason), _) => skipped(&format!("{}: {reason}", engine.name())),
            (_, Err(error)) => skipped(&error.to_string()),
        }
    }
    engines
}

/// A contract for LAME's 16 kHz mono frames.
#[must_use]
pub fn contract(kind: ViewKind, labels: &[&str]) -> Contract {
    let codec = Codec::Mp3(Mp3 {
        unit: Unit::Frame,
        sample_rate: 16_000,
        channels: 1,
        mode: RateMode::Cbr,
        bitrates_kbps: vec![24, 32, 40],
        reservoir: Reservoir::Off,
        encoder: "none".into(),
    });
    let view = View::of(kind, &codec, 144).unwrap_or_else(|| panic!("no view {kind:?}"));
    Contract {
        format_version: FORMAT_VERSION,
        name: "test".into(),
        labels: labels.iter().map(ToString::to_string).collect(),
        answers: Answers::OneOf,
        codec,
        view,
        window: Window { blocks: 24, hop: 12 },
    }
}

/// A checkpoint of random weights.
#[must_use]
pub fn random_checkpoint(kind: ViewKind, config: ModelConfig, seed: u64) -> Checkpoint {
    let contract = contract(kind, &["yes", "no", "maybe"]);
    let mut slots = slots(&contract, &config).unwrap();
    slots.retain(|_, slot| !slot.decoder);
    let tensors = initialise(&slots, seed, &Device::Cpu).unwrap();
    Checkpoint { contract, config, training: serde_json::json!({}), tensors }
}

/// One frame: MPEG-2 Layer III, 16 kHz, mono, 32 kbit/s, no CRC, 144 bytes; `fill` decides what is in it.
#[must_use]
pub fn frame(fill: u32) -> Vec<u8> {
    let mut state = fill.wrapping_mul(2_654_435_761).wrapping_add(12345);
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let mut frame = vec![0xFF, 0xF3, 0x48, 0xC0];
    // Main data without another sync word, so that only the headers look like headers.
    frame.extend((4..144).map(|_| next() & 0x7F));
    frame
}

/// A stream of `count` frames.
#[must_use]
pub fn stream(count: u32) -> Vec<u8> {
    (0..count).flat_map(frame).collect()
}

/// Mono 16-bit WAV.
#[must_use]
pub fn wav(samples: &[f32], sample_rate: u32) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|x| ((x * 32767.0) as i16).to_le_bytes()).collect();
    let mut wav = Vec::new();
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(36 + data.len() as u32).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt ");
    wav.extend_from_slice(&16u32.to_le_bytes());
    wav.extend_from_slice(&[1, 0, 1, 0]);
    wav.extend_from_slice(&sample_rate.to_le_bytes());
    wav.extend_from_slice(&(2 * sample_rate).to_le_bytes());
    wav.extend_from_slice(&[2, 0, 16, 0]);
    wav.extend_from_slice(b"data");
    wav.extend_from_slice(&(data.len() as u32).to_le_bytes());
    wav.extend(data);
    wav
}

/// Folders `low`, `mid`, `high` of `count` tones each, every fourth below `test/` and the rest below `train/`, 0.4 to 0.8 s long, with vibrato and noise, at 16 kHz.
pub fn tones(dir: &Path, count: usize) {
    for (label, hertz) in [("low", 250.0f32), ("mid", 900.0), ("high", 3000.0)] {
        for clip in 0..count {
            let split = if clip % 4 == 1 { "test" } else { "train" };
            let folder = dir.join(split).join(label);
            std::fs::create_dir_all(&folder).unwrap();
            let length = 6400 + 6400 * clip / count;
            let detune = 1.0 + 0.15 * (clip as f32 / count as f32 - 0.5);
            let mut noise = clip as u32 + 1;
            let sample = |i: usize| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let t = i as f32 / 16_000.0;
                let phase = std::f32::consts::TAU * hertz * detune * t + 0.5 * (30.0 * t).sin();
                0.4 * phase.sin() + 0.02 * (noise as f32 / u32::MAX as f32 - 0.5)
            };
            let samples: Vec<f32> = (0..length).map(sample).collect();
            std::fs::write(folder.join(format!("tone{clip:02}.wav")), wav(&samples, 16_000)).unwrap();
        }
    }
}

/// The four files of MNIST's layout: `count` training pictures of 28 x 28, a third as many for the test, of lying, standing
/// and slanting bars.
pub fn bars(dir: &Path, count: u32) {
    std::fs::create_dir_all(dir).unwrap();
    for (stem, count) in [("train", count), ("t10k", count / 3)] {
        let labels: Vec<u8> = (0..count).map(|i| (i % 3) as u8).collect();
        let pixels: Vec<u8> = (0..count).flat_map(bar).collect();
        let file = |kind: &str| dir.join(format!("{stem}-{kind}-ubyte"));
        std::fs::write(file("labels-idx1"), idx(&[count], &labels)).unwrap();
        std::fs::write(file("images-idx3"), idx(&[count, 28, 28], &pixels)).unwrap();
    }
}

/// One of them, somewhere near the middle.
fn bar(index: u32) -> impl Iterator<Item = u8> {
    let middle = 11 + i64::from(index / 3 % 7);
    (0..28 * 28).map(move |pixel| {
        let (x, y) = (pixel % 28, pixel / 28);
        let away = [y - middle, x - middle, x + y - 2 * middle][index as usize % 3];
        if away.abs() < 2 { 230 } else { 10 }
    })
}

fn idx(lengths: &[u32], bytes: &[u8]) -> Vec<u8> {
    let header = std::iter::once(0x800 + lengths.len() as u32).chain(lengths.iter().copied());
    header.flat_map(u32::to_be_bytes).chain(bytes.iter().copied()).collect()
}
