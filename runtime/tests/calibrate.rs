//! Label files, thresholds from recordings whose right answer is known, and `tempest calibrate` as a shell sees it.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

#[path = "../blocks/tests/common/mod.rs"]
mod mp3;

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempest_runtime::calibrate::{LabelSweep, Limits, Recording, Span, Verdict, hours, spans, sweep};
use tempest_runtime::detect::{Hop, Settings, Smoothing};
use tempfile::TempDir;

fn span(start: f64, end: f64, label: &str) -> Span {
    Span { start, end, label: label.into() }
}

#[test]
fn csv_and_audacity_label_tracks_are_read() {
    let expected = [span(1.5, 2.25, "dog"), span(10.0, 12.0, "cat, purring")];
    assert_eq!(spans("start,end,label\n1.5,2.25,dog\n10,12,\"cat, purring\"\n").unwrap(), expected);
    assert_eq!(spans("\u{feff}1.5, 2.25, dog\r\n\r\n10,12,\"cat, purring\"").unwrap(), expected);
    assert_eq!(spans("1.500000\t2.250000\tdog\n\\\t1200.0\t3400.0\n10\t12\tcat, purring\n").unwrap(), expected);
    assert_eq!(spans("").unwrap(), []);
    assert_eq!(spans("start,end,label\n").unwrap(), []);
}

#[test]
fn a_line_that_is_no_label_is_named() {
    let error = |text: &str| spans(text).unwrap_err().to_string();
    let form = "; a label is `START END LABEL` with tabs or commas between, times in seconds";
    assert_eq!(error("1,2,dog\n3,x,dog\n"), format!("line 2: the end 'x' is no time{form}"));
    assert_eq!(error("1,2,dog\n\n2,1,dog\n"), format!("line 3: it ends at 1, before it starts at 2{form}"));
    assert_eq!(error("1,2\n"), format!("line 1: no label{form}"));
    assert_eq!(error("-1\t2\tdog"), format!("line 1: the start '-1' is no time{form}"));
    assert_eq!(error("nan,2,dog"), format!("line 1: the start 'nan' is no time{form}"));
}

const LABELS: [&str; 2] = ["dog", "cat"];
const HOP: f64 = 0.5;

fn settings() -> Settings {
    Settings { smoothing: Smoothing::Mean(1), minimum: 0.0, refractory: 0.0, thresholds: vec![None; 2] }
}

/// Windows of 4 s in a stream of so many seconds; `score` of a window's span is that of the dog, the cat's is 0.1.
fn recording(seconds: f64, spans: &[Span], score: impl Fn(f64, f64) -> f32) -> Recording {
    let mut recording = Recording::new(2, spans.to_vec());
    for index in 0..(seconds / HOP) as u64 {
        let end = (index + 1) as f64 * HOP;
        let start = (end - 4.0).max(0.0);
        recording.push(Hop { start, end, block: index }, &[score(start, end), 0.1]).unwrap();
    }
    recording
}

fn dog_of(recordings: &[Recording], false_alarms_per_hour: f64) -> LabelSweep {
    let labels = LABELS.map(str::to_owned);
    let sweeps = sweep(recordings, &labels, &settings(), HOP, &Limits { false_alarms_per_hour });
    assert_eq!(sweeps.len(), 2);
    sweeps.into_iter().next().unwrap()
}

fn overlaps(start: f64, end: f64, span: &Span) -> bool {
    start < span.end && span.start < end
}

#[test]
fn the_threshold_is_put_between_noise_and_sound() {
    let truth = [span(20.0, 21.0, "dog"), span(60.0, 61.0, "dog")];
    let noise = span(100.0, 101.0, "");
    let score = |start: f64, end: f64| match () {
        () if truth.iter().any(|dog| overlaps(start, end, dog)) => 0.95,
        () if overlaps(start, end, &noise) => 0.8,
        () => 0.02,
    };
    let dog = dog_of(&[recording(3600.0, &truth, score)], 0.5);
    assert_eq!((dog.spans, dog.verdict), (2, Verdict::Met));
    assert_eq!((dog.choice().false_alarms, dog.choice().misses), (0, 0));
    assert!((0.8..=0.95).contains(&dog.choice().threshold.on), "{:?}", dog.choice());
    let at = |on: f32| dog.points.iter().rfind(|point| point.threshold.on <= on).map(|p| (p.false_alarms, p.misses));
    assert_eq!((at(0.7), at(0.999)), (Some((1, 0)), Some((0, 2))));
}

