//! Suite x engine: the same logits as the candle forward pass, batch equal to single, real blocks and random ones.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use candle_core::{Device, Tensor};
use std::path::Path;
use tempest_blocks::PAD;
use tempest_compiler::Precision;
use tempest_contract::ViewKind;
use tempest_engine::{Bundle, Engine, GraphName, Input, LoadOptions, Pool};
use tempest_models::{Checkpoint, Model, ModelConfig, Preset, initialise, slots};
use tempest_runtime::{Classifier, Media};
use tempest_tests::{cards, engines, random_checkpoint, repo, stream};

/// Agreement demanded between candle and every engine, max abs of the logits.
const TOLERANCE: f32 = 1e-4;

/// The same for TensorRT, whose float32 products are TF32: ten bits of mantissa.
const TF32_TOLERANCE: f32 = 5e-2;

fn compile(checkpoint: &Checkpoint, target: &str, dir: &Path) -> Bundle {
    compile_with(checkpoint, target, Precision::Fp32, &[], dir)
}

fn compile_with(checkpoint: &Checkpoint, target: &str, precision: Precision, buckets: &[usize], dir: &Path) -> Bundle {
    let path = dir.join("model.safetensors");
    checkpoint.write(&path).unwrap();
    let output = dir.join(target);
    let options = tempest_compiler::Options {
        target: target.into(),
        output: Some(output.clone()),
        precision: Some(precision),
        buckets: Some(buckets.to_vec()),
        ..tempest_compiler::Options::default()
    };
    tempest_compiler::compile(&path, &options).unwrap();
    Bundle::open(&output).unwrap()
}

/// Logits of every window by candle.
fn candle_logits(checkpoint: &Checkpoint, media: &Media) -> Vec<f32> {
    let model = Model::load(checkpoint, &Device::Cpu).unwrap();
    let width = checkpoint.contract.view.row;
    let rows: Vec<i64> = media.rows.iter().map(|&value| i64::from(value)).collect();
    let tokens = model.encode(&Tensor::from_vec(rows, (media.blocks, width), &Device::Cpu).unwrap()).unwrap();
    let logits = checkpoint.contract.window.over(media.blocks).flat_map(|window| {
        let part = tokens.narrow(0, window.start, window.len()).unwrap();
        let (blocks, per_block, dim) = part.dims3().unwrap();
        let part = part.reshape((1, blocks * per_block, dim)).unwrap();
        let logits = model.classify(&part, &[blocks * per_block]).unwrap();
        logits.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    });
    logits.collect()
}

fn engine_logits(bundle: &Bundle, engine: &dyn Engine, media: &Media) -> Vec<f32> {
    let mut classifier = Classifier::load(bundle, engine, 1).unwrap();
    let embeddings = classifier.encode(&media.rows).unwrap();
    let windows = bundle.contract().window.over(media.blocks);
    windows.flat_map(|window| classifier.window_logits(&embeddings, window).unwrap()).collect()
}

