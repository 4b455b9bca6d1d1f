//! Checkpoint on disk to verified bundle on disk.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a failing test should panic")]

mod common;

use common::{checkpoint, checkpoint_of, contract, files, on_disk};
use tempest_compiler::{CompileError, Options, compile, open};
use tempest_contract::ViewKind;
use tempest_engine::{Bundle, GraphName};
use tempest_models::{CheckpointError, Preset};

fn options(target: &str) -> Options {
    Options { target: target.to_owned(), ..Options::default() }
}

#[test]
fn writes_a_verified_bundle_beside_the_checkpoint() {
    for kind in ViewKind::ALL {
        for target in ["edge-tract", "generic"] {
            let input = on_disk(&checkpoint(kind, 1));
            let report = compile(&input.path, &options(target)).unwrap();
            println!("{report}");
            assert_eq!(report.output, input.folder.path().join("tiny.tempest"));
            let bundle = Bundle::open(&report.output).unwrap();
            assert_eq!(bundle.manifest().target, target);
            assert_eq!(bundle.manifest().checkpoint_sha256, open(&input.path).unwrap().1);
            let files = files(&report.output);
            assert_eq!(files.len(), 4);
            let holds_decoder = |bytes: &[u8]| bytes.windows(8).any(|window| window == b"decoder.");
            assert!(holds_decoder(&std::fs::read(&input.path).unwrap()), "the checkpoint should have a decoder");
            assert!(!files.iter().any(|(_, bytes)| holds_decoder(bytes)), "the decoder is for training only");
            for name in GraphName::ALL {
                let check = report.check(name, "tract").unwrap();
                assert!(check.difference.max_abs < 2e-5, "{name}: {check:?}");
                assert!(check.difference.min_cosine > 0.999_999, "{name}: {check:?}");
                assert_eq!(check.top1_agreement.unwrap_or(1.0), 1.0, "{name}: {check:?}");
            }
            for graph in &report.graphs {
                assert!(graph.nodes_after < graph.nodes_before, "{graph:?}");
            }
        }
    }
}

#[test]
fn compiles_the_same_checkpoint_to_the_same_bytes() {
    for kind in ViewKind::ALL {
        let input = on_disk(&checkpoint(kind, 2));
        let bundle = |name: &str| {
            let output = Some(input.folder.path().join(name));
            let report = compile(&input.path, &Options { output, ..Options::default() }).unwrap();
            files(&report.output)
        };
        assert!(bundle("one") == bundle("two"), "{kind:?}: two compilations differ");
    }
}

#[test]
fn edge_graphs_have_fixed_shapes_and_generic_ones_a_symbol() {
    let input = on_disk(&checkpoint(ViewKind::Fields, 3));
    let shapes = |target: &str| {
        let report = compile(&input.path, &options(target)).unwrap();
        let bundle = Bundle::open(&report.output).unwrap();
        GraphName::ALL.map(|name| {
            let io = bundle.io(name).unwrap();
            let ports = io.inputs.iter().chain([&io.output]);
            let texts: Vec<String> = ports
                .map(|port| {
                    let dims: Vec<String> = port.shape.iter().map(ToString::to_string).collect();
                    format!("{} {}[{}]", port.name, port.dtype, dims.join(","))
                })
                .collect();
            texts.join("; ")
        })
    };
    assert_eq!(
        shapes("edge-tract"),
        [
            "blocks i32[16,24]; embeddings f32[16,2,24]",
            "embeddings f32[1,12,24]; length i32[1]; logits f32[1,3]",
            "blocks i32[1,6,24]; length i32[1]; logits f32[1,3]"
        ]
    );
    assert_eq!(
        shapes("generic"),
        [
            "blocks i32[batch,24]; embeddings f32[batch,2,24]",
            "embeddings f32[batch,12,24]; length i32[batch]; logits f32[batch,3]",
            "blocks i32[batch,6,24]; length i32[batch]; logits f32[batch,3]"
        ]
    );
}

