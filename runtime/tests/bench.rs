//! `tempest bench` as a shell sees it.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use serde_json::Value;
use std::io::Write;
use std::process::{Command, Output};
use tempest_engine::engine;

fn bench(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tempest"));
    command.args(["bench", "--runs", "12", "--warm-up", "1"]).args(args).env_remove("TEMPEST_MODEL").output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn every_stage_is_timed_on_the_built_in_clip() {
    let output = bench(&["--json"]);
    let report = json(&output);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!((&report["blocks"], &report["clips"], &report["runs"]), (&68.into(), &1.into(), &12.into()));
    let stages = report["stages"].as_array().unwrap();
    let names: Vec<&str> = stages.iter().map(|stage| stage["stage"].as_str().unwrap()).collect();
    assert_eq!(names, ["parse", "encode", "classify", "end_to_end"]);
    let ms = |index: usize, stat: &str| stages[index][stat].as_f64().unwrap();
    for (index, stage) in stages.iter().enumerate() {
        assert!(ms(index, "min") > 0.0 && ms(index, "min") <= ms(index, "p50"), "{stage}");
        assert!(ms(index, "p50") <= ms(index, "p95") && ms(index, "p95") <= ms(index, "p99"), "{stage}");
        assert!((ms(index, "blocks_per_second") - 68e3 / ms(index, "p50")).abs() < 1e-6 * 68e3 / ms(index, "p50"));
    }
    // All of the work takes longer than each part.
    assert!((0..3).all(|part| ms(part, "min") < ms(3, "min")), "{stages:?}");
    if cfg!(target_os = "linux") {
        assert!(report["peak_rss_bytes"].as_u64().unwrap() > 1 << 20);
        assert!(report["process_threads"].as_u64().unwrap() >= 1);
    }
}

#[test]
fn people_get_a_table() {
    let output = bench(&[]);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    for word in ["wakewords (fp32): 68 blocks, 2.45 s", "parse ", "encode.tract ", "end_to_end.tract ", "blocks/s"] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn an_assertion_decides_the_exit_code() {
    let output = bench(&["--json", "--assert", "parse.min < end_to_end.p99"]);
    let verdicts = &json(&output)["assertions"];
    assert_eq!((output.status.code(), &verdicts[0]["holds"]), (Some(0), &true.into()));
    let output = bench(&["--assert", "parse.min < end_to_end.p99", "--assert", "end_to_end.tract.p50 < parse.p50"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(text.contains("< end_to_end.p99: holds (") && text.contains("< parse.p50: DOES NOT HOLD ("), "{text}");
}

#[test]
fn an_assertion_that_cannot_be_decided_is_exit_code_2() {
    for (claim, why) in [
        ("parse.p50 < 3", "compares a time with a number"),
        ("parse.p50", "there is no <"),
        ("encode.abacus.p50 < parse.p50", "'encode.abacus' was not measured; measured: parse, encode.tract"),
    ] {
        let output = bench(&["--assert", claim]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{claim}");
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
    }
}

#[test]
fn engines_are_timed_side_by_side() {
    if engine("onnxruntime").unwrap().check().is_err() {
        let _ = writeln!(std::io::stderr(), "\nSKIPPED: engines side by side: no ONNX Runtime (ORT_DYLIB_PATH)");
        return;
    }
    let claim = "encode.tract.p50 > 0.001 * encode.onnxruntime.p50";
    let output = bench(&["--json", "--engines", "tract,onnxruntime,tract", "--assert", claim]);
    let report = json(&output);
    let of = |index: usize| (report["stages"][index]["stage"].as_str(), report["stages"][index]["engine"].as_str());
    assert_eq!(report["stages"].as_array().unwrap().len(), 7);
    assert_eq!((of(1), of(4)), ((Some("encode"), Some("tract")), (Some("encode"), Some("onnxruntime"))));
    assert!(report["engines"][1]["library"].is_string() && report["engines"][0]["library"].is_null());
    // Which engine is meant must be said.
    let output = bench(&["--engines", "tract,onnxruntime", "--assert", "encode.p50 > parse.p50"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn what_cannot_be_measured_is_one_line_and_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.mp3");
    std::fs::write(&path, b"no clip").unwrap();
    let (bad, empty) = (path.to_str().unwrap(), folder.path().join("empty"));
    std::fs::create_dir(&empty).unwrap();
    for (args, why) in [
        (vec![bad], "bad.mp3: not an MP3"),
        (vec!["gone.mp3"], "gone.mp3: cannot read"),
        (vec![empty.to_str().unwrap()], "no .mp3 file"),
        (vec!["-m", "gone.tempest"], "gone.tempest"),
    ] {
        let output = bench(&args);
        let error = stderr(&output);
        assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
        assert!(error.contains(why), "{error}");
    }
}
