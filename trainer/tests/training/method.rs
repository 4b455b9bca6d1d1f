//! Averages, patience, accumulation, schedules, training without labels, weights to start from, teachers.

use crate::common::{attempt, bits, checkpoint, config, contract, corpus, log, never, options, train};
use candle_core::Device;
use tempest_contract::{Answers, Contract, ViewKind, Window};
use tempest_models::Model;
use tempest_trainer::eval::{Evaluation, answers, evaluate};
use tempest_trainer::fit::{FitOptions, Init, Medium, Schedule, Task, fit};
use tempest_trainer::teacher::{Distil, Teacher};
use tempest_trainer::truth::Truth;

const KIND: ViewKind = ViewKind::Fields;

#[test]
fn an_average_that_forgets_at_once_is_the_weights_and_one_that_remembers_is_not() {
    let corpus = corpus(KIND, 24, 0);
    let run = |ema| {
        let folder = tempfile::tempdir().unwrap();
        bits(&train(KIND, &corpus, &FitOptions { ema, ..options() }, folder.path(), &never()).models[0])
    };
    assert_eq!(run(None), run(Some(0.0)));
    assert_ne!(run(None), run(Some(0.9)));
}

#[test]
fn patience_ends_a_run_and_keeps_the_best_epoch() {
    let mut corpus = corpus(KIND, 24, 12);
    // What is learnt is wrong here: the longer, the worse.
    corpus.validation.iter_mut().for_each(|(_, truth)| *truth = ((truth.first().unwrap() + 1) % 3).into());
    let constant = FitOptions { epochs: 40, schedule: Schedule::Constant, warmup: 0.0, ..options() };
    let folder = tempfile::tempdir().unwrap();
    let patient = FitOptions { patience: Some(3), ..constant.clone() };
    let fitted = train(KIND, &corpus, &patient, folder.path(), &never());
    let (epoch, score) = fitted.best.unwrap();
    let lines = log(folder.path());
    assert!(!fitted.interrupted && lines.len() == epoch + 3 && lines.len() < 40, "{epoch} of {}", lines.len());
    assert_eq!(lines[epoch - 1]["validation_accuracy"], score.accuracy());
    // The same epochs without patience end in the same weights.
    let folder = tempfile::tempdir().unwrap();
    let plain = FitOptions { epochs: epoch, ..constant };
    assert_eq!(bits(&train(KIND, &corpus, &plain, folder.path(), &never()).models[0]), bits(&fitted.models[0]));
}

#[test]
fn patience_needs_validation_clips() {
    let folder = tempfile::tempdir().unwrap();
    let patient = FitOptions { patience: Some(3), ..options() };
    let error = attempt(KIND, &corpus(KIND, 24, 0), &patient, folder.path(), &never()).unwrap_err();
    assert!(error.to_string().contains("--validation"), "{error}");
}

#[test]
fn accumulated_batches_make_the_step_of_one_large_batch() {
    let corpus = corpus(KIND, 12, 0);
    let first_step = |batch, accumulate| {
        let still = FitOptions { epochs: 1, dropout: 0.0, cutmix: 0.0, lambda: None, shards: 1, ..options() };
        let folder = tempfile::tempdir().unwrap();
        let fitted = train(KIND, &corpus, &FitOptions { batch, accumulate, ..still }, folder.path(), &never());
        assert_eq!(fitted.steps, 1);
        let line = log(folder.path()).remove(0);
        ["class_loss", "gradient_norm"].map(|key| line[key].as_f64().unwrap())
    };
    let (whole, parts) = (first_step(12, 1), first_step(5, 3));
    assert!(whole.iter().zip(parts).all(|(a, b)| (a - b).abs() < 1e-4 * a), "{whole:?} {parts:?}");
}

