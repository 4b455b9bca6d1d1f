//! Passes left out, precisions, chunks and layouts: every way to compile a checkpoint computes what it computes.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a failing test should panic")]

mod common;

use common::{CONFIG, OnDisk, checkpoint_of, contract, on_disk, skipped};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempest_compiler::{Options, Precision, compile, passes};
use tempest_contract::ViewKind;
use tempest_engine::{Bundle, GraphName};
use tempest_models::ModelConfig;

/// Large enough that its linear layers are worth quantising.
const WIDE: ModelConfig = ModelConfig { dim: 64, ff: 96, heads: 4, field_hidden: 80, ..CONFIG };

const VIEWS: [ViewKind; 2] = [ViewKind::Bytes, ViewKind::Fields];

fn wide(kind: ViewKind) -> OnDisk {
    on_disk(&checkpoint_of(contract(kind), WIDE, 1))
}

/// The edge profile with lines replaced, on disk beside the checkpoint.
fn profile(input: &OnDisk, changes: &[(&str, &str)]) -> String {
    let mut text = include_str!("../../targets/edge-tract/profile.toml").to_owned();
    for (old, new) in changes {
        assert!(text.contains(old), "the profile has no {old}");
        text = text.replacen(old, new, 1);
    }
    let path = input.folder.path().join("own.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn any_pass_may_be_left_out() {
    for kind in VIEWS {
        let input = wide(kind);
        for pass in passes::names() {
            let options = Options { without: vec![pass.to_owned()], ..Options::default() };
            let report =
                compile(&input.path, &options).unwrap_or_else(|error| panic!("{kind:?} without {pass}: {error}"));
            assert!(
                report.check(GraphName::Clip, "tract").unwrap().difference.max_abs < 2e-5,
                "{kind:?} without {pass}"
            );
        }
    }
}

#[test]
fn narrow_precisions_keep_to_their_gates_and_make_smaller_files() {
    for kind in VIEWS {
        let input = wide(kind);
        let bytes = [Precision::Fp32, Precision::Fp16, Precision::Int8].map(|precision| {
            let report = compile(&input.path, &Options { precision: Some(precision), ..Options::default() }).unwrap();
            println!("{report}");
            assert_eq!(Bundle::open(&report.output).unwrap().manifest().precision, precision.name());
            let worst = report.check(GraphName::Clip, "tract").unwrap().difference.max_abs;
            // Narrow enough to differ, and by no more than a narrow product does.
            match precision {
                Precision::Fp32 => assert!(worst < 2e-5, "{worst}"),
                Precision::Fp16 | Precision::Bf16 => assert!((1e-6..0.05).contains(&worst), "{worst}"),
                Precision::Int8 => assert!((1e-4..0.5).contains(&worst), "{worst}"),
            }
            report.graphs.iter().map(|graph| graph.bytes).sum::<u64>()
        });
        assert!(bytes[1] < bytes[0] && bytes[2] < bytes[1], "{kind:?}: {bytes:?}");
    }
}

#[test]
fn a_failed_proof_names_the_pass_without_which_it_holds() {
    let input = wide(ViewKind::Fields);
    let target = profile(&input, &[("tolerance = 1e-4", "tolerance = 1e-9")]);
    let options = Options { target, precision: Some(Precision::Int8), ..Options::default() };
    let error = compile(&input.path, &options).unwrap_err();
    assert!(error.is_verification());
    let text = error.to_string();
    assert!(text.starts_with("encoder on tract: max difference "), "{text}");
    assert!(text.ends_with("; without QuantizeProducts it holds"), "{text}");
    assert!(!input.folder.path().join("tiny.tempest").exists());
}

#[test]
fn a_pass_that_does_not_exist_is_named_beside_those_that_do() {
    let options = Options { without: vec!["Fuse".into()], ..Options::default() };
    let error = compile(&wide(ViewKind::Fields).path, &options).unwrap_err().to_string();
    assert!(error.starts_with("pass 'Fuse' is unknown; known: FoldConstants, "), "{error}");
}

#[test]
fn a_clip_encoded_in_chunks_is_the_same_clip() {
    let input = wide(ViewKind::Bytes);
    let chunks = ("tolerance = 1e-4", "tolerance = 1e-4\nchunk = 4");
    let target = profile(&input, &[chunks, ("\"Reshape\",", "\"Reshape\", \"Scan\",")]);
    let report = compile(&input.path, &Options { target, ..Options::default() }).unwrap();
    assert!(report.check(GraphName::Clip, "tract").unwrap().difference.max_abs < 2e-5);
    let onnx = std::fs::read(report.output.join("clip.onnx")).unwrap();
    // A window of 6 blocks goes in two chunks of 3, the largest part of at most 4.
    let text = tempest_compiler::inspect::inspect(&onnx).unwrap();
    assert!(text.contains("/chunks/embeddings float[2,3,2,64] = Scan(/chunks)"), "{text}");
    let error =
        compile(&input.path, &Options { target: profile(&input, &[chunks]), ..Options::default() }).unwrap_err();
    assert_eq!(error.to_string(), "clip: node '/chunks/embeddings': target 'edge-tract' has no Scan");
}

fn sample_labelled(root: &Path, label: &str) -> PathBuf {
    let folder = root.join("labelled").join(label);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/tempest.mp3"), folder.join("one.mp3")).unwrap();
    root.join("labelled")
}

#[test]
fn a_labelled_set_is_answered_in_both_precisions() {
    let input = wide(ViewKind::Fields);
    let labelled = sample_labelled(input.folder.path(), "yes");
    let options = |labelled: PathBuf| Options {
        precision: Some(Precision::Int8),
        labelled: Some(labelled),
        ..Options::default()
    };
    let report = compile(&input.path, &options(labelled)).unwrap();
    let answered = &report.labelled[0];
    assert_eq!((answered.files, answered.engine.as_str(), answered.agreement), (1, "tract", 1.0));
    assert!(report.to_string().contains("labelled, tract: "), "{report}");
    let other = sample_labelled(&input.folder.path().join("other"), "no label of this model");
    let error = compile(&input.path, &options(other)).unwrap_err().to_string();
    assert!(error.ends_with("none of 1 files lies in a folder named as a label"), "{error}");
}

#[test]
fn the_report_counts_what_the_passes_save() {
    let input = wide(ViewKind::Bytes);
    let report = compile(&input.path, &Options { costs: true, ..Options::default() }).unwrap();
    let costs = report.costs.as_ref().unwrap();
    assert!(costs.block_macs[1] < costs.block_macs[0] && costs.window_macs[1] < costs.window_macs[0], "{costs:?}");
    assert_eq!(report.timings.len() % 3, 0);
    assert!(report.timings.iter().all(|timing| timing.run_ms > 0.0));
    println!("{report}");
}

/// A Triton repository of tiny graphs, verified with tract so that the test needs no library.
fn repository(input: &OnDisk) -> Options {
    let batch = [
        ("{ bytes = 1, fields = 16 }", "{ bytes = \"batch\", fields = \"batch\" }"),
        ("classifier = 1", "classifier = \"batch\""),
        ("clip = 1", "clip = \"batch\""),
    ];
    let changes = [&[("tolerance = 1e-4", "tolerance = 1e-4\nlayout = \"triton\"")][..], &batch].concat();
    let output = Some(input.folder.path().join("repository"));
    Options { target: profile(input, &changes), precision: Some(Precision::Fp16), output, ..Options::default() }
}

#[test]
fn writes_a_triton_repository_and_replaces_only_its_own() {
    let input = wide(ViewKind::Fields);
    let options = repository(&input);
    for _ in 0..2 {
        let report = compile(&input.path, &options).unwrap();
        for model in ["tiny", "tiny_encoder", "tiny_classifier"] {
            assert!(report.output.join(model).join("1/model.onnx").exists(), "{model}");
        }
        assert_eq!(std::fs::read_to_string(report.output.join("tiny/labels.txt")).unwrap(), "yes\nno\nother\n");
    }
    let root = input.folder.path().join("repository");
    insta::assert_snapshot!(std::fs::read_to_string(root.join("tiny/config.pbtxt")).unwrap(), @r##"
    name: "tiny"
    platform: "onnxruntime_onnx"
    max_batch_size: 64
    input [ { name: "blocks" data_type: TYPE_INT32 dims: [ 6, 24 ] } ]
    input [ { name: "length" data_type: TYPE_INT32 dims: [ 1 ] reshape: { shape: [ ] } } ]
    output [ { name: "logits" data_type: TYPE_FP32 dims: [ 3 ] label_filename: "labels.txt" } ]
    dynamic_batching { preferred_batch_size: [ 16, 64 ] max_queue_delay_microseconds: 1000 }
    instance_group [ { kind: KIND_AUTO count: 1 } ]
    model_warmup [ {
      name: "zeros"
      batch_size: 16
      inputs { key: "blocks" value: { data_type: TYPE_INT32 dims: [ 6, 24 ] zero_data: true } }
      inputs { key: "length" value: { data_type: TYPE_INT32 dims: [ 1 ] zero_data: true } }
    } ]
    optimization { execution_accelerators { gpu_execution_accelerator: [ {
      name: "tensorrt"
      parameters { key: "precision_mode" value: "FP16" }
      parameters { key: "trt_engine_cache_enable" value: "true" }
      parameters { key: "trt_engine_cache_path" value: "/tmp/tempest-tensorrt" }
    } ] } }
    "##);
    check_with_tritonclient(&root);
    std::fs::create_dir(root.join("another")).unwrap();
    let error = compile(&input.path, &options).unwrap_err().to_string();
    assert!(error.ends_with("holds 'another', which is no part of a bundle"), "{error}");
}

/// Parses every configuration as Triton does. Skipped where Python has no `tritonclient`.
fn check_with_tritonclient(root: &Path) {
    const SCRIPT: &str = "
import pathlib, sys
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig
for path in sorted(pathlib.Path(sys.argv[1]).glob('*/config.pbtxt')):
    config = text_format.Parse(path.read_text(), ModelConfig())
    assert config.name == path.parent.name and config.max_batch_size > 0, path
";
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let run = |args: &[&str]| Command::new(&python).args(args).output();
    if !run(&["-c", "import tritonclient.grpc"]).is_ok_and(|output| output.status.success()) {
        skipped(&format!("config.pbtxt: {python} cannot import tritonclient.grpc"));
        return;
    }
    let output = run(&["-c", SCRIPT, root.to_str().unwrap()]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
