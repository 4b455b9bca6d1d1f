#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

use super::*;
use serde_json::json;
use std::path::Path;

/// Writes a safetensors file without tensors.
fn write_safetensors(path: &Path, key: &str, value: &serde_json::Value) {
    let header = json!({ "__metadata__": { key: value.to_string() } }).to_string();
    std::fs::write(path, [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat()).unwrap();
}

fn lines(values: &[serde_json::Value]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}

fn log(epochs: usize) -> String {
    let line = |epoch: usize| {
        json!({ "epoch": epoch, "step": 5 * epoch, "class_loss": 1.0 / epoch as f64, "recon_loss": 0.5,
                "gradient_norm": 1.0, "validation_accuracy": 0.5 + 0.1 * epoch as f64, "seconds": 2.5 * epoch as f64 })
    };
    lines(&(1..=epochs).map(line).collect::<Vec<_>>())
}

/// A finished run whose names try to be markup.
fn finished(folder: &Path) -> RunFiles {
    let labels = ["<script>alert(1)</script>", "b & \"c\"", "never"];
    let test = json!({ "clips": 10, "correct": 7, "labels": labels, "confusion": [[4, 1, 0], [2, 3, 0], [0, 0, 0]] });
    let options = json!({ "epochs": 3, "batch": 64, "seed": 1 });
    let record = json!({
        "data": { "name": "<i>data</i>", "format": "esc", "test_fold": 2, "validation_share": 0.1 },
        "clips": { "train": 80, "validation": 8, "test": 10 }, "variants": 4, "options": options, "test": test,
        "best": { "epoch": 2 },
    });
    let config = json!({ "dim": 96, "ff": 192 });
    let checkpoint = json!({ "contract": null, "config": config, "training": record });
    write_safetensors(&folder.join("model.safetensors"), "tempest", &checkpoint);
    let costs = json!({ "parameters": 1000, "decoder_parameters": 10, "macs_per_clip": 50_000_000,
                        "macs_per_second": 9_200_000.0, "bytes_read_per_block": 13.0 });
    let outcome = json!({ "seconds": 7.5, "steps": 15, "costs": costs, "test": test });
    std::fs::write(folder.join("result.json"), outcome.to_string()).unwrap();
    let clip = |clip: &str, truth: usize, answer: usize, probability: f64| {
        json!({ "clip": clip, "truth": labels[truth], "answer": labels[answer], "probability": probability,
                "truth_probability": 1.0 - probability, "correct": truth == answer })
    };
    let clips = [clip("a/1.wav", 0, 0, 0.9), clip("a/<b>.wav", 0, 1, 0.75), clip("b/2.wav", 1, 0, 0.875)];
    std::fs::write(folder.join("predictions.jsonl"), lines(&clips)).unwrap();
    std::fs::write(folder.join("log.jsonl"), log(3)).unwrap();
    RunFiles { name: "runs/<b>one</b>".into(), ..RunFiles::open(folder).unwrap() }
}

fn unfinished(folder: &Path) -> RunFiles {
    // The second epoch was trained again after a crash; the last line is being written.
    let again = log(2).replace("0.5", "0.25").lines().last().unwrap().to_string();
    std::fs::write(folder.join("log.jsonl"), format!("{}{again}\n{{\"epoch\":3,", log(2))).unwrap();
    let fit = json!({ "epochs": 40, "seed": 7 });
    let state =
        json!({ "step": 10, "seconds": 5.0, "options": { "fit": fit, "config": { "dim": 96 }, "contract": null } });
    write_safetensors(&folder.join("state.safetensors"), "tempest-run", &state);
    RunFiles { name: "runs/two".into(), ..RunFiles::open(folder).unwrap() }
}

/// The page without its style and drawings.
fn structure(page: &str) -> String {
    let without = |text: &str, from: &str, to: &str| {
        let mut parts = text.split(from);
        let first = parts.next().unwrap().to_string();
        parts.fold(first, |all, part| format!("{all}{from}…{to}{}", part.split_once(to).unwrap().1))
    };
    without(&without(page, "<style>", "</style>"), "<svg", "</svg>")
}

#[test]
fn one_run_is_told_in_full() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(structure(&page(&[finished(folder.path())])));
}

