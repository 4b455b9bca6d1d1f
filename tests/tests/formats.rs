//! Ogg Opus and JPEG go the way of MP3: the same rows for any chunking, in trainer and runtime, compiled, classified, heard.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use candle_core::Device;
use serde_json::Value;
use std::path::Path;
use tempest_contract::rows::{Foreign, GapReason, Item};
use tempest_contract::{Answers, Codec, Contract, FORMAT_VERSION, Jpeg, Opus, RowStream, Unit, View, ViewKind, Window};
use tempest_engine::{Bundle, Tract};
use tempest_models::{Checkpoint, ModelConfig, initialise, slots};
use tempest_runtime::{Classifier, Heard, ListenError, ListenOptions, Listener, Media};
use tempest_tests::{engines, run, stdout};
use tempest_trainer::rows::Rows;
use tempest_transcode::{jpeg, opus};

fn opus_codec() -> Codec {
    Codec::OggOpus(Opus {
        unit: Unit::Packet,
        packet_samples: 1920,
        channels: 1,
        bitrates_kbps: vec![29],
        encoder: "none".into(),
    })
}

fn jpeg_codec(colour: jpeg::Colour) -> Codec {
    let (components, data_units) = if colour == jpeg::Colour::Grey { (1, 1) } else { (3, 6) };
    let unit = Unit::Mcu;
    Codec::Jpeg(Jpeg { unit, components, data_units, size: None, qualities: vec![75], encoder: "none".into() })
}

fn contract(codec: Codec, kind: ViewKind) -> Contract {
    let view = View::of(kind, &codec, 160).unwrap();
    let window = Window { blocks: 16, hop: 8 };
    let labels = ["yes", "no", "maybe"].map(ToString::to_string).to_vec();
    let answers = Answers::OneOf;
    Contract { format_version: FORMAT_VERSION, name: "test".into(), labels, answers, codec, view, window }
}

/// Every format and view that is not MP3's, with media of it.
fn cases() -> Vec<(Contract, Vec<u8>)> {
    vec![
        (contract(opus_codec(), ViewKind::Bytes), sound(2.0, 40_000)),
        (contract(opus_codec(), ViewKind::Fields), sound(2.0, 40_000)),
        (contract(opus_codec(), ViewKind::Symbols), sound(2.0, 40_000)),
        (contract(jpeg_codec(jpeg::Colour::Grey), ViewKind::Bytes), picture(40, 28, jpeg::Colour::Grey)),
        (contract(jpeg_codec(jpeg::Colour::Grey), ViewKind::Symbols), picture(40, 28, jpeg::Colour::Grey)),
        (contract(jpeg_codec(jpeg::Colour::Rgb), ViewKind::Symbols), picture(70, 50, jpeg::Colour::Rgb)),
    ]
}

/// A tone that swells.
fn sound(seconds: f32, packet_us: u32) -> Vec<u8> {
    let sample = |i: usize| {
        let t = i as f32 / 48_000.0;
        0.5 * (t * 4.0).sin().abs() * (std::f32::consts::TAU * 440.0 * t).sin()
    };
    let samples: Vec<f32> = (0..(seconds * 48_000.0) as usize).map(sample).collect();
    opus::encode(&samples, &opus::EncodeParams { packet_us, ..opus::EncodeParams::default() }).unwrap()
}

fn picture(width: u16, height: u16, colour: jpeg::Colour) -> Vec<u8> {
    let count = usize::from(width) * usize::from(height) * colour.samples();
    let samples: Vec<u8> = (0..count).map(|i| (i * i / 7 % 251) as u8).collect();
    jpeg::encode(&jpeg::Pixels { width, height, colour, samples: &samples }, &jpeg::EncodeParams::default()).unwrap()
}

