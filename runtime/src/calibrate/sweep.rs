use super::{Recording, Span, hours, memory};
use crate::detect::{Cause, Hop, Settings, Threshold, Track};
use std::ops::{Range, RangeInclusive};

/// Odds of the lowest and highest threshold tried, as powers of 3 to the [`STEP`]: 0.036 to 0.999994.
const STEPS: RangeInclusive<i32> = -12..=44;
const STEP: f32 = 0.25;

/// Seconds after which a false alarm that goes on counts again.
const LASTING: f64 = 60.0;

/// Hours without a false alarm that bound their rate to 1 an hour with 95 % confidence: -ln(0.05).
const HOURS_OF_ONE: f64 = 3.0;

/// What a threshold may cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// False alarms of a label in an hour, at most; above 0.
    pub false_alarms_per_hour: f64,
}

impl Limits {
    /// Hours of material from which on no false alarm at all says, with 95 % confidence, that the limit is kept.
    #[must_use]
    pub fn hours_needed(&self) -> f64 {
        HOURS_OF_ONE / self.false_alarms_per_hour
    }
}

/// False alarms an hour that so many hours without any exclude, with 95 % confidence.
#[must_use]
pub fn excluded_rate(hours: f64) -> f64 {
    HOURS_OF_ONE / hours
}

/// What one threshold gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The threshold.
    pub threshold: Threshold,
    /// In all streams together.
    pub false_alarms: u64,
    /// Labelled spans that are not found.
    pub misses: u64,
}

/// How good the chosen threshold is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It keeps to the limit.
    Met,
    /// It keeps to the limit; what it misses is not known, for the label is nowhere in the material.
    NoExamples,
    /// No threshold keeps to the limit; this one has the fewest false alarms.
    NotMet,
}

/// One label through all thresholds.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelSweep {
    /// Index of the label.
    pub label: usize,
    /// Spans that are to be found.
    pub spans: u64,
    /// One per threshold, ascending.
    pub points: Vec<Point>,
    /// Index of the point chosen.
    pub chosen: usize,
    /// How good it is.
    pub verdict: Verdict,
}

/// Every label of `labels` through every threshold. `settings` are those the recordings' scores were made with; their
/// thresholds are not looked at. `hop` in seconds.
#[must_use]
pub fn sweep(
    recordings: &[Recording],
    labels: &[String],
    settings: &Settings,
    hop: f64,
    limits: &Limits,
) -> Vec<LabelSweep> {
    let hours = hours(recordings);
    let memory = memory(settings.smoothing, hop);
    let thresholds: Vec<Threshold> = STEPS.map(|step| at_odds(3f32.powf(STEP * step as f32))).collect();
    let one = |(label, name): (usize, &String)| {
        let heard: Vec<Heard<'_>> =
            recordings.iter().map(|recording| Heard::new(recording, label, name, memory)).collect();
        let spans = heard.iter().map(|heard| heard.spans.len() as u64).sum();
        let points: Vec<Point> = thresholds.iter().map(|threshold| point(&heard, settings, *threshold)).collect();
        let (chosen, verdict) = choose(&points, spans, hours, limits);
        LabelSweep { label, spans, points, chosen, verdict }
    };
    labels.iter().enumerate().map(one).collect()
}

impl LabelSweep {
    /// The label is nowhere in the material, and the usual threshold is no worse than any.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        self.verdict == Verdict::NoExamples && self.choice().threshold == Threshold::DEFAULT
    }

    /// The point chosen.
    #[must_use]
    pub fn choice(&self) -> &Point {
        &self.points[self.chosen]
    }
}

fn at_odds(odds: f32) -> Threshold {
    // Six decimals: what a person reads is what is used.
    let six = |score: f32| (score * 1e6).round() / 1e6;
    let Threshold { on, off } = Threshold::from_on(odds / (1.0 + odds));
    Threshold { on: six(on), off: six(off) }
}

/// One label in one recording.
struct Heard<'a> {
    recording: &'a Recording,
    label: usize,
    /// Of each span the hops that heard part of it.
    spans: Vec<Range<usize>>,
    /// Of each hop whether it heard part of any.
    is_right: Vec<bool>,
}

