//! Gradients reach every variable, and they are the right ones.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use candle_core::{D, Device, Tensor, Var};
use std::collections::BTreeMap;
use tempest_contract::{
    Answers, Codec, Contract, FORMAT_VERSION, Jpeg, Mp3, RateMode, Reservoir, Unit, View, ViewKind, Window,
};
use tempest_models::{Model, ModelConfig, Regime, initialise, nn, slots};

const BLOCKS: usize = 6;

fn mp3() -> Codec {
    Codec::Mp3(Mp3 {
        unit: Unit::Frame,
        sample_rate: 16_000,
        channels: 1,
        mode: RateMode::Cbr,
        bitrates_kbps: vec![32],
        reservoir: Reservoir::Off,
        encoder: "none".into(),
    })
}

/// Every column of its `symbols` is a number.
fn grey() -> Codec {
    let (unit, encoder) = (Unit::Mcu, "none".into());
    Codec::Jpeg(Jpeg { unit, components: 1, data_units: 1, size: None, qualities: vec![75], encoder })
}

fn contract(codec: Codec, kind: ViewKind) -> Contract {
    let view = View::of(kind, &codec, 12).unwrap();
    Contract {
        format_version: FORMAT_VERSION,
        name: "test".into(),
        labels: ["a", "b", "c"].map(String::from).into(),
        answers: Answers::OneOf,
        codec,
        view,
        window: Window { blocks: 4, hop: 2 },
    }
}

fn config() -> ModelConfig {
    ModelConfig {
        dim: 8,
        ff: 12,
        heads: 2,
        block_layers: 1,
        clip_layers: 2,
        mixer: 5,
        field_hidden: 10,
        tokens_per_block: 2,
    }
}

/// A model on variables, and rows that look like the view's.
fn setup(codec: Codec, kind: ViewKind) -> (BTreeMap<String, Var>, Model, Tensor) {
    let contract = contract(codec, kind);
    let slots = slots(&contract, &config()).unwrap();
    let tensors = initialise(&slots, 7, &Device::Cpu).unwrap();
    let vars: BTreeMap<String, Var> =
        tensors.iter().map(|(name, tensor)| (name.clone(), Var::from_tensor(tensor).unwrap())).collect();
    let shared = vars.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect();
    let model = Model::new(&contract, &config(), &shared).unwrap();
    let width = contract.view.row;
    // The last bytes of every second block are PAD; category columns see every small value.
    let value = |block: usize, column: usize| match kind {
        ViewKind::Bytes if block % 2 == 1 && column + 3 >= width => 256,
        ViewKind::Bytes => ((block * 37 + column * 11) % 256) as i64,
        _ => ((block * 5 + column * 3) % 7) as i64 % 4,
    };
    let rows: Vec<i64> = (0..BLOCKS).flat_map(|block| (0..width).map(move |column| value(block, column))).collect();
    (vars, model, Tensor::from_vec(rows, (BLOCKS, width), &Device::Cpu).unwrap())
}

/// The training loss on two clips, 4 and 2 blocks long.
fn loss(model: &Model, rows: &Tensor) -> Tensor {
    let tokens = model.encode(rows).unwrap();
    let recon = model.decoder().unwrap().loss(&tokens, rows, &Regime::Infer).unwrap();
    let (_, per_block, dim) = tokens.dims3().unwrap();
    let pad = Tensor::zeros((2, per_block, dim), candle_core::DType::F32, &Device::Cpu).unwrap();
    let windows = Tensor::cat(&[&tokens, &pad], 0).unwrap().reshape((2, 4 * per_block, dim)).unwrap();
    let logits = model.classify(&windows, &[4 * per_block, 2 * per_block]).unwrap();
    let targets = Tensor::new(&[[0.7f32, 0.3, 0.0], [0.0, 0.0, 1.0]], &Device::Cpu).unwrap();
    let class = (nn::log_softmax(&logits).unwrap() * targets).unwrap().sum(D::Minus1).unwrap();
    (class.mean_all().unwrap().neg().unwrap() + recon).unwrap()
}

fn every_variable_has_a_gradient(codec: Codec, kind: ViewKind) {
    let (vars, model, rows) = setup(codec, kind);
    let store = loss(&model, &rows).backward().unwrap();
    for (name, var) in &vars {
        if name.starts_with("numeric.mean") || name.starts_with("numeric.std") {
            continue;
        }
        let gradient = store.get(var.as_tensor()).unwrap_or_else(|| panic!("no gradient for '{name}'"));
        let values: Vec<f32> = gradient.flatten_all().unwrap().to_vec1().unwrap();
        assert!(values.iter().all(|value| value.is_finite()), "'{name}' has a gradient that is not finite");
        // Softmax ignores a constant added to all keys: the key bias alone may have a gradient of 0.
        let norm: f32 = values.iter().map(|value| value * value).sum();
        assert!(norm > 1e-16 || name.ends_with("key.bias"), "'{name}' has a zero gradient");
    }
}

/// Central differences on a few entries of every variable.
fn gradients_are_right(codec: Codec, kind: ViewKind) {
    let (vars, model, rows) = setup(codec, kind);
    let store = loss(&model, &rows).backward().unwrap();
    let value = || f64::from(loss(&model, &rows).to_scalar::<f32>().unwrap());
    let step = 2e-3f32;
    let mut compared = 0;
    for (name, var) in &vars {
        let Some(gradient) = store.get(var.as_tensor()) else { continue };
        let gradient: Vec<f32> = gradient.flatten_all().unwrap().to_vec1().unwrap();
        let original: Vec<f32> = var.flatten_all().unwrap().to_vec1().unwrap();
        let largest = (0..gradient.len()).max_by(|&a, &b| gradient[a].abs().total_cmp(&gradient[b].abs())).unwrap();
        for index in [largest, gradient.len() / 2] {
            let moved = |by: f32| {
                let mut values = original.clone();
                values[index] += by;
                var.set(&Tensor::from_vec(values, var.shape(), &Device::Cpu).unwrap()).unwrap();
                value()
            };
            let expected = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
            moved(0.0);
            let found = f64::from(gradient[index]);
            let error = (found - expected).abs();
            assert!(
                error < 8e-4 + 0.03 * expected.abs(),
                "'{name}'[{index}]: backward {found}, differences {expected}"
            );
            compared += 1;
        }
    }
    assert!(compared > 40, "only {compared} entries were compared");
}

#[test]
fn every_variable_has_a_gradient_bytes() {
    every_variable_has_a_gradient(mp3(), ViewKind::Bytes);
}

#[test]
fn every_variable_has_a_gradient_fields() {
    every_variable_has_a_gradient(mp3(), ViewKind::Fields);
}

#[test]
fn every_variable_has_a_gradient_scalefactors() {
    every_variable_has_a_gradient(mp3(), ViewKind::Scalefactors);
}

#[test]
fn every_variable_has_a_gradient_symbols() {
    every_variable_has_a_gradient(mp3(), ViewKind::Symbols);
}

#[test]
fn every_variable_has_a_gradient_without_categories() {
    every_variable_has_a_gradient(grey(), ViewKind::Symbols);
}

#[test]
fn gradients_equal_finite_differences_without_categories() {
    gradients_are_right(grey(), ViewKind::Symbols);
}

#[test]
fn gradients_equal_finite_differences_bytes() {
    gradients_are_right(mp3(), ViewKind::Bytes);
}

#[test]
fn gradients_equal_finite_differences_fields() {
    gradients_are_right(mp3(), ViewKind::Fields);
}

#[test]
fn gradients_equal_finite_differences_symbols() {
    gradients_are_right(mp3(), ViewKind::Symbols);
}
