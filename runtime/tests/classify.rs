//! `tempest classify` as a shell sees it: many clips, requests, files of answers, and what goes wrong.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use tempest_runtime::{Classifier, Media, builtin};
use tempfile::TempDir;

const SAMPLE: &[u8] = include_bytes!("../../samples/tempest.mp3");

fn tempest(folder: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tempest"));
    command.arg("classify").args(args).current_dir(folder.path()).env_remove("TEMPEST_MODEL");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(folder: &TempDir, args: &[&str]) -> Output {
    tempest(folder, args).output().unwrap()
}

/// What it answers to these lines.
fn ask(folder: &TempDir, args: &[&str], lines: &str) -> Output {
    let mut child = tempest(folder, args).spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.into()).unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn names(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn skipped(what: &str) {
    let _ = writeln!(std::io::stderr(), "\nSKIPPED: {what}");
}

/// Clips of very different lengths, and the names of their files in order.
fn mixed(count: usize) -> (TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..count).map(|index| format!("clips/{index:03}.mp3")).collect();
    fs::create_dir(folder.path().join("clips")).unwrap();
    for (index, name) in names.iter().enumerate() {
        fs::write(folder.path().join(name), SAMPLE.repeat(1 + index * 7 % 11)).unwrap();
    }
    (folder, names)
}

#[test]
fn answers_come_in_order_and_are_the_same_on_any_number_of_threads() {
    let (folder, names) = mixed(40);
    fs::write(folder.path().join("clips/007.mp3"), b"no clip").unwrap();
    let answers = |jobs| {
        let mut lines = lines(&run(&folder, &["--json", "--jobs", jobs, "clips"]));
        lines.iter_mut().for_each(|line| drop(line.as_object_mut().unwrap().remove("real_time_factor")));
        lines
    };
    let one = answers("1");
    assert_eq!(one.iter().map(|line| line["file"].as_str().unwrap()).collect::<Vec<_>>(), names);
    assert!(one[7]["error"].is_string() && one[8]["label"].is_string());
    assert_eq!(one, answers("4"));
}

#[test]
fn a_block_that_repeats_is_encoded_as_if_it_were_alone() {
    let bundle = builtin::bundle().unwrap();
    let engine = tempest_engine::engine("tract").unwrap();
    let mut classifier = Classifier::load(&bundle, &*engine, 1).unwrap();
    let rows = Media::read(SAMPLE, bundle.contract()).unwrap().rows;
    let width = classifier.row();
    // Each row twice in a row, then all of them again.
    let twice: Vec<i32> = rows.chunks(width).flat_map(|row| [row, row]).flatten().copied().collect();
    let repeated = [twice, rows.clone()].concat();
    let mut each = vec![0.0; repeated.len() / width * classifier.embedding()];
    classifier.encode_into(&repeated, &mut each).unwrap();
    let once = classifier.encode(&repeated).unwrap();
    let worst = once.iter().zip(&each).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(once.len() == each.len() && worst < 1e-5, "{worst}");
}

#[test]
fn every_line_of_a_job_has_one_answer() {
    let folder = folder(&[("a.mp3", SAMPLE), ("bad.mp3", b"no clip")]);
    let requests = [
        r#"{"file": "a.mp3", "id": 7}"#.into(),
        "a.mp3".into(),
        String::new(),
        "gone.mp3".into(),
        r#"{"file": "bad.mp3", "id": {"row": "x"}}"#.into(),
        r#"{"file": "#.into(),
        r#"{"id": "neither"}"#.into(),
        format!(r#"{{"bytes_base64": "{}", "id": null}}"#, base64(SAMPLE)),
    ];
    let output = ask(&folder, &["--jsonl", "--top", "1"], &(requests.join("\n") + "\n"));
    let answers = lines(&output);
    assert_eq!(answers.len(), requests.len());
    for (index, answer) in answers.iter().enumerate() {
        let is_whole = [0, 1, 7].contains(&index);
        assert_eq!((answer["label"].is_string(), answer["error"].is_string()), (is_whole, !is_whole), "{answer}");
    }
    let ids: Vec<Option<&Value>> = answers.iter().map(|answer| answer.get("id")).collect();
    let (row, neither) = (json!({ "row": "x" }), json!("neither"));
    assert_eq!(ids, [Some(&json!(7)), None, None, None, Some(&row), None, Some(&neither), Some(&Value::Null)]);
    let files: Vec<&str> = answers.iter().map(|answer| answer["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["a.mp3", "a.mp3", "-", "gone.mp3", "bad.mp3", "-", "-", "-"]);
    // A job runner takes any other code for its own failure.
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| char::from(DIGITS[bits as usize & 63]);
    let quad = |three: &[u8]| {
        let bits = three.iter().fold(0, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - three.len()));
        let digits = [18, 12, 6, 0].map(|shift| digit(bits >> shift));
        let kept = digits.into_iter().take(three.len() + 1);
        kept.chain("=".chars().cycle()).take(4).collect::<String>()
    };
    bytes.chunks(3).map(quad).collect()
}

struct Conversation {
    child: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Conversation {
    fn ask(&mut self, line: &str) -> Value {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    }
}

/// Fails by never ending: an answer that waits for the next request never comes.
#[test]
fn an_answer_is_there_before_the_next_request() {
    let folder = folder(&[("a.mp3", SAMPLE), ("b.mp3", SAMPLE)]);
    let mut child = tempest(&folder, &["--jsonl"]).spawn().unwrap();
    let answers = BufReader::new(child.stdout.take().unwrap());
    let mut conversation = Conversation { child, answers };
    assert!(conversation.ask("a.mp3")["label"].is_string());
    // A file that goes away while the job runs is an answer, too.
    fs::remove_file(folder.path().join("b.mp3")).unwrap();
    assert!(conversation.ask("b.mp3")["error"].as_str().unwrap().starts_with("cannot read: No such file"));
    assert!(conversation.ask("a.mp3")["label"].is_string());
    drop(conversation.child.stdin.take());
    assert!(conversation.child.wait().unwrap().success());
}

#[test]
fn a_table_has_a_row_for_each_file_and_a_column_for_each_label() {
    let folder = folder(&[("clips/a, b.mp3", SAMPLE), ("clips/bad.mp3", b"no clip")]);
    let output = run(&folder, &["--csv", "out.csv", "--all", "clips"]);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""));
    let mut table = csv::Reader::from_path(folder.path().join("out.csv")).unwrap();
    let header: Vec<String> = table.headers().unwrap().iter().map(Into::into).collect();
    let (fixed, labels) = header.split_at(7);
    assert_eq!(fixed, ["file", "label", "probability", "seconds", "blocks", "windows", "error"]);
    let known = &builtin::bundle().unwrap().contract().labels.clone();
    assert_eq!(labels, known.iter().map(|label| format!("p_{label}")).collect::<Vec<_>>());
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0][0], &rows[0][1], &rows[0][4], &rows[0][6]), ("clips/a, b.mp3", "computer", "68", ""));
    let probabilities: Vec<f32> = rows[0].iter().skip(7).map(|value| value.parse().unwrap()).collect();
    assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    assert_eq!(rows[0][2].parse::<f32>().unwrap(), probabilities.iter().copied().fold(0.0, f32::max));
    assert!(rows[1][6].starts_with("not an MP3") && rows[1].iter().skip(7).all(str::is_empty), "{:?}", rows[1]);
    assert_eq!(names(&folder), ["clips", "out.csv"]);

    let output = run(&folder, &["--csv", "out.csv", "--json", "clips/a, b.mp3"]);
    assert_eq!((lines(&output).len(), output.status.code()), (1, Some(0)));
    assert_eq!(csv::Reader::from_path(folder.path().join("out.csv")).unwrap().records().count(), 1);
}