#[test]
fn more_false_alarms_allowed_are_fewer_misses() {
    // The second dog is quieter than the noise.
    let truth = [span(20.0, 21.0, "dog"), span(60.0, 61.0, "dog")];
    let noise = span(100.0, 101.0, "");
    let score = |start: f64, end: f64| match () {
        () if overlaps(start, end, &truth[0]) => 0.95,
        () if overlaps(start, end, &noise) => 0.8,
        () if overlaps(start, end, &truth[1]) => 0.6,
        () => 0.02,
    };
    let recordings = [recording(3600.0, &truth, score)];
    let (strict, lax) = (dog_of(&recordings, 0.5), dog_of(&recordings, 1.0));
    assert_eq!((strict.choice().false_alarms, strict.choice().misses), (0, 1));
    assert_eq!((lax.choice().false_alarms, lax.choice().misses), (1, 0));
}

#[test]
fn a_label_that_is_always_on_is_a_false_alarm_a_minute() {
    let dog = dog_of(&[recording(3600.0, &[span(20.0, 21.0, "dog")], |_, _| 0.9)], 0.5);
    let lowest = dog.points[0];
    assert!((59..=62).contains(&lowest.false_alarms) && lowest.misses == 0, "{lowest:?}");
    assert_eq!((dog.choice().false_alarms, dog.choice().misses), (0, 1));
}

#[test]
fn a_label_without_examples_keeps_the_usual_threshold_unless_it_alarms() {
    let quiet = dog_of(&[recording(3600.0, &[], |_, _| 0.1)], 0.5);
    assert_eq!(quiet.verdict, Verdict::NoExamples);
    assert_eq!((quiet.choice().threshold.on, quiet.choice().threshold.off), (0.75, 0.5));
    let noisy = dog_of(&[recording(3600.0, &[], |start, _| if start == 500.0 { 0.9 } else { 0.1 })], 0.5);
    assert!(noisy.verdict == Verdict::NoExamples && noisy.choice().threshold.on > 0.9, "{noisy:?}");
}

#[test]
fn where_no_threshold_keeps_to_the_limit_that_is_said() {
    let dog = dog_of(&[recording(3600.0, &[], |start, _| if start == 500.0 { 1.0 } else { 0.1 })], 0.5);
    assert_eq!((dog.verdict, dog.choice().false_alarms), (Verdict::NotMet, 1));
}

#[test]
fn what_smoothing_remembers_is_no_false_alarm() {
    let truth = [span(20.0, 21.0, "dog")];
    // High for a second after the last window that heard the dog.
    let score = |start: f64, end: f64| if overlaps(start - 1.0, end, &truth[0]) { 0.9 } else { 0.1 };
    let recordings = [recording(600.0, &truth, score)];
    let labels = LABELS.map(str::to_owned);
    let alarms = |smoothing| {
        let settings = Settings { smoothing, ..settings() };
        let sweeps = sweep(&recordings, &labels, &settings, HOP, &Limits { false_alarms_per_hour: 0.5 });
        sweeps[0].points.iter().find(|point| point.threshold.on > 0.7).unwrap().false_alarms
    };
    assert_eq!((alarms(Smoothing::Mean(1)), alarms(Smoothing::Mean(3)), alarms(Smoothing::Ema(0.4))), (1, 0, 0));
}

