//! `tempest-train` itself: a disk that fills up, training without labels and what it is for, options that make no run.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};

const TRAIN: &str = env!("CARGO_BIN_EXE_tempest-train");

/// Tones of two pitches as 16-bit PCM, 16 kHz, mono.
fn write_tones(folder: &Path) {
    for (class, period) in [("low", 80), ("high", 10)] {
        std::fs::create_dir_all(folder.join(class)).unwrap();
        for take in 0..10u32 {
            let sample = |n: u32| if (n / (period + take)).is_multiple_of(2) { 4_000i16 } else { -4_000 };
            let data: Vec<u8> = (0..8_000).flat_map(|n| sample(n).to_le_bytes()).collect();
            let mut wav = b"RIFF".to_vec();
            wav.extend((36 + data.len() as u32).to_le_bytes());
            wav.extend(b"WAVEfmt ");
            wav.extend([16u32.to_le_bytes(), [1, 0, 1, 0], 16_000u32.to_le_bytes(), 32_000u32.to_le_bytes()].concat());
            wav.extend([2, 0, 16, 0]);
            wav.extend(b"data");
            wav.extend((data.len() as u32).to_le_bytes());
            wav.extend(data);
            std::fs::write(folder.join(class).join(format!("{take}.wav")), wav).unwrap();
        }
    }
}

/// What makes a run of the tones short; without the feature `lame` there is no MP3.
const OPUS: &str = "--codec opus --variants 1 --batch 4 --cache cache";

/// `tempest-train fit` in `folder`, below a shell that runs `limit` first.
fn fit(folder: &Path, limit: &str, options: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{limit} exec {TRAIN} fit {OPUS} {options}")]);
    command.current_dir(folder).env("RAYON_NUM_THREADS", "1");
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_full_disk_leaves_the_state_before_and_the_same_command_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    write_tones(&folder.path().join("clips"));
    let options = "--data clips --format folder --view fields --epochs 40 --out run";
    // Interrupted after its first epoch.
    let mut child = fit(folder.path(), "", options).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("epoch 1/40") {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "no epoch was trained");
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    let state = folder.path().join("run/state.safetensors");
    let before = std::fs::read(&state).unwrap();
    // A limit on the size of files, of 512 or 1024 bytes a unit, stands in for the disk: a state has about 4 MB.
    let full = fit(folder.path(), "trap '' XFSZ; ulimit -f 1500;", options).output().unwrap();
    assert_eq!(full.status.code(), Some(2), "{}", stderr(&full));
    assert!(stderr(&full).contains("state.safetensors; the state before is kept"), "{}", stderr(&full));
    assert_eq!(std::fs::read(&state).unwrap(), before);
    let left = std::fs::read_dir(folder.path().join("run")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut left: Vec<_> = left.collect();
    left.sort();
    assert_eq!(left, [".lock", "log.jsonl", "state.safetensors"]);
    let done = fit(folder.path(), "", options).output().unwrap();
    assert!(done.status.success(), "{}", stderr(&done));
    let log = std::fs::read_to_string(folder.path().join("run/log.jsonl")).unwrap();
    assert_eq!(log.lines().count(), 40);
}

#[test]
fn media_without_labels_make_a_checkpoint_to_start_from() {
    let folder = tempfile::tempdir().unwrap();
    write_tones(&folder.path().join("clips"));
    let run = |options: &str| fit(folder.path(), "", options).output().unwrap();
    let media = run("--data . --format unlabelled --view fields --validation 0.2 --patience 5 --epochs 3 --out media");
    assert!(media.status.success(), "{}", stderr(&media));
    assert!(String::from_utf8_lossy(&media.stdout).starts_with("no labels: a checkpoint to start from with --init"));
    assert!(stderr(&media).contains("epoch 3/3 L_c 0.000 L_r"), "{}", stderr(&media));

    let tuned = run("--data clips --format folder --view fields --epochs 2 --init media/model.safetensors --out tuned");
    assert!(tuned.status.success(), "{}", stderr(&tuned));
    let said = stderr(&tuned);
    let line = said.lines().find(|line| line.starts_with("media/model.safetensors: ")).unwrap_or(&said);
    insta::assert_snapshot!(line);

    let words =
        run("--data clips --format folder --view fields --epochs 2 --teacher media/model.safetensors --out taught");
    assert_eq!(words.status.code(), Some(2));
    insta::assert_snapshot!(stderr(&words).lines().last().unwrap_or_default());
    let taught =
        run("--data clips --format folder --epochs 2 --view bytes --teacher tuned/model.safetensors --out taught");
    assert!(taught.status.success(), "{}", stderr(&taught));
}

#[test]
fn options_that_make_no_run_are_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    write_tones(&folder.path().join("clips"));
    std::fs::write(folder.path().join("noise"), [7; 100]).unwrap();
    let cases = [
        "--lambda 0",
        "--patience 3",
        "--mask 0.2 --no-recon",
        "--no-labels --lambda 1",
        "--teacher-weight 0.3",
        "--ema 1",
        "--accumulate 0",
        "--shards 5000",
        "--init noise",
        "--init none",
        "--teacher noise",
    ];
    let mut said = String::new();
    for options in cases {
        let output = fit(folder.path(), "", &format!("--data clips --format folder --view fields --out run {options}"))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{options}: {}", stderr(&output));
        let text = stderr(&output);
        let line = text.lines().find(|line| line.starts_with("tempest-train:") || line.starts_with("error:"));
        said.push_str(&format!("{options}\n    {}\n", line.unwrap_or_default()));
    }
    insta::assert_snapshot!(said);
}

