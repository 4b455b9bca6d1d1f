//! View `bytes` with several bytes a token: built, rewritten, proved, also where patches do not divide a row.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a failing test should panic")]

mod common;

use common::{CONFIG, checkpoint_of, contract, on_disk};
use tempest_compiler::build;
use tempest_compiler::graphs::{Plan, compile_graphs};
use tempest_compiler::ir::Dim;
use tempest_compiler::passes::Silent;
use tempest_compiler::prove::{prove, sample_rows};
use tempest_compiler::target::Target;
use tempest_compiler::{GraphId, Options, Precision, compile};
use tempest_contract::ViewKind;
use tempest_engine::{Bundle, GraphName, Input, LoadOptions, Tract, engine};
use tempest_models::{Checkpoint, ModelConfig};

/// What stands behind the end of a block.
const PAD: i32 = 256;

fn checkpoint(row: usize, byte_patch: usize, block_layers: usize) -> Checkpoint {
    let mut contract = contract(ViewKind::Bytes);
    contract.view.row = row;
    checkpoint_of(contract, ModelConfig { byte_patch, block_layers, ..CONFIG }, 1)
}

/// Compiles and proves on every engine that the target names and this machine has.
fn holds(checkpoint: &Checkpoint, target: &str, buckets: &[usize]) {
    let input = on_disk(checkpoint);
    let options = Options { target: target.into(), buckets: Some(buckets.to_vec()), ..Options::default() };
    let report = compile(&input.path, &options).unwrap();
    let graphs = GraphName::ALL.into_iter().map(GraphId::Graph).chain(buckets.iter().copied().map(GraphId::Bucket));
    for graph in graphs {
        let check = report.check(graph, "tract").unwrap();
        assert!(check.samples >= 5, "{check:?}");
        assert!(check.difference.max_abs < 2e-5, "{target} {graph}: {check:?}");
    }
}

#[test]
fn every_patch_is_proved() {
    for patch in [2, 3, 4, 8, 20] {
        holds(&checkpoint(20, patch, 2), "edge-tract", &[7, 13]);
    }
}

#[test]
fn rows_that_patches_do_not_divide_are_proved() {
    for target in ["edge-tract", "generic"] {
        holds(&checkpoint(101, 4, 1), target, &[36, 75]);
    }
}

#[test]
fn an_encoder_without_layers_is_proved() {
    for patch in [1, 4] {
        holds(&checkpoint(22, patch, 0), "edge-tract", &[7]);
    }
}

#[test]
fn every_number_of_passes_gives_graphs_that_hold() {
    let checkpoint = checkpoint(22, 4, 2);
    let target = Target::find("generic").unwrap();
    let rows = sample_rows(&checkpoint, 9, 0).unwrap();
    for steps in 0..6 {
        let plan = Plan { stop_after: Some(steps), ..Plan::default() };
        let graphs = compile_graphs(&checkpoint, &"0".repeat(64), &target, plan, &Silent).unwrap();
        let checks = prove(&checkpoint, &graphs, &rows, &[engine("tract").unwrap()], Precision::Fp32.gate(1e-4));
        checks.unwrap_or_else(|error| panic!("after {steps} passes: {error}"));
    }
}

#[test]
fn a_block_in_a_bucket_is_the_same_block() {
    let input = on_disk(&checkpoint(22, 4, 2));
    let report = compile(&input.path, &Options { buckets: Some(vec![7, 12]), ..Options::default() }).unwrap();
    let bundle = Bundle::open(&report.output).unwrap();
    let options = LoadOptions::default();
    let mut full = bundle.session(GraphName::Encoder, &Tract, &options).unwrap();
    let mut expected = vec![0.0; full.io().output.elements().unwrap()];
    for (row, mut bucket) in [7, 12].into_iter().zip(bundle.buckets(&Tract, &options, 1).unwrap()) {
        for length in 1..=row {
            let block: Vec<i32> = (0..22).map(|at| if at < length { (at * 89 % 256) as i32 } else { PAD }).collect();
            let mut found = vec![f32::NAN; expected.len()];
            full.run(&[Input::I32(&block)], &mut expected).unwrap();
            bucket[0].run(&[Input::I32(&block[..row])], &mut found).unwrap();
            let worst = expected.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-5, "{length} bytes in {row}: {worst}");
        }
    }
}

/// What is before the first layer, of a graph as built.
#[test]
fn patches_are_sums_of_rows_looked_up_place_by_place() {
    let graph = build::encoder(&checkpoint(5, 2, 1), Dim::Fixed(1)).unwrap().to_string();
    let first = |line: &&str| {
        ["/patches", "/embed", "/encoder/least", "/encoder/padding"]
            .iter()
            .any(|name| line.trim_start().starts_with(&format!("%{name}")))
    };
    let lines: Vec<&str> = graph.lines().filter(first).collect();
    insta::assert_snapshot!(lines.join("\n"));
}