#[test]
fn rows_are_the_same_for_any_chunking_in_trainer_and_runtime() {
    for (contract, media) in cases() {
        let whole = Media::read(&media[..], &contract).unwrap();
        assert!(whole.blocks >= 19 && !whole.truncated, "{}: {} blocks", contract.codec, whole.blocks);
        assert_eq!(whole.rows.len(), whole.blocks * contract.view.row);
        assert_eq!(Rows::read(&media, &contract).unwrap().values, whole.rows, "{}", contract.codec);
        for chunk in [1, 13, 1000] {
            let (mut stream, mut rows) = (RowStream::new(&contract), Vec::new());
            let mut keep = |item: Item<'_>| -> Result<(), String> {
                let Item::Row(row) = item else { return Err(format!("{item:?}")) };
                rows.extend_from_slice(row.values);
                Ok(())
            };
            media.chunks(chunk).for_each(|piece| stream.feed(piece, &mut keep).unwrap());
            stream.finish(&mut keep).unwrap();
            assert!(rows == whole.rows, "{} {:?} in pieces of {chunk}", contract.codec, contract.view.kind);
        }
        // Numbers that differ from block to block: not a row of zeros.
        let distinct: std::collections::HashSet<&[i32]> = whole.rows.chunks(contract.view.row).collect();
        assert!(
            distinct.len() > whole.blocks / 4,
            "{} {:?}: {} rows differ",
            contract.codec,
            contract.view.kind,
            distinct.len()
        );
    }
}

#[test]
fn no_damage_goes_unsaid_and_none_panics() {
    for (contract, media) in cases() {
        for at in (0..media.len()).step_by(7) {
            for cut in [&media[..at], &media[at..]] {
                let _ = Media::read(cut, &contract);
            }
            let mut flipped = media.clone();
            flipped[at] ^= 0x55;
            let _ = Media::read(&flipped[..], &contract);
        }
    }
    let (contract, media) = (contract(opus_codec(), ViewKind::Fields), sound(4.0, 40_000));
    let mut items = Vec::new();
    let mut stream = RowStream::new(&contract);
    let mut flipped = media.clone();
    let middle = media.len() / 2;
    flipped[middle] ^= 1;
    let mut keep = |item: Item<'_>| -> Result<(), ()> {
        if let Item::Gap(gap) = item {
            items.push(gap.reason);
        }
        Ok(())
    };
    stream.feed(&flipped, &mut keep).unwrap();
    stream.finish(&mut keep).unwrap();
    assert!(items.contains(&GapReason::Damaged), "{items:?}: a page fails its checksum");
}

/// opusenc cuts the last packet to the length of the sound.
#[test]
fn a_last_packet_that_is_shorter_is_left_out_and_two_of_them_are_foreign() {
    let contract = contract(opus_codec(), ViewKind::Symbols);
    let whole = sound(1.0, 40_000);
    let blocks = Media::read(&whole[..], &contract).unwrap().blocks;
    let short = sound(0.005, 20_000);
    assert_eq!(tempest_blocks::opus::blocks(&short).count(), 1);
    for media in [[&whole[..], &short].concat(), [&short[..], &whole].concat()] {
        assert_eq!(Media::read(&media[..], &contract).unwrap().blocks, blocks);
    }
    let error = Media::read(&sound(0.03, 20_000)[..], &contract).unwrap_err().to_string();
    assert!(error.starts_with("Opus packet of 20 ms"), "{error}");
}

#[test]
fn other_media_of_the_format_are_named() {
    let first = |contract: &Contract, media: &[u8]| {
        let mut found = None;
        let mut stream = RowStream::new(contract);
        let _ = stream.feed(media, &mut |item| match item {
            Item::Foreign(foreign) => {
                found = Some(foreign);
                Err(())
            }
            _ => Ok(()),
        });
        found
    };
    let audio = contract(opus_codec(), ViewKind::Fields);
    assert_eq!(first(&audio, &sound(1.0, 20_000)), Some(Foreign::Opus { samples: 960, channels: 1 }));
    let grey = contract(jpeg_codec(jpeg::Colour::Grey), ViewKind::Symbols);
    let other = Foreign::Jpeg { size: [70, 50], components: 3, data_units: 6 };
    assert_eq!(first(&grey, &picture(70, 50, jpeg::Colour::Rgb)), Some(other));
    let error = Media::read(&picture(70, 50, jpeg::Colour::Rgb)[..], &grey).unwrap_err().to_string();
    assert!(
        error.starts_with("JPEG of 70x50, 3 components, MCUs of 6 data units; the model 'test' expects JPEG, grey"),
        "{error}"
    );
}