/// Rows, columns and numbers of an array in NumPy's format 1.0, C order, float32.
fn array(path: &Path) -> (usize, usize, Vec<f32>) {
    let bytes = fs::read(path).unwrap();
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let end = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!((end % 64, bytes[end - 1]), (0, b'\n'));
    let header = text(&bytes[10..end]);
    let shape = header.strip_prefix("{'descr': '<f4', 'fortran_order': False, 'shape': (").unwrap();
    let (rows, columns) = shape.split_once("), }").unwrap().0.split_once(", ").unwrap();
    let numbers = bytes[end..].chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap()));
    (rows.parse().unwrap(), columns.parse().unwrap(), numbers.collect())
}

#[test]
fn embeddings_are_an_array_of_the_files_that_are_classified() {
    let folder = folder(&[("a.mp3", SAMPLE), ("bad.mp3", b"no clip"), ("c.mp3", &SAMPLE.repeat(3))]);
    let output = run(&folder, &["--json", "--embeddings", "blocks.npy", "--embeddings-of", "blocks", "."]);
    let places: Vec<Value> = lines(&output).iter().map(|line| line["embedding_rows"].clone()).collect();
    assert_eq!(places, [json!([0, 68]), Value::Null, json!([68, 272])]);
    run(&folder, &["--embeddings", "files.npy", "."]);

    let bundle = builtin::bundle().unwrap();
    let engine = tempest_engine::engine("tract").unwrap();
    let mut classifier = Classifier::load(&bundle, &*engine, 1).unwrap();
    let width = classifier.embedding();
    let expected = classifier.encode(&Media::read(SAMPLE, bundle.contract()).unwrap().rows).unwrap();
    let (rows, columns, blocks) = array(&folder.path().join("blocks.npy"));
    assert_eq!((rows, columns, blocks.len()), (272, width, 272 * width));
    assert_eq!(blocks[..expected.len()], expected);

    let (rows, columns, files) = array(&folder.path().join("files.npy"));
    assert_eq!((rows, columns, files.len()), (2, width, 2 * width));
    for (column, mean) in files[..width].iter().enumerate() {
        let sum: f32 = expected.iter().skip(column).step_by(width).sum();
        assert!((mean - sum / 68.0).abs() < 1e-4, "{mean} {sum}");
    }
    numpy_agrees(&folder.path().join("files.npy"), &files);
}