/// `tempest-train join` in `folder` on a file of this text.
fn join(folder: &Path, text: &str) -> Output {
    std::fs::write(folder.join("formats.toml"), text).unwrap();
    Command::new(TRAIN)
        .args(["join", "formats.toml"])
        .current_dir(folder)
        .env("RAYON_NUM_THREADS", "1")
        .output()
        .unwrap()
}

#[test]
fn formats_learnt_together_end_as_a_checkpoint_each() {
    let folder = tempfile::tempdir().unwrap();
    write_tones(&folder.path().join("clips"));
    let base = "out = 'both'\n[base]\ndata = 'clips'\nformat = 'folder'\ncodec = 'opus'\nvariants = 1\nbatch = 4\ncache = 'cache'\nlambda = 1\n";
    let text = format!(
        "{base}epochs = 2\n[[run]]\nname = 'fields'\nview = 'fields'\n[[run]]\nname = 'bytes'\nview = 'bytes'\n"
    );
    let joined = join(folder.path(), &text);
    assert!(joined.status.success(), "{}", stderr(&joined));
    let table = String::from_utf8_lossy(&joined.stdout).into_owned();
    assert!(table.contains("fields ") && table.contains("both/bytes/model.safetensors"), "{table}");
    for name in ["fields", "bytes"] {
        let model = format!("both/{name}/model.safetensors");
        let mut eval = Command::new(TRAIN);
        eval.args(["eval", &model, "--data", "clips", "--format", "folder", "--cache", "cache"]);
        let output = eval.current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(folder.path().join("both").join(name).join("log.jsonl").exists());
    }
    assert!(!folder.path().join("both/state.safetensors").exists());

    let again = stderr(&join(folder.path(), &text));
    let one = stderr(&join(folder.path(), &base.replace("both", "one")));
    let unlike = base.replace("both", "two")
        + "[[run]]\nname = 'a'\nepochs = 2\n[[run]]\nname = 'b'\nepochs = 3\nview = 'bytes'\n";
    let unlike = stderr(&join(folder.path(), &unlike));
    let twice = base.replace("both", "three") + "[[run]]\nname = 'a'\n[[run]]\nname = 'b'\n";
    let twice = stderr(&join(folder.path(), &twice));
    let last = |text: &str| text.lines().last().unwrap_or_default().to_string();
    insta::assert_snapshot!([again, one, unlike, twice].map(|text| last(&text)).join("\n"));
}
