//! What is compiled for cards: precisions that no processor multiplies, scales measured beforehand, ranges of batches. No
//! card is needed, and none has run them here.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a failing test should panic")]

mod common;

use common::{CONFIG, OnDisk, checkpoint_of, contract, on_disk, skipped};
use std::path::PathBuf;
use tempest_compiler::{Options, Precision, Report, compile};
use tempest_contract::ViewKind;
use tempest_engine::{Bundle, Engine, GraphName, OnnxRuntime};
use tempest_models::ModelConfig;

/// Large enough that its linear layers are worth quantising.
const WIDE: ModelConfig = ModelConfig { dim: 64, ff: 96, heads: 4, field_hidden: 80, ..CONFIG };

fn wide(kind: ViewKind) -> OnDisk {
    on_disk(&checkpoint_of(contract(kind), WIDE, 1))
}

fn options(target: &str, precision: Precision) -> Options {
    Options { target: target.to_owned(), precision: Some(precision), ..Options::default() }
}

/// Targets for cards are verified with ONNX Runtime on the processor.
fn has_onnxruntime() -> bool {
    let found = OnnxRuntime::new(None).check();
    if let Err(error) = &found {
        skipped(&format!("graphs for cards are verified with onnxruntime: {error}"));
    }
    found.is_ok()
}

fn text(report: &Report, file: &str) -> String {
    tempest_compiler::inspect::inspect(&std::fs::read(report.output.join(file)).unwrap()).unwrap()
}

/// The profile for TensorRT, verified with tract so that the test needs no library.
fn quantising(input: &OnDisk) -> String {
    let profile = include_str!("../../targets/server-tensorrt/profile.toml");
    let path = input.folder.path().join("own.toml");
    std::fs::write(&path, profile.replace("[\"onnxruntime\"]", "[\"tract\"]")).unwrap();
    path.to_str().unwrap().to_owned()
}

fn sample(root: &std::path::Path, label: &str) -> PathBuf {
    let folder = root.join("media").join(label);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/tempest.mp3"), folder.join("one.mp3")).unwrap();
    root.join("media")
}

#[test]
fn bfloat16_stands_in_the_products_alone_and_is_proved() {
    if !has_onnxruntime() {
        return;
    }
    for kind in [ViewKind::Bytes, ViewKind::Symbols] {
        let input = wide(kind);
        let report = compile(&input.path, &options("server-cuda", Precision::Bf16)).unwrap();
        println!("{report}");
        let worst = report.check(GraphName::Clip, "onnxruntime").unwrap().difference.max_abs;
        assert!((1e-4..0.3).contains(&worst), "{worst}");
        assert!(report.to_string().contains("no engine here multiplies bfloat16"), "{report}");
        let text = text(&report, "classifier.onnx");
        assert!(text.contains("bfloat16[") && !text.contains("/wide/"), "{text}");
        let others = |line: &&str| line.contains("= LayerNormalization") || line.contains("= Softmax");
        assert!(text.lines().filter(others).all(|line| line.contains(" float[")), "{text}");
        // The product that makes the logits: float32, as they are.
        let head = text.lines().find(|line| line.trim_start().starts_with("/classifier/head/matmul ")).unwrap();
        assert!(head.contains(" float["), "{head}");
    }
}

#[test]
fn a_precision_that_a_place_does_not_run_is_refused() {
    let error = |target: &str, precision| {
        let error = compile(&wide(ViewKind::Fields).path, &options(target, precision)).unwrap_err();
        assert!(error.hint().is_some());
        error.to_string()
    };
    assert_eq!(error("edge-tract", Precision::Bf16), "target 'edge-tract' has no bf16; it has fp32, fp16, int8");
    if has_onnxruntime() {
        assert_eq!(error("server-cuda", Precision::Int8), "target 'server-cuda' has no int8; it has fp32, fp16, bf16");
    }
}

