//! Checkpoints with random weights, small enough to compile in a moment.
#![allow(dead_code, reason = "each test binary uses some of it")]

use candle_core::{Device, Tensor};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::{Path, PathBuf};
use tempest_contract::{Contract, View, ViewKind};
use tempest_models::{Checkpoint, ModelConfig, initialise, slots};

/// Two layers of everything, nothing of a size that another thing has.
pub const CONFIG: ModelConfig = ModelConfig {
    dim: 24,
    ff: 40,
    heads: 3,
    block_layers: 2,
    clip_layers: 2,
    mixer: 7,
    field_hidden: 32,
    tokens_per_block: 2,
    byte_patch: 1,
};

pub fn contract(kind: ViewKind) -> Contract {
    let mut contract = Contract::from_json(include_str!("../data/contract.json")).unwrap();
    contract.view = View::of(kind, &contract.codec, 20).unwrap();
    contract
}

/// The same seed gives the same weights; norms, biases and measured constants are random too, so that none can be
/// forgotten unnoticed.
pub fn checkpoint(kind: ViewKind, seed: u64) -> Checkpoint {
    checkpoint_of(contract(kind), CONFIG, seed)
}

/// [`checkpoint`] of any contract and sizes.
pub fn checkpoint_of(contract: Contract, config: ModelConfig, seed: u64) -> Checkpoint {
    let slots = slots(&contract, &config).unwrap();
    let mut tensors = initialise(&slots, seed, &Device::Cpu).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for (name, tensor) in &mut tensors {
        let (low, high) = match name.as_str() {
            "numeric.mean" => (50.0, 900.0),
            "numeric.std" => (5.0, 200.0),
            _ => (-0.2, 0.2),
        };
        let noise: Vec<f32> = (0..tensor.elem_count()).map(|_| random.random_range(low..high)).collect();
        *tensor = (&*tensor + Tensor::from_vec(noise, tensor.shape(), &Device::Cpu).unwrap()).unwrap();
    }
    Checkpoint { contract, config, training: serde_json::json!({ "seed": seed }), tensors }
}

/// Says why a test did nothing, past the harness, which would keep it to itself.
pub fn skipped(reason: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "\nSKIPPED: {reason}");
}

/// A checkpoint on disk, in a folder of its own that goes when this goes.
pub struct OnDisk {
    pub folder: tempfile::TempDir,
    pub path: PathBuf,
}

pub fn on_disk(checkpoint: &Checkpoint) -> OnDisk {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    checkpoint.write(&path).unwrap();
    OnDisk { folder, path }
}

/// Every file of a folder, by name.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}