fn worst(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Index of the largest logit of each window.
fn answers(logits: &[f32], labels: usize) -> Vec<usize> {
    let first = |window: &[f32]| window.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
    logits.chunks(labels).map(first).collect()
}

fn every_engine_agrees(checkpoint: &Checkpoint, target: &str, media: &Media) {
    agree(checkpoint, target, media, &engines());
}

fn agree(checkpoint: &Checkpoint, target: &str, media: &Media, engines: &[Box<dyn Engine>]) {
    let folder = tempfile::tempdir().unwrap();
    let bundle = compile(checkpoint, target, folder.path());
    let expected = candle_logits(checkpoint, media);
    let labels = checkpoint.contract.labels.len();
    for engine in engines {
        let found = engine_logits(&bundle, &**engine, media);
        let worst = worst(&found, &expected);
        eprintln!("{} {target}: max abs difference from candle {worst:.2e}", engine.name());
        let tolerance = if engine.name() == "onnxruntime:tensorrt" { TF32_TOLERANCE } else { TOLERANCE };
        assert!(worst <= tolerance, "{}: {worst}", engine.name());
        assert_eq!(answers(&found, labels), answers(&expected, labels), "{}", engine.name());
    }
}

fn random_media(checkpoint: &Checkpoint, frames: u32) -> Media {
    Media::read(&stream(frames)[..], &checkpoint.contract).unwrap()
}

#[test]
fn numeric_views_agree_on_every_engine_and_target() {
    for (seed, kind) in [(3, ViewKind::Fields), (6, ViewKind::Scalefactors), (7, ViewKind::Symbols)] {
        let checkpoint = random_checkpoint(kind, Preset::Nano.config(), seed);
        for frames in [1, 24, 61] {
            every_engine_agrees(&checkpoint, "edge-tract", &random_media(&checkpoint, frames));
        }
        every_engine_agrees(&checkpoint, "generic", &random_media(&checkpoint, 61));
    }
}

#[test]
fn bytes_agree_on_every_engine_and_target() {
    let checkpoint = random_checkpoint(ViewKind::Bytes, Preset::Nano.config(), 4);
    every_engine_agrees(&checkpoint, "edge-tract", &random_media(&checkpoint, 30));
    every_engine_agrees(&checkpoint, "generic", &random_media(&checkpoint, 3));
}

#[test]
fn the_zoo_agrees_on_real_blocks() {
    let sample = std::fs::read(repo("samples/tempest.mp3")).unwrap();
    for name in ["wakewords", "fsdd", "esc10"] {
        let checkpoint = Checkpoint::open(&repo(&format!("models/zoo/{name}/model.safetensors"))).unwrap();
        let media = Media::read(&sample[..], &checkpoint.contract).unwrap();
        every_engine_agrees(&checkpoint, "edge-tract", &media);
    }
}

#[test]
fn cards_agree_on_graphs_made_for_them() {
    let cards = cards();
    if cards.is_empty() {
        return;
    }
    for (seed, kind) in [(3, ViewKind::Fields), (4, ViewKind::Bytes), (7, ViewKind::Symbols)] {
        let checkpoint = random_checkpoint(kind, Preset::Nano.config(), seed);
        agree(&checkpoint, "server-cuda", &random_media(&checkpoint, 61), &cards);
    }
}

/// Every graph of a bundle on two threads at once, in sessions that share weights, and alone.
fn a_pool_gives_what_one_session_gives(checkpoint: &Checkpoint, target: &str, precision: Precision) {
    let folder = tempfile::tempdir().unwrap();
    let bundle = compile_with(checkpoint, target, precision, &[], folder.path());
    let media = random_media(checkpoint, checkpoint.contract.window.blocks as u32);
    let options = LoadOptions { batch: 1, threads: 1 };
    for engine in engines() {
        for name in [GraphName::Encoder, GraphName::Clip] {
            let mut single = bundle.session(name, &*engine, &options).unwrap();
            let blocks = &media.rows[..single.io().inputs[0].elements().unwrap()];
            let length = [media.blocks as i32];
            let inputs = [Input::I32(blocks), Input::I32(&length)];
            let inputs = &inputs[..single.io().inputs.len()];
            let mut alone = vec![0.0; single.io().output.elements().unwrap()];
            single.run(inputs, &mut alone).unwrap();
            let pool = Pool::load(&bundle, name, &*engine, &options, 2).unwrap();
            std::thread::scope(|scope| {
                for _ in 0..6 {
                    scope.spawn(|| {
                        let mut shared = vec![0.0; alone.len()];
                        pool.get().run(inputs, &mut shared).unwrap();
                        assert_eq!(shared, alone, "{name} in {precision} on {}", engine.name());
                    });
                }
            });
        }
    }
}

#[test]
fn pools_of_every_precision() {
    let config = ModelConfig { byte_patch: 1, ..Preset::Small.config() };
    let checkpoint = random_checkpoint(ViewKind::Bytes, config, 8);
    for precision in [Precision::Fp32, Precision::Int8] {
        a_pool_gives_what_one_session_gives(&checkpoint, "server-cpu", precision);
    }
    let checkpoint = random_checkpoint(ViewKind::Symbols, Preset::Nano.config(), 9);
    a_pool_gives_what_one_session_gives(&checkpoint, "edge-tract", Precision::Fp32);
}

#[test]
fn a_batch_gives_what_single_blocks_give() {
    let checkpoint = random_checkpoint(ViewKind::Fields, Preset::Nano.config(), 5);
    let folder = tempfile::tempdir().unwrap();
    let bundle = compile(&checkpoint, "generic", folder.path());
    let media = random_media(&checkpoint, 7);
    let width = checkpoint.contract.view.row;
    for engine in engines() {
        let load = |batch| bundle.session(GraphName::Encoder, &*engine, &LoadOptions { batch, threads: 1 }).unwrap();
        let (mut whole, mut single) = (load(7), load(1));
        let size = single.io().output.elements().unwrap();
        let mut together = vec![0.0; 7 * size];
        whole.run(&[Input::I32(&media.rows)], &mut together).unwrap();
        for (row, expected) in media.rows.chunks(width).zip(together.chunks(size)) {
            let mut alone = vec![0.0; size];
            single.run(&[Input::I32(row)], &mut alone).unwrap();
            assert!(worst(&alone, expected) <= 1e-5, "{}", engine.name());
        }
    }
}

/// Frames of three bit rates, as a stream of variable rate mixes them: blocks of 108, 144 and 180 bytes.
fn mixed_media(checkpoint: &Checkpoint, frames: usize) -> Media {
    let row = |at: usize| {
        let length = [108, 144, 180, 36][at * 7 % 4];
        (0..checkpoint.contract.view.row)
            .map(move |byte| if byte < length { ((at * 31 + byte * 17) % 256) as i32 } else { PAD })
    };
    Media { rows: (0..frames).flat_map(row).collect(), blocks: frames, ..Media::default() }
}

#[test]
fn any_bucket_gives_what_any_other_gives() {
    let mut contract = random_checkpoint(ViewKind::Bytes, Preset::Nano.config(), 8).contract;
    contract.view.row = 180;
    let config = Preset::Nano.config();
    let tensors = initialise(&slots(&contract, &config).unwrap(), 8, &Device::Cpu).unwrap();
    let checkpoint = Checkpoint { contract, config, training: serde_json::Value::Null, tensors };
    let media = mixed_media(&checkpoint, 37);
    for target in ["edge-tract", "generic"] {
        let embeddings = |buckets: &[usize], engine: &dyn Engine| {
            let folder = tempfile::tempdir().unwrap();
            let bundle = compile_with(&checkpoint, target, Precision::Fp32, buckets, folder.path());
            assert_eq!(bundle.manifest().buckets.len(), buckets.len());
            Classifier::load(&bundle, engine, 1).unwrap().encode(&media.rows).unwrap()
        };
        for engine in engines() {
            let full = embeddings(&[], &*engine);
            for buckets in [&[144][..], &[108, 144], &[36, 108, 179]] {
                let worst = worst(&embeddings(buckets, &*engine), &full);
                assert!(worst <= 1e-5, "{} {target} {buckets:?}: {worst}", engine.name());
            }
        }
    }
}