#[test]
fn the_log_says_rate_speed_and_validation() {
    let folder = tempfile::tempdir().unwrap();
    let constant = FitOptions { schedule: Schedule::Constant, warmup: 0.0, ..options() };
    train(KIND, &corpus(KIND, 24, 6), &constant, folder.path(), &never());
    for line in log(folder.path()) {
        assert_eq!(line["learning_rate"], 5e-3);
        assert!(line["clips_per_second"].as_f64().unwrap() > 0.0 && line["validation_loss"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn without_labels_the_encoder_learns_and_the_classifier_starts_anew_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let media = corpus(KIND, 24, 6);
    let unlabelled = FitOptions { epochs: 8, lambda: Some(0.0), mask: 0.2, ..options() };
    let fitted = train(KIND, &media, &unlabelled, folder.path(), &never());
    let lines = log(folder.path());
    let recon = |line: usize| lines[line]["recon_loss"].as_f64().unwrap();
    assert!(recon(7) < 0.9 * recon(0), "{} {}", recon(0), recon(7));
    assert!(lines.iter().all(|line| line["class_loss"] == 0.0 && line["validation_accuracy"].is_null()));
    assert!(lines[7]["validation_loss"].as_f64() < lines[0]["validation_loss"].as_f64());

    let path = folder.path().join("media.safetensors");
    checkpoint(KIND, &fitted, &unlabelled).write(&path).unwrap();
    let init = Init::read(&path).unwrap();
    let (mut contract, config, options) = (contract(KIND), config(), FitOptions { epochs: 1, ..options() });
    // Windows may differ: positions are computed.
    contract.window = Window { blocks: 10, hop: 5 };
    let taken = init.take(&contract, &config, true).unwrap();
    assert!(taken.anew.iter().all(|(name, _)| name.starts_with("classifier.")) && !taken.anew.is_empty());
    assert!(taken.tensors.contains_key("fields.out.weight"), "{}", taken.summary());
    // Other clips: the scales stay those the weights were learnt on.
    let others = corpus(KIND, 15, 0);
    let medium = Medium { corpus: &others, contract: &contract, config: &config, teacher: None };
    let task = Task { media: &[medium], options: &options, init: Some(&init) };
    let tuned = fit(&task, &Device::Cpu, &folder.path().join("tuned"), &never()).unwrap();
    let mean = |tensors: &std::collections::BTreeMap<_, candle_core::Tensor>| {
        tensors["numeric.mean"].to_vec1::<f32>().unwrap()
    };
    assert_eq!(mean(&tuned.models[0]), mean(&fitted.models[0]));
}

#[test]
fn what_means_something_else_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let short = FitOptions { epochs: 1, ..options() };
    let fitted = train(KIND, &corpus(KIND, 24, 0), &short, folder.path(), &never());
    let path = folder.path().join("model.safetensors");
    checkpoint(KIND, &fitted, &short).write(&path).unwrap();
    let init = Init::read(&path).unwrap();
    let mut other = contract(KIND);
    other.labels = ["a", "b", "c"].map(String::from).into();
    let summary = init.take(&other, &config(), true).unwrap().summary();
    assert!(summary.ends_with("anew: classifier.head (2: other labels)"), "{summary}");
    let summary = init.take(&contract(ViewKind::Bytes), &config(), true).unwrap().summary();
    assert!(
        summary.contains("embed.weight (1: another view or codec)") && !summary.contains("classifier"),
        "{summary}"
    );
    let (other, mut wide) = (contract(KIND), config());
    (wide.dim, wide.field_hidden) = (32, 40);
    // Only what does not depend on the sizes: the scales and the head's bias.
    assert!(init.take(&other, &wide, true).unwrap().tensors.len() < 10);
    let error = Init::read(&folder.path().join("log.jsonl")).unwrap_err();
    assert!(format!("{error:#}").contains("log.jsonl"), "{error:#}");
}

#[test]
fn a_student_without_labels_of_its_own_learns_from_a_teacher_of_another_view() {
    let symbols = ViewKind::Symbols;
    let (mut students, own) = (corpus(KIND, 24, 0), corpus(symbols, 24, 0));
    let truth: Vec<Truth> = students.train.iter().map(|example| example.truth.clone()).collect();
    let folder = tempfile::tempdir().unwrap();
    let long = FitOptions { epochs: 40, dropout: 0.0, cutmix: 0.0, ..options() };
    let taught = train(symbols, &own, &long, &folder.path().join("teacher"), &never());
    let taught = checkpoint(symbols, &taught, &long);
    // The labels say nothing; the teacher's weight is all.
    students.train.iter_mut().for_each(|example| example.truth = 0.into());
    let distil = Distil { weight: 1.0, temperature: 2.0 };
    let (contract, config) = (contract(KIND), config());
    let teacher =
        Teacher::new(&taught, &contract, &students.train, Some(own.train.clone()), distil, &Device::Cpu).unwrap();
    let medium = Medium { corpus: &students, contract: &contract, config: &config, teacher: Some(&teacher) };
    let task = Task { media: &[medium], options: &long, init: None };
    let fitted = fit(&task, &Device::Cpu, &folder.path().join("student"), &never()).unwrap();
    let model = Model::new(&contract, &config, &fitted.models[0]).unwrap();
    let clips = students.train.iter().zip(&truth).map(|(example, truth)| (&example.variants[0], truth));
    let evaluation = evaluate(&model, &contract, clips, &Device::Cpu).unwrap();
    assert!(evaluation.correct >= 22, "{}", evaluation.table());

    let mut strange = taught.clone();
    strange.contract.labels.reverse();
    let error = Teacher::new(&strange, &contract, &students.train, None, distil, &Device::Cpu).unwrap_err();
    assert!(error.to_string().contains("knows the labels [high, mid, low]"), "{error}");
    let fewer = Some(own.train[1..].to_vec());
    let error = Teacher::new(&taught, &contract, &students.train, fewer, distil, &Device::Cpu).unwrap_err();
    assert!(error.to_string().contains("other blocks"), "{error}");
}

#[test]
fn several_labels_of_a_clip_are_learnt_each_by_itself() {
    let contract = Contract { answers: Answers::AnyOf, ..contract(KIND) };
    let mut corpus = corpus(KIND, 24, 9);
    // Class 0 has none of the labels, 1 the first, 2 both of the others; CutMix blends them.
    let several = |truth: &mut Truth| {
        *truth = match truth.first() {
            Some(1) => Truth::from(0),
            Some(2) => [1, 2].into_iter().collect(),
            _ => Truth::default(),
        }
    };
    corpus.train.iter_mut().for_each(|example| several(&mut example.truth));
    corpus.validation.iter_mut().for_each(|(_, truth)| several(truth));
    let folder = tempfile::tempdir().unwrap();
    let options = FitOptions { epochs: 40, dropout: 0.0, smoothing: 0.02, ..options() };
    let medium = Medium { corpus: &corpus, contract: &contract, config: &config(), teacher: None };
    let task = Task { media: &[medium], options: &options, init: None };
    let fitted = fit(&task, &Device::Cpu, folder.path(), &never()).unwrap();
    let model = Model::new(&contract, &config(), &fitted.models[0]).unwrap();
    let clips = corpus.validation.iter().map(|(rows, truth)| (rows, truth));
    let answers = answers(&model, &contract, clips, &Device::Cpu).unwrap();
    for answer in &answers {
        let right = |(label, &p): (usize, &f32)| (p > 0.5) == answer.truth.holds(label);
        assert!(answer.probabilities.iter().enumerate().all(right), "{answer:?}");
    }
    let evaluation = Evaluation::of(&contract, &answers);
    assert_eq!(evaluation.ranking.as_ref().and_then(|ranking| ranking.mean_average_precision), Some(1.0));
    assert!(evaluation.table().contains("mAP 1.0000, AUC 1.0000, d' –"), "{}", evaluation.table());
}
