//! The loop learns, repeats itself exactly, and goes on exactly where it was interrupted.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use candle_core::{Device, Tensor};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use tempest_contract::{Codec, Contract, FORMAT_VERSION, Mp3, Reservoir, Unit, View, ViewKind, Window};
use tempest_models::{Model, ModelConfig, ReconPadding};
use tempest_trainer::batch::{Example, generator};
use tempest_trainer::eval::evaluate;
use tempest_trainer::fit::{Corpus, FitOptions, Fitted, fit, state_path};
use tempest_trainer::rows::Rows;

use rand::RngExt;

fn contract(kind: ViewKind) -> Contract {
    let codec = Codec::Mp3(Mp3 {
        unit: Unit::Frame,
        sample_rate: 16_000,
        channels: 1,
        bitrates_kbps: vec![32],
        reservoir: Reservoir::Off,
        encoder: "none".into(),
    });
    let view = View::of(kind, &codec, 16).unwrap();
    Contract {
        format_version: FORMAT_VERSION,
        name: "test".into(),
        labels: ["low", "mid", "high"].map(String::from).into(),
        codec,
        view,
        window: Window { blocks: 8, hop: 4 },
    }
}

fn config() -> ModelConfig {
    ModelConfig {
        dim: 16,
        ff: 32,
        heads: 2,
        block_layers: 1,
        clip_layers: 1,
        mixer: 4,
        field_hidden: 24,
        tokens_per_block: 1,
        byte_patch: 1,
    }
}

fn options() -> FitOptions {
    FitOptions {
        epochs: 3,
        batch: 8,
        learning_rate: 5e-3,
        warmup: 0.1,
        weight_decay: 0.05,
        clip: 1.0,
        dropout: 0.1,
        cutmix: 0.5,
        smoothing: 0.0,
        lambda: Some(1.0),
        recon_padding: ReconPadding::Counted,
        seed: 5,
        shards: 2,
    }
}

/// Clips of noise whose first column of each class lies elsewhere.
fn corpus(kind: ViewKind, clips: usize) -> Corpus {
    let contract = contract(kind);
    let mut random = generator(11, 0, 0);
    let mut clip = |label: usize| {
        let count = random.random_range(3..=10);
        let width = contract.view.row;
        let value = |column: usize, noise: i32| match kind {
            ViewKind::Bytes if column.is_multiple_of(4) => 60 * label as i32 + noise % 20,
            ViewKind::Fields if column == 4 => 700 * label as i32 + noise,
            // Among the sums of bands, beyond what `fields` has.
            ViewKind::Symbols if column == 100 => 700 * label as i32 + noise,
            _ => noise % 2,
        };
        let values = (0..count * width).map(|i| value(i % width, random.random_range(0..256))).collect();
        Rows { width, values, cut_bytes: 0 }
    };
    let train = (0..clips).map(|i| Example { variants: vec![clip(i % 3), clip(i % 3)], label: i % 3 }).collect();
    Corpus { train, validation: Vec::new() }
}

fn train(kind: ViewKind, corpus: &Corpus, options: &FitOptions, out: &Path, stop: &AtomicBool) -> Fitted {
    fit(corpus, &contract(kind), &config(), options, &Device::Cpu, out, stop).unwrap()
}

fn bits(tensors: &BTreeMap<String, Tensor>) -> Vec<(String, Vec<u32>)> {
    let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    tensors.iter().map(|(name, t)| (name.clone(), values(t).into_iter().map(f32::to_bits).collect())).collect()
}

fn never() -> AtomicBool {
    AtomicBool::new(false)
}

/// One batch, learnt by heart.
fn overfits(kind: ViewKind) {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(kind, 9);
    let options = FitOptions { epochs: 60, batch: 9, dropout: 0.0, cutmix: 0.0, ..options() };
    let fitted = train(kind, &corpus, &options, folder.path(), &never());
    let model = Model::new(&contract(kind), &config(), &fitted.tensors).unwrap();
    let clips = corpus.train.iter().flat_map(|example| example.variants.iter().map(|rows| (rows, example.label)));
    let evaluation = evaluate(&model, &contract(kind), clips, &Device::Cpu).unwrap();
    assert_eq!(evaluation.correct, evaluation.clips, "{}", evaluation.table());
    let log = std::fs::read_to_string(folder.path().join("log.jsonl")).unwrap();
    let losses: Vec<f64> = log
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["class_loss"].as_f64().unwrap())
        .collect();
    assert!(losses[losses.len() - 1] < 0.1 * losses[0], "{losses:?}");
}

#[test]
fn learns_one_batch_by_heart_bytes() {
    overfits(ViewKind::Bytes);
}

#[test]
fn learns_one_batch_by_heart_fields() {
    overfits(ViewKind::Fields);
}

#[test]
fn learns_one_batch_by_heart_symbols() {
    overfits(ViewKind::Symbols);
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_seed_others() {
    let corpus = corpus(ViewKind::Fields, 24);
    let run = |seed| {
        let folder = tempfile::tempdir().unwrap();
        let options = FitOptions { seed, ..options() };
        bits(&train(ViewKind::Fields, &corpus, &options, folder.path(), &never()).tensors)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn an_interrupted_run_ends_in_the_same_bits() {
    let corpus = corpus(ViewKind::Fields, 24);
    let whole = tempfile::tempdir().unwrap();
    let expected = bits(&train(ViewKind::Fields, &corpus, &options(), whole.path(), &never()).tensors);
    // Stopped after every single step: nine sittings for nine steps.
    let parts = tempfile::tempdir().unwrap();
    let mut sittings = 0;
    let found = loop {
        let stop = AtomicBool::new(true);
        let fitted = train(ViewKind::Fields, &corpus, &options(), parts.path(), &stop);
        sittings += 1;
        assert!(stop.load(Ordering::Relaxed) && fitted.steps == sittings);
        if !fitted.interrupted {
            break bits(&fitted.tensors);
        }
    };
    assert_eq!(sittings, 9);
    assert_eq!(found, expected);
}

#[test]
fn a_run_does_not_resume_under_other_options() {
    let corpus = corpus(ViewKind::Fields, 24);
    let folder = tempfile::tempdir().unwrap();
    train(ViewKind::Fields, &corpus, &options(), folder.path(), &AtomicBool::new(true));
    let changed = FitOptions { batch: 4, ..options() };
    let contract = contract(ViewKind::Fields);
    let error = fit(&corpus, &contract, &config(), &changed, &Device::Cpu, folder.path(), &never()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("batch") && text.contains("--out"), "{text}");
    std::fs::write(state_path(folder.path()), b"not a state").unwrap();
    let error = fit(&corpus, &contract, &config(), &options(), &Device::Cpu, folder.path(), &never()).unwrap_err();
    assert!(error.to_string().contains("state.safetensors"), "{error}");
}
