//! Every bad input is one line that names the file, the cause and what to do; the exit code says so; the others go on.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use std::path::{Path, PathBuf};
use tempest_contract::ViewKind;
use tempest_models::Preset;
use tempest_tests::{random_checkpoint, repo, run, stream};

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Bench { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name).display().to_string()
    }

    /// Exit code and standard error of `command`, with the folder's name replaced.
    fn fails(&self, command: &str, args: &[&str]) -> (i32, String) {
        let output = run(command, args);
        let text = String::from_utf8(output.stderr).unwrap();
        let text = text.replace(&self.folder.path().display().to_string(), "DIR");
        assert!(!text.contains("panicked"), "{text}");
        (output.status.code().unwrap(), text)
    }

    fn classify(&self, name: &str, bytes: &[u8]) -> (i32, String) {
        let file = self.file(name, bytes);
        self.fails("tempest", &["classify", &file])
    }

    /// A copy of the built-in bundle.
    fn bundle(&self) -> PathBuf {
        let to = self.path("bundle");
        copy(&repo("models/zoo/wakewords/bundle"), &to);
        to
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[track_caller]
fn expect((code, text): (i32, String), expected_code: i32, parts: &[&str]) {
    assert_eq!(code, expected_code, "{text}");
    assert_eq!(text.trim_end().lines().count(), 1, "more than one line:\n{text}");
    for part in parts {
        assert!(text.contains(part), "'{part}' is not in: {text}");
    }
}

#[test]
fn not_an_mp3() {
    let bench = Bench::new();
    let text = b"Dear reader, this is a letter and no music at all.".repeat(40);
    expect(bench.classify("letter.mp3", &text), 1, &["DIR/letter.mp3: not an MP3", "2000 bytes", "16000 Hz, mono"]);
}

#[test]
fn an_empty_file() {
    let bench = Bench::new();
    expect(bench.classify("empty.mp3", b""), 1, &["DIR/empty.mp3: the file is empty", "give an MP3"]);
}

#[test]
fn a_missing_file() {
    let bench = Bench::new();
    let path = bench.path("none.mp3").display().to_string();
    expect(bench.fails("tempest", &["classify", &path]), 1, &["DIR/none.mp3: cannot read: No such file"]);
}

#[test]
fn a_truncated_mp3() {
    let bench = Bench::new();
    let whole = stream(20);
    let cut = &whole[..whole.len() - 50];
    expect(bench.classify("cut.mp3", cut), 1, &["DIR/cut.mp3: truncated", "19 whole ones", "--allow-truncated"]);
    let output = run("tempest", &["classify", "--allow-truncated", &bench.file("cut.mp3", cut)]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("19 blocks"), "{output:?}");
}

#[test]
fn layer_two() {
    let bench = Bench::new();
    // MPEG-1 Layer II, 32 kbit/s, 44.1 kHz, mono: 144 * 32000 / 44100 = 104 bytes.
    let frame: Vec<u8> = [0xFF, 0xFD, 0x10, 0xC0].into_iter().chain([0; 100]).collect();
    expect(bench.classify("two.mp3", &frame.repeat(12)), 1, &["DIR/two.mp3:", "Layer II", "ffmpeg"]);
}

#[test]
fn free_format() {
    let bench = Bench::new();
    let frame: Vec<u8> = [0xFF, 0xFB, 0x00, 0xC0].into_iter().chain([0; 96]).collect();
    expect(bench.classify("free.mp3", &frame.repeat(12)), 1, &["DIR/free.mp3:", "free format", "ffmpeg"]);
}

#[test]
fn stereo_at_320_kbit() {
    let bench = Bench::new();
    // MPEG-1 Layer III, 320 kbit/s, 44.1 kHz, stereo: 144 * 320000 / 44100 = 1044 bytes.
    let frame: Vec<u8> = [0xFF, 0xFB, 0xE0, 0x00].into_iter().chain([0; 1040]).collect();
    let parts = [
        "DIR/loud.mp3: MPEG-1 Layer III, 320 kbit/s, 44100 Hz, stereo",
        "expects MP3, 16000 Hz, mono",
        "-ar 16000 -ac 1",
    ];
    expect(bench.classify("loud.mp3", &frame.repeat(12)), 1, &parts);
}

#[test]
fn a_bit_rate_outside_the_trained_range() {
    let bench = Bench::new();
    // MPEG-2 Layer III, 64 kbit/s, 16 kHz, mono: 72 * 64000 / 16000 = 288 bytes.
    let frame: Vec<u8> = [0xFF, 0xF3, 0x88, 0xC0].into_iter().chain([0; 284]).collect();
    expect(bench.classify("rich.mp3", &frame.repeat(12)), 1, &["64 kbit/s on average", "24-40 kbit/s"]);
}

#[test]
fn a_failing_file_does_not_stop_the_others() {
    let bench = Bench::new();
    let (bad, good) = (bench.file("bad.mp3", b"no"), bench.file("good.mp3", &stream(10)));
    let output = run("tempest", &["classify", "--json", &bad, &good]);
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<serde_json::Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines[0]["error"].as_str().unwrap().starts_with("not an MP3"));
    assert_eq!(lines[1]["blocks"], 10);
    assert!(lines[1]["label"].is_string());
}