#[test]
fn a_torn_stream_is_two() {
    let score = |_: f64, _: f64| 0.9;
    let mut recording = recording(10.0, &[], score);
    recording.tear();
    (20..40).for_each(|index| {
        let end = 30.0 + f64::from(index) * HOP;
        recording.push(Hop { start: end - 4.0, end, block: 0 }, &[0.9, 0.1]).unwrap();
    });
    assert_eq!(recording.hops(), 40);
    assert!((hours(std::slice::from_ref(&recording)) - 49.5 / 3600.0).abs() < 1e-9);
    // On through both pieces, but the label was off between them: with a minimum longer than a piece it is never on.
    let labels = LABELS.map(str::to_owned);
    let minimum = Settings { minimum: 12.0, ..settings() };
    let sweeps = sweep(&[recording], &labels, &minimum, HOP, &Limits { false_alarms_per_hour: 1e-9 });
    assert_eq!(sweeps[0].points[0].false_alarms, 0);
}

/// Seconds of a frame at 16 kHz.
const FRAME: f64 = 0.036;

/// The sample's word so many times, with silence before each, and where it is.
fn words(times: usize, silence: usize) -> (Vec<u8>, Vec<Span>) {
    let sample = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/tempest.mp3")).unwrap();
    let quiet = mp3::frames(mp3::MPEG2_MONO, silence);
    let (mut bytes, mut spans, mut at) = (vec![], vec![], 0.0);
    for _ in 0..times {
        bytes.extend([quiet.as_slice(), sample.as_slice()].concat());
        at += silence as f64 * FRAME;
        spans.push(span(at, at + 68.0 * FRAME, "computer"));
        at += 68.0 * FRAME;
    }
    (bytes, spans)
}

/// A folder with the wake words' bundle, a stream of words and one of silence, and their labels beside them.
fn folder() -> (TempDir, Vec<Span>) {
    let folder = tempfile::tempdir().unwrap();
    let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/zoo/wakewords/bundle");
    fs::create_dir(folder.path().join("bundle")).unwrap();
    for file in fs::read_dir(bundle).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), folder.path().join("bundle").join(file.file_name())).unwrap();
    }
    let (bytes, spans) = words(6, 300);
    let line = |span: &Span| format!("{:.3}\t{:.3}\t{}\n", span.start, span.end, span.label);
    fs::write(folder.path().join("words.mp3"), bytes).unwrap();
    fs::write(folder.path().join("words.txt"), spans.iter().map(line).collect::<String>()).unwrap();
    fs::write(folder.path().join("quiet.mp3"), mp3::frames(mp3::MPEG2_MONO, 2000)).unwrap();
    fs::write(folder.path().join("quiet.mp3.csv"), "").unwrap();
    (folder, spans)
}

fn tempest(folder: &TempDir, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tempest"));
    command.args(args).current_dir(folder.path()).env_remove("TEMPEST_MODEL").output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Names and bytes of a folder's files.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let file = |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| file(entry.unwrap())).collect();
    files.sort();
    files
}

