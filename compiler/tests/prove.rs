//! The proof accepts the checkpoint's graphs and no others.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a failing test should panic")]

mod common;

use common::checkpoint;
use tempest_compiler::Precision;
use tempest_compiler::graphs::{Artefacts, Plan, compile_graphs};
use tempest_compiler::passes::Silent;
use tempest_compiler::prove::{Check, ProveError, prove, sample_rows};
use tempest_compiler::target::Target;
use tempest_contract::ViewKind;
use tempest_engine::{Engine, GraphName, engine};
use tempest_models::Checkpoint;

const HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn graphs(checkpoint: &Checkpoint, target: &str, stop_after: Option<usize>) -> Artefacts {
    let plan = Plan { stop_after, ..Plan::default() };
    compile_graphs(checkpoint, HASH, &Target::find(target).unwrap(), plan, &Silent).unwrap()
}

fn tract() -> Vec<Box<dyn Engine>> {
    vec![engine("tract").unwrap()]
}

fn proof(checkpoint: &Checkpoint, graphs: &Artefacts) -> Result<Vec<Check>, ProveError> {
    prove(checkpoint, graphs, &sample_rows(checkpoint, 9, 0).unwrap(), &tract(), Precision::Fp32.gate(1e-4))
}

#[test]
fn graphs_of_another_checkpoint_are_refused_by_name() {
    for kind in ViewKind::ALL {
        let (one, other) = (checkpoint(kind, 1), checkpoint(kind, 2));
        let error = proof(&one, &graphs(&other, "edge-tract", None)).unwrap_err();
        assert!(error.is_verification());
        assert!(error.to_string().starts_with("encoder on tract: max difference "), "{error}");
    }
}

#[test]
fn one_wrong_weight_is_found_in_the_graph_that_holds_it() {
    let right = checkpoint(ViewKind::Fields, 3);
    for (name, graph) in [
        ("numeric.std", GraphName::Encoder),
        ("classifier.cls", GraphName::Classifier),
        ("classifier.layers.1.attn.query.bias", GraphName::Classifier),
    ] {
        let mut wrong = right.clone();
        let tensor = wrong.tensors.get_mut(name).unwrap();
        *tensor = (&*tensor * 1.1).unwrap();
        match proof(&right, &graphs(&wrong, "generic", None)).unwrap_err() {
            ProveError::Tolerance { graph: found, engine, max, .. } => {
                assert_eq!((found, engine.as_str()), (graph.into(), "tract"), "{name}");
                assert!(max > 1e-4);
            }
            other => panic!("{name}: {other}"),
        }
    }
}

#[test]
fn an_output_that_is_not_finite_is_refused() {
    let right = checkpoint(ViewKind::Fields, 4);
    let mut wrong = right.clone();
    let tensor = wrong.tensors.get_mut("classifier.head.bias").unwrap();
    *tensor = (&*tensor * f64::INFINITY).unwrap();
    let error = proof(&right, &graphs(&wrong, "edge-tract", None)).unwrap_err().to_string();
    assert!(error.starts_with("classifier on tract: output 0 of sample 0 is "), "{error}");
}

#[test]
fn every_number_of_passes_gives_graphs_that_hold() {
    for kind in ViewKind::ALL {
        let checkpoint = checkpoint(kind, 5);
        for steps in 0..6 {
            let checks = proof(&checkpoint, &graphs(&checkpoint, "generic", Some(steps)));
            checks.unwrap_or_else(|error| panic!("{kind:?} after {steps} passes: {error}"));
        }
    }
}

#[test]
fn a_block_gives_the_same_output_beside_others_as_alone() {
    let checkpoint = checkpoint(ViewKind::Bytes, 6);
    let checks = proof(&checkpoint, &graphs(&checkpoint, "generic", None)).unwrap();
    assert_eq!(checks.len(), 3);
    for check in checks {
        assert!(check.alone_max_abs.unwrap() < 1e-5, "{check:?}");
        assert!(check.samples >= 5);
    }
}

#[test]
fn real_blocks_can_be_given_and_none_is_an_error() {
    let checkpoint = checkpoint(ViewKind::Fields, 7);
    let graphs = graphs(&checkpoint, "edge-tract", None);
    let one_block = vec![vec![0; checkpoint.contract.view.row]];
    assert_eq!(prove(&checkpoint, &graphs, &one_block, &tract(), Precision::Fp32.gate(1e-4)).unwrap().len(), 3);
    assert!(matches!(prove(&checkpoint, &graphs, &[], &tract(), Precision::Fp32.gate(1e-4)), Err(ProveError::NoRows)));
}
