//! The whole product on tones and pictures made here: train, compile, classify, compare. Needs the feature `lame`.
#![cfg(feature = "lame")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use serde_json::Value;
use std::path::Path;
use tempest_tests::{bars, engines, run, stdout, tones};

fn json(output: &std::process::Output) -> Value {
    serde_json::from_str(stdout(output).trim()).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// MP3 of tones.
fn pipeline(view: &str, epochs: &str, floor: f64) {
    chain(|dir| tones(dir, 14), "folder", &[], &["--view", view, "--epochs", epochs], floor);
}

/// `codec` and `training` are options of `fit`; `floor` is the least accuracy.
fn chain(make: impl Fn(&Path), format: &str, codec: &[&str], training: &[&str], floor: f64) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    make(&path("data"));
    let (source, cache, out, encoded) = (path("data"), path("cache"), path("run"), path("encoded"));
    let data = ["--data", text(&source), "--format", format, "--cache", text(&cache)];

    let fit = [&["fit", "--out", text(&out), "--variants", "2", "--batch", "12", "--json"], codec, training].concat();
    let fitted = json(&run("tempest-train", &[&fit[..], &data].concat()));
    let checkpoint = out.join("model.safetensors");
    assert_eq!(fitted["checkpoint"], text(&checkpoint));

    let evaluated = json(&run("tempest-train", &[&["eval", text(&checkpoint), "--json"], &data[..]].concat()));
    let accuracy = evaluated["accuracy"].as_f64().unwrap();
    assert!(accuracy >= floor, "{codec:?} {training:?}: {accuracy}");
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

    let encode = ["encode", "--like", text(&checkpoint), "--out", text(&encoded)];
    let _ = stdout(&run("tempest-train", &[&encode, &data[..]].concat()));
    let mut answers = Vec::new();
    for engine in engines() {
        let args =
            ["classify", "--json", "--score", "--engine", engine.name(), "-m", text(&bundles[0]), text(&encoded)];
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

/// Sizes of which an epoch is done in a moment.
const TINY: [&str; 12] =
    ["--dim", "16", "--ff", "24", "--heads", "2", "--clip-layers", "1", "--hidden", "32", "--epochs", "1"];

#[test]
fn several_tokens_a_block_through_the_whole_chain() {
    for tokens in ["2", "3", "4"] {
        for view in ["symbols", "bytes"] {
            let training = [&["--view", view, "--tokens-per-block", tokens], &TINY[..]].concat();
            chain(|dir| tones(dir, 6), "folder", &[], &training, 0.0);
        }
    }
}

#[test]
fn patches_of_bytes_through_the_whole_chain() {
    let sizes = ["--view", "bytes", "--tokens", "101", "--byte-patch", "8", "--mixer", "5", "--tokens-per-block", "2"];
    let training = [&sizes[..], &["--block-layers", "2", "--recon-padding", "masked"], &TINY[..]].concat();
    chain(|dir| tones(dir, 6), "folder", &[], &training, 0.0);
}

#[test]
fn sizes_that_make_no_model_are_said_by_their_option() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (data, out, cache) = (path("data"), path("run"), path("cache"));
    tones(&data, 3);
    let fit = ["fit", "--data", text(&data), "--format", "folder", "--out", text(&out), "--cache", text(&cache)];
    let said = |sizes: &[&str]| {
        let output = run("tempest-train", &[&fit[..], &["--variants", "1"], sizes].concat());
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    let heads = said(&["--dim", "98"]);
    assert_eq!(heads, "tempest-train: --heads: 4 heads do not divide dim 98\n");
    assert!(!cache.exists(), "clips were encoded for a model that cannot be");
    let patch = said(&["--view", "bytes", "--tokens", "100", "--byte-patch", "101"]);
    assert!(patch.ends_with("tempest-train: --byte-patch: 101 bytes are more than a block has (100)\n"), "{patch}");
}

#[test]
fn tones_as_opus_through_the_whole_chain() {
    let codec = ["--codec", "opus", "--packet-ms", "20", "--sample-rate", "16000"];
    chain(|dir| tones(dir, 14), "folder", &codec, &["--epochs", "12"], 0.95);
    chain(|dir| tones(dir, 14), "folder", &codec, &["--view", "fields", "--epochs", "12"], 0.5);
    chain(|dir| tones(dir, 14), "folder", &codec, &["--view", "bytes", "--tokens", "12", "--epochs", "2"], 0.0);
}

#[test]
fn pictures_as_jpeg_through_the_whole_chain() {
    chain(|dir| bars(dir, 60), "mnist", &[], &["--epochs", "12"], 0.95);
    chain(|dir| bars(dir, 60), "mnist", &["--quality", "50"], &["--view", "bytes", "--epochs", "2"], 0.0);
}

#[test]
fn units_of_average_rates_through_the_whole_chain() {
    let codec = ["--mode", "abr", "--bitrate", "26", "--bitrates", "20,33"];
    let view = ["--epochs", "2", "--no-recon", "--unit"];
    chain(|dir| tones(dir, 6), "folder", &codec, &[&view[..], &["adu", "--view", "symbols"]].concat(), 0.0);
    chain(
        |dir| tones(dir, 6),
        "folder",
        &codec,
        &[&view[..], &["adu", "--view", "bytes", "--tokens", "48"]].concat(),
        0.0,
    );
    chain(|dir| tones(dir, 6), "folder", &codec, &[&view[..], &["granule", "--view", "fields"]].concat(), 0.0);
    let codec = ["--restart", "2"];
    chain(|dir| bars(dir, 20), "mnist", &codec, &[&view[..], &["mcu-approx"]].concat(), 0.0);
    chain(|dir| bars(dir, 20), "mnist", &codec, &[&view[..], &["restart"]].concat(), 0.0);
}

#[test]
fn a_view_that_a_format_lacks_is_said_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("run"));
    tones(&data, 2);
    let fit = ["fit", "--data", text(&data), "--format", "folder", "--out", text(&out)];
    let output = run("tempest-train", &[&fit[..], &["--codec", "opus", "--view", "scalefactors"]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("Ogg Opus has no view 'scalefactors'; take --view bytes or fields or symbols"), "{said}");
}
