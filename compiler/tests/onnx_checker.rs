//! The reference implementation of ONNX accepts what is emitted. Skipped where Python has no `onnx`.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a failing test should panic")]

mod common;

use common::{CONFIG, checkpoint_of, contract, on_disk, skipped};
use std::process::Command;
use tempest_compiler::{Options, Precision, compile};
use tempest_contract::ViewKind;
use tempest_engine::{Engine, OnnxRuntime};
use tempest_models::ModelConfig;

/// Large enough that its linear layers are worth quantising.
const WIDE: ModelConfig = ModelConfig { dim: 64, ff: 96, heads: 4, field_hidden: 80, ..CONFIG };

/// Checks every graph, infers all shapes strictly, and compares metadata and versions with what is promised.
const SCRIPT: &str = "
import json, pathlib, sys, onnx
for path in sorted(pathlib.Path(sys.argv[1]).glob('*.onnx')):
    onnx.checker.check_model(str(path), full_check=True)
    model = onnx.shape_inference.infer_shapes(onnx.load(path), check_type=True, strict_mode=True, data_prop=True)
    assert model.ir_version == 8 and [(o.domain, o.version) for o in model.opset_import] == [('', 17)], path
    assert model.producer_name == 'tempest-compile', path
    meta = {p.key: p.value for p in model.metadata_props}
    assert json.loads(meta['tempest.contract'])['labels'] == ['yes', 'no', 'other'], path
    assert len(meta['tempest.checkpoint_sha256']) == 64, path
    names = [n.name for n in model.graph.node]
    assert len(set(names)) == len(names) and all(n.startswith('/') for n in names), path
    print(path.name, len(names), 'nodes')
";

/// The interpreter: `PYTHON`, else `python3`; `None` where it cannot import `onnx`.
fn python() -> Option<String> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import onnx"]).output().is_ok_and(|output| output.status.success());
    found.then_some(python)
}

#[test]
fn the_reference_checker_accepts_every_graph() {
    let Some(python) = python() else {
        skipped("python3 cannot import onnx (set PYTHON to one that can)");
        return;
    };
    for kind in ViewKind::ALL {
        for target in ["edge-tract", "generic"] {
            for precision in [Precision::Fp32, Precision::Fp16, Precision::Int8] {
                check(&python, kind, target, precision);
            }
        }
    }
}

#[test]
fn the_reference_checker_accepts_every_graph_for_cards() {
    let Some(python) = python() else {
        skipped("python3 cannot import onnx (set PYTHON to one that can)");
        return;
    };
    if let Err(error) = OnnxRuntime::new(None).check() {
        skipped(&format!("graphs for cards are verified with onnxruntime: {error}"));
        return;
    }
    for kind in [ViewKind::Bytes, ViewKind::Symbols] {
        check(&python, kind, "server-cuda", Precision::Bf16);
        for precision in Precision::ALL {
            check(&python, kind, "server-tensorrt", precision);
        }
    }
}

fn check(python: &str, kind: ViewKind, target: &str, precision: Precision) {
    let input = on_disk(&checkpoint_of(contract(kind), WIDE, 1));
    let options = Options { target: target.to_owned(), precision: Some(precision), ..Options::default() };
    let report = compile(&input.path, &options).unwrap();
    let output = Command::new(python).args(["-c", SCRIPT]).arg(&report.output).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{kind:?} for {target} in {precision}: {text}");
    println!("{kind:?} for {target} in {precision}:\n{text}");
}
