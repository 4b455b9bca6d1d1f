//! The binary: messages and exit status.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a failing test should panic")]

mod common;

use common::{checkpoint, on_disk};
use std::path::Path;
use std::process::{Command, Output};
use tempest_contract::ViewKind;

fn tempest_compile(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tempest-compile")).args(args).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn one_argument_makes_a_bundle() {
    let input = on_disk(&checkpoint(ViewKind::Fields, 1));
    let output = tempest_compile(input.folder.path(), &["model.safetensors"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report = text(&output.stdout);
    assert!(report.starts_with("tiny: 3 labels, MP3, 16000 Hz, mono, 24-32 kbit/s, for edge-tract\n"), "{report}");
    assert!(report.contains("wrote tiny.tempest"), "{report}");
    assert!(input.folder.path().join("tiny.tempest/bundle.json").exists());
}

#[test]
fn the_report_is_json_when_asked_even_with_a_dump() {
    let input = on_disk(&checkpoint(ViewKind::Fields, 1));
    let args = ["model.safetensors", "--json", "--dump-after", "FoldScale"];
    let output = tempest_compile(input.folder.path(), &args);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["graphs"][2]["file"], "clip.onnx");
    assert!(report["checks"][0]["difference"]["max_abs"].as_f64().unwrap() < 1e-4);
    let dump = text(&output.stderr);
    assert!(dump.starts_with("# encoder: after FoldScale, step 3, 0 changed\ngraph encoder\n"), "{dump}");
    assert!(dump.contains("  %logits = Add(%/classifier/head/matmul, %logits/normed) f32[1,3]"), "{dump}");
}

#[test]
fn errors_are_one_line_with_what_to_do_and_status_2() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |args: &[&str]| {
        let output = tempest_compile(folder.path(), args);
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
        text(&output.stderr)
    };
    let error = fails(&["no.safetensors"]);
    assert!(error.starts_with("tempest-compile: no.safetensors: cannot read: "), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert_eq!(
        fails(&["no.safetensors", "--target", "moon"]),
        "tempest-compile: target 'moon' is unknown; known: edge-tract, generic, server-cpu, server-cuda, server-tensorrt, \
         triton, or the path of a .toml file\n"
    );
    assert_eq!(
        fails(&["no.safetensors", "--dump-after", "Fuse"]),
        "tempest-compile: pass 'Fuse' is unknown; known: build, FoldConstants, FoldNorms, FoldScale, AbsorbAttentionBiases, \
         PushPickUp, PushMixerThroughFeedForward, TabulateFirstProjection, EliminateCommonSubexpressions, \
         EliminateDeadNodes, HalveProducts, QuantizeProducts, QuantizeStatically\n"
    );
    std::fs::write(folder.path().join("bad.toml"), "name = 3").unwrap();
    let error = fails(&["no.safetensors", "--target", "bad.toml"]);
    assert!(error.starts_with("tempest-compile: bad.toml: ") && error.lines().count() == 1, "{error}");
}

#[test]
fn a_failed_verification_has_status_1_and_writes_nothing() {
    let input = on_disk(&checkpoint(ViewKind::Fields, 1));
    let profile = include_str!("../../targets/edge-tract/profile.toml").replace("= 1e-4", "= 1e-30");
    std::fs::write(input.folder.path().join("strict.toml"), profile).unwrap();
    let output = tempest_compile(input.folder.path(), &["model.safetensors", "-t", "strict.toml"]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(error.starts_with("tempest-compile: encoder on tract: max difference "), "{error}");
    assert!(error.contains("; nothing was written; "), "{error}");
    assert!(!input.folder.path().join("tiny.tempest").exists());
}

#[test]
fn completions_need_no_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let output = tempest_compile(folder.path(), &["completions", "bash"]);
    assert!(output.status.success() && text(&output.stdout).contains("tempest-compile"));
}