fn bundle(folder: &Path, contract: &Contract) -> std::path::PathBuf {
    let config = ModelConfig {
        dim: 24,
        ff: 40,
        heads: 3,
        block_layers: 1,
        clip_layers: 2,
        mixer: 6,
        field_hidden: 32,
        tokens_per_block: 1,
        byte_patch: 1,
    };
    let mut slots = slots(contract, &config).unwrap();
    slots.retain(|_, slot| !slot.decoder);
    let tensors = initialise(&slots, 3, &Device::Cpu).unwrap();
    let checkpoint = folder.join("model.safetensors");
    let training = serde_json::json!({});
    Checkpoint { contract: contract.clone(), config, training, tensors }.write(&checkpoint).unwrap();
    let out = folder.join("bundle");
    let _ = stdout(&run("tempest-compile", &[checkpoint.to_str().unwrap(), "-o", out.to_str().unwrap()]));
    out
}

#[test]
fn the_same_commands_compile_and_classify_them() {
    for (contract, media) in cases() {
        let folder = tempfile::tempdir().unwrap();
        let bundle = bundle(folder.path(), &contract);
        let extension = contract.codec.extensions()[0];
        let file = folder.path().join("media").join(format!("one.{extension}"));
        std::fs::create_dir(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &media).unwrap();
        std::fs::write(file.with_extension("txt"), "not media").unwrap();
        let answers: Vec<Value> = engines()
            .iter()
            .map(|engine| {
                let dir = file.parent().unwrap().to_str().unwrap();
                let args = ["classify", "--json", "--engine", engine.name(), "-m", bundle.to_str().unwrap(), dir];
                serde_json::from_str(stdout(&run("tempest", &args)).trim()).unwrap()
            })
            .collect();
        for answer in &answers {
            assert_eq!(answer["label"], answers[0]["label"], "{}", contract.codec);
            assert!(answer["blocks"].as_u64().unwrap() >= 19, "{answer}");
            assert_eq!(answer["seconds"].as_f64().unwrap() > 0.0, matches!(contract.codec, Codec::OggOpus(_)));
        }
        // A file of another format says so.
        let foreign = run("tempest", &["classify", "-m", bundle.to_str().unwrap(), "samples/tempest.mp3"]);
        assert_eq!(foreign.status.code(), Some(1));
    }
}

#[test]
fn an_opus_stream_is_heard_as_its_clip_and_an_image_is_not_heard() {
    let folder = tempfile::tempdir().unwrap();
    let path = bundle(folder.path(), &contract(opus_codec(), ViewKind::Bytes));
    let bundle = Bundle::open(&path).unwrap();
    let media = sound(3.0, 40_000);
    let options = ListenOptions { hop: Some(0.12), ..ListenOptions::default() };
    let mut listener = Listener::load(&bundle, &Tract, &options).unwrap();
    let mut windows = Vec::new();
    let mut keep = |heard: Heard<'_>| -> Result<(), ListenError> {
        if let Heard::Scores(scores) = heard {
            windows.push((scores.block as usize, scores.blocks, scores.logits.to_vec()));
        }
        Ok(())
    };
    media.chunks(100).for_each(|piece| listener.feed(piece, &mut keep).unwrap());
    listener.finish(&mut keep).unwrap();
    assert!(windows.len() > 15, "{} windows", windows.len());
    let mut model = Classifier::load(&bundle, &Tract, 1).unwrap();
    let embeddings = model.encode(&Media::read(&media[..], bundle.contract()).unwrap().rows).unwrap();
    for (start, blocks, logits) in windows {
        let clip = model.window_logits(&embeddings, start..start + blocks).unwrap();
        assert!(clip.iter().zip(&logits).all(|(a, b)| (a - b).abs() <= 1e-5), "{clip:?} {logits:?}");
    }

    let image = tempfile::tempdir().unwrap();
    let path = self::bundle(image.path(), &contract(jpeg_codec(jpeg::Colour::Grey), ViewKind::Symbols));
    let error = Listener::load(&Bundle::open(&path).unwrap(), &Tract, &options).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("no time to listen to"), "{error}");
}
