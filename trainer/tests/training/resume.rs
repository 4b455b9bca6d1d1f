//! Interrupted runs go on exactly; what does not fit together is refused.

use crate::common::{attempt, bits, checkpoint, config, contract, corpus, log, never, options, train};
use candle_core::Device;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use tempest_contract::ViewKind;
use tempest_models::Precision;
use tempest_trainer::fit::{FitOptions, Fitted, Init, Medium, Schedule, Task, fit, state_path};
use tempest_trainer::teacher::{Distil, Teacher};

#[test]
fn an_interrupted_run_ends_in_the_same_bits() {
    let corpus = corpus(ViewKind::Fields, 24, 0);
    let whole = tempfile::tempdir().unwrap();
    let expected = bits(&train(ViewKind::Fields, &corpus, &options(), whole.path(), &never()).models[0]);
    // Stopped after every single step: nine sittings for nine steps.
    let parts = tempfile::tempdir().unwrap();
    let mut sittings = 0;
    let found = loop {
        let stop = AtomicBool::new(true);
        let fitted = train(ViewKind::Fields, &corpus, &options(), parts.path(), &stop);
        sittings += 1;
        assert!(stop.load(Ordering::Relaxed) && fitted.steps == sittings);
        if !fitted.interrupted {
            break bits(&fitted.models[0]);
        }
    };
    assert_eq!(sittings, 9);
    assert_eq!(found, expected);
}

#[test]
fn a_run_does_not_resume_under_other_options() {
    let corpus = corpus(ViewKind::Fields, 24, 0);
    let folder = tempfile::tempdir().unwrap();
    train(ViewKind::Fields, &corpus, &options(), folder.path(), &AtomicBool::new(true));
    let changed = FitOptions { batch: 4, ..options() };
    let error = attempt(ViewKind::Fields, &corpus, &changed, folder.path(), &never()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("batch") && text.contains("--out"), "{text}");
    std::fs::write(state_path(folder.path()), b"not a state").unwrap();
    let error = attempt(ViewKind::Fields, &corpus, &options(), folder.path(), &never()).unwrap_err();
    assert!(error.to_string().contains("state.safetensors"), "{error}");
}

/// A teacher that reads `symbols`, and weights to start from.
fn forebears(folder: &Path) -> (Teacher, Init) {
    let (fields, symbols) = (ViewKind::Fields, ViewKind::Symbols);
    let (students, own) = (corpus(fields, 23, 7), corpus(symbols, 23, 0));
    let short = FitOptions { epochs: 1, ..options() };
    let taught = checkpoint(symbols, &train(symbols, &own, &short, &folder.join("t"), &never()), &short);
    let distil = Distil { weight: 0.5, temperature: 2.0 };
    let teacher =
        Teacher::new(&taught, &contract(fields), &students.train, Some(own.train), distil, &Device::Cpu).unwrap();
    let path = folder.join("init.safetensors");
    checkpoint(fields, &train(fields, &students, &short, &folder.join("i"), &never()), &short).write(&path).unwrap();
    (teacher, Init::read(&path).unwrap())
}

