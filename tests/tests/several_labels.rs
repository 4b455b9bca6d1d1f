//! Clips of which several labels are true, or none, through the whole product: a manifest, training, the bundle, answers.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use serde_json::Value;
use std::collections::BTreeMap;
use std::f32::consts::TAU;
use std::fmt::Write;
use std::path::Path;
use tempest_tests::{engines, run, stdout, wav};

const TONES: [(&str, f32); 2] = [("low", 300.0), ("high", 2_500.0)];

/// Clips of either tone, of both and of none, above noise, and the manifest that says so.
fn chords(folder: &Path, clips: u32) {
    let mut manifest = String::from("path,labels,split\n");
    for clip in 0..clips {
        let sounds: Vec<_> = (0..2).filter(|tone| clip >> tone & 1 == 1).map(|tone| TONES[tone]).collect();
        let mut noise = clip + 1;
        let sample = |i: usize| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let detune = 1.0 + 0.004 * (clip % 9) as f32;
            let tones: f32 = sounds.iter().map(|(_, hertz)| (TAU * hertz * detune * i as f32 / 16_000.0).sin()).sum();
            0.3 * tones + 0.02 * (noise as f32 / u32::MAX as f32 - 0.5)
        };
        let samples: Vec<f32> = (0..8_000).map(sample).collect();
        std::fs::write(folder.join(format!("{clip}.wav")), wav(&samples, 16_000)).unwrap();
        let labels: Vec<&str> = sounds.iter().map(|(label, _)| *label).collect();
        let split = if clip / 4 % 4 == 1 { "test" } else { "train" };
        writeln!(manifest, "{clip}.wav,{},{split}", labels.join(";")).unwrap();
    }
    std::fs::write(folder.join("manifest.csv"), manifest).unwrap();
}

fn json(text: &str) -> Value {
    serde_json::from_str(text.trim()).unwrap()
}

#[test]
fn each_label_answers_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    chords(folder.path(), 48);
    let (manifest, cache, out, bundle, media) =
        (path("manifest.csv"), path("cache"), path("run"), path("bundle"), path("media"));
    let data = ["--data", &manifest, "--format", "csv", "--cache", &cache];
    let options = ["--codec", "opus", "--variants", "1", "--epochs", "25", "--batch", "6", "--json"];
    let fitted = json(&stdout(&run("tempest-train", &[&["fit", "--out", &out], &data[..], &options].concat())));
    let test = &fitted["test"];
    assert_eq!((&test["clips"], &test["labels"]), (&12.into(), &serde_json::json!(["high", "low"])));
    assert!(test["ranking"]["mean_average_precision"].as_f64().unwrap() > 0.95, "{test}");

    let checkpoint = format!("{out}/model.safetensors");
    let evaluated = stdout(&run("tempest-train", &[&["eval", &checkpoint], &data[..]].concat()));
    assert!(evaluated.contains("mAP ") && evaluated.contains("AUC "), "{evaluated}");
    let report = run("tempest-train", &["report", &out, "-o", &path("report.html")]);
    assert!(
        report.status.success() && std::fs::read_to_string(path("report.html")).unwrap().contains("<h3>Labels</h3>")
    );

    let _ = stdout(&run("tempest-compile", &[&checkpoint, "-o", &bundle]));
    let _ = stdout(&run("tempest-train", &[&["encode", "--like", &checkpoint, "--out", &media], &data[..]].concat()));
    let truth: BTreeMap<String, Value> = std::fs::read_to_string(format!("{out}/predictions.jsonl"))
        .unwrap()
        .lines()
        .map(json)
        .map(|line| (line["clip"].as_str().unwrap().trim_end_matches(".wav").to_owned(), line))
        .collect();
    for engine in engines() {
        let args = ["classify", "--json", "--engine", engine.name(), "-m", &bundle, &media];
        let answers = run("tempest", &args);
        let text = String::from_utf8(answers.stdout).unwrap();
        let lines: Vec<Value> = text.lines().map(json).filter(|line| line["label"].is_string()).collect();
        assert_eq!(lines.len(), 12, "{text}");
        for line in lines {
            let clip = Path::new(line["file"].as_str().unwrap()).file_stem().unwrap().to_str().unwrap().to_owned();
            let expected = truth[&clip]["probability"].as_f64().unwrap();
            assert!((line["probability"].as_f64().unwrap() - expected).abs() < 1e-4, "{line} {}", truth[&clip]);
        }
        // Both tones: both labels are more likely than not, which no softmax can say.
        let both = format!("{media}/7.opus");
        let line =
            json(&stdout(&run("tempest", &["classify", "--json", "--engine", engine.name(), "-m", &bundle, &both])));
        let least =
            line["top"].as_array().unwrap().iter().map(|top| top["probability"].as_f64().unwrap()).fold(1.0, f64::min);
        assert!(line["top"].as_array().unwrap().len() == 2 && least > 0.5, "{line}");
    }
}