fn numpy_agrees(path: &Path, numbers: &[f32]) {
    let script = "import sys, numpy; a = numpy.load(sys.argv[1]); print(*a.shape, a.dtype, a.flatten()[-1])";
    let python = std::env::var_os("TEMPEST_PYTHON").unwrap_or_else(|| "python3".into());
    match Command::new(python).args(["-c", script]).arg(path).output() {
        Ok(output) if output.status.success() => {
            let (rows, last) = (2, numbers[numbers.len() - 1]);
            let shown = text(&output.stdout);
            let fields: Vec<&str> = shown.split_whitespace().collect();
            assert_eq!(fields[..3], [rows.to_string(), (numbers.len() / rows).to_string(), "float32".into()]);
            assert_eq!(fields[3].parse::<f32>().unwrap(), last);
        }
        _ => skipped("numpy.load: no python3 with numpy (name one with TEMPEST_PYTHON)"),
    }
}

#[test]
fn a_picture_has_every_label_and_the_length_of_the_stream() {
    let folder = folder(&[("a <&> b.mp3", &SAMPLE.repeat(9))]);
    let output = run(&folder, &["--plot", "heard.svg", "a <&> b.mp3"]);
    assert!(output.status.success() && text(&output.stdout).contains("612 blocks"), "{output:?}");
    let svg = fs::read_to_string(folder.path().join("heard.svg")).unwrap();
    let picture = roxmltree::Document::parse(&svg).unwrap();
    let words: Vec<&str> =
        picture.descendants().filter(|node| node.has_tag_name("text")).filter_map(|node| node.text()).collect();
    let words: Vec<&str> = words.iter().map(|word| word.trim()).collect();
    assert!(words.contains(&"a <&> b.mp3") && words.contains(&"seconds; white 0, blue 1"), "{words:?}");
    let bundle = builtin::bundle().unwrap();
    for label in &bundle.contract().labels {
        assert!(words.contains(&label.as_str()), "{label}: {words:?}");
    }
    let cells = picture.descendants().filter(|node| node.attribute("fill") == Some("#0000FF")).count();
    let windows = bundle.contract().window.over(612).count();
    assert!(windows > 3 && (windows..=windows * 6).contains(&cells), "{cells} cells of {windows} windows");

    let two = run(&folder, &["--plot", "two.svg", "a <&> b.mp3", "a <&> b.mp3"]);
    assert_eq!(two.status.code(), Some(2));
    assert_eq!(names(&folder), ["a <&> b.mp3", "heard.svg"]);
}