#[test]
fn a_profile_of_ones_own_is_read_from_its_path() {
    let input = on_disk(&checkpoint(ViewKind::Fields, 4));
    let profile = include_str!("../../targets/edge-tract/profile.toml");
    let own = input.folder.path().join("board.toml");
    std::fs::write(&own, profile.replace("\"edge-tract\"", "\"board\"").replace("fields = 16", "fields = 5")).unwrap();
    let report = compile(&input.path, &options(own.to_str().unwrap())).unwrap();
    assert_eq!(report.target, "board");

    std::fs::write(&own, profile.replace("\"Erf\",", "")).unwrap();
    let error = compile(&input.path, &options(own.to_str().unwrap())).unwrap_err();
    assert_eq!(error.to_string(), "encoder: node '/fields/gelu/erf': target 'edge-tract' has no Erf");
    assert!(!error.is_verification());
}

#[test]
fn says_what_is_wrong_with_a_checkpoint_and_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let message = || {
        let error = compile(&path, &Options::default()).unwrap_err().to_string();
        assert!(!error.contains('\n'), "{error}");
        error.replace(&path.display().to_string(), "FILE")
    };
    assert!(message().starts_with("FILE: cannot read: "), "{}", message());
    std::fs::write(&path, b"ID3 is no checkpoint").unwrap();
    assert!(message().starts_with("FILE: not a safetensors file"), "{}", message());

    let mut broken = checkpoint(ViewKind::Fields, 5);
    broken.tensors.remove("classifier.layers.1.attn.key.weight");
    broken.write(&path).unwrap();
    assert_eq!(message(), "FILE: tensor 'classifier.layers.1.attn.key.weight' is missing");

    let mut broken = checkpoint(ViewKind::Fields, 5);
    broken.contract.labels.clear();
    broken.write(&path).unwrap();
    assert_eq!(message(), "FILE: contract: field 'labels': the list is empty; a model needs one label per class");
    assert_eq!(files(folder.path()).len(), 1, "an error left files behind");
}

#[test]
fn a_checkpoint_of_another_tool_is_named_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    std::fs::write(&path, [&8_u64.to_le_bytes()[..], b"{}      "].concat()).unwrap();
    let error = compile(&path, &Options::default()).unwrap_err();
    let CompileError::Checkpoint { source, .. } = error else { panic!("{error}") };
    assert!(matches!(*source, CheckpointError::Foreign), "{source}");
}

#[test]
fn refuses_a_folder_with_other_files_and_leaves_them_where_forced() {
    let input = on_disk(&checkpoint(ViewKind::Fields, 6));
    let output = input.folder.path().join("home");
    std::fs::create_dir(&output).unwrap();
    std::fs::write(output.join("thesis.txt"), b"years").unwrap();
    let options = |force| Options { output: Some(output.clone()), force, ..Options::default() };
    let error = compile(&input.path, &options(false)).unwrap_err();
    assert!(error.to_string().contains("'thesis.txt'") && error.hint().is_some(), "{error}");
    compile(&input.path, &options(true)).unwrap();
    assert_eq!(std::fs::read(output.join("thesis.txt")).unwrap(), b"years");
    Bundle::open(&output).unwrap();
}

#[test]
#[ignore = "runs models of the paper's size: half a minute optimised"]
fn presets_hold_at_full_size() {
    for preset in [Preset::Base, Preset::Small, Preset::Nano] {
        for kind in ViewKind::ALL {
            let mut contract = contract(kind);
            contract.name = format!("{preset:?}-{kind:?}");
            if kind == ViewKind::Bytes {
                contract.view.row = 144;
            }
            contract.window.blocks = 28;
            let input = on_disk(&checkpoint_of(contract, preset.config(), 1));
            let start = std::time::Instant::now();
            let report = compile(&input.path, &options("generic")).unwrap();
            println!("{report}in {:.1} s\n", start.elapsed().as_secs_f64());
        }
    }
}
