//! A bundle survives writing and reading, and each way to spoil it has its own message.
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

mod common;

use common::{Graph, engines};
use std::path::{Path, PathBuf};
use tempest_contract::{
    Answers, Codec, Contract, FORMAT_VERSION, Mp3, RateMode, Reservoir, Unit, View, ViewKind, Window,
};
use tempest_engine::{
    Batches, Bucket, Bundle, Dim, Dtype, GraphEntry, GraphName, Input, LoadOptions, MANIFEST_FILE, MANIFEST_VERSION,
    MAX_GRAPH_BYTES, Manifest, sha256_hex,
};

/// Blocks of 3 integers become 1 token of 2 numbers: `embeddings = cast(blocks) w`.
fn encoder() -> Graph {
    Graph::new()
        .input("blocks", Dtype::I32, &[0, 3])
        .floats("w", &[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
        .integers("shape", &[-1, 1, 2])
        .node("Cast", &["blocks"], "f", &[("to", &[1])])
        .node("MatMul", &["f", "w"], "flat", &[])
        .node("Reshape", &["flat", "shape"], "embeddings", &[])
        .output("embeddings", &[0, 1, 2])
}

/// Windows of 4 tokens become 2 logits: their sum.
fn classifier() -> Graph {
    Graph::new()
        .input("embeddings", Dtype::F32, &[1, 4, 2])
        .integers("tokens", &[1])
        .node("ReduceSum", &["embeddings", "tokens"], "logits", &[("keepdims", &[0])])
        .output("logits", &[1, 2])
}

fn contract() -> Contract {
    Contract {
        format_version: FORMAT_VERSION,
        name: "digits".into(),
        labels: vec!["zero".into(), "one".into()],
        answers: Answers::OneOf,
        codec: Codec::Mp3(Mp3 {
            unit: Unit::Frame,
            sample_rate: 16_000,
            channels: 1,
            mode: RateMode::Cbr,
            bitrates_kbps: vec![32],
            reservoir: Reservoir::Off,
            encoder: "LAME 3.100".into(),
        }),
        view: View { kind: ViewKind::Fields, row: 3, layout: 1 },
        window: Window { blocks: 4, hop: 2 },
    }
}

fn manifest() -> Manifest {
    let entry = |file: &str, graph: &Graph| GraphEntry::new(file, &graph.bytes(), graph.io());
    Manifest {
        format_version: MANIFEST_VERSION,
        contract: contract(),
        target: "generic".into(),
        opset: 17,
        precision: "fp32".into(),
        compiler: "tempest-compile 0.1.0".into(),
        checkpoint_sha256: sha256_hex(b"checkpoint"),
        tolerance: 1e-4,
        graphs: [
            (GraphName::Encoder, entry("encoder.onnx", &encoder())),
            (GraphName::Classifier, entry("classifier.onnx", &classifier())),
        ]
        .into(),
        buckets: vec![],
        thresholds: None,
    }
}

/// A bundle in a folder of its own.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Folder(tempfile::tempdir().unwrap());
        std::fs::write(folder.path("encoder.onnx"), encoder().bytes()).unwrap();
        std::fs::write(folder.path("classifier.onnx"), classifier().bytes()).unwrap();
        folder.write(&manifest().to_json_pretty().unwrap());
        folder
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn write(&self, manifest: &str) {
        std::fs::write(self.path(MANIFEST_FILE), manifest).unwrap();
    }

    fn error(&self) -> String {
        text(self.0.path())
    }
}

fn text(path: &Path) -> String {
    Bundle::open(path).unwrap_err().to_string()
}

#[test]
fn a_written_bundle_opens_and_runs() {
    let folder = Folder::new();
    let bundle = Bundle::open(folder.0.path()).unwrap();
    assert_eq!((bundle.manifest(), bundle.contract()), (&manifest(), &contract()));
    assert_eq!(bundle.graph(GraphName::Encoder).unwrap(), encoder().bytes());
    assert_eq!((bundle.graph(GraphName::Clip), bundle.io(GraphName::Clip)), (None, None));
    for engine in engines() {
        let options = LoadOptions { batch: 4, threads: 1 };
        let mut encode = bundle.session(GraphName::Encoder, &*engine, &options).unwrap();
        let mut classify = bundle.session(GraphName::Classifier, &*engine, &options).unwrap();
        assert_eq!((encode.batch(), classify.batch()), (4, 1));
        let (mut embeddings, mut logits) = ([0.0; 8], [0.0; 2]);
        encode.run(&[Input::I32(&[1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1])], &mut embeddings).unwrap();
        classify.run(&[Input::F32(&embeddings)], &mut logits).unwrap();
        assert_eq!(logits, [18.0, 24.0]);
        let missing = bundle.session(GraphName::Clip, &*engine, &options).err().unwrap();
        assert_eq!(missing.to_string(), "the bundle holds no graph 'clip'");
    }
}

#[test]
fn the_text_of_a_manifest_is_always_the_same() {
    let text = manifest().to_json_pretty().unwrap();
    assert!(text.ends_with("}\n"));
    let again = Manifest::from_json(&text).unwrap();
    assert_eq!((again.to_json_pretty().unwrap(), again), (text.clone(), manifest()));
    let places = ["\"encoder\": {", "\"classifier\": {", "\"batch\"", "\"tolerance\": 0.0001,"]
        .map(|part| text.find(part).unwrap_or_else(|| panic!("{part} is not in {text}")));
    assert!(places[0] < places[1]);
}

#[test]
fn parts_make_a_bundle_with_some_of_its_graphs() {
    let text = manifest().to_json_pretty().unwrap();
    let bytes: &'static [u8] = encoder().bytes().leak();
    let bundle = Bundle::from_parts(&text, [(GraphName::Encoder, bytes)]).unwrap();
    assert_eq!((bundle.graph(GraphName::Encoder), bundle.graph(GraphName::Classifier)), (Some(bytes), None));
    let error = |graph, bytes| Bundle::from_parts(&text, [(graph, bytes)]).unwrap_err().to_string();
    assert_eq!(error(GraphName::Clip, bytes), "graph 'clip' is not listed in bundle.json");
    assert!(error(GraphName::Classifier, bytes).starts_with("'classifier.onnx' has "));
}

#[test]
fn a_path_that_is_no_bundle_says_what_to_do() {
    let folder = Folder::new();
    let folder_is = |path: &Path, says: &str| assert_eq!(text(path), says.replace('@', &path.display().to_string()));
    folder_is(&folder.path("absent"), "bundle '@' does not exist");
    let checkpoint = folder.path("model.safetensors");
    std::fs::write(&checkpoint, "").unwrap();
    folder_is(&checkpoint, "'@' is a checkpoint, not a bundle; compile it first: `tempest-compile @`");
    folder_is(
        &folder.path("encoder.onnx"),
        "'@' is a file; a bundle is the folder that `tempest-compile FILE.safetensors` writes",
    );
    std::fs::remove_file(folder.path(MANIFEST_FILE)).unwrap();
    folder_is(
        folder.0.path(),
        "'@' holds no bundle.json; a bundle is the folder that `tempest-compile FILE.safetensors` writes",
    );
}

#[test]
fn a_changed_graph_is_named_with_both_hashes() {
    let folder = Folder::new();
    let mut changed = encoder().bytes();
    *changed.last_mut().unwrap() ^= 1;
    std::fs::write(folder.path("encoder.onnx"), &changed).unwrap();
    let (found, expected) = (sha256_hex(&changed), sha256_hex(&encoder().bytes()));
    assert_eq!(
        folder.error(),
        format!(
            "'encoder.onnx' was changed: SHA-256 is {found}, bundle.json says {expected}; compile the checkpoint again"
        )
    );
    changed.pop();
    std::fs::write(folder.path("encoder.onnx"), &changed).unwrap();
    let (found, expected) = (changed.len(), changed.len() + 1);
    assert_eq!(
        folder.error(),
        format!("'encoder.onnx' has {found} bytes, bundle.json says {expected}; compile the checkpoint again")
    );
}

#[test]
fn a_missing_graph_is_named() {
    let folder = Folder::new();
    let path = folder.path("classifier.onnx");
    std::fs::remove_file(&path).unwrap();
    let says = "is missing; copy the whole bundle, or compile the checkpoint again";
    assert_eq!(folder.error(), format!("graph 'classifier': '{}' {says}", path.display()));
    std::fs::create_dir(&path).unwrap();
    assert_eq!(folder.error(), format!("'{}': not a regular file", path.display()));
}

#[test]
fn files_that_are_too_large_are_not_read() {
    let folder = Folder::new();
    let grow = |file: &str, bytes| std::fs::File::create(folder.path(file)).unwrap().set_len(bytes).unwrap();
    grow("encoder.onnx", MAX_GRAPH_BYTES + 1);
    assert_eq!(folder.error(), "'encoder.onnx' has 268435457 bytes, at most 268435456 are read");
    grow(MANIFEST_FILE, (1 << 20) + 1);
    assert_eq!(folder.error(), "'bundle.json' has 1048577 bytes, at most 1048576 are read");
}

#[test]
fn another_version_is_named_whatever_else_it_holds() {
    let folder = Folder::new();
    folder.write(r#"{"format_version": 2, "news": []}"#);
    assert_eq!(folder.error(), "bundle.json: format version 2, this build reads version 1; update tempest");
    folder.write(r#"{"format_version": 0}"#);
    assert_eq!(
        folder.error(),
        "bundle.json: format version 0, this build reads version 1; compile the checkpoint again"
    );
}

#[test]
fn json_that_is_no_manifest_is_named() {
    let folder = Folder::new();
    for (json, says) in [
        ("", "bundle.json: EOF while parsing"),
        ("3", "bundle.json: invalid type: integer `3`"),
        ("{}", "bundle.json: missing field `format_version`"),
        (r#"{"format_version": 1}"#, "bundle.json: missing field `contract`"),
    ] {
        folder.write(json);
        assert!(folder.error().starts_with(says), "{}", folder.error());
    }
    for path in ["", "/graphs/encoder", "/graphs/encoder/io", "/graphs/encoder/io/output", "/contract"] {
        let mut json = serde_json::to_value(manifest()).unwrap();
        json.pointer_mut(path).unwrap()["surprise"] = 1.into();
        folder.write(&json.to_string());
        assert!(folder.error().starts_with("bundle.json: unknown field `surprise`"), "{}", folder.error());
    }
    std::fs::write(folder.path(MANIFEST_FILE), b"\xff\xfe").unwrap();
    assert!(folder.error().contains("bundle.json': invalid utf-8"), "{}", folder.error());
}

#[test]
fn fields_that_no_bundle_has_are_named() {
    let error = |change: fn(&mut Manifest)| {
        let mut bad = manifest();
        change(&mut bad);
        let error = bad.check().unwrap_err().to_string();
        error.strip_prefix("bundle.json: ").unwrap().to_string()
    };
    fn entry(manifest: &mut Manifest) -> &mut GraphEntry {
        manifest.graphs.get_mut(&GraphName::Encoder).unwrap()
    }
    assert_eq!(error(|m| m.graphs.clear()), "field 'graphs': the bundle holds no graph");
    assert_eq!(error(|m| m.tolerance = f32::NAN), "field 'tolerance': NaN is not a positive number");
    assert_eq!(
        error(|m| m.checkpoint_sha256 = "ABC".into()),
        "field 'checkpoint_sha256': 'ABC' is not a SHA-256 of 64 lower-case hex digits"
    );
    assert_eq!(error(|m| entry(m).sha256.push('0')).split(':').next().unwrap(), "field 'graphs.encoder.sha256'");
    assert_eq!(error(|m| entry(m).bytes = 0), "field 'graphs.encoder.bytes': 0 is not in 1..=268435456");
    assert_eq!(
        error(|m| entry(m).file = "classifier.onnx".into()),
        "field 'graphs.classifier.file': 'classifier.onnx' stands twice"
    );
    assert_eq!(
        error(|m| entry(m).io.inputs[0].shape[0] = Dim::Symbol("n".into())),
        "field 'graphs.encoder.io.blocks': dimension 0 is 'n'; only dimension 0 may be 'batch'"
    );
    assert_eq!(
        error(|m| m.contract.labels.clear()),
        "contract: field 'labels': the list is empty; a model needs one label per class"
    );
}

#[test]
fn file_names_stay_in_the_folder() {
    for file in ["", ".", "..", "../x", "a/b", "/etc/passwd", "a\\b", "C:x", "a b", ".hidden", "nul\0", "é.onnx"] {
        let mut bad = manifest();
        bad.graphs.get_mut(&GraphName::Encoder).unwrap().file = file.into();
        assert_eq!(
            bad.check().unwrap_err().to_string(),
            format!("bundle.json: field 'graphs.encoder.file': '{file}' is not the plain name of a file")
        );
    }
}

#[test]
fn shapes_that_do_not_fit_the_contract_are_named() {
    let error = |change: fn(&mut Manifest)| {
        let mut bad = manifest();
        change(&mut bad);
        bad.check().unwrap_err().to_string().strip_prefix("bundle.json: field 'graphs.").unwrap().to_string()
    };
    assert_eq!(
        error(|m| m.contract.view.row = 9),
        "encoder.io.blocks': [batch, 3] does not end with 9, contract.view.row"
    );
    assert_eq!(
        error(|m| m.contract.labels.push("two".into())),
        "classifier.io.logits': [1, 2] does not end with 3, the number of contract.labels"
    );
    assert_eq!(
        error(|m| m.contract.window.blocks = 5),
        "classifier.io.embeddings': [1, 4, 2] does not take what the encoder gives: [N, 5, 2]"
    );
    assert_eq!(
        error(|m| {
            let entry = m.graphs.remove(&GraphName::Encoder).unwrap();
            m.graphs.insert(GraphName::Clip, entry);
        }),
        "clip.io.blocks': [batch, 3] dimension 1 is not 4 (contract.window.blocks)"
    );
    assert_eq!(
        error(|m| m.graphs.get_mut(&GraphName::Encoder).unwrap().io.inputs[0].dtype = Dtype::F32),
        "encoder.io.blocks': [batch, 3] is f32, should be i32"
    );
}

/// Blocks of 2 integers become what [`encoder`] makes of them and a 0.
fn short_encoder() -> Graph {
    Graph::new()
        .input("blocks", Dtype::I32, &[0, 2])
        .floats("w", &[2, 2], &[1.0, 2.0, 3.0, 4.0])
        .integers("shape", &[-1, 1, 2])
        .node("Cast", &["blocks"], "f", &[("to", &[1])])
        .node("MatMul", &["f", "w"], "flat", &[])
        .node("Reshape", &["flat", "shape"], "embeddings", &[])
        .output("embeddings", &[0, 1, 2])
}

fn manifest_with_bucket() -> Manifest {
    let mut manifest = manifest();
    manifest.contract.view.kind = ViewKind::Bytes;
    let graph = GraphEntry::new("encoder-2.onnx", &short_encoder().bytes(), short_encoder().io());
    manifest.buckets.push(Bucket { row: 2, graph });
    manifest
}

#[test]
fn a_bundle_without_buckets_or_batches_does_not_speak_of_them() {
    let json = manifest().to_json_pretty().unwrap();
    assert!(!json.contains("buckets") && !json.contains("batches"), "{json}");
    assert_eq!(Manifest::from_json(&json).unwrap(), manifest());
}

#[test]
fn buckets_are_read_and_run() {
    let folder = Folder::new();
    folder.write(&manifest_with_bucket().to_json_pretty().unwrap());
    assert!(folder.error().contains("encoder-2.onnx"), "{}", folder.error());
    std::fs::write(folder.path("encoder-2.onnx"), short_encoder().bytes()).unwrap();
    let bundle = Bundle::open(folder.0.path()).unwrap();
    assert_eq!(bundle.manifest(), &manifest_with_bucket());
    for engine in engines() {
        let mut buckets = bundle.buckets(&*engine, &LoadOptions { batch: 2, threads: 1 }, 1).unwrap();
        let mut out = [0.0; 4];
        buckets[0][0].run(&[Input::I32(&[1, 2, 3, 4])], &mut out).unwrap();
        assert_eq!(out, [7.0, 10.0, 15.0, 22.0], "{}", engine.name());
    }
    std::fs::write(folder.path("encoder-2.onnx"), encoder().bytes()).unwrap();
    assert!(folder.error().contains("encoder-2.onnx"), "{}", folder.error());
}

#[test]
fn buckets_and_batches_that_no_bundle_has_are_named() {
    let error = |change: fn(&mut Manifest)| {
        let mut bad = manifest_with_bucket();
        change(&mut bad);
        bad.check().unwrap_err().to_string().strip_prefix("bundle.json: field '").unwrap().to_string()
    };
    assert_eq!(manifest_with_bucket().check().err().map(|error| error.to_string()), None);
    assert_eq!(error(|m| m.buckets[0].row = 3), "buckets.0.row': 3 is not above 0 and below 3, contract.view.row");
    assert_eq!(error(|m| m.buckets[0].row = 0), "buckets.0.row': 0 is not above 0 and below 3, contract.view.row");
    assert_eq!(error(|m| m.buckets[0].row = 1), "buckets.0.graph.io.blocks': [batch, 2] is not i32 [batch, 1]");
    assert_eq!(
        error(|m| m.buckets.push(m.buckets[0].clone())),
        "buckets.1.row': 2 is not above 2 and below 3, contract.view.row"
    );
    assert_eq!(
        error(|m| m.buckets[0].graph.file = "encoder.onnx".into()),
        "buckets.0.graph.file': 'encoder.onnx' stands twice"
    );
    assert_eq!(
        error(|m| m.contract.view.kind = ViewKind::Fields),
        "buckets': only rows of the view 'bytes' end in padding"
    );
    assert_eq!(
        error(|m| drop(m.graphs.remove(&GraphName::Encoder))),
        "buckets': the bundle has no encoder that takes the blocks they do not"
    );
    assert_eq!(
        error(|m| m.buckets[0].graph.batches = Some(Batches { min: 2, opt: 1, max: 4 })),
        "buckets.0.graph.batches': 2, 1, 4 do not ascend from 1 or more to at most 65536"
    );
    assert_eq!(
        error(|m| m.graphs.get_mut(&GraphName::Classifier).unwrap().batches = Some(Batches { min: 1, opt: 1, max: 1 })),
        "graphs.classifier.batches': the graph's batch is fixed"
    );
}