#[test]
fn a_full_disk_is_one_line_and_leaves_nothing() {
    if !Path::new("/dev/full").exists() {
        return skipped("a full disk: no /dev/full");
    }
    let folder = folder(&[("a.mp3", SAMPLE)]);
    for option in ["--csv", "--embeddings", "--plot"] {
        let output = run(&folder, &[option, "/dev/full", "a.mp3"]);
        let error = text(&output.stderr);
        assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{option}: {error}");
        assert!(error.starts_with("tempest: cannot write /dev/full: No space left"), "{error}");
    }
    let full = File::options().write(true).open("/dev/full").unwrap();
    let files = ["--csv", "a.csv", "--embeddings", "a.npy", "--json"];
    let output = tempest(&folder, &[&files[..], &["a.mp3", "a.mp3"]].concat()).stdout(full).output().unwrap();
    let error = text(&output.stderr);
    assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
    assert!(error.starts_with("tempest: cannot write to standard output: No space left"), "{error}");
    assert_eq!(names(&folder), ["a.mp3"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        assert!(fs::metadata("/dev/full").unwrap().file_type().is_char_device());
    }
}

#[test]
fn a_file_that_cannot_be_written_is_known_before_the_work() {
    let folder = folder(&[("a.mp3", SAMPLE)]);
    for option in ["--csv", "--embeddings", "--plot"] {
        for (path, why) in [("no/such/out", "No such file"), (".", "it is a folder")] {
            let output = run(&folder, &[option, path, "a.mp3"]);
            let error = text(&output.stderr);
            assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(2), ""), "{error}");
            assert!(error.contains(why) && error.lines().count() == 1, "{error}");
        }
    }
    assert_eq!(names(&folder), ["a.mp3"]);
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_classified() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = folder(&[("clips/a.mp3", SAMPLE), ("clips/closed/b.mp3", SAMPLE)]);
    let path = |name: &str| folder.path().join(name);
    symlink(path("gone.mp3"), path("clips/dangling.mp3")).unwrap();
    fs::set_permissions(path("clips/closed"), fs::Permissions::from_mode(0o000)).unwrap();
    let may_read_all = fs::read_dir(path("clips/closed")).is_ok();
    let output = run(&folder, &["--json", "clips"]);
    fs::set_permissions(path("clips/closed"), fs::Permissions::from_mode(0o755)).unwrap();
    let error = text(&output.stderr);
    let answers = lines(&output);
    assert!(answers[0]["label"].is_string() && error.contains("dangling.mp3: cannot read: No such file"), "{error}");
    assert_eq!(output.status.code(), Some(1));
    if may_read_all {
        return skipped("a folder that cannot be read: this user may read everything");
    }
    assert!(error.contains("closed: cannot read: Permission denied"), "{error}");
    assert_eq!(answers.len(), 3);
}

#[test]
fn a_reader_that_goes_away_stops_the_work_but_not_the_table() {
    let (folder, names) = mixed(20);
    let silent = |args: &[&str]| {
        let mut child = tempest(&folder, args).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
    };
    silent(&["clips"]);
    silent(&["--json", "--csv", "out.csv", "clips"]);
    let table = csv::Reader::from_path(folder.path().join("out.csv")).unwrap().into_records().count();
    assert_eq!(table, names.len());
}

#[test]
fn a_score_counts_every_file_once() {
    let folder =
        folder(&[("computer/a.mp3", SAMPLE), ("alexa/b.mp3", SAMPLE), ("other/c.mp3", SAMPLE), ("alexa/bad.mp3", b"")]);
    let output = run(&folder, &["--json", "--score", "--csv", "out.csv", "."]);
    let score = lines(&output).pop().unwrap();
    assert_eq!(
        score,
        json!({ "files": 3, "correct": 1, "accuracy": 1.0 / 3.0, "failed": 1, "unlabelled": 1 }),
        "{output:?}"
    );
    let output = run(&folder, &["--score", "--csv", "out.csv", "."]);
    assert_eq!(text(&output.stdout).lines().count(), 1);
    assert!(text(&output.stdout).starts_with("accuracy 33.33 % (1 of 3 files)"));
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    let folder = folder(&[("a.mp3", SAMPLE)]);
    let refused: [&[&str]; 6] = [
        &["--jsonl", "a.mp3"],
        &["--all", "a.mp3"],
        &["--embeddings-of", "blocks", "a.mp3"],
        &["--jobs", "0", "a.mp3"],
        &["--threads", "none", "a.mp3"],
        &["--jsonl", "--plot", "a.svg"],
    ];
    for args in refused {
        assert_eq!(run(&folder, args).status.code(), Some(2), "{args:?}");
    }
    assert_eq!(names(&folder), ["a.mp3"]);
}

