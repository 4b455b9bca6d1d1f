//! `tempest inspect` as a shell sees it, on sound files and on spoiled ones.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn inspect(args: &[&str], path: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tempest")).arg("inspect").args(args).arg(path).output().unwrap()
}

fn page(path: &Path) -> String {
    let output = inspect(&[], path);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn json_of(path: &Path) -> Value {
    let output = inspect(&["--json"], path);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The one line that says what is wrong, without the path in front.
fn refused(path: &Path) -> String {
    let output = inspect(&[], path);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.stdout.is_empty() && text.lines().count() == 1, "{text}");
    text.strip_prefix(&format!("tempest: {}: ", path.display()))
        .unwrap_or_else(|| panic!("{text}"))
        .trim_end()
        .to_owned()
}

fn zoo(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/zoo").join(path)
}

#[test]
fn a_bundle_is_its_contract_and_its_graphs() {
    let page = page(&zoo("wakewords/bundle"));
    for line in [
        "bundle      wakewords\n",
        "labels      6: alexa, computer, jarvis, smart_mirror, snowboy, view_glass\n",
        "media       MP3, 16000 Hz, mono, 24-40 kbit/s\n",
        "window      112 blocks, 56 apart\n",
        "target      edge-tract, fp32, opset 17\n",
        " bytes, SHA-256 as stated\n            blocks i32 [16, 146] -> embeddings f32 [16, 1, 96]\n",
        " operators: Add ",
    ] {
        assert!(page.contains(line), "{line:?} is not in {page}");
    }
    let json = json_of(&zoo("wakewords/bundle"));
    assert_eq!((&json["kind"], &json["precision"]), (&"bundle".into(), &"fp32".into()));
    let encoder = &json["graphs"]["encoder"];
    assert!(
        encoder["operators"]["MatMul"].as_u64().unwrap() > 0 && encoder["weights"]["float"].as_u64().unwrap() > 1000
    );
}

#[test]
fn a_checkpoint_is_its_header() {
    let path = zoo("fsdd/model.safetensors");
    let (page, json) = (page(&path), json_of(&path));
    for part in ["checkpoint  fsdd\n", "config      ", " dim 96, ", "F32 [", "classifier.head.weight"] {
        assert!(page.contains(part), "{part:?} is not in {page}");
    }
    assert_eq!((&json["kind"], &json["config"]["dim"]), (&"checkpoint".into(), &96.into()));
    let tensors = json["tensors"].as_object().unwrap();
    let elements =
        |tensor: &Value| tensor["shape"].as_array().unwrap().iter().map(|dim| dim.as_u64().unwrap()).product::<u64>();
    assert_eq!(json["weights"]["F32"].as_u64().unwrap(), tensors.values().map(elements).sum::<u64>());
    assert_eq!(json["bytes"].as_u64().unwrap(), std::fs::metadata(path).unwrap().len());
}

#[test]
fn a_graph_is_its_ports_and_operators() {
    let path = zoo("wakewords/bundle/encoder.onnx");
    let page = page(&path);
    for part in [
        "opset       17\n",
        "input       blocks i32 [16, 146]\n",
        "output      embeddings f32 [16, 1, 96]\n",
        "metadata    tempest.precision = fp32\n",
    ] {
        assert!(page.contains(part), "{part:?} is not in {page}");
    }
    let json = json_of(&path);
    let stated = json_of(&zoo("wakewords/bundle"));
    assert_eq!(json["sha256"], stated["graphs"]["encoder"]["sha256"]);
}

/// A copy of the bundle with a change to `bundle.json`.
fn spoiled(change: impl Fn(&mut Value)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(zoo("wakewords/bundle")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let path = folder.path().join("bundle.json");
    let mut json = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut json);
    std::fs::write(path, json.to_string()).unwrap();
    folder
}

#[test]
fn a_spoiled_bundle_says_what_is_wrong() {
    let newer = spoiled(|json| json["format_version"] = 2.into());
    assert_eq!(refused(newer.path()), "bundle.json: format version 2, this build reads version 1; update tempest");
    let changed = spoiled(|json| json["graphs"]["encoder"]["sha256"] = "0".repeat(64).into());
    let error = refused(changed.path());
    assert!(error.starts_with("'encoder.onnx' was changed: SHA-256 is "), "{error}");
    let huge = spoiled(|json| json["graphs"]["encoder"]["bytes"] = (1_u64 << 40).into());
    let error = refused(huge.path());
    assert!(error.contains("graphs.encoder.bytes") && error.contains("1099511627776 is not in"), "{error}");
    let wide = spoiled(|json| json["graphs"]["encoder"]["io"]["inputs"][0]["shape"] = json!([1_u64 << 40, 146]));
    assert!(refused(wide.path()).contains("elements"), "{}", refused(wide.path()));
}

/// A checkpoint of this header, then `data` bytes.
fn checkpoint(header: &str, data: usize) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn header(tensor: &Value) -> String {
    let manifest: Value = serde_json::from_slice(&std::fs::read(zoo("wakewords/bundle/bundle.json")).unwrap()).unwrap();
    let document = json!({ "contract": manifest["contract"], "config": {}, "training": {} }).to_string();
    json!({ "__metadata__": { "tempest": document }, "evil\u{1b}[31m": tensor }).to_string()
}

#[test]
fn names_never_reach_the_terminal_as_commands() {
    let tensor = json!({ "dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24] });
    let (_folder, path) = checkpoint(&header(&tensor), 24);
    let page = page(&path);
    assert!(page.contains("evil?[31m") && !page.contains('\u{1b}'), "{page:?}");
}

#[test]
fn a_checkpoint_that_declares_too_much_is_refused() {
    let tensor = |shape: Value, offsets: [u64; 2]| json!({ "dtype": "F32", "shape": shape, "data_offsets": offsets });
    let huge = u64::from(u32::MAX);
    for (tensor, says) in [
        (tensor(json!([huge, huge, huge]), [0, 24]), "does not take the 24 bytes it has"),
        (tensor(json!([3, 3]), [0, 24]), "shape [3, 3] of F32 does not take the 24 bytes it has"),
        (tensor(json!([2, 3]), [0, 1 << 40]), "its bytes 0..1099511627776 are not in the 24 that the file holds"),
        (tensor(json!([2, 3]), [24, 0]), "its bytes 24..0 are not in the 24"),
        (tensor(json!([-1]), [0, 24]), "the header is no header of safetensors"),
    ] {
        let (_folder, path) = checkpoint(&header(&tensor), 24);
        assert!(refused(&path).contains(says), "{} does not say {says}", refused(&path));
    }
    let unknown = json!({ "dtype": "F99", "shape": [u64::MAX, 1], "data_offsets": [0, 24] });
    let (_folder, path) = checkpoint(&header(&unknown), 24);
    assert!(page(&path).contains("F99"), "a type of later is listed");
}

#[test]
fn a_header_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let text = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        refused(&path)
    };
    let long = |length: u64| [&length.to_le_bytes()[..], b"{}"].concat();
    assert_eq!(text(&long(1 << 60)), "the header has 1152921504606846976 bytes, at most 16777216 are read");
    assert_eq!(text(&long(1000)), "the header should have 1000 bytes, the file ends before");
    assert_eq!(text(&long(2)), "safetensors without the metadata 'tempest': no checkpoint of tempest-train");
    assert_eq!(text(b"short"), "no checkpoint: it does not begin with a header of safetensors");
    let deep = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let (_folder, path) = checkpoint(&deep, 0);
    assert!(refused(&path).starts_with("the header is no header of safetensors: "), "{}", refused(&path));
}

#[test]
fn what_is_nothing_of_ours_is_said() {
    let folder = tempfile::tempdir().unwrap();
    assert!(refused(folder.path()).contains("holds no bundle.json"));
    assert!(refused(&folder.path().join("absent")).contains("No such file"));
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "notes, longer than eight bytes").unwrap();
    assert!(refused(&path).starts_with("not a compiled ONNX graph: "), "{}", refused(&path));
    if cfg!(unix) {
        assert_eq!(refused(Path::new("/dev/zero")), "not a regular file");
    }
}

#[test]
fn help_has_examples_and_exit_codes() {
    let output = inspect(&[], Path::new("--help"));
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(help.contains("Examples:") && help.contains("Exit code: 0 it is sound, 2 "), "{help}");
}