#[test]
fn labelled_streams_become_thresholds_that_listen_uses() {
    let (folder, spans) = folder();
    let bundle = folder.path().join("bundle");
    let before = contents(&bundle);
    let args = ["calibrate", "-m", "bundle", "--json", "--smooth", "3", "--plot", "plot.svg", "words.mp3", "quiet.mp3"];
    let output = tempest(&folder, &args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let lines = lines(&output);
    let computer = lines.iter().find(|line| line["label"] == "computer").unwrap();
    assert_eq!((computer["spans"].as_u64(), computer["misses"].as_u64()), (Some(6), Some(0)), "{computer}");
    assert_eq!((computer["verdict"].as_str(), computer["false_alarms"].as_u64()), (Some("met"), Some(0)));
    let hours = (6.0 * 368.0 + 2000.0) * FRAME / 3600.0;
    assert!((lines.last().unwrap()["hours"].as_f64().unwrap() - hours).abs() < 1e-4);

    // Only bundle.json changed, and it only grew.
    let after = contents(&bundle);
    let changed: Vec<&str> = before.iter().zip(&after).filter(|(a, b)| a != b).map(|(a, _)| a.0.as_str()).collect();
    assert_eq!((changed, after.len()), (vec!["bundle.json"], before.len()));
    let mut manifest: Value = serde_json::from_slice(&fs::read(bundle.join("bundle.json")).unwrap()).unwrap();
    let thresholds = manifest.as_object_mut().unwrap().remove("thresholds").unwrap();
    assert_eq!(manifest, serde_json::from_slice::<Value>(&before[0].1).unwrap());
    assert_eq!((thresholds["smoothing"]["mean"].as_u64(), thresholds["window"].as_f64()), (Some(3), Some(4.032)));
    assert_eq!(thresholds["labels"]["computer"]["on"], computer["on"]);
    let svg = fs::read_to_string(folder.path().join("plot.svg")).unwrap();
    let svg = roxmltree::Document::parse(&svg).unwrap();
    assert!(svg.descendants().any(|node| node.text().is_some_and(|text| text.contains("computer"))));

    // `listen` finds each word once, and nothing else, with what is in the bundle.
    let output = tempest(&folder, &["listen", "-m", "bundle", "--json", "words.mp3"]);
    assert_eq!(stderr(&output), "");
    let heard: Vec<Value> = self::lines(&output).into_iter().filter(|line| line["event"] == "end").collect();
    assert_eq!(heard.len(), spans.len(), "{heard:?}");
    for (end, span) in heard.iter().zip(&spans) {
        assert_eq!(end["label"], "computer");
        assert!(end["from"].as_f64() < Some(span.end) && end["to"].as_f64() > Some(span.start), "{end} for {span:?}");
    }
    let other = tempest(&folder, &["listen", "-m", "bundle", "--hop", "1", "words.mp3"]);
    assert!(stderr(&other).contains("were found with another"), "{}", stderr(&other));
}

#[test]
fn people_get_a_table_and_are_told_that_minutes_promise_nothing() {
    let (folder, _) = folder();
    let before = contents(&folder.path().join("bundle"));
    let output = tempest(&folder, &["calibrate", "-m", "bundle", "--dry-run", "words.mp3", "quiet.mp3"]);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}{}", stderr(&output));
    insta::assert_snapshot!(text);
    assert_eq!(contents(&folder.path().join("bundle")), before);
}

#[test]
fn what_cannot_be_calibrated_is_exit_code_2_and_one_line() {
    let (folder, _) = folder();
    let refused = |args: &[&str], text: &str| {
        let output = tempest(&folder, &[&["calibrate"], args].concat());
        let error = stderr(&output);
        assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{args:?}: {error}");
        assert!(error.contains(text), "{error}");
    };
    refused(&["words.mp3"], "the built-in model cannot be changed");
    fs::write(folder.path().join("alone.mp3"), "x").unwrap();
    refused(&["--dry-run", "alone.mp3"], "make alone.mp3.csv, alone.csv or alone.txt, empty if all is background");
    refused(&["--dry-run", "--labels-file", "words.txt", "words.mp3", "quiet.mp3"], "1 for 2 streams");
    refused(&["--dry-run", "--labels-file", "words.txt", "alone.mp3"], "alone.mp3: no block of MP3");
    fs::write(folder.path().join("bad.csv"), "1,2,computer\n3,2,computer\n").unwrap();
    refused(&["--dry-run", "--labels-file", "bad.csv", "words.mp3"], "bad.csv: line 2: it ends at 2");
    refused(&["--dry-run", "--plot", "nowhere/plot.svg", "quiet.mp3"], "nowhere");
}

#[test]
fn labels_that_the_model_does_not_have_are_background_and_said() {
    let (folder, _) = folder();
    fs::write(folder.path().join("dogs.csv"), "start,end,label\n1,2,dog\n999,1000,computer\n").unwrap();
    let output = tempest(&folder, &["calibrate", "--dry-run", "--json", "--labels-file", "dogs.csv", "quiet.mp3"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("'dog' is no label of the model, taken as background; it has alexa, computer"));
    assert!(stderr(&output).contains("quiet.mp3: 'computer' at 999.00 s lies behind the end at 72.00 s"));
    assert_eq!(lines(&output).iter().find(|line| line["label"] == "computer").unwrap()["misses"], 1);
}
