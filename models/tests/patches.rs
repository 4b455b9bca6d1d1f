//! View `bytes` with several bytes a token: what a patch is, and that L does not show.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use candle_core::{Device, Tensor};
use std::collections::BTreeMap;
use tempest_contract::{
    Answers, Codec, Contract, FORMAT_VERSION, Mp3, RateMode, Reservoir, Unit, View, ViewKind, Window,
};
use tempest_models::{FORMAT, Model, ModelConfig, fold_format, initialise, slots};

const PAD: i64 = 256;

/// L of the model whose tensors the others share.
const LONGEST: usize = 23;

const DIM: usize = 8;

fn config(byte_patch: usize) -> ModelConfig {
    ModelConfig {
        dim: DIM,
        ff: 12,
        heads: 2,
        block_layers: 2,
        clip_layers: 1,
        mixer: 5,
        field_hidden: 10,
        tokens_per_block: 2,
        byte_patch,
    }
}

fn contract(row: usize) -> Contract {
    let codec = Codec::Mp3(Mp3 {
        unit: Unit::Frame,
        sample_rate: 16_000,
        channels: 1,
        mode: RateMode::Cbr,
        bitrates_kbps: vec![32],
        reservoir: Reservoir::Off,
        encoder: "none".into(),
    });
    let view = View::of(ViewKind::Bytes, &codec, row).unwrap();
    Contract {
        format_version: FORMAT_VERSION,
        name: "test".into(),
        labels: ["a", "b"].map(String::from).into(),
        answers: Answers::OneOf,
        codec,
        view,
        window: Window { blocks: 4, hop: 2 },
    }
}

type Tensors = BTreeMap<String, Tensor>;

fn tensors(config: &ModelConfig) -> Tensors {
    let mut slots = slots(&contract(LONGEST), config).unwrap();
    slots.retain(|_, slot| !slot.decoder);
    initialise(&slots, 3, &Device::Cpu).unwrap()
}

/// What a model of rows of `row` bytes, which shares `tensors`, makes of a block.
fn embedding(config: &ModelConfig, tensors: &Tensors, block: &[i64], row: usize) -> Vec<f32> {
    let mut own = tensors.clone();
    let mixer = tensors["mixer.mix.weight"].narrow(1, 0, config.patches(row)).unwrap();
    own.insert("mixer.mix.weight".into(), mixer.contiguous().unwrap());
    let model = Model::new(&contract(row), config, &own).unwrap();
    let mut values = block.to_vec();
    values.resize(row, PAD);
    let rows = Tensor::from_vec(values, (1, row), &Device::Cpu).unwrap();
    model.encode(&rows).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn block(length: usize) -> Vec<i64> {
    (0..length).map(|at| (at * 89 % 256) as i64).collect()
}

fn worst(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn a_block_gives_the_same_embedding_at_any_length_that_holds_it() {
    for patch in 1..=6 {
        let config = config(patch);
        let tensors = tensors(&config);
        for length in 1..=LONGEST {
            let expected = embedding(&config, &tensors, &block(length), LONGEST);
            for row in length.max(patch)..LONGEST {
                let found = embedding(&config, &tensors, &block(length), row);
                let worst = worst(&expected, &found);
                assert!(worst < 1e-5, "{length} bytes in {row}, {patch} a token: {worst}");
            }
        }
    }
}

#[test]
fn padding_counts_within_a_patch_and_not_behind_it() {
    let (config, place) = (config(4), 3);
    let tensors = tensors(&config);
    // The row of PAD at the last place of a patch, moved.
    let mut moved = tensors.clone();
    let mut values: Vec<f32> = tensors["embed.weight"].flatten_all().unwrap().to_vec1().unwrap();
    let row = place * 257 + PAD as usize;
    // One value of it: norms take out what all share.
    values[row * DIM] += 1.0;
    let shape = tensors["embed.weight"].shape();
    moved.insert("embed.weight".into(), Tensor::from_vec(values, shape, &Device::Cpu).unwrap());
    for (length, counts) in [(7, true), (8, false), (9, true), (12, false)] {
        let made = [&tensors, &moved].map(|tensors| embedding(&config, tensors, &block(length), 20));
        assert_eq!(worst(&made[0], &made[1]) > 1e-4, counts, "{length} bytes");
    }
}

#[test]
fn every_byte_of_a_patch_counts_at_its_place() {
    let config = config(4);
    let tensors = tensors(&config);
    let whole = embedding(&config, &tensors, &block(12), 12);
    for at in 0..12 {
        let mut other = block(12);
        other[at] = (other[at] + 1) % 256;
        assert!(worst(&whole, &embedding(&config, &tensors, &other, 12)) > 1e-4, "byte {at} is not seen");
    }
    let mut swapped = block(12);
    swapped.swap(4, 5);
    assert!(worst(&whole, &embedding(&config, &tensors, &swapped, 12)) > 1e-4, "places share a table");
}

#[test]
fn the_embedding_of_a_format_folds_into_its_bytes() {
    for patch in [1, 4] {
        let config = config(patch);
        let mut tensors = tensors(&config);
        let embedding: Vec<f32> = (0..DIM).map(|i| 0.3 * i as f32 - 1.0).collect();
        tensors.insert(FORMAT.into(), Tensor::new(embedding, &Device::Cpu).unwrap());
        let plain: Vec<f32> = encoded(&tensors, &config, false);
        let with = encoded(&tensors, &config, true);
        fold_format(&mut tensors).unwrap();
        assert!(!tensors.contains_key(FORMAT));
        let folded = encoded(&tensors, &config, true);
        let far = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(far(&folded, &with) < 1e-5, "{patch}: {}", far(&folded, &with));
        assert!(far(&plain, &with) > 1e-2, "{patch}: the embedding changes nothing");
    }
}

/// Embeddings of three blocks, of 23, 5 and 1 bytes; without what tells the format unless it is wanted.
fn encoded(tensors: &Tensors, config: &ModelConfig, format: bool) -> Vec<f32> {
    let mut tensors = tensors.clone();
    tensors.retain(|name, _| format || name != FORMAT);
    let row = |length: usize| (0..LONGEST).map(move |i| if i < length { (i as i64 * 37) % 256 } else { PAD });
    let rows: Vec<i64> = [23, 5, 1].into_iter().flat_map(row).collect();
    let rows = Tensor::from_vec(rows, (3, LONGEST), &Device::Cpu).unwrap();
    let model = Model::new(&contract(LONGEST), config, &tensors).unwrap();
    model.encode(&rows).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}
