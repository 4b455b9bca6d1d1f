//! What was found, for people or as JSON lines.
//!
//! A line for each label: `label`, `on`, `off`, `spans` (to be found), `misses`, `false_alarms`, `false_alarms_per_hour`,
//! `verdict` (`met`, `no_examples`: misses are not known, or `not_met`), and `points`: the same figures of every threshold
//! that was tried. Then a line with `hours`, `hours_needed` (without any false alarm, to promise the limit with 95 %
//! confidence), `false_alarms_per_hour` (the limit) and `thresholds` as `bundle.json` holds them.

use super::Found;
use crate::calibrate::{LabelSweep, Point, Verdict, excluded_rate};
use crate::cli::listen::listed;
use crate::detect::Threshold;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::io::{self, ErrorKind, Write};

/// Rows of a label's table, the chosen one in their middle.
const ROWS: usize = 5;

impl Found {
    /// Every label keeps to the limit.
    pub(super) fn is_met(&self) -> bool {
        self.sweeps.iter().all(|sweep| sweep.verdict != Verdict::NotMet)
    }

    /// False alarms in an hour.
    pub(super) fn rate(&self, point: &Point) -> f64 {
        point.false_alarms as f64 / self.hours
    }
}

pub(super) fn report(found: &Found, as_json: bool) -> Result<()> {
    let lines = if as_json { json_lines(found) } else { lines(found) };
    let mut out = io::stdout().lock();
    match lines.iter().try_for_each(|line| writeln!(out, "{line}")).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to standard output"),
    }
}

fn lines(found: &Found) -> Vec<String> {
    let mut lines = vec![format!("{:<16} {:>8} {:>8} {:>8} {:>8}", "label", "on", "off", "FA/h", "misses")];
    let (usual, swept): (Vec<&LabelSweep>, Vec<&LabelSweep>) = found.sweeps.iter().partition(|sweep| sweep.is_usual());
    for sweep in swept {
        lines.extend(rows(found, sweep));
        lines.extend(note(sweep).map(|note| format!("{:<16} {note}", "")));
    }
    if !usual.is_empty() {
        let names: Vec<String> = usual.iter().map(|sweep| found.labels[sweep.label].clone()).collect();
        let Threshold { on, off } = Threshold::DEFAULT;
        lines.push(format!("{}: nowhere in the material, on {on} and off {off} as before", listed(&names)));
    }
    lines.push(format!("{} heard; * chosen", duration(found.hours)));
    lines.extend(promise(found));
    lines
}

/// What the material is too short to say.
fn promise(found: &Found) -> Option<String> {
    let (hours, needed) = (found.hours, found.limits.hours_needed());
    let limit = found.limits.false_alarms_per_hour;
    (hours < needed).then(|| {
        format!(
            "too short to promise {limit} false alarms an hour: none in {} says no more than fewer than {:.1} an hour \
             (95 %); {} without any would promise it",
            duration(hours),
            excluded_rate(hours),
            duration(needed),
        )
    })
}

/// The chosen threshold, and its neighbours where there is something to compare.
fn rows(found: &Found, sweep: &LabelSweep) -> Vec<String> {
    let rows = if sweep.spans > 0 { ROWS } else { 1 };
    let first = sweep.chosen.saturating_sub(rows / 2).min(sweep.points.len().saturating_sub(rows));
    let points = sweep.points.iter().enumerate().skip(first).take(rows);
    let row = |(index, point): (usize, &Point)| {
        let name = if index == first { found.labels[sweep.label].as_str() } else { "" };
        let mark = if index == sweep.chosen { " *" } else { "" };
        let (on, off) = (point.threshold.on, point.threshold.off);
        let misses = format!("{}/{}", point.misses, sweep.spans);
        format!("{name:<16} {on:>8.4} {off:>8.4} {:>8.2} {misses:>8}{mark}", found.rate(point))
    };
    points.map(row).collect()
}

fn note(sweep: &LabelSweep) -> Option<&'static str> {
    match sweep.verdict {
        Verdict::Met => None,
        Verdict::NoExamples => Some("nowhere in the material: what it misses is not known"),
        Verdict::NotMet => Some("no threshold keeps to the limit: the one with the fewest false alarms"),
    }
}

fn duration(hours: f64) -> String {
    if hours < 1.0 { format!("{:.1} minutes", 60.0 * hours) } else { format!("{hours:.1} hours") }
}

fn json_lines(found: &Found) -> Vec<String> {
    let point = |point: &Point| {
        json!({
            "on": six(point.threshold.on), "off": six(point.threshold.off), "misses": point.misses,
            "false_alarms": point.false_alarms, "false_alarms_per_hour": round(found.rate(point)),
        })
    };
    let label = |sweep: &LabelSweep| {
        let mut line = point(sweep.choice());
        line["label"] = json!(found.labels[sweep.label]);
        line["spans"] = json!(sweep.spans);
        line["verdict"] = json!(name(sweep.verdict));
        line["points"] = sweep.points.iter().map(point).collect::<Vec<Value>>().into();
        line
    };
    let summary = json!({
        "hours": round(found.hours), "hours_needed": round(found.limits.hours_needed()),
        "false_alarms_per_hour": found.limits.false_alarms_per_hour, "thresholds": found.thresholds,
    });
    found.sweeps.iter().map(label).chain([summary]).map(|line| line.to_string()).collect()
}

const fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::NoExamples => "no_examples",
        Verdict::NotMet => "not_met",
    }
}

/// The digits that a score has.
fn six(value: f32) -> f64 {
    round(f64::from(value))
}

/// Six decimals: enough for every figure here, and stable to read.
fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
