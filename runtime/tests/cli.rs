//! `tempest` as a shell sees it.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

fn tempest(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tempest")).args(args).env_remove("TEMPEST_MODEL").output().unwrap()
}

fn sample() -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../samples/tempest.mp3").display().to_string()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn help_shows_examples_and_exit_codes() {
    let help = stdout(&tempest(&["classify", "--help"]));
    assert!(help.contains("Examples:") && help.contains("Exit code: 0"), "{help}");
}

#[test]
fn a_wrong_option_is_exit_code_2() {
    assert_eq!(tempest(&["classify", "--tops", "3"]).status.code(), Some(2));
    assert_eq!(tempest(&["classify"]).status.code(), Some(2));
    let output = tempest(&["classify", "--engine", "abacus", &sample()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .contains("tract, onnxruntime, onnxruntime:cuda, onnxruntime:tensorrt, auto")
    );
}

#[test]
fn people_get_the_top_labels_and_the_length() {
    let output = tempest(&["classify", "--top", "2", &sample()]);
    assert!(output.status.success());
    let text = stdout(&output);
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.contains("68 blocks, 2.45 s of audio") && text.contains(" %  "), "{text}");
}

#[test]
fn json_is_one_object_a_line_with_probabilities_that_sum_to_1() {
    let output = tempest(&["classify", "--json", "--top", "99", &sample(), &sample()]);
    let lines: Vec<serde_json::Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    let sum: f64 = lines[0]["top"].as_array().unwrap().iter().map(|top| top["probability"].as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    assert_eq!(lines[0]["top"], lines[1]["top"]);
}

#[test]
fn folders_are_searched_for_mp3_files_in_order() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["b/two.MP3", "a/one.mp3", "a/notes.txt"] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(sample(), path).unwrap();
    }
    let output = tempest(&["classify", "--json", folder.path().to_str().unwrap()]);
    let files: Vec<String> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["file"].as_str().unwrap().to_string())
        .collect();
    assert_eq!(files.len(), 2);
    assert!(files[0].ends_with("a/one.mp3") && files[1].ends_with("b/two.MP3"), "{files:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tempest"))
        .args(["classify", &sample(), &sample(), &sample()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn completions_are_printed() {
    assert!(stdout(&tempest(&["completions", "bash"])).contains("_tempest"));
}