#[test]
fn a_folder_without_mp3() {
    let bench = Bench::new();
    bench.file("notes.txt", b"no media here");
    let path = bench.folder.path().display().to_string();
    expect(bench.fails("tempest", &["classify", &path]), 1, &["no .mp3 file in this folder"]);
}

#[test]
fn a_bundle_with_a_wrong_hash() {
    let bench = Bench::new();
    let bundle = bench.bundle();
    let encoder = bundle.join("encoder.onnx");
    let mut bytes = std::fs::read(&encoder).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&encoder, bytes).unwrap();
    let (bundle, sample) = (bundle.display().to_string(), bench.file("x.mp3", &stream(4)));
    let failure = bench.fails("tempest", &["classify", "-m", &bundle, &sample]);
    expect(failure, 2, &["DIR/bundle", "encoder.onnx", "SHA-256", "compile the checkpoint again"]);
}

#[test]
fn a_bundle_without_labels() {
    let bench = Bench::new();
    let bundle = bench.bundle();
    let manifest = bundle.join("bundle.json");
    let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    json["contract"].as_object_mut().unwrap().remove("labels");
    std::fs::write(&manifest, json.to_string()).unwrap();
    let (bundle, sample) = (bundle.display().to_string(), bench.file("x.mp3", &stream(4)));
    expect(bench.fails("tempest", &["classify", "-m", &bundle, &sample]), 2, &["bundle.json", "labels"]);
}

#[test]
fn a_checkpoint_where_a_bundle_is_wanted() {
    let bench = Bench::new();
    let path = bench.path("model.safetensors");
    random_checkpoint(ViewKind::Fields, Preset::Nano.config(), 1).write(&path).unwrap();
    let (path, sample) = (path.display().to_string(), bench.file("x.mp3", &stream(4)));
    expect(bench.fails("tempest", &["classify", "-m", &path, &sample]), 2, &["tempest-compile"]);
}

