//! One model over several formats.

use crate::common::{bits, config, contract, corpus, options};
use candle_core::Device;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use tempest_contract::{Codec, Contract, Opus, Unit, View, ViewKind};
use tempest_models::Model;
use tempest_trainer::batch::Example;
use tempest_trainer::eval::evaluate;
use tempest_trainer::fit::{Corpus, FitOptions, Fitted, Medium, Task, fit};

/// The contract of the tests for packets of Opus, their bytes.
fn opus() -> Contract {
    let codec = Codec::OggOpus(Opus {
        unit: Unit::Packet,
        packet_samples: 1_920,
        channels: 1,
        bitrates_kbps: vec![29],
        encoder: "none".into(),
    });
    let view = View::of(ViewKind::Bytes, &codec, 16).unwrap();
    Contract { codec, view, ..contract(ViewKind::Bytes) }
}

/// The same clips, of which the first label is the last and the last the first.
fn reversed(mut corpus: Corpus) -> Corpus {
    let turn = |example: &mut Example| example.truth = (2 - example.truth.first().unwrap()).into();
    corpus.train.iter_mut().for_each(turn);
    corpus
}

fn join(media: &[Medium], options: &FitOptions, out: &Path, stop: bool) -> anyhow::Result<Fitted> {
    fit(&Task { media, options, init: None }, &Device::Cpu, out, &AtomicBool::new(stop))
}

#[test]
fn the_same_bytes_mean_another_thing_in_another_format() {
    let folder = tempfile::tempdir().unwrap();
    let (contracts, config) = ([contract(ViewKind::Bytes), opus()], config());
    let corpora = [corpus(ViewKind::Bytes, 9, 0), reversed(corpus(ViewKind::Bytes, 9, 0))];
    let medium = |i: usize| Medium { corpus: &corpora[i], contract: &contracts[i], config: &config, teacher: None };
    let media = [medium(0), medium(1)];
    let options = FitOptions { epochs: 80, batch: 9, dropout: 0.0, cutmix: 0.0, ..options() };
    let fitted = join(&media, &options, folder.path(), false).unwrap();
    for (medium, tensors) in media.iter().zip(&fitted.models) {
        // An ordinary model: the embedding of its format is in its bytes.
        assert!(!tensors.contains_key("format.weight"));
        let model = Model::new(medium.contract, &config, tensors).unwrap();
        let clips = medium.corpus.train.iter().flat_map(|e| e.variants.iter().map(|rows| (rows, &e.truth)));
        let evaluation = evaluate(&model, medium.contract, clips, &Device::Cpu).unwrap();
        assert_eq!(evaluation.correct, evaluation.clips, "{}\n{}", medium.name(), evaluation.table());
    }
    let [mp3, opus] = &fitted.models[..] else { panic!("two formats, {} models", fitted.models.len()) };
    for (name, values) in bits(mp3) {
        let same = bits(opus).into_iter().find(|(other, _)| *other == name).is_some_and(|(_, other)| other == values);
        assert_eq!(same, name != "embed.weight", "{name}");
    }
}

#[test]
fn a_small_data_set_is_shown_as_often_as_a_large_one_and_an_interrupted_run_ends_in_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let (contracts, config) = ([contract(ViewKind::Fields), opus()], config());
    let corpora = [corpus(ViewKind::Fields, 7, 3), corpus(ViewKind::Bytes, 23, 4)];
    let medium = |i: usize| Medium { corpus: &corpora[i], contract: &contracts[i], config: &config, teacher: None };
    let media = [medium(0), medium(1)];
    let options = FitOptions { epochs: 2, batch: 4, ema: Some(0.9), patience: Some(2), ..options() };
    let whole = join(&media, &options, &folder.path().join("whole"), false).unwrap();
    // 23 clips are 6 batches, 7 are 2: three times those.
    assert_eq!(whole.steps, 2 * (6 + 3 * 2));
    let mut sittings = 0;
    let parts = loop {
        sittings += 1;
        let fitted = join(&media, &options, &folder.path().join("parts"), true).unwrap();
        if !fitted.interrupted {
            break fitted;
        }
    };
    assert_eq!(sittings, whole.steps);
    assert_eq!(parts.best, whole.best);
    for (parts, whole) in parts.models.iter().zip(&whole.models) {
        assert_eq!(bits(parts), bits(whole));
    }
    let classifier = |model: usize| {
        bits(&whole.models[model]).into_iter().filter(|(name, _)| name.starts_with("classifier.")).collect::<Vec<_>>()
    };
    assert!(!classifier(0).is_empty() && classifier(0) == classifier(1));
    assert!(whole.models[0].contains_key("numeric.project.weight") && whole.models[1].contains_key("embed.weight"));
}

#[test]
fn formats_that_make_no_one_model_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, config, corpus) = (contract(ViewKind::Bytes), config(), corpus(ViewKind::Bytes, 9, 0));
    let refused = |contract: &Contract, other: &tempest_models::ModelConfig| {
        let medium = |contract, config| Medium { corpus: &corpus, contract, config, teacher: None };
        let media = [medium(&ours, &config), medium(contract, other)];
        join(&media, &options(), folder.path(), false).unwrap_err().to_string()
    };
    let mut labels = opus();
    labels.labels.reverse();
    let wide = tempest_models::ModelConfig { dim: 32, ..config };
    let deep = tempest_models::ModelConfig { block_layers: 2, ..config };
    let mut longer = opus();
    longer.view.row = 20;
    let cases = [
        refused(&labels, &config),
        refused(&contract(ViewKind::Fields), &wide),
        refused(&opus(), &deep),
        refused(&longer, &config),
        refused(&ours, &config),
    ];
    insta::assert_snapshot!(cases.join("\n"));
}
