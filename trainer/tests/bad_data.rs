//! What `tempest-train` says of data sets that are not in order. Opus, which every build encodes.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A data set, and the folder of a run.
struct Bench {
    dir: tempfile::TempDir,
}

/// Half a second of a tone, in wav form.
fn wav(hertz: f32, length: usize) -> Vec<u8> {
    let sample = |i: usize| (8_000.0 * (std::f32::consts::TAU * hertz * i as f32 / 16_000.0).sin()) as i16;
    let data: Vec<u8> = (0..length).flat_map(|i| sample(i).to_le_bytes()).collect();
    let mut out = b"RIFF".to_vec();
    out.extend((36 + data.len() as u32).to_le_bytes());
    out.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data");
    out.extend((data.len() as u32).to_le_bytes());
    out.extend(data);
    out
}

impl Bench {
    /// Two classes, four training clips each and one for the test.
    fn new() -> Self {
        let bench = Bench { dir: tempfile::tempdir().unwrap() };
        for (label, hertz) in [("high", 2_000.0), ("low", 300.0)] {
            for index in 0..4 {
                bench.write(&format!("train/{label}/{index}.wav"), &wav(hertz + index as f32, 8_000));
            }
            bench.write(&format!("test/{label}/9.wav"), &wav(hertz + 9.0, 8_000));
        }
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("data").join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn fit(&self, epochs: u32, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tempest-train"));
        let name = |name: &str| self.dir.path().join(name).display().to_string();
        let (data, out, cache) = (name("data"), name("run"), name("cache"));
        command.args(["fit", "--format", "folder", "--data", &data, "--out", &out, "--cache", &cache]);
        command.args(["--codec", "opus", "--view", "fields", "--variants", "1", "--no-recon"]).args(more);
        command.args(["--epochs", &epochs.to_string()]);
        command
    }

    /// Exit code, and the lines on standard error but those of the training.
    fn says(&self, more: &[&str]) -> (i32, Vec<String>) {
        self.ends(self.fit(1, more))
    }

    fn ends(&self, mut command: Command) -> (i32, Vec<String>) {
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap().replace(&self.dir.path().display().to_string(), "DIR");
        let training = |line: &&str| !line.starts_with("epoch ") && !line.contains(" classes, ");
        (output.status.code().unwrap(), text.lines().filter(training).map(str::to_owned).collect())
    }
}

fn refused(bench: &Bench, more: &[&str], expected: &str) {
    let (code, lines) = bench.says(more);
    assert_eq!((code, lines), (2, vec![format!("tempest-train: {expected}")]));
}

#[test]
fn recordings_that_cannot_be_read_are_named_and_counted_or_fatal() {
    let bench = Bench::new();
    let whole = wav(300.0, 8_000);
    bench.write("train/high/cut.wav", &whole[..9_001]);
    bench.write("train/low/empty.wav", b"");
    bench.write("train/low/letter.flac", b"no sound at all");
    bench.write("train/low/silent.wav", &wav(300.0, 0));
    // Short, but a sound.
    bench.write("train/low/click.wav", &wav(300.0, 1));
    let (code, lines) = bench.says(&[]);
    assert_eq!(code, 0, "{lines:?}");
    let skipped: Vec<&str> = lines.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        skipped,
        [
            "skipped train/high/cut.wav",
            "skipped train/low/empty.wav",
            "skipped train/low/letter.flac",
            "skipped train/low/silent.wav",
            "4 of 13 recordings skipped (--strict stops at the first)"
        ]
    );
    std::fs::remove_dir_all(bench.dir.path().join("run")).unwrap();
    let (code, lines) = bench.says(&["--strict"]);
    assert_eq!((code, lines.len()), (2, 1), "{lines:?}");
    assert!(lines[0].starts_with("tempest-train: DIR/data/train/high/cut.wav: "), "{lines:?}");
}

#[test]
fn classes_that_cannot_be_learnt_are_named() {
    let bench = Bench::new();
    bench.write("test/middle/1.wav", &wav(900.0, 8_000));
    refused(&bench, &[], "label 'middle' has no training clip (1 for test, 0 for validation): it cannot be learnt");
    std::fs::remove_dir_all(bench.path("test/middle")).unwrap();
    std::fs::create_dir(bench.path("train/none")).unwrap();
    refused(&bench, &[], "DIR/data/train/none: the folder of class 'none' holds no audio (wav, flac, ogg, mp3)");
}

#[test]
fn classes_of_very_different_sizes_are_said() {
    let bench = Bench::new();
    for index in 4..40 {
        bench.write(&format!("train/low/{index}.wav"), &wav(300.0, 1_000));
    }
    let (code, lines) = bench.says(&[]);
    let expected = "unbalanced: 'low' has 40 training clips, 'high' 4; rare classes are learnt badly";
    assert_eq!((code, lines), (0, vec![expected.to_owned()]));
}

#[test]
fn options_that_the_media_lack_are_refused_before_any_work() {
    let bench = Bench::new();
    refused(&bench, &["--unit", "granule"], "--unit granule: Ogg Opus is cut into packet");
    refused(&bench, &["--without", "mask"], "--without mask: only `--augment trivial` has it");
    assert!(!bench.dir.path().join("cache").exists());
}

/// Waits for the first epoch's state, then takes a recording away.
#[cfg(unix)]
#[test]
fn a_data_set_that_changes_during_a_run_is_refused_and_nothing_is_lost() {
    let bench = Bench::new();
    let mut long = bench.fit(100_000, &[]).stderr(Stdio::null()).spawn().unwrap();
    let state = bench.dir.path().join("run/state.safetensors");
    let started = Instant::now();
    while !state.exists() && started.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(50));
    }
    interrupt(long.id());
    assert_eq!(long.wait().unwrap().code(), Some(130));
    let before = std::fs::read(&state).unwrap();
    std::fs::remove_file(bench.path("train/low/3.wav")).unwrap();
    let (code, lines) = bench.ends(bench.fit(100_000, &[]));
    assert_eq!((code, lines.len()), (2, 1), "{lines:?}");
    assert!(lines[0].contains("training_rows_sha256") && lines[0].contains("--out"), "{lines:?}");
    assert_eq!(std::fs::read(&state).unwrap(), before);
}

#[cfg(unix)]
fn interrupt(process: u32) {
    assert!(Command::new("kill").args(["-INT", &process.to_string()]).status().unwrap().success());
}