#[cfg(not(feature = "lame"))]
#[test]
fn a_build_without_an_encoder_says_how_to_get_one() {
    let folder = folder(&[("a.mp3", SAMPLE)]);
    for args in [&["--transcode", "a.mp3"][..], &["--bitrates", "24,32", "a.mp3"]] {
        let output = run(&folder, args);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("--features lame"), "{output:?}");
    }
}

/// A tone of 16-bit samples in the simplest of wav files.
#[cfg(feature = "lame")]
fn wav(sample_rate: u32, seconds: u32) -> Vec<u8> {
    let tone = (0..sample_rate * seconds).map(|index| ((index * 300 / sample_rate * 7919) % 20_000) as i16 - 10_000);
    let data: Vec<u8> = tone.flat_map(i16::to_le_bytes).collect();
    let head =
        [b"RIFF".as_slice(), &(36 + data.len() as u32).to_le_bytes(), b"WAVEfmt \x10\0\0\0\x01\0\x01\0"].concat();
    let rates = [sample_rate.to_le_bytes(), (2 * sample_rate).to_le_bytes()].concat();
    [&head[..], &rates, b"\x02\0\x10\0data", &(data.len() as u32).to_le_bytes(), &data].concat()
}

#[cfg(feature = "lame")]
#[test]
fn media_outside_the_contract_is_encoded_anew_and_says_so() {
    let folder = folder(&[("clips/fits.mp3", SAMPLE), ("clips/other.wav", &wav(44_100, 3)), ("clips/text.wav", b"no")]);
    let output = run(&folder, &["--json", "--transcode", "clips"]);
    let answers = lines(&output);
    assert_eq!((answers.len(), output.status.code()), (3, Some(1)));
    assert_eq!((&answers[0]["recoded_kbps"], &answers[0]["blocks"]), (&json!([]), &json!(68)));
    assert_eq!((&answers[1]["recoded_kbps"], &answers[1]["bitrate_kbps"]), (&json!([32]), &json!(32.0)));
    let seconds = answers[1]["seconds"].as_f64().unwrap();
    assert!((3.0..3.3).contains(&seconds), "{seconds}");
    assert!(answers[2]["error"].as_str().unwrap().starts_with("cannot be encoded anew: "), "{}", answers[2]);
    let words = text(&run(&folder, &["--transcode", "clips/other.wav"]).stdout);
    assert!(words.contains(", encoded anew at 32 kbit/s\n"), "{words}");
    // Without being asked nothing is decoded.
    assert_eq!(run(&folder, &["clips/other.wav"]).status.code(), Some(1));
}

/// Through `--jsonl`, as bytes: what --transcode does is not bound to files.
#[cfg(feature = "lame")]
#[test]
fn an_answer_at_several_bit_rates_is_the_mean_of_each() {
    let folder = folder(&[("a.wav", &wav(16_000, 2))]);
    let request = format!(r#"{{"bytes_base64": "{}"}}"#, base64(&wav(16_000, 2)));
    let of = |rates: &str| lines(&ask(&folder, &["--jsonl", "--top", "99", "--bitrates", rates], &request)).remove(0);
    let by_label = |answer: &Value, label: &str| {
        let top = answer["top"].as_array().unwrap();
        top.iter().find(|top| top["label"] == label).unwrap()["probability"].as_f64().unwrap()
    };
    let (low, high, both) = (of("24"), of("40"), of("24,40"));
    assert_eq!(both["recoded_kbps"], json!([24, 40]));
    for label in &builtin::bundle().unwrap().contract().labels {
        let mean = (by_label(&low, label) + by_label(&high, label)) / 2.0;
        assert!((by_label(&both, label) - mean).abs() < 1e-6, "{label}");
    }
    for (rates, why) in [("20", "reads MP3, 16000 Hz"), ("26", "has no bit rate of 26")] {
        let output = run(&folder, &["--bitrates", rates, "a.wav"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(why), "{output:?}");
    }
}
