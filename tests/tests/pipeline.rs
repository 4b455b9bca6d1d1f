//! The whole product on tones made here: train, compile, classify, compare. Needs the feature `lame`.
#![cfg(feature = "lame")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use serde_json::Value;
use std::path::Path;
use tempest_tests::{engines, run, stdout, tones};

fn json(output: &std::process::Output) -> Value {
    serde_json::from_str(stdout(output).trim()).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn pipeline(view: &str, epochs: &str, floor: f64) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    tones(&path("tones"), 14);
    let (tones, cache, out, mp3) = (path("tones"), path("cache"), path("run"), path("mp3"));
    let data = ["--data", text(&tones), "--format", "folder", "--cache", text(&cache)];

    let fit =
        ["fit", "--out", text(&out), "--view", view, "--epochs", epochs, "--variants", "2", "--batch", "12", "--json"];
    let fitted = json(&run("tempest-train", &[&fit[..], &data].concat()));
    let checkpoint = out.join("model.safetensors");
    assert_eq!(fitted["checkpoint"], text(&checkpoint));

    let evaluated = json(&run("tempest-train", &[&["eval", text(&checkpoint), "--json"], &data[..]].concat()));
    let accuracy = evaluated["accuracy"].as_f64().unwrap();
    assert!(accuracy >= floor, "{view}: {accuracy} on tones");
    assert_eq!(evaluated["test"], fitted["test"], "fit and eval see the same clips");

    let bundles = [path("bundle"), path("again")];
    for bundle in &bundles {
        let _ = stdout(&run("tempest-compile", &[text(&checkpoint), "-o", text(bundle)]));
    }
    for entry in std::fs::read_dir(&bundles[0]).unwrap() {
        let name = entry.unwrap().file_name();
        let bytes = |bundle: &Path| std::fs::read(bundle.join(&name)).unwrap();
        assert!(bytes(&bundles[0]) == bytes(&bundles[1]), "{name:?} differs between two compilations");
    }

    let _ = stdout(&run("tempest-train", &[&["encode", "--out", text(&mp3)], &data[..]].concat()));
    let mut answers = Vec::new();
    for engine in engines() {
        let args = ["classify", "--json", "--score", "--engine", engine.name(), "-m", text(&bundles[0]), text(&mp3)];
        let lines: Vec<Value> =
            stdout(&run("tempest", &args)).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (score, files) = lines.split_last().unwrap();
        assert_eq!(score["files"], evaluated["test"]["clips"]);
        assert_eq!(score["correct"], evaluated["test"]["correct"], "{}: classify and eval disagree", engine.name());
        answers.push(files.iter().map(|line| line["probability"].as_f64().unwrap()).collect::<Vec<_>>());
    }
    for other in &answers[1..] {
        let worst = answers[0].iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-4, "engines differ by {worst}");
    }
}

#[test]
fn tones_through_the_whole_chain_fields() {
    pipeline("fields", "12", 0.9);
}

#[test]
fn tones_through_the_whole_chain_scalefactors() {
    pipeline("scalefactors", "6", 0.5);
}

#[test]
fn tones_through_the_whole_chain_symbols() {
    pipeline("symbols", "12", 0.95);
}

#[test]
fn tones_through_the_whole_chain_bytes() {
    // Bytes hide what they say; a few epochs need only be learnable and go through the same chain.
    pipeline("bytes", "2", 0.0);
}
