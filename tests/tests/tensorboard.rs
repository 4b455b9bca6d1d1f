//! TensorBoard reads what `fit --tensorboard` writes. Needs the feature `lame`; skipped where Python has no `tensorboard`.
#![cfg(feature = "lame")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use serde_json::Value;
use std::path::Path;
use std::process::Command;
use tempest_tests::{run, skipped, stdout, tones};

/// Every scalar as `{tag: [[step, value], ..]}`.
const SCRIPT: &str = "
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1])
events.Reload()
print(json.dumps({tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in events.Tags()['scalars']}))
";

/// The interpreter: `PYTHON`, else `python3`; `None` where it cannot import `tensorboard`.
fn python() -> Option<String> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import tensorboard"]).output();
    found.is_ok_and(|output| output.status.success()).then_some(python)
}

fn fit(folder: &Path, run_folder: &Path) {
    let path = |name: &str| folder.join(name).display().to_string();
    let (data, cache, out) = (path("data"), path("cache"), run_folder.display().to_string());
    let source = ["fit", "--data", &data, "--cache", &cache, "--format", "folder", "--out", &out, "--view", "fields"];
    let rest = ["--variants", "1", "--batch", "12", "--epochs", "3", "--tensorboard", "--validation", "0.2"];
    let _ = stdout(&run("tempest-train", &[&source[..], &rest].concat()));
}

/// The lines of the log as TensorBoard gives them back.
fn scalars(python: &str, run: &Path) -> Value {
    let read = Command::new(python).args(["-c", SCRIPT]).arg(run).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    serde_json::from_slice(&read.stdout).unwrap()
}

fn assert_as_logged(scalars: &Value, run: &Path) {
    let log = std::fs::read_to_string(run.join("log.jsonl")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    for tag in ["class_loss", "recon_loss", "gradient_norm", "validation_accuracy", "seconds"] {
        let read = scalars[tag].as_array().unwrap();
        assert_eq!(read.len(), lines.len(), "{tag}: {read:?}");
        for (read, line) in read.iter().zip(&lines) {
            let (value, expected) = (read[1].as_f64().unwrap(), line[tag].as_f64().unwrap());
            assert_eq!(read[0], line["step"], "{tag}");
            assert!((value - expected).abs() <= 1e-6 * expected.abs(), "{tag}: {value}, logged {expected}");
        }
    }
}

#[test]
fn the_event_accumulator_reads_the_log() {
    let Some(python) = python() else {
        skipped("python3 cannot import tensorboard (set PYTHON to one that can)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    tones(&folder.path().join("data"), 8);
    let run_folder = folder.path().join("run");
    fit(folder.path(), &run_folder);
    let first = scalars(&python, &run_folder);
    assert_as_logged(&first, &run_folder);
    assert!(first.get("epoch").is_none() && first.get("step").is_none());

    // A second sitting, here one that does everything again, voids what the first told of the steps it repeats.
    std::fs::remove_file(run_folder.join("model.safetensors")).unwrap();
    fit(folder.path(), &run_folder);
    assert_as_logged(&scalars(&python, &run_folder), &run_folder);
    let files = std::fs::read_dir(&run_folder).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(files.filter(|name| name.to_str().unwrap().starts_with("events.out.tfevents.")).count(), 2);
}
