//! Encoders for shorter blocks: proved like the others, and refused where a model cannot have them.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a failing test should panic")]

mod common;

use common::{OnDisk, checkpoint, files, on_disk};
use tempest_compiler::{GraphId, Options, compile};
use tempest_contract::ViewKind;
use tempest_engine::{Bundle, GraphName, Input, LoadOptions, Tract};

/// What stands behind the end of a block.
const PAD: i32 = 256;

fn bytes() -> OnDisk {
    on_disk(&checkpoint(ViewKind::Bytes, 1))
}

fn options(buckets: &[usize]) -> Options {
    Options { buckets: Some(buckets.to_vec()), ..Options::default() }
}

fn refused(input: &OnDisk, options: &Options) -> String {
    let error = compile(&input.path, options).unwrap_err();
    assert!(!error.is_verification());
    assert!(!input.folder.path().join("tiny.tempest").exists());
    error.to_string()
}

#[test]
fn every_bucket_is_proved_written_and_listed() {
    let report = compile(&bytes().path, &options(&[7, 13])).unwrap();
    for bucket in [7, 13].map(GraphId::Bucket) {
        let check = report.check(bucket, "tract").unwrap();
        assert!(check.samples >= 5, "{check:?}");
        assert!(check.difference.max_abs < 2e-5, "{check:?}");
    }
    let text = report.to_string();
    assert!(text.contains("encoder-7 ") && text.contains("encoder-13 "), "{text}");
}

#[test]
fn a_block_in_a_bucket_is_the_same_block() {
    let input = bytes();
    let report = compile(&input.path, &options(&[7, 13])).unwrap();
    let bundle = Bundle::open(&report.output).unwrap();
    assert_eq!(bundle.manifest().buckets.iter().map(|bucket| bucket.row).collect::<Vec<_>>(), [7, 13]);
    let options = LoadOptions::default();
    let mut full = bundle.session(GraphName::Encoder, &Tract, &options).unwrap();
    let mut expected = vec![0.0; full.io().output.elements().unwrap()];
    for (row, mut bucket) in [7, 13].into_iter().zip(bundle.buckets(&Tract, &options, 1).unwrap()) {
        for length in 1..=row {
            let block: Vec<i32> = (0..20).map(|at| if at < length { (at * 89 % 256) as i32 } else { PAD }).collect();
            let mut found = vec![f32::NAN; expected.len()];
            full.run(&[Input::I32(&block)], &mut expected).unwrap();
            bucket[0].run(&[Input::I32(&block[..row])], &mut found).unwrap();
            let worst = expected.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-5, "{length} bytes in {row}: {worst}");
        }
    }
}

#[test]
fn a_bundle_without_buckets_is_the_one_it_always_was() {
    let input = bytes();
    let bundle = |buckets: Option<Vec<usize>>, name: &str| {
        let output = Some(input.folder.path().join(name));
        files(&compile(&input.path, &Options { buckets, output, ..Options::default() }).unwrap().output)
    };
    let (plain, none, some) = (bundle(None, "1"), bundle(Some(vec![]), "2"), bundle(Some(vec![7]), "3"));
    assert!(plain == none, "an empty list changes the bundle");
    let graphs = |files: &[(String, Vec<u8>)]| {
        let kept = |(name, _): &&(String, Vec<u8>)| name != "bundle.json" && name != "encoder-7.onnx";
        files.iter().filter(kept).cloned().collect::<Vec<_>>()
    };
    assert!(graphs(&plain) == graphs(&some), "a bucket changes the other graphs");
    assert!(!String::from_utf8_lossy(&plain[0].1).contains("buckets"));
}

#[test]
fn buckets_that_a_model_cannot_have_are_named() {
    let input = bytes();
    assert_eq!(
        refused(&input, &options(&[7, 20])),
        "target 'edge-tract': field 'buckets': 20 is not below 20, the model's row"
    );
    assert_eq!(
        refused(&input, &options(&[13, 7])),
        "edge-tract: field 'buckets': [13, 7] do not ascend from 1 or more"
    );
    assert_eq!(refused(&input, &options(&[0])), "edge-tract: field 'buckets': [0] do not ascend from 1 or more");
    let numeric = on_disk(&checkpoint(ViewKind::Fields, 1));
    assert_eq!(
        refused(&numeric, &options(&[7])),
        "buckets: the model reads 'fields'; only rows of the view 'bytes' end in padding"
    );
}

#[test]
fn a_profile_may_ask_for_buckets_and_numeric_models_pass_by_them() {
    for (kind, expected) in [(ViewKind::Bytes, 1), (ViewKind::Fields, 0)] {
        let input = on_disk(&checkpoint(kind, 2));
        let profile = include_str!("../../targets/edge-tract/profile.toml");
        let own = input.folder.path().join("own.toml");
        std::fs::write(&own, profile.replace("tolerance", "buckets = [7]\ntolerance")).unwrap();
        let target = own.to_str().unwrap().to_owned();
        let report = compile(&input.path, &Options { target, ..Options::default() }).unwrap();
        assert_eq!(Bundle::open(&report.output).unwrap().manifest().buckets.len(), expected);
    }
}
