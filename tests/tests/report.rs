//! `tempest-train report` and what it reads, through the binary. Needs the feature `lame`.
#![cfg(feature = "lame")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use serde_json::Value;
use tempest_tests::{run, stdout, tones};

#[test]
fn a_run_becomes_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    tones(&folder.path().join("data"), 8);
    // A class whose name is markup.
    for split in ["train", "test"] {
        let class = |name: &str| folder.path().join("data").join(split).join(name);
        std::fs::rename(class("mid"), class("<b>mid & co")).unwrap();
    }
    let (data, cache, out) = (path("data"), path("cache"), path("run"));
    let source = ["--data", &data, "--cache", &cache, "--format", "folder"];
    let fit =
        ["fit", "--out", &out, "--view", "symbols", "--variants", "1", "--batch", "12", "--epochs", "2", "--json"];
    let fitted: Value = serde_json::from_str(&stdout(&run("tempest-train", &[&fit[..], &source].concat()))).unwrap();
    assert!((13.0..144.0).contains(&fitted["costs"]["bytes_read_per_block"].as_f64().unwrap()), "{fitted}");

    let (page, again) = (path("page.html"), path("again.jsonl"));
    assert_eq!(stdout(&run("tempest-train", &["report", &out, "-o", &page])).trim(), page);
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.contains("&lt;b&gt;mid &amp; co") && !html.contains("<b>"), "markup of a class name got through");
    for part in ["<svg", "Confusion matrix", "<h3>Classes</h3>", "MP3, 16000 Hz, mono", "epoch 2 of 2"] {
        assert!(html.contains(part), "{part}");
    }

    // `eval` answers clip by clip what `fit` wrote down.
    let model = format!("{out}/model.safetensors");
    let _ = stdout(&run("tempest-train", &[&["eval", &model, "--predictions", &again], &source[..]].concat()));
    let lines = std::fs::read_to_string(&again).unwrap();
    assert_eq!(lines, std::fs::read_to_string(format!("{out}/predictions.jsonl")).unwrap());
    let right = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["truth"] == line["answer"] && line["probability"] == line["truth_probability"]
    };
    assert_eq!(lines.lines().count() as u64, fitted["test"]["clips"].as_u64().unwrap());
    assert_eq!(lines.lines().filter(|line| right(line)).count() as u64, fitted["test"]["correct"].as_u64().unwrap());
}

#[test]
fn a_folder_without_a_run_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let (empty, page) = (folder.path().to_str().unwrap(), folder.path().join("page.html"));
    let output = run("tempest-train", &["report", empty, "-o", page.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    let expected = "no run of tempest-train: no log.jsonl and no model.safetensors; give the --out of a `fit`";
    assert_eq!(said.trim(), format!("tempest-train: {empty}: {expected}"));
    assert!(!page.exists());
}
