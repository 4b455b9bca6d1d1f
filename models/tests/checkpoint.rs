//! Checkpoints: what is written is read again bit by bit, and every fault names the tensor or the field.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use candle_core::{DType, Device, Tensor};
use tempest_blocks::mp3::fields;
use tempest_contract::{
    Answers, Codec, Contract, FORMAT_VERSION, Mp3, RateMode, Reservoir, Unit, View, ViewKind, Window,
};
use tempest_models::{Checkpoint, ModelConfig, Preset, initialise, slots};

fn contract(kind: ViewKind, row: usize) -> Contract {
    Contract {
        format_version: FORMAT_VERSION,
        name: "test".into(),
        labels: (0..50).map(|label| label.to_string()).collect(),
        answers: Answers::OneOf,
        codec: Codec::Mp3(Mp3 {
            unit: Unit::Frame,
            sample_rate: 16_000,
            channels: 1,
            mode: RateMode::Cbr,
            bitrates_kbps: vec![32],
            reservoir: Reservoir::Off,
            encoder: "none".into(),
        }),
        view: View { kind, row, layout: 1 },
        window: Window { blocks: 8, hop: 4 },
    }
}

fn checkpoint(config: ModelConfig) -> Checkpoint {
    let contract = contract(ViewKind::Fields, fields::row_len(1, 1));
    let tensors = initialise(&slots(&contract, &config).unwrap(), 1, &Device::Cpu).unwrap();
    Checkpoint { contract, config, training: serde_json::json!({ "seed": 1 }), tensors }
}

fn fault(change: impl FnOnce(&mut Checkpoint)) -> String {
    let mut checkpoint = checkpoint(Preset::Nano.config());
    change(&mut checkpoint);
    Checkpoint::from_bytes(&checkpoint.to_bytes().unwrap()).unwrap_err().to_string()
}

#[test]
fn presets_have_the_sizes_they_claim() {
    let parameters = |preset: Preset, kind, row| {
        let slots = slots(&contract(kind, row), &preset.config()).unwrap();
        slots.values().map(|slot| slot.shape.iter().product::<usize>()).sum::<usize>()
    };
    // The paper, section 4: 5.8 M with the decoder.
    let base = parameters(Preset::Base, ViewKind::Bytes, 144);
    assert!((5_750_000..5_850_000).contains(&base), "{base}");
    let small = parameters(Preset::Small, ViewKind::Fields, fields::row_len(1, 1));
    assert!((900_000..1_200_000).contains(&small), "{small}");
    let nano = parameters(Preset::Nano, ViewKind::Fields, fields::row_len(1, 1));
    assert!((300_000..500_000).contains(&nano), "{nano}");
}

/// Multiplications of matrices for one second of audio, a window of `blocks` frames of 36 ms encoded and classified once.
fn multiplications(preset: Preset, kind: ViewKind, blocks: usize) -> f64 {
    let mut contract = contract(kind, 1);
    contract.view.row = kind.columns(&contract.codec).map_or(144, |columns| columns.len());
    contract.window.blocks = blocks;
    let config = preset.config();
    let slots = slots(&contract, &config).unwrap();
    // Each of these is applied to every token; rows of the category table are looked up, the head is applied once.
    let linear =
        |name: &str| name.ends_with(".weight") && !name.starts_with("category") && name != "classifier.head.weight";
    let matrices = slots.iter().filter(|(name, slot)| !slot.decoder && slot.shape.len() == 2 && linear(name));
    let token: usize = matrices.map(|(_, slot)| slot.shape.iter().product::<usize>()).sum();
    let attention = config.clip_layers * 2 * (blocks + 1) * config.dim;
    (token + attention) as f64 / 0.036
}

#[test]
fn nano_in_a_numeric_view_needs_at_most_ten_million_multiplications_a_second() {
    for kind in [ViewKind::Fields, ViewKind::Scalefactors, ViewKind::Symbols] {
        for blocks in [40, 112, 144] {
            let found = multiplications(Preset::Nano, kind, blocks);
            println!("{} with windows of {blocks} blocks: {:.2} million", kind.name(), found / 1e6);
            assert!(found < 10e6, "{kind:?}, {blocks} blocks: {found}");
        }
    }
}

#[test]
fn a_checkpoint_survives_a_file_and_is_the_same_bytes_every_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let written = checkpoint(Preset::Nano.config());
    written.write(&path).unwrap();
    let read = Checkpoint::open(&path).unwrap();
    assert_eq!(read.contract, written.contract);
    assert_eq!((read.config, &read.training), (written.config, &written.training));
    assert_eq!(read.to_bytes().unwrap(), std::fs::read(&path).unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file was left");
}

#[test]
fn the_decoder_may_be_absent_as_a_whole_but_not_in_part() {
    let mut whole = checkpoint(Preset::Nano.config());
    whole.tensors.retain(|name, _| !name.starts_with("decoder."));
    assert!(Checkpoint::from_bytes(&whole.to_bytes().unwrap()).is_ok());
    let text = fault(|checkpoint| drop(checkpoint.tensors.remove("decoder.hidden.bias")));
    assert_eq!(text, "tensor 'decoder.hidden.bias' is missing");
}

#[test]
fn every_fault_names_the_tensor_or_the_field() {
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
    let missing = fault(|c| drop(c.tensors.remove("classifier.cls")));
    assert_eq!(missing, "tensor 'classifier.cls' is missing");
    let extra = fault(|c| drop(c.tensors.insert("stray".into(), zeros(&[1]))));
    assert_eq!(extra, "tensor 'stray' does not belong to a model of this config");
    let shape = fault(|c| drop(c.tensors.insert("classifier.cls".into(), zeros(&[95]))));
    assert_eq!(shape, "tensor 'classifier.cls' has shape [95], the config says [96]");
    let nan = Tensor::new(&[f32::NAN; 96], &Device::Cpu).unwrap();
    let text = fault(|c| drop(c.tensors.insert("classifier.cls".into(), nan)));
    assert!(text.starts_with("tensor 'classifier.cls' holds a value that is not finite"), "{text}");
    assert_eq!(fault(|c| c.config.heads = 7), "config field 'heads': 7 heads do not divide dim 96");
    assert_eq!(fault(|c| c.config.dim = 1 << 20), "config field 'dim': 1048576 is not in 2..=16384");
    let row = fault(|c| c.contract.view.row = 23);
    assert_eq!(row, "config field 'view.row': 23 columns, but MP3, 16000 Hz, mono, 32 kbit/s make 24");
    let other_view = fault(|c| c.contract.view.kind = ViewKind::Symbols);
    assert_eq!(other_view, "config field 'view.row': 24 columns, but MP3, 16000 Hz, mono, 32 kbit/s make 146");
    let layout = fault(|c| c.contract.view.layout = 9);
    assert_eq!(layout, "config field 'view.layout': 9 is not layout 1 of this build");
    let version = fault(|c| c.contract.format_version = 2);
    assert_eq!(version, "contract: format version 2, this build reads version 1; use the matching release");
}

#[test]
fn files_of_other_kinds_are_refused() {
    let text = |bytes: &[u8]| Checkpoint::from_bytes(bytes).unwrap_err().to_string();
    assert!(text(b"PK\x03\x04 a zip archive").starts_with("not a safetensors file"));
    assert!(text(b"").starts_with("not a safetensors file"));
    let bytes = checkpoint(Preset::Nano.config()).to_bytes().unwrap();
    assert!(text(&bytes[..bytes.len() - 1]).starts_with("not a safetensors file"));
}
