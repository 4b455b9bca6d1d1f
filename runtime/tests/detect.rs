//! The detector against a naive one that looks at the whole history each time, and its rules one by one.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use tempest_runtime::detect::{Cause, Detector, Event, Hop, Kind, Settings, SettingsError, Smoothing, Threshold};

/// Numbers that look random (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }

    fn unit(&mut self) -> f32 {
        self.below(1 << 20) as f32 / (1 << 20) as f32
    }
}

/// What a stream brings.
enum Step {
    Window(Hop, Vec<f32>),
    Close(Cause),
}

fn settings(smoothing: Smoothing, minimum: f64, refractory: f64, pairs: &[(f32, f32)]) -> Settings {
    let thresholds = pairs.iter().map(|&(on, off)| Some(Threshold { on, off })).collect();
    Settings { smoothing, minimum, refractory, thresholds }
}

fn detected(settings: &Settings, steps: &[Step]) -> Vec<Event> {
    let mut detector = Detector::new(settings).unwrap();
    let mut events = Vec::new();
    for step in steps {
        match step {
            Step::Window(hop, row) => detector.push(*hop, row, |event| events.push(event)),
            Step::Close(cause) => detector.close(*cause, |event| events.push(event)),
        }
    }
    events
}

/// Scores of the last window of `windows`, from all of them.
fn naive_score(smoothing: Smoothing, windows: &[(Hop, f32)]) -> f32 {
    match smoothing {
        Smoothing::Mean(hops) => {
            let newest = &windows[windows.len().saturating_sub(hops)..];
            (newest.iter().map(|(_, p)| f64::from(*p)).sum::<f64>() / newest.len() as f64) as f32
        }
        Smoothing::Ema(tau) => {
            let share = |index: usize| match index {
                0 => 1.0,
                _ => 1.0 - (-(windows[index].0.end - windows[index - 1].0.end) / tau).exp(),
            };
            let weight = |index: usize| {
                share(index) * (index + 1..windows.len()).map(|later| 1.0 - share(later)).product::<f64>()
            };
            windows.iter().enumerate().map(|(index, (_, p))| weight(index) * f64::from(*p)).sum::<f64>() as f32
        }
    }
}

/// Events of one label in one piece of a stream: every run is looked for from its rules.
fn naive_piece(
    settings: &Settings,
    label: usize,
    piece: &[(Hop, f32)],
    cause: Option<Cause>,
    rests: &mut f64,
) -> Vec<Event> {
    let Threshold { on, off } = settings.thresholds[label].unwrap();
    let scores: Vec<f32> = (1..=piece.len()).map(|count| naive_score(settings.smoothing, &piece[..count])).collect();
    let (mut events, mut from) = (Vec::new(), 0);
    while let Some(first) = (from..piece.len()).find(|&at| scores[at] >= on && piece[at].0.end >= *rests - 1e-6) {
        let end = (first..piece.len()).find(|&at| scores[at] < off);
        let run = first..end.unwrap_or(piece.len());
        let event = |at: usize, kind| Event { label, at: piece[at].0, first: piece[first].0, kind };
        let long = run.clone().find(|&at| piece[at].0.end - piece[first].0.end >= settings.minimum - 1e-6);
        let cause = end.map(|_| Cause::Quiet).or(cause);
        if let Some(told) = long {
            events.push(event(told, Kind::Start { score: scores[told] }));
        }
        if let (Some(_), Some(cause)) = (long, cause) {
            let at = end.unwrap_or(piece.len() - 1);
            let (hops, sum) = (run.len() as u64, run.clone().map(|at| f64::from(scores[at])).sum::<f64>());
            let peak = run.clone().map(|at| scores[at]).fold(0.0, f32::max);
            let last = piece[run.end - 1].0;
            events.push(event(at, Kind::End { last, peak, mean: (sum / hops as f64) as f32, hops, cause }));
            *rests = piece[at].0.end + settings.refractory;
        }
        from = run.end;
    }
    events
}

fn naive(settings: &Settings, label: usize, steps: &[Step]) -> Vec<Event> {
    let (mut events, mut rests) = (Vec::new(), f64::NEG_INFINITY);
    for piece in steps.split_inclusive(|step| matches!(step, Step::Close(_))) {
        let windows: Vec<(Hop, f32)> = piece
            .iter()
            .filter_map(|step| match step {
                Step::Window(hop, row) => Some((*hop, row[label])),
                Step::Close(_) => None,
            })
            .collect();
        let cause = piece.iter().find_map(|step| match step {
            Step::Close(cause) => Some(*cause),
            Step::Window(..) => None,
        });
        events.extend(naive_piece(settings, label, &windows, cause, &mut rests));
    }
    events
}