/// A safetensors file with one tensor and this metadata.
fn safetensors(metadata: &str) -> Vec<u8> {
    let header = format!(r#"{{{metadata}"w":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}}}"#);
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend([0; 4]);
    bytes
}

#[test]
fn a_checkpoint_of_another_tool() {
    let bench = Bench::new();
    let path = bench.file("other.safetensors", &safetensors(r#""__metadata__":{"format":"pt"},"#));
    expect(bench.fails("tempest-compile", &[&path]), 2, &["DIR/other.safetensors", "tempest-train"]);
}

#[test]
fn a_checkpoint_without_labels() {
    let bench = Bench::new();
    let path = bench.path("model.safetensors");
    let checkpoint = random_checkpoint(ViewKind::Fields, Preset::Nano.config(), 1);
    let bytes = checkpoint.to_bytes().unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = String::from_utf8(bytes[8..8 + length].to_vec()).unwrap();
    let without = header.replace(r#"\"labels\":[\"yes\",\"no\",\"maybe\"],"#, "");
    assert_ne!(header, without);
    let mut changed = (without.len() as u64).to_le_bytes().to_vec();
    changed.extend(without.as_bytes());
    changed.extend(&bytes[8 + length..]);
    std::fs::write(&path, changed).unwrap();
    let path = path.display().to_string();
    expect(bench.fails("tempest-compile", &[&path]), 2, &["DIR/model.safetensors", "labels"]);
}

#[test]
fn a_data_set_that_is_not_there() {
    let bench = Bench::new();
    let path = bench.path("none").display().to_string();
    let out = bench.path("run").display().to_string();
    let failure = bench.fails("tempest-train", &["fit", "--data", &path, "--format", "folder", "--out", &out]);
    expect(failure, 2, &["DIR/none"]);
}

#[test]
fn options_out_of_range() {
    let bench = Bench::new();
    let (data, out) = (bench.path("none").display().to_string(), bench.path("run").display().to_string());
    let fit = |option: &str, value: &str| {
        let option = format!("--{option}={value}");
        bench.fails("tempest-train", &["fit", "--data", &data, "--format", "folder", "--out", &out, &option])
    };
    for (option, value) in
        [("epochs", "0"), ("learning-rate", "NaN"), ("dropout", "1"), ("lambda", "-1"), ("batch", "0")]
    {
        expect(fit(option, value), 2, &[&format!("--{option} {value}: must be")]);
    }
}

#[test]
fn two_trainings_do_not_write_one_run() {
    let bench = Bench::new();
    tempest_tests::tones(&bench.path("tones"), 2);
    std::fs::create_dir(bench.path("run")).unwrap();
    let lock = std::fs::File::create(bench.path("run/.lock")).unwrap();
    lock.try_lock().unwrap();
    let [data, out] = ["tones", "run"].map(|name| bench.path(name).display().to_string());
    let failed = bench.fails("tempest-train", &["fit", "--data", &data, "--format", "folder", "--out", &out]);
    expect(failed, 2, &["another training writes DIR/run", "--out"]);
}

#[test]
fn a_finished_run_is_not_overwritten() {
    let bench = Bench::new();
    let (data, out) = (bench.path("none").display().to_string(), bench.folder.path().display().to_string());
    bench.file("model.safetensors", b"precious");
    let failure = bench.fails("tempest-train", &["fit", "--data", &data, "--format", "folder", "--out", &out]);
    expect(failure, 2, &["DIR/model.safetensors is a finished run", "--out"]);
}

#[test]
fn an_executable_is_no_mp3() {
    let bench = Bench::new();
    let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    expect(bench.classify("program.mp3", &bytes[..bytes.len().min(1 << 20)]), 1, &["program.mp3: not an MP3"]);
}

#[test]
fn a_view_of_another_build() {
    let bench = Bench::new();
    let bundle = bench.bundle();
    let manifest = bundle.join("bundle.json");
    let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    json["contract"]["view"]["layout"] = 2.into();
    std::fs::write(&manifest, json.to_string()).unwrap();
    let (bundle, sample) = (bundle.display().to_string(), bench.file("x.mp3", &stream(4)));
    expect(bench.fails("tempest", &["classify", "-m", &bundle, &sample]), 2, &["layout 2", "matching release"]);
}

#[test]
fn a_stream_entered_in_its_middle() {
    let bench = Bench::new();
    let checkpoint = bench.path("model.safetensors");
    random_checkpoint(ViewKind::Symbols, Preset::Nano.config(), 1).write(&checkpoint).unwrap();
    let (checkpoint, bundle) = (checkpoint.display().to_string(), bench.path("symbols").display().to_string());
    assert!(run("tempest-compile", &[&checkpoint, "-o", &bundle]).status.success());
    // The first frame's main data begins in a frame before it, the second's in the first.
    let mut frames = stream(6);
    (frames[4], frames[144 + 4]) = (90, 90);
    let sample = bench.file("late.mp3", &frames);
    let classify = |more: &[&str]| {
        let output = run("tempest", &[&["classify", "-m", &bundle, &sample], more].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(classify(&[]).contains("6 blocks") && classify(&[]).contains("main data of 1 blocks not in the stream"));
    let line: serde_json::Value = serde_json::from_str(classify(&["--json"]).trim()).unwrap();
    assert_eq!((&line["blocks"], &line["lost_blocks"]), (&6.into(), &1.into()));
}

#[test]
fn labels_that_are_not_the_graphs() {
    let bench = Bench::new();
    let bundle = bench.bundle();
    let manifest = bundle.join("bundle.json");
    let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    json["contract"]["labels"].as_array_mut().unwrap().reverse();
    std::fs::write(&manifest, json.to_string()).unwrap();
    let (bundle, sample) = (bundle.display().to_string(), bench.file("x.mp3", &stream(4)));
    let failure = bench.fails("tempest", &["classify", "-m", &bundle, &sample]);
    expect(failure, 2, &["another contract than bundle.json", "compile the checkpoint again"]);
}