#[test]
fn both_operands_of_wide_products_stand_in_eight_bits_with_zero_points_of_0() {
    for kind in [ViewKind::Bytes, ViewKind::Symbols] {
        let input = wide(kind);
        let report = compile(&input.path, &options(&quantising(&input), Precision::Int8)).unwrap();
        println!("{report}");
        let worst = report.check(GraphName::Clip, "tract").unwrap().difference.max_abs;
        assert!((1e-4..0.5).contains(&worst), "{worst}");
        assert!(report.to_string().contains("calibrated on "), "{report}");
        let text = text(&report, "classifier.onnx");
        let name = "/classifier.layers.0/ff/up/matmul";
        for part in ["quantized/x int8[", "quantized/x/float float[", "quantized/weights/float float["] {
            assert!(text.contains(&format!("{name}/{part}")), "{part}: {text}");
        }
        for (name, data) in int8_constants(&std::fs::read(report.output.join("classifier.onnx")).unwrap()) {
            assert!(!name.contains("zero_point") || data.iter().all(|byte| *byte == 0), "{name}");
        }
    }
}

/// Name and bytes of every int8 initializer.
fn int8_constants(onnx: &[u8]) -> Vec<(String, Vec<u8>)> {
    use prost::Message;
    let graph = tract_onnx::pb::ModelProto::decode(onnx).unwrap().graph.unwrap();
    let found: Vec<_> = graph.initializer.into_iter().filter(|tensor| tensor.data_type == 3).collect();
    assert!(found.iter().any(|tensor| tensor.name.contains("zero_point")), "no zero point");
    found.into_iter().map(|tensor| (tensor.name, tensor.raw_data)).collect()
}

#[test]
fn scales_come_from_the_media_that_are_given() {
    let input = wide(ViewKind::Symbols);
    let folder = sample(input.folder.path(), "yes");
    let target = quantising(&input);
    let compile = |options: Options, name: &str| {
        let output = Some(input.folder.path().join(name));
        compile(&input.path, &Options { output, ..options }).unwrap()
    };
    let int8 = || options(&target, Precision::Int8);
    let built_in = compile(int8(), "1");
    let given = compile(Options { calibrate: Some(folder.clone()), ..int8() }, "2");
    let labelled = compile(Options { labelled: Some(folder.clone()), ..int8() }, "3");
    let again = compile(Options { calibrate: Some(folder.clone()), ..int8() }, "4");
    let graph = |report: &Report| report.graphs[1].sha256.clone();
    assert_ne!(graph(&built_in), graph(&given));
    assert_eq!((graph(&given), graph(&given)), (graph(&labelled), graph(&again)));
    assert_eq!(labelled.labelled[0].files, 1);
    let clips = given.calibrated.unwrap();
    assert_eq!((clips.folder, clips.clips), (Some(folder), 3));
}

#[test]
fn media_that_cannot_be_calibrated_on_are_named() {
    let input = wide(ViewKind::Symbols);
    let target = quantising(&input);
    let error = |target: &str, folder: PathBuf| {
        let options = Options { calibrate: Some(folder), ..options(target, Precision::Int8) };
        compile(&input.path, &options).unwrap_err().to_string()
    };
    let empty = tempfile::tempdir().unwrap();
    let text = error(&target, empty.path().to_owned());
    assert!(text.starts_with("calibrate: ") && text.ends_with("no .mp3 file in this folder"), "{text}");
    std::fs::write(empty.path().join("no.mp3"), b"nothing").unwrap();
    let text = error(&target, empty.path().to_owned());
    assert!(text.contains("no.mp3: not an MP3"), "{text}");
    assert_eq!(
        error("edge-tract", empty.path().to_owned()),
        "--calibrate: int8 for target 'edge-tract' takes no scales beforehand; int8 for server-tensorrt does"
    );
}

#[test]
fn the_batches_that_graphs_are_meant_for_stand_in_the_bundle_and_in_the_graphs() {
    let input = wide(ViewKind::Fields);
    let report = compile(&input.path, &options(&quantising(&input), Precision::Fp32)).unwrap();
    let bundle = Bundle::open(&report.output).unwrap();
    let batches = bundle.manifest().graphs[&GraphName::Clip].batches.unwrap();
    assert_eq!((batches.min, batches.opt, batches.max), (1, 16, 64));
    let clip = String::from_utf8_lossy(bundle.graph(GraphName::Clip).unwrap()).into_owned();
    assert!(clip.contains("tempest.batches") && clip.contains(r#"{"min":1,"opt":16,"max":64}"#));
}