#[test]
fn an_interrupted_run_with_every_option_on_ends_in_the_same_bits_and_log() {
    let folder = tempfile::tempdir().unwrap();
    let (teacher, init) = forebears(folder.path());
    let corpus = corpus(ViewKind::Fields, 23, 7);
    let options = FitOptions {
        epochs: 6,
        batch: 4,
        accumulate: 4,
        schedule: Schedule::OneCycle,
        block_drop: 0.2,
        mask: 0.2,
        smoothing: 0.1,
        ema: Some(0.9),
        patience: Some(2),
        precision: Precision::Bf16,
        ..options()
    };
    let (contract, config) = (contract(ViewKind::Fields), config());
    let (init, teacher) = (Some(&init), Some(&teacher));
    let medium = Medium { corpus: &corpus, contract: &contract, config: &config, teacher };
    let task = Task { media: &[medium], options: &options, init };
    let run = |out: &str, stop: bool| -> Fitted {
        fit(&task, &Device::Cpu, &folder.path().join(out), &AtomicBool::new(stop)).unwrap()
    };
    let whole = run("whole", false);
    let mut sittings = 1;
    let parts = loop {
        let fitted = run("parts", true);
        if !fitted.interrupted {
            break fitted;
        }
        sittings += 1;
    };
    // Six batches in two steps of four and two; patience may end the run before the sixth epoch.
    assert!(sittings >= 6 && sittings == parts.steps, "{sittings} sittings for {} steps", parts.steps);
    assert_eq!(bits(&parts.models[0]), bits(&whole.models[0]));
    assert_eq!((parts.steps, parts.best), (whole.steps, whole.best));
    let timeless = |out: &str| {
        let mut lines = log(&folder.path().join(out));
        let lines_of = lines.iter_mut().filter_map(|line| line.as_object_mut());
        lines_of.for_each(|line| drop((line.remove("seconds"), line.remove("clips_per_second"))));
        lines
    };
    assert_eq!(timeless("parts"), timeless("whole"));
}

#[test]
fn every_option_that_changed_is_named() {
    let corpus = corpus(ViewKind::Fields, 24, 3);
    let folder = tempfile::tempdir().unwrap();
    let before = FitOptions { ema: Some(0.9), ..options() };
    train(ViewKind::Fields, &corpus, &before, folder.path(), &AtomicBool::new(true));
    let cases = [
        ("fit.ema = 0.9, now unset", FitOptions { ema: None, ..options() }),
        ("fit.patience = unset, now 3", FitOptions { patience: Some(3), ..before.clone() }),
        ("fit.schedule = unset, now \"constant\"", FitOptions { schedule: Schedule::Constant, ..before.clone() }),
    ];
    for (expected, changed) in cases {
        let error = attempt(ViewKind::Fields, &corpus, &changed, folder.path(), &never()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// Puts a moment into the state that throws the weights far away on the next step.
fn poison(state: &Path) {
    let mut bytes = std::fs::read(state).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let moment = file.tensor("first/classifier.head.weight").unwrap().data();
    let at = moment.as_ptr() as usize - bytes.as_ptr() as usize;
    bytes[at..at + 4].copy_from_slice(&f32::MAX.to_le_bytes());
    std::fs::write(state, bytes).unwrap();
}

#[test]
fn a_run_that_diverges_says_the_step_and_how_to_go_on_from_what_is_kept() {
    let (kind, corpus) = (ViewKind::Fields, corpus(ViewKind::Fields, 24, 0));
    let folder = tempfile::tempdir().unwrap();
    // From the first step on: there is nothing to go on from.
    let wild = FitOptions { learning_rate: 1e38, ..options() };
    let error = attempt(kind, &corpus, &wild, folder.path(), &never()).unwrap_err().to_string();
    assert!(error.contains("the loss is not finite; start again with a lower --learning-rate"), "{error}");
    assert!(!state_path(folder.path()).exists());
    // After the first step.
    train(kind, &corpus, &options(), folder.path(), &AtomicBool::new(true));
    let state = state_path(folder.path());
    poison(&state);
    let kept = std::fs::read(&state).unwrap();
    let error = attempt(kind, &corpus, &options(), folder.path(), &never()).unwrap_err().to_string();
    assert!(error.starts_with("step 2: the loss is not finite") && error.contains("--init"), "{error}");
    assert_eq!(std::fs::read(&state).unwrap(), kept);
    // And the advice works.
    let init = Init::read(&state).unwrap();
    let (contract, config, options) = (contract(kind), config(), options());
    let taken = init.take(&contract, &config, true).unwrap();
    assert!(taken.anew.is_empty() && taken.tensors.contains_key("numeric.mean"), "{:?}", taken.anew);
    let medium = Medium { corpus: &corpus, contract: &contract, config: &config, teacher: None };
    let task = Task { media: &[medium], options: &options, init: Some(&init) };
    fit(&task, &Device::Cpu, &folder.path().join("other"), &never()).unwrap();
}
