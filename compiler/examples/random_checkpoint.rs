//! Writes a checkpoint of random weights: what a preset costs on a target can be known before anything is trained.
//!
//! ```sh
//! cargo run -p tempest-compiler --example random_checkpoint -- base bytes 28 base.safetensors
//! tempest-compile base.safetensors --target server-cpu --report
//! ```
//! A number behind the file is the length of a block in view `bytes` (144): 180 is 40 kbit/s at 16 kHz.

use candle_core::Device;
use std::path::Path;
use tempest_contract::{
    Answers, Codec, Contract, FORMAT_VERSION, Mp3, RateMode, Reservoir, Unit, View, ViewKind, Window,
};
use tempest_models::{Checkpoint, Preset, initialise, slots};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [preset, view, blocks, path, length @ ..] = &*arguments else {
        return Err("usage: random_checkpoint base|small|nano VIEW BLOCKS FILE.safetensors [BYTES]".into());
    };
    let config = match preset.as_str() {
        "base" => Preset::Base.config(),
        "small" => Preset::Small.config(),
        "nano" => Preset::Nano.config(),
        other => return Err(format!("preset '{other}' is unknown; known: base, small, nano").into()),
    };
    let length = length.first().map_or(Ok(144), |length| length.parse())?;
    let contract = contract(view, blocks.parse()?, length)?;
    contract.check()?;
    let tensors = initialise(&slots(&contract, &config)?, 1, &Device::Cpu)?;
    let training = serde_json::json!({ "note": "random weights" });
    Checkpoint { contract, config, training, tensors }.write(Path::new(path))?;
    Ok(())
}

/// The paper's setting: 32 kbit/s, 144 bytes a frame, 50 classes.
fn contract(view: &str, blocks: usize, length: usize) -> Result<Contract, Failure> {
    let kind = ViewKind::ALL.into_iter().find(|kind| kind.name() == view);
    let kind = kind
        .ok_or_else(|| format!("view '{view}' is unknown; known: {}", ViewKind::ALL.map(ViewKind::name).join(", ")))?;
    let codec = Codec::Mp3(Mp3 {
        unit: Unit::Frame,
        sample_rate: 16000,
        channels: 1,
        mode: RateMode::Cbr,
        bitrates_kbps: vec![32],
        reservoir: Reservoir::Mixed,
        encoder: "none".into(),
    });
    let view = View::of(kind, &codec, length).ok_or("MP3 has no such view")?;
    Ok(Contract {
        format_version: FORMAT_VERSION,
        name: "random".into(),
        labels: (0..50).map(|index| format!("class {index}")).collect(),
        answers: Answers::OneOf,
        codec,
        view,
        window: Window { blocks, hop: blocks.div_ceil(2) },
    })
}
