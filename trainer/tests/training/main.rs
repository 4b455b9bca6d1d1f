//! The loop learns, repeats itself exactly, and goes on exactly where it was interrupted.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

mod common;
mod join;
mod method;
mod precision;
#[cfg(unix)]
mod program;
mod resume;

use candle_core::Device;
use common::{bits, config, contract, corpus, log, never, options, train};
use tempest_contract::ViewKind;
use tempest_models::Model;
use tempest_trainer::eval::evaluate;
use tempest_trainer::fit::FitOptions;

/// One batch, learnt by heart.
fn learns_by_heart(kind: ViewKind, options: &FitOptions) {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(kind, 9, 0);
    let options = FitOptions { epochs: 60, batch: 9, dropout: 0.0, cutmix: 0.0, ..options.clone() };
    let fitted = train(kind, &corpus, &options, folder.path(), &never());
    let model = Model::new(&contract(kind), &config(), &fitted.models[0]).unwrap();
    let clips = corpus.train.iter().flat_map(|example| example.variants.iter().map(|rows| (rows, &example.truth)));
    let evaluation = evaluate(&model, &contract(kind), clips, &Device::Cpu).unwrap();
    assert_eq!(evaluation.correct, evaluation.clips, "{}", evaluation.table());
    let losses: Vec<f64> = log(folder.path()).iter().map(|line| line["class_loss"].as_f64().unwrap()).collect();
    assert!(losses[losses.len() - 1] < 0.1 * losses[0], "{losses:?}");
}

#[test]
fn learns_one_batch_by_heart_bytes() {
    learns_by_heart(ViewKind::Bytes, &options());
}

#[test]
fn learns_one_batch_by_heart_fields() {
    learns_by_heart(ViewKind::Fields, &options());
}

#[test]
fn learns_one_batch_by_heart_symbols() {
    learns_by_heart(ViewKind::Symbols, &options());
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_seed_others() {
    let corpus = corpus(ViewKind::Fields, 24, 0);
    let run = |seed| {
        let folder = tempfile::tempdir().unwrap();
        let options = FitOptions { seed, ..options() };
        bits(&train(ViewKind::Fields, &corpus, &options, folder.path(), &never()).models[0])
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
