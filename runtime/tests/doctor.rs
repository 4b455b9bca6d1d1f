//! `tempest doctor` as a shell sees it.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use serde_json::Value;
use std::ffi::OsStr;
use std::process::{Command, Output};

fn doctor(args: &[&str], variables: &[(&str, &OsStr)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tempest"));
    command.arg("doctor").args(args).env_remove("TEMPEST_MODEL").envs(variables.iter().copied()).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

const NOWHERE: (&str, &str) = ("ORT_DYLIB_PATH", "/nowhere/libonnxruntime.so");

fn nowhere() -> [(&'static str, &'static OsStr); 1] {
    [(NOWHERE.0, OsStr::new(NOWHERE.1))]
}

#[test]
fn a_machine_with_nothing_is_well() {
    let output = doctor(&[], &nowhere());
    let text = text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for part in [
        "  tract                 0.23.9, built in\n",
        "  onnxruntime           missing: ONNX Runtime: ORT_DYLIB_PATH names '/nowhere/libonnxruntime.so', where there is no library; get one with `pip install onnxruntime==1.31.1`",
        "  auto                  tract: built in",
        "self-test: the sample by the built-in model 'wakewords'\n  tract                 passed: computer ",
        "\nprocessor\n",
        "\ncard\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[test]
fn what_is_required_decides_the_exit_code() {
    assert_eq!(doctor(&["--require", "tract"], &nowhere()).status.code(), Some(0));
    for (name, engine) in
        [("onnxruntime", "onnxruntime"), ("cuda", "onnxruntime:cuda"), ("onnxruntime:tensorrt", "onnxruntime:tensorrt")]
    {
        let output = doctor(&["--require", "tract", "--require", name], &nowhere());
        assert_eq!(output.status.code(), Some(1));
        let text = text(&output);
        assert!(text.ends_with(&format!("required and not usable: {engine}\n")), "{text}");
    }
    assert_eq!(doctor(&["--require", "abacus"], &nowhere()).status.code(), Some(2));
}

#[test]
fn scripts_read_one_object() {
    let output = doctor(&["--json", "--require", "cuda"], &nowhere());
    let text = text(&output);
    assert_eq!((text.lines().count(), output.status.code()), (1, Some(1)));
    let json: Value = serde_json::from_str(&text).unwrap();
    let engines: Vec<&str> =
        json["engines"].as_array().unwrap().iter().map(|engine| engine["engine"].as_str().unwrap()).collect();
    assert_eq!(engines, ["tract", "onnxruntime", "onnxruntime:cuda", "onnxruntime:tensorrt"]);
    assert_eq!((&json["ok"], &json["missing"]), (&Value::Bool(false), &serde_json::json!(["onnxruntime:cuda"])));
    assert_eq!((&json["auto"]["engine"], &json["self_test"][0]["passed"]), (&"tract".into(), &true.into()));
    assert_eq!(json["self_test"].as_array().unwrap().len(), 1, "only what is here is tested");
    assert!(json["cpu"]["cores"].as_u64().unwrap() > 0);
    assert!(json["libraries"].as_array().unwrap().iter().any(|library| library["name"] == "libcuda.so.1"));
}

#[test]
fn the_installed_onnx_runtime_passes_the_self_test() {
    if std::env::var_os("ORT_DYLIB_PATH").is_none_or(|path| path.is_empty()) {
        use std::io::Write;
        let _ =
            writeln!(std::io::stderr(), "\nSKIPPED: ORT_DYLIB_PATH is not set: doctor is not tested with ONNX Runtime");
        return;
    }
    let output = doctor(&["--json", "--require", "onnxruntime"], &[]);
    let json: Value = serde_json::from_str(&text(&output)).unwrap();
    assert_eq!(output.status.code(), Some(0), "{json}");
    let tested = json["self_test"].as_array().unwrap().iter().find(|tested| tested["engine"] == "onnxruntime").unwrap();
    assert_eq!((&tested["passed"], &tested["label"]), (&true.into(), &"computer".into()));
    assert!(tested["difference"].as_f64().unwrap() < 1e-5);
    let providers = json["engines"][1]["providers"].as_array().unwrap();
    assert!(providers.contains(&"CPUExecutionProvider".into()), "{providers:?}");
}

/// A stand-in for the driver's tool.
#[cfg(unix)]
#[test]
fn cards_are_listed_as_the_driver_names_them() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let tool = folder.path().join("nvidia-smi");
    std::fs::write(&tool, "#!/bin/sh\necho 'NVIDIA H200, 580.95.05, 143771 MiB, 9.0'\n").unwrap();
    std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
    let [nowhere] = nowhere();
    let output = doctor(&[], &[nowhere, ("PATH", folder.path().as_os_str())]);
    let text = text(&output);
    assert!(text.contains("  NVIDIA H200           143771 MiB, compute capability 9.0, driver 580.95.05\n"), "{text}");
    std::fs::write(&tool, "#!/bin/sh\nexit 9\n").unwrap();
    let output = doctor(&["--json"], &[nowhere, ("PATH", folder.path().as_os_str())]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["gpu"]["error"], "nvidia-smi: exit status: 9");
}

#[test]
fn help_has_examples_and_exit_codes() {
    let help = text(&doctor(&["--help"], &[]));
    assert!(help.contains("Examples:") && help.contains("Exit code: 0 all well; 1 "), "{help}");
}
