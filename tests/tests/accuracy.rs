//! The zoo on what it was tested on: `tempest classify` on the encoded files equals `tempest-train eval`.
//! Needs the feature `lame` and the data sets in `TEMPEST_DATA`.
#![cfg(feature = "lame")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use serde_json::Value;
use std::path::{Path, PathBuf};
use tempest_tests::{engines, repo, run, stdout};

/// Name in the zoo, format, folder below `TEMPEST_DATA`, least accuracy.
const SETS: [(&str, &str, &str, f64); 5] = [
    ("wakewords", "wakewords", "wakewords", 0.98),
    ("fsdd", "fsdd", "fsdd", 0.99),
    ("fsdd-opus", "fsdd", "fsdd", 0.99),
    ("esc10", "esc", "esc10", 0.85),
    ("mnist", "mnist", "mnist", 0.985),
];

fn last_line(text: &str) -> Value {
    serde_json::from_str(text.trim().lines().last().unwrap()).unwrap()
}

fn chain(data: &Path, (name, format, folder, floor): (&str, &str, &str, f64)) {
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name).to_str().unwrap().to_string();
    let data = data.join(folder);
    let (encoded, cache) = (path("encoded"), path("cache"));
    let source = ["--data", data.to_str().unwrap(), "--format", format, "--cache", &cache];
    let checkpoint = repo(&format!("models/zoo/{name}/model.safetensors"));
    let bundle = repo(&format!("models/zoo/{name}/bundle"));
    let evaluate = ["eval", checkpoint.to_str().unwrap(), "--json"];
    let evaluated = last_line(&stdout(&run("tempest-train", &[&evaluate, &source[..]].concat())));
    let encode = ["encode", "--like", checkpoint.to_str().unwrap(), "--out", &encoded];
    let _ = stdout(&run("tempest-train", &[&encode, &source[..]].concat()));
    for engine in engines() {
        let args =
            ["classify", "--json", "--score", "--engine", engine.name(), "-m", bundle.to_str().unwrap(), &encoded];
        let score = last_line(&stdout(&run("tempest", &args)));
        let (eval, classify) = (evaluated["accuracy"].as_f64().unwrap(), score["accuracy"].as_f64().unwrap());
        eprintln!("{name}: eval {:.2} %, classify on {} {:.2} %", 100.0 * eval, engine.name(), 100.0 * classify);
        assert!((eval - classify).abs() <= 0.002, "{name} on {}: {classify}, eval {eval}", engine.name());
        assert!(classify >= floor, "{name} on {}: {classify}", engine.name());
    }
}

#[test]
fn classify_equals_eval_on_the_test_splits() {
    let Some(data) = std::env::var_os("TEMPEST_DATA").map(PathBuf::from) else {
        tempest_tests::skipped("TEMPEST_DATA does not say where the data sets are");
        return;
    };
    for set in SETS {
        if data.join(set.2).is_dir() {
            chain(&data, set);
        } else {
            tempest_tests::skipped(&format!("{}: not in TEMPEST_DATA", set.0));
        }
    }
}