/// A finished run of labels of which several may be true.
#[test]
fn where_several_labels_may_be_true_they_are_ranked() {
    let folder = tempfile::tempdir().unwrap();
    let whole = finished(folder.path());
    let result: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("result.json")).unwrap()).unwrap();
    let mut ranked = result.clone();
    let label = json!({ "clips": 5, "average_precision": 0.75, "auc": 0.5 });
    let never = json!({ "clips": 0, "average_precision": null, "auc": null });
    ranked["test"]["confusion"] = json!([]);
    ranked["test"]["ranking"] =
        json!({ "mean_average_precision": 0.75, "auc": 0.5, "d_prime": 0.0, "labels": [label, label, never] });
    std::fs::write(folder.path().join("result.json"), ranked.to_string()).unwrap();
    let page = page(&[RunFiles { name: whole.name, ..RunFiles::open(folder.path()).unwrap() }]);
    let from = page.find("<h3>Labels</h3>").unwrap();
    insta::assert_snapshot!(&page[from..page[from..].find("</table>").unwrap() + from]);
    assert!(!page.contains("Confusion matrix"));
    ranked["test"]["ranking"]["labels"] = json!([label]);
    std::fs::write(folder.path().join("result.json"), ranked.to_string()).unwrap();
    let error = RunFiles::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("result.json"), "{error}");
}

#[test]
fn runs_are_compared_and_one_may_go_on() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let runs = [finished(folders[0].path()), unfinished(folders[1].path())];
    assert_eq!(runs[1].epochs.len(), 2);
    assert_eq!(runs[1].epochs[1]["recon_loss"], 0.25);
    let page = structure(&page(&runs));
    let end = page.find("</section>").unwrap();
    let second = page.rfind("<section>").unwrap();
    insta::assert_snapshot!(format!("{}\n…\n{}", &page[page.find("<section>").unwrap()..end], &page[second..]));
}

#[test]
fn a_page_is_whole_and_asks_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let page = page(&[finished(folder.path())]);
    for unwanted in ["<script", "<i>", "<b>", "src=", "href=", "@import", "url(", "#010203"] {
        assert!(!page.contains(unwanted), "{unwanted}");
    }
    assert_eq!(page.matches("<svg").count(), 2, "losses and accuracy; no learning rate was logged");
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("currentColor"));
}

#[test]
fn curves_of_any_numbers_are_drawn() {
    for values in [vec![0.0], vec![3.0; 5], vec![f64::MAX, f64::MIN, 1.0], vec![1e-300, 2e-300], vec![-1e30, 1e30]] {
        let epochs = values.iter().enumerate().map(|(index, value)| json!({ "epoch": index + 1, "class_loss": value }));
        let run = RunFiles { epochs: epochs.collect(), ..RunFiles::default() };
        assert!(page(&[run]).contains("<svg"), "{values:?}");
    }
    let many = (1..=5_000).map(|epoch| json!({ "epoch": epoch, "class_loss": 1.0 / f64::from(epoch) }));
    let page = page(&[RunFiles { epochs: many.collect(), ..RunFiles::default() }]);
    assert!(page.len() < 60_000, "{} bytes", page.len());
}

#[test]
fn what_is_no_run_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = || RunFiles::open(folder.path()).unwrap_err().to_string();
    assert_eq!(error(), "no run of tempest-train: no log.jsonl and no model.safetensors; give the --out of a `fit`");
    let nowhere = RunFiles::open(&folder.path().join("nowhere")).unwrap_err();
    assert!(matches!(nowhere, RunError::NoRun), "{nowhere}");

    let model = folder.path().join("model.safetensors");
    std::fs::write(&model, b"ID3 is no checkpoint").unwrap();
    assert_eq!(error(), "model.safetensors: not a safetensors file; tempest-train did not write it so");
    std::fs::write(&model, b"ID3").unwrap();
    assert!(error().starts_with("cannot read model.safetensors: "), "{}", error());
    finished(folder.path());
    let bent = r#"{"seconds":1,"steps":1,"costs":{"parameters":1,"decoder_parameters":1,"macs_per_clip":1},
        "test":{"clips":1,"correct":1,"labels":["a","b"],"confusion":[[1,0]]}}"#;
    std::fs::write(folder.path().join("result.json"), bent).unwrap();
    let expected = "result.json: the confusion matrix, or the ranking, is not of the labels and clips; tempest-train did not write it so";
    assert_eq!(error(), expected);
    let vast = bent.replace("[[1,0]]", "[[18446744073709551615,0],[2,0]]");
    std::fs::write(folder.path().join("result.json"), vast).unwrap();
    assert_eq!(error(), expected);
    std::fs::remove_file(folder.path().join("result.json")).unwrap();
    std::fs::write(folder.path().join("predictions.jsonl"), "{}\n").unwrap();
    assert!(error().starts_with("predictions.jsonl: missing field `clip`"), "{}", error());
}
