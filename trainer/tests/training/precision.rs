//! Training on products rounded to bfloat16.

use crate::common::{attempt, bits, config, contract, corpus, never, options, train};
use crate::learns_by_heart;
use candle_core::DType;
use std::sync::atomic::AtomicBool;
use tempest_contract::ViewKind;
use tempest_models::{Precision, slots};
use tempest_trainer::fit::FitOptions;

fn rounded() -> FitOptions {
    FitOptions { precision: Precision::Bf16, ..options() }
}

#[test]
fn rounded_products_learn_one_batch_by_heart() {
    for kind in [ViewKind::Bytes, ViewKind::Symbols] {
        learns_by_heart(kind, &rounded());
    }
}

#[test]
fn weights_stay_float32_and_are_not_those_of_exact_products() {
    let corpus = corpus(ViewKind::Fields, 24, 0);
    let run = |options: &FitOptions| {
        let folder = tempfile::tempdir().unwrap();
        train(ViewKind::Fields, &corpus, options, folder.path(), &never()).models.remove(0)
    };
    let (first, again, exact) = (run(&rounded()), run(&rounded()), run(&options()));
    assert_eq!(bits(&first), bits(&again));
    let slots = slots(&contract(ViewKind::Fields), &config()).unwrap();
    for (name, tensor) in &first {
        assert_eq!(tensor.dtype(), DType::F32, "{name}");
        // A key's bias has no gradient but for rounding errors.
        if !slots[name].trained || name.ends_with("key.bias") {
            continue;
        }
        let (rounded, exact) = (tensor.flatten_all().unwrap(), exact[name].flatten_all().unwrap());
        let (rounded, exact) = (rounded.to_vec1::<f32>().unwrap(), exact.to_vec1::<f32>().unwrap());
        assert_ne!(rounded, exact, "{name}");
        // bfloat16 keeps 8 bits: weights of which none had more would be rounded themselves.
        assert!(rounded.iter().any(|value| value.to_bits() & 0xffff != 0), "{name}");
    }
}

#[test]
fn a_run_does_not_resume_in_another_precision() {
    let (kind, corpus) = (ViewKind::Fields, corpus(ViewKind::Fields, 24, 0));
    let cases = [
        (options(), rounded(), "the run was started with fit.precision = unset, now \"bf16\""),
        (rounded(), options(), "the run was started with fit.precision = \"bf16\", now unset"),
    ];
    for (before, after, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        train(kind, &corpus, &before, folder.path(), &AtomicBool::new(true));
        let error = attempt(kind, &corpus, &after, folder.path(), &never()).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("--out"), "{error}");
        attempt(kind, &corpus, &before, folder.path(), &never()).unwrap();
    }
}