/// Windows of 4 s every 0.4 to 0.6 s, sometimes torn, with probabilities that wander.
fn stream(random: &mut Random, labels: usize) -> Vec<Step> {
    let (mut end, mut level) = (4.0, vec![0.5; labels]);
    let mut steps = Vec::new();
    for block in 0..random.below(120) {
        if random.below(25) == 0 {
            steps.push(Step::Close(Cause::Torn));
        }
        end += 0.4 + 0.2 * f64::from(random.unit());
        for level in &mut level {
            *level = (*level + 0.8 * (random.unit() - 0.5)).clamp(0.0, 1.0);
        }
        steps.push(Step::Window(Hop { start: end - 4.0, end, block }, level.clone()));
    }
    if random.below(2) == 0 {
        steps.push(Step::Close(Cause::Ended));
    }
    steps
}

/// The same but for the last bit of a sum.
fn assert_alike(found: &[Event], expected: &[Event], seed: u64) {
    let rounded = |event: &Event| {
        let round = |value: f32| (value * 1e4).round() as i32;
        let scores = match event.kind {
            Kind::Start { score } => (round(score), 0, 0, None, None),
            Kind::End { last, peak, mean, hops, cause } => (round(peak), round(mean), hops, Some(cause), Some(last)),
        };
        format!("{} {:?} {:?} {scores:?}", event.label, event.at, event.first)
    };
    let [found, expected] = [found, expected].map(|events| events.iter().map(rounded).collect::<Vec<_>>());
    assert_eq!(found, expected, "seed {seed}");
}

#[test]
fn it_tells_what_the_whole_history_tells() {
    let mut told = 0;
    for seed in 1..=3000 {
        let mut random = Random(seed);
        let smoothing = match random.below(3) {
            0 => Smoothing::Ema(0.1 + f64::from(random.unit())),
            _ => Smoothing::Mean(1 + random.below(5) as usize),
        };
        let times = [0.0, 0.5, 1.7].map(|most: f64| most * f64::from(random.unit()));
        let pick = |random: &mut Random| times[random.below(3) as usize];
        let (minimum, refractory) = (pick(&mut random), 2.0 * pick(&mut random));
        let pairs = [(0.7, 0.7), (0.8, 0.3), (0.5, 0.45)];
        let settings = settings(smoothing, minimum, refractory, &pairs);
        let steps = stream(&mut random, pairs.len());
        let found = detected(&settings, &steps);
        for label in 0..pairs.len() {
            let found: Vec<Event> = found.iter().copied().filter(|event| event.label == label).collect();
            assert_alike(&found, &naive(&settings, label, &steps), seed);
            told += found.len();
        }
    }
    assert!(told > 10_000, "{told} events are no test");
}

/// What is told of one label whose windows of 4 s end at 4, 5, 6 ... s.
fn told(settings: &Settings, scores: &[f32]) -> Vec<(f64, &'static str)> {
    let window = |(index, score): (usize, &f32)| {
        let start = index as f64;
        Step::Window(Hop { start, end: start + 4.0, block: 0 }, vec![*score])
    };
    let steps: Vec<Step> = scores.iter().enumerate().map(window).collect();
    let name = |event: Event| (event.at.end, if matches!(event.kind, Kind::Start { .. }) { "start" } else { "end" });
    detected(settings, &steps).into_iter().map(name).collect()
}

#[test]
fn a_score_between_the_thresholds_changes_nothing() {
    let settings = settings(Smoothing::Mean(1), 0.0, 0.0, &[(0.8, 0.4)]);
    assert_eq!(told(&settings, &[0.5, 0.8, 0.5, 0.4, 0.39, 0.5, 0.79]), [(5.0, "start"), (8.0, "end")]);
}

#[test]
fn a_run_shorter_than_the_minimum_is_not_told() {
    let settings = settings(Smoothing::Mean(1), 2.0, 0.0, &[(0.8, 0.4)]);
    assert_eq!(told(&settings, &[0.9, 0.9, 0.0, 0.9, 0.5, 0.5, 0.0]), [(9.0, "start"), (10.0, "end")]);
}

#[test]
fn a_label_rests_after_its_end() {
    let settings = settings(Smoothing::Mean(1), 0.0, 2.0, &[(0.8, 0.4)]);
    assert_eq!(
        told(&settings, &[0.9, 0.0, 0.9, 0.9, 0.0]),
        [(4.0, "start"), (5.0, "end"), (7.0, "start"), (8.0, "end")]
    );
}