impl<'a> Heard<'a> {
    fn new(recording: &'a Recording, label: usize, name: &str, memory: f64) -> Self {
        let hops = &recording.hops;
        let range = |span: &Span| {
            let from = hops.partition_point(|hop| hop.end <= span.start);
            let to = hops.partition_point(|hop| hop.start - memory < span.end);
            from..to.max(from)
        };
        let spans: Vec<Range<usize>> = recording.spans.iter().filter(|span| span.label == name).map(range).collect();
        let mut is_right = vec![false; hops.len()];
        spans.iter().for_each(|span| is_right[span.clone()].fill(true));
        Self { recording, label, spans, is_right }
    }

    /// (false alarms, misses) with this threshold.
    fn count(&self, settings: &Settings, threshold: Threshold) -> (u64, u64) {
        let is_on = self.follow(settings, threshold);
        let misses = self.spans.iter().filter(|span| !is_on[(*span).clone()].contains(&true)).count();
        (self.false_alarms(&is_on), misses as u64)
    }

    /// Of each hop whether the label is on.
    fn follow(&self, settings: &Settings, threshold: Threshold) -> Vec<bool> {
        let Recording { labels, hops, scores, torn, .. } = self.recording;
        let mut track = Track::new(settings, Some(threshold));
        let mut torn = torn.iter().copied().peekable();
        let step = |(index, (hop, row)): (usize, (&Hop, &[f32]))| {
            while torn.next_if(|at| *at <= index).is_some() {
                track.close(*hop, Cause::Torn);
            }
            track.step(*hop, row[self.label]);
            track.is_open()
        };
        hops.iter().zip(scores.chunks_exact((*labels).max(1))).enumerate().map(step).collect()
    }

    fn false_alarms(&self, is_on: &[bool]) -> u64 {
        let (mut count, mut counted_at) = (0, None);
        for ((hop, is_on), is_right) in self.recording.hops.iter().zip(is_on).zip(&self.is_right) {
            if !is_on || *is_right {
                counted_at = None;
            } else if counted_at.is_none_or(|at| hop.end - at >= LASTING) {
                count += 1;
                counted_at = Some(hop.end);
            }
        }
        count
    }
}

fn point(heard: &[Heard<'_>], settings: &Settings, threshold: Threshold) -> Point {
    let counts = heard.iter().map(|heard| heard.count(settings, threshold));
    let (false_alarms, misses) = counts.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    Point { threshold, false_alarms, misses }
}

/// Of the points that keep to the limit those with the fewest misses, of these those with the fewest false alarms, of
/// these the middle one: the farthest from either mistake.
fn choose(points: &[Point], spans: u64, hours: f64, limits: &Limits) -> (usize, Verdict) {
    let is_kept = |point: &Point| point.false_alarms as f64 <= limits.false_alarms_per_hour * hours;
    let kept: Vec<usize> = (0..points.len()).filter(|&index| is_kept(&points[index])).collect();
    if kept.is_empty() {
        let all: Vec<usize> = (0..points.len()).collect();
        return (middle_of_best(&all, |index| (points[index].false_alarms, points[index].misses)), Verdict::NotMet);
    }
    if spans == 0 {
        let usual = kept.iter().copied().find(|&index| points[index].threshold.on >= Threshold::DEFAULT.on);
        let chosen = usual.unwrap_or_else(|| kept.last().copied().unwrap_or_default());
        return (chosen, Verdict::NoExamples);
    }
    (middle_of_best(&kept, |index| (points[index].misses, points[index].false_alarms)), Verdict::Met)
}

fn middle_of_best(indices: &[usize], cost: impl Fn(usize) -> (u64, u64)) -> usize {
    let least = indices.iter().map(|&index| cost(index)).min();
    let best: Vec<usize> = indices.iter().copied().filter(|&index| Some(cost(index)) == least).collect();
    best.get(best.len() / 2).copied().unwrap_or_default()
}
