//! `tempest-train sweep` through the binary, on tones made here. Needs the feature `lame`.
#![cfg(feature = "lame")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempest_tests::{binary, run, stdout, tones};

/// Two seeds of a configuration that trains, and one that `fit` refuses once it has seen the clips.
fn write_sweep(folder: &Path, epochs: usize, more: &str) -> String {
    let path = |name: &str| folder.join(name).display().to_string();
    let text = format!(
        "out = {:?}\n[base]\ndata = {:?}\ncache = {:?}\nformat = \"folder\"\nview = \"fields\"\nvariants = 1\nbatch = 12\n\
         epochs = {epochs}\n[grid]\nseed = [1, 2]\n{more}",
        path("runs"),
        path("data"),
        path("cache")
    );
    std::fs::write(folder.join("sweep.toml"), text).unwrap();
    path("sweep.toml")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_sweep_trains_what_fit_trains_and_goes_on_after_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    tones(&folder.path().join("data"), 8);
    let more = "[[run]]\nname = \"good\"\n[[run]]\nname = \"far\"\nwindow = 99999999\nseed = 1\n";
    let file = write_sweep(folder.path(), 2, more);

    let listed = stdout(&run("tempest-train", &["sweep", &file, "--dry-run"]));
    assert_eq!(listed.lines().filter(|line| line.contains(" (new): --batch=12")).count(), 3, "{listed}");
    assert!(!folder.path().join("runs").exists(), "a dry run wrote something");

    let swept = run("tempest-train", &["sweep", &file, "--json"]);
    assert_eq!(swept.status.code(), Some(1), "{}", said(&swept));
    assert!(said(&swept).contains("run 3 of 3: far: failed: "), "{}", said(&swept));
    let table: Value = serde_json::from_slice(&swept.stdout).unwrap();
    let rows = table["rows"].as_array().unwrap();
    let figures =
        |row: &Value| (row["run"].as_str().unwrap().to_string(), row["finished"].as_u64(), row["runs"].as_u64());
    assert_eq!(
        rows.iter().map(figures).collect::<Vec<_>>(),
        [("good".into(), Some(2), Some(2)), ("far".into(), Some(0), Some(1))]
    );
    assert_eq!(rows[0]["bytes_read_per_block"], 13.0);
    assert!(rows[0]["accuracy"]["deviation"].is_number() && rows[1]["accuracy"].is_null());
    let runs = folder.path().join("runs");
    let markdown = std::fs::read_to_string(runs.join("table.md")).unwrap();
    assert!(markdown.starts_with("| run | window | test accuracy, %"), "{markdown}");
    assert_eq!(std::fs::read_to_string(runs.join("table.csv")).unwrap().lines().count(), 3);

    // The very checkpoint of the same command by hand.
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (data, cache, alone) = (path("data"), path("cache"), path("alone"));
    let by_hand =
        ["fit", "--data", &data, "--cache", &cache, "--format", "folder", "--out", &alone, "--view", "fields"];
    let rest = ["--variants", "1", "--batch", "12", "--epochs", "2", "--seed", "2"];
    let _ = stdout(&run("tempest-train", &[&by_hand[..], &rest].concat()));
    let bytes = |folder: &Path| std::fs::read(folder.join("model.safetensors")).unwrap();
    assert!(bytes(Path::new(&alone)) == bytes(&runs.join("good_seed-2")), "the sweep trained another model");
    let answers = std::fs::read_to_string(runs.join("good_seed-2/predictions.jsonl")).unwrap();
    assert_eq!(answers.lines().count(), 6);

    // What is finished is not trained again, and not mixed with other options.
    let again = run("tempest-train", &["sweep", &file]);
    assert!(said(&again).contains("run 2 of 3: good_seed-2: finished before"), "{}", said(&again));
    let changed = run("tempest-train", &["sweep", &write_sweep(folder.path(), 3, more)]);
    assert_eq!(changed.status.code(), Some(2));
    assert!(said(&changed).contains("good_seed-1 was started with --epochs=2, now --epochs=3"), "{}", said(&changed));
}

#[test]
fn a_mistake_in_the_last_run_is_found_before_the_first() {
    let folder = tempfile::tempdir().unwrap();
    tones(&folder.path().join("data"), 4);
    let refused = |more: &str| {
        let output = run("tempest-train", &["sweep", &write_sweep(folder.path(), 1, more)]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(!folder.path().join("runs").exists(), "something was trained");
        assert_eq!(said(&output).lines().count(), 1);
        said(&output)
    };
    let typo = refused("[[run]]\nname = \"one\"\n[[run]]\nname = \"two\"\nepochz = 4\n");
    assert!(typo.contains("sweep.toml: run two_seed-1: unexpected argument '--epochz'"), "{typo}");
    let value = refused("[[run]]\nname = \"one\"\n[[run]]\nname = \"two\"\nview = \"fild\"\n");
    assert!(value.contains("run two_seed-1: invalid value 'fild' for '--view <VIEW>'"), "{value}");
    let range = refused("[[run]]\nname = \"one\"\ndropout = 2.0\n");
    assert!(range.contains("run one_seed-1: --dropout 2: must be 0 to 0.9"), "{range}");
    let data = refused("[[run]]\nname = \"one\"\n[[run]]\nname = \"two\"\ndata = \"/nowhere\"\n");
    assert!(data.contains("run two_seed-1: /nowhere: no such folder"), "{data}");
}

/// Ctrl-C while the first of two runs trains; the same command then ends both.
#[cfg(unix)]
#[test]
fn an_interrupted_sweep_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    tones(&folder.path().join("data"), 8);
    let file = write_sweep(folder.path(), 40, "");
    let mut child = Command::new(binary("tempest-train"))
        .args(["sweep", &file])
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let log = folder.path().join("runs/seed-1/log.jsonl");
    let begun = Instant::now();
    while std::fs::metadata(&log).map_or(0, |log| log.len()) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(300), "no epoch was logged");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(folder.path().join("runs/seed-1/state.safetensors").exists());
    assert!(!folder.path().join("runs/seed-2").exists(), "the next run was begun");

    let swept = run("tempest-train", &["sweep", &file]);
    let table = stdout(&swept);
    assert!(table.lines().last().unwrap().contains(" | 2 | "), "{table}{}", said(&swept));
}