#[test]
fn the_mean_of_the_first_windows_is_of_as_many_as_there_are() {
    let settings = settings(Smoothing::Mean(3), 0.0, 0.0, &[(0.8, 0.4)]);
    assert_eq!(told(&settings, &[0.9, 0.6, 0.6, 0.0, 0.0]), [(4.0, "start"), (8.0, "end")]);
}

#[test]
fn a_torn_stream_ends_what_is_open_and_forgets_what_was() {
    let settings = settings(Smoothing::Mean(2), 0.0, 0.0, &[(0.8, 0.4), (0.8, 0.4)]);
    let hop = |start: f64| Hop { start, end: start + 4.0, block: start as u64 };
    let window = |start: f64, row: [f32; 2]| Step::Window(hop(start), row.to_vec());
    let steps = [window(0.0, [0.9, 0.0]), Step::Close(Cause::Torn), window(7.0, [0.0, 0.8]), Step::Close(Cause::Ended)];
    let events = detected(&settings, &steps);
    let ends: Vec<_> = events
        .iter()
        .filter_map(|event| match event.kind {
            Kind::End { cause, last, .. } => Some((event.label, event.at, last, cause)),
            Kind::Start { .. } => None,
        })
        .collect();
    assert_eq!(events.len(), 4);
    assert_eq!(ends, [(0, hop(0.0), hop(0.0), Cause::Torn), (1, hop(7.0), hop(7.0), Cause::Ended)]);
}

#[test]
fn numbers_that_are_none_count_as_nothing() {
    for smoothing in [Smoothing::Mean(2), Smoothing::Ema(0.5)] {
        let settings = settings(smoothing, 0.0, 0.0, &[(0.6, 0.4)]);
        let told = told(&settings, &[f32::NAN, f32::INFINITY, 1.0, 1.0, 1.0]);
        assert_eq!(told.len(), 1, "{told:?}");
    }
    let mut detector = Detector::new(&settings(Smoothing::Mean(1), 0.0, 0.0, &[(0.6, 0.4); 3])).unwrap();
    detector.push(Hop::default(), &[0.7], |event| assert_eq!(event.label, 0));
    assert!(detector.is_open(0) && !detector.is_open(1) && !detector.is_open(99));
    assert_eq!(detector.scores(), [0.7, 0.0, 0.0]);
}

#[test]
fn a_label_without_thresholds_is_never_told() {
    let mut settings = settings(Smoothing::Mean(1), 0.0, 0.0, &[(0.6, 0.4)]);
    settings.thresholds = vec![None];
    assert_eq!(told(&settings, &[1.0, 0.0]), []);
}

#[test]
fn a_window_allocates_nothing() {
    for smoothing in [Smoothing::Mean(4), Smoothing::Ema(1.0)] {
        let mut detector = Detector::new(&settings(smoothing, 0.5, 0.5, &[(0.6, 0.4); 10])).unwrap();
        let (mut random, mut row, mut told) = (Random(7), [0.0; 10], 0);
        let allocated = allocation_counter::measure(|| {
            for block in 0..1000 {
                row.fill_with(|| random.unit());
                let end = block as f64 * 0.5;
                detector.push(Hop { start: end - 4.0, end, block }, &row, |_| told += 1);
            }
            detector.close(Cause::Ended, |_| told += 1);
        });
        assert_eq!(allocated.count_total, 0);
        assert!(told > 0);
    }
}

#[test]
fn settings_that_cannot_be_used_are_named() {
    let good = settings(Smoothing::Mean(1), 0.0, 0.0, &[(0.6, 0.4)]);
    let refused = |change: fn(&mut Settings)| {
        let mut settings = good.clone();
        change(&mut settings);
        Detector::new(&settings).unwrap_err()
    };
    assert!(matches!(refused(|s| s.smoothing = Smoothing::Mean(0)), SettingsError::Smoothing(_)));
    assert!(matches!(refused(|s| s.smoothing = Smoothing::Ema(f64::NAN)), SettingsError::Smoothing(_)));
    assert!(matches!(refused(|s| s.minimum = -1.0), SettingsError::Time { name: "minimum", .. }));
    assert!(matches!(refused(|s| s.refractory = f64::INFINITY), SettingsError::Time { name: "refractory", .. }));
    assert!(matches!(
        refused(|s| s.thresholds[0] = Some(Threshold { on: 0.3, off: 0.4 })),
        SettingsError::Threshold { label: 0, .. }
    ));
    let error = refused(|s| {
        s.smoothing = Smoothing::Mean(4096);
        s.thresholds = vec![None; 1 << 16];
    });
    assert_eq!(error.to_string(), "a mean of 4096 hops of 65536 labels is more than is kept; at most 256 hops");
}
