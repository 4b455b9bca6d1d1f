//! Label files, and thresholds from recordings whose right answer is known.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use tempest_runtime::calibrate::{LabelSweep, Limits, Recording, Span, Verdict, hours, spans, sweep};
use tempest_runtime::detect::{Hop, Settings, Smoothing};

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
