//! The closed formula of `tempest_models::Macs` against the products that the compiler counts in the graphs as built.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

mod common;

use common::{CONFIG, checkpoint_of, contract, on_disk};
use tempest_compiler::{Options, compile};
use tempest_contract::{Contract, ViewKind};
use tempest_models::{Macs, ModelConfig};

fn counted(contract: &Contract, config: ModelConfig) -> (u64, u64, u64) {
    let input = on_disk(&checkpoint_of(contract.clone(), config, 1));
    let options = Options { costs: true, ..Options::default() };
    let costs = compile(&input.path, &options).unwrap().costs.unwrap();
    (costs.block_macs[0], costs.window_macs[0], costs.clip_macs[0])
}

#[test]
fn the_formula_counts_what_the_compiler_builds() {
    let other = ModelConfig { heads: 2, ff: 28, block_layers: 1, clip_layers: 3, tokens_per_block: 1, ..CONFIG };
    for kind in [ViewKind::Bytes, ViewKind::Fields, ViewKind::Scalefactors, ViewKind::Symbols] {
        for config in [CONFIG, other] {
            let contract = contract(kind);
            let macs = Macs::of(&contract, &config).unwrap();
            assert_eq!((macs.block, macs.window, macs.clip(&contract)), counted(&contract, config), "{kind:?}");
        }
    }
}

#[test]
fn a_second_of_audio_is_its_share_of_a_window() {
    let contract = contract(ViewKind::Fields);
    let macs = Macs::of(&contract, &CONFIG).unwrap();
    let seconds = contract.window.blocks as f64 / contract.codec.blocks_per_second().unwrap();
    assert!((macs.second(&contract).unwrap() * seconds - macs.clip(&contract) as f64).abs() < 1e-3);
}
