//! What ships is what its checkpoint says.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use tempest_models::Checkpoint;
use tempest_tests::{repo, run, stdout};

const ZOO: [&str; 5] = ["wakewords", "fsdd", "fsdd-opus", "esc10", "mnist"];

#[test]
fn shipped_bundles_are_what_the_compiler_makes_of_their_checkpoints() {
    for name in ZOO {
        let folder = tempfile::tempdir().unwrap();
        let made = folder.path().join("bundle");
        let checkpoint = repo(&format!("models/zoo/{name}/model.safetensors"));
        let _ = stdout(&run("tempest-compile", &[checkpoint.to_str().unwrap(), "-o", made.to_str().unwrap()]));
        let shipped = repo(&format!("models/zoo/{name}/bundle"));
        for entry in std::fs::read_dir(&shipped).unwrap() {
            let file = entry.unwrap().file_name();
            let same = std::fs::read(shipped.join(&file)).unwrap() == std::fs::read(made.join(&file)).unwrap();
            assert!(same, "{name}/bundle/{file:?} is stale; compile the checkpoint again");
        }
    }
}

#[test]
fn cards_state_the_accuracy_that_the_checkpoint_recorded() {
    for name in ZOO {
        let checkpoint = Checkpoint::open(&repo(&format!("models/zoo/{name}/model.safetensors"))).unwrap();
        let test = &checkpoint.training["test"];
        let accuracy = 100.0 * test["correct"].as_f64().unwrap() / test["clips"].as_f64().unwrap();
        let card = std::fs::read_to_string(repo(&format!("models/zoo/{name}/README.md"))).unwrap();
        let stated = format!("{accuracy:.2} % ({} of {} clips)", test["correct"], test["clips"]);
        assert!(card.contains(&stated), "{name}: the card does not say '{stated}'");
        let size = std::fs::metadata(repo(&format!("models/zoo/{name}/model.safetensors"))).unwrap().len();
        assert!(size <= 5_000_000, "{name}: {size} bytes");
    }
}

#[test]
fn the_sample_is_classified_as_the_readme_says() {
    let sample = repo("samples/tempest.mp3");
    let output = stdout(&run("tempest", &["classify", "--json", sample.to_str().unwrap()]));
    let answer: serde_json::Value = serde_json::from_str(output.trim()).unwrap();
    let readme = std::fs::read_to_string(repo("README.md")).unwrap();
    let first =
        format!("{:5.1} %  {}", 100.0 * answer["probability"].as_f64().unwrap(), answer["label"].as_str().unwrap());
    assert!(readme.contains(first.trim_start()), "the README does not show '{first}'");
    assert_eq!(answer["truncated"], false);
}

#[test]
fn a_stream_on_standard_input_is_the_same_clip() {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let sample = repo("samples/tempest.mp3");
    let bytes = std::fs::read(&sample).unwrap();
    let mut child = Command::new(tempest_tests::binary("tempest"))
        .args(["classify", "--json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A slow pipe: seven bytes at a time.
    for chunk in bytes.chunks(7) {
        stdin.write_all(chunk).unwrap();
        stdin.flush().unwrap();
    }
    drop(stdin);
    let piped: serde_json::Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    let file = stdout(&run("tempest", &["classify", "--json", sample.to_str().unwrap()]));
    let file: serde_json::Value = serde_json::from_str(file.trim()).unwrap();
    for key in ["label", "probability", "blocks", "seconds"] {
        assert_eq!(piped[key], file[key], "{key}");
    }
}
