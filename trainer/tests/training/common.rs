//! A small task, and runs of it.

use candle_core::{Device, Tensor};
use rand::RngExt;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use tempest_contract::{
    Answers, Codec, Contract, FORMAT_VERSION, Mp3, RateMode, Reservoir, Unit, View, ViewKind, Window,
};
use tempest_models::{Checkpoint, ModelConfig, Precision, ReconPadding};
use tempest_trainer::batch::{Example, generator};
use tempest_trainer::fit::{Corpus, FitOptions, Fitted, Medium, Schedule, Task, fit};
use tempest_trainer::rows::Rows;

pub fn contract(kind: ViewKind) -> Contract {
    let codec = Codec::Mp3(Mp3 {
        unit: Unit::Frame,
        sample_rate: 16_000,
        channels: 1,
        mode: RateMode::Cbr,
        bitrates_kbps: vec![32],
        reservoir: Reservoir::Off,
        encoder: "none".into(),
    });
    let view = View::of(kind, &codec, 16).unwrap();
    Contract {
        format_version: FORMAT_VERSION,
        name: "test".into(),
        labels: ["low", "mid", "high"].map(String::from).into(),
        answers: Answers::OneOf,
        codec,
        view,
        window: Window { blocks: 8, hop: 4 },
    }
}

pub fn config() -> ModelConfig {
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

pub fn options() -> FitOptions {
    FitOptions {
        epochs: 3,
        batch: 8,
        accumulate: 1,
        learning_rate: 5e-3,
        schedule: Schedule::Cosine,
        warmup: 0.1,
        weight_decay: 0.05,
        clip: 1.0,
        dropout: 0.1,
        cutmix: 0.5,
        block_drop: 0.0,
        mask: 0.0,
        smoothing: 0.0,
        lambda: Some(1.0),
        recon_padding: ReconPadding::Counted,
        ema: None,
        patience: None,
        precision: Precision::F32,
        seed: 5,
        shards: 2,
        tensorboard: false,
    }
}

/// Clips of noise in which one column lies elsewhere for each class. Every view has the same blocks.
pub fn corpus(kind: ViewKind, clips: usize, validation: usize) -> Corpus {
    let contract = contract(kind);
    let (mut random, mut lengths) = (generator(11, 0, 0), generator(11, 1, 0));
    let mut clip = |label: usize| {
        let count = lengths.random_range(3..=10);
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
    let train =
        (0..clips).map(|i| Example { variants: vec![clip(i % 3), clip(i % 3)], truth: (i % 3).into() }).collect();
    let validation = (0..validation).map(|i| (clip(i % 3), (i % 3).into())).collect();
    Corpus { train, validation }
}

pub fn train(kind: ViewKind, corpus: &Corpus, options: &FitOptions, out: &Path, stop: &AtomicBool) -> Fitted {
    attempt(kind, corpus, options, out, stop).unwrap()
}

pub fn attempt(
    kind: ViewKind,
    corpus: &Corpus,
    options: &FitOptions,
    out: &Path,
    stop: &AtomicBool,
) -> anyhow::Result<Fitted> {
    let (contract, config) = (contract(kind), config());
    let medium = Medium { corpus, contract: &contract, config: &config, teacher: None };
    let task = Task { media: &[medium], options, init: None };
    fit(&task, &Device::Cpu, out, stop)
}

pub fn bits(tensors: &BTreeMap<String, Tensor>) -> Vec<(String, Vec<u32>)> {
    let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    tensors.iter().map(|(name, t)| (name.clone(), values(t).into_iter().map(f32::to_bits).collect())).collect()
}

pub fn never() -> AtomicBool {
    AtomicBool::new(false)
}

/// The checkpoint that a run would write.
pub fn checkpoint(kind: ViewKind, fitted: &Fitted, options: &FitOptions) -> Checkpoint {
    let (contract, tensors) = (contract(kind), fitted.models[0].clone());
    Checkpoint { contract, config: config(), training: serde_json::json!({ "options": options }), tensors }
}

/// The lines of a run's log.
pub fn log(out: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(out.join("log.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
