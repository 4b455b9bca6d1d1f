//! What the presets cost: products of the graphs as they are emitted, for a second of audio.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

mod common;

use candle_core::Device;
use tempest_compiler::GraphId;
use tempest_compiler::graphs::{Plan, compile_graphs};
use tempest_compiler::passes::Silent;
use tempest_compiler::target::Target;
use tempest_contract::ViewKind;
use tempest_engine::GraphName;
use tempest_models::{Checkpoint, Preset, initialise, slots};

/// Seconds of a block: 576 samples at 16 kHz.
const BLOCK: f64 = 0.036;

/// Windows of the zoo, in blocks, and beyond.
const WINDOWS: [usize; 4] = [40, 112, 144, 168];

/// Million multiply-accumulates for a second of a clip as long as its window: each block encoded once and classified once.
fn clip_second(preset: Preset, kind: ViewKind, blocks: usize) -> f64 {
    let mut contract = common::contract(kind);
    contract.window.blocks = blocks;
    if kind == ViewKind::Bytes {
        contract.view.row = 144;
    }
    let config = preset.config();
    let mut slots = slots(&contract, &config).unwrap();
    slots.retain(|_, slot| !slot.decoder);
    let tensors = initialise(&slots, 1, &Device::Cpu).unwrap();
    let checkpoint = Checkpoint { contract, config, training: serde_json::Value::Null, tensors };
    let target = Target::find("generic").unwrap();
    let graphs = compile_graphs(&checkpoint, &"0".repeat(64), &target, Plan::default(), &Silent).unwrap();
    let macs = |name| graphs[&GraphId::Graph(name)].stats.cost.macs as f64;
    (macs(GraphName::Encoder) + macs(GraphName::Classifier) / blocks as f64) / BLOCK / 1e6
}

#[test]
fn nano_in_a_numeric_view_needs_at_most_ten_million_a_second() {
    for kind in [ViewKind::Fields, ViewKind::Scalefactors, ViewKind::Symbols] {
        for blocks in WINDOWS {
            let found = clip_second(Preset::Nano, kind, blocks);
            println!("{}, windows of {blocks} blocks: {found:.2}", kind.name());
            assert!(found < 10.0, "{kind:?}, {blocks} blocks: {found}");
        }
    }
}

#[test]
fn nano_in_bytes_needs_at_most_a_twentieth_of_base() {
    for blocks in WINDOWS {
        let [base, small, nano] =
            [Preset::Base, Preset::Small, Preset::Nano].map(|preset| clip_second(preset, ViewKind::Bytes, blocks));
        println!("bytes, windows of {blocks} blocks: base {base:.0}, small {small:.0}, nano {nano:.1}");
        assert!(20.0 * nano < base, "{blocks} blocks: nano {nano}, base {base}");
    }
}
