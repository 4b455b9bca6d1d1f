//! A line for people.

use super::json::name;
use super::told::{Moment, Told};
use crate::detect::{Event, Kind};
use tempest_contract::rows::Gap;

/// `    2.45 s  start      computer  ...`; a summary has several lines.
pub(super) fn line(moment: &Moment, told: &Told<'_>, labels: &[String]) -> String {
    if let Told::Summary(summary) = told {
        return summary.lines(labels).join("\n");
    }
    let clock = moment.clock.as_ref().map_or_else(String::new, |clock| format!("{clock}  "));
    format!("{clock}{:>9.2} s  {:<9}  {}", moment.at, told.name(), text(told, labels))
}

/// What the line says beyond when and what.
pub(super) fn text(told: &Told<'_>, labels: &[String]) -> String {
    match told {
        Told::Connected { attempt, content_type, name } => {
            let known = name.iter().chain(content_type).map(|text| printable(text)).collect::<Vec<_>>().join(", ");
            let again = if *attempt > 1 { format!("attempt {attempt}") } else { String::new() };
            [known, again].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ")
        }
        Told::Lost { reason, retry_in } => format!("{}; again in {retry_in:.1} s", printable(reason)),
        Told::Stalled { seconds } => format!("no byte for {seconds:.1} s"),
        Told::Resumed { seconds } => format!("after {seconds:.1} s"),
        Told::Title(title) => printable(title),
        Told::Resync(gap) | Told::Gap(gap) => of_gap(gap),
        Told::CutShort => "the stream ends inside a block".into(),
        Told::Foreign { found, expected } => format!("{found}, which is not heard; the model reads {expected}"),
        Told::Bitrate { kbps, expected } => format!("{kbps:.0} kbit/s; the model learnt from {expected}"),
        Told::Detected(event) => of_event(event, labels),
        Told::Scores { scores, .. } => of_scores(scores, labels),
        Told::Summary(_) => String::new(),
    }
}

fn of_gap(gap: &Gap) -> String {
    match gap.bytes {
        0 => format!("{} at byte {}", gap.reason, gap.offset),
        bytes => format!("{}, {bytes} bytes at byte {}", gap.reason, gap.offset),
    }
}

fn of_event(event: &Event, labels: &[String]) -> String {
    let label = labels.get(event.label).map_or("", String::as_str);
    let from = event.first.centre();
    match event.kind {
        Kind::Start { score } => format!("{label:<14} {:5.1} %  at about {from:.2} s", 100.0 * score),
        Kind::End { last, peak, hops, cause, .. } => {
            let windows = if hops == 1 { "window" } else { "windows" };
            let to = last.centre();
            let cause = name(cause);
            format!("{label:<14} {:5.1} %  {from:.2} to {to:.2} s, {hops} {windows}, {cause}", 100.0 * peak)
        }
    }
}

/// The labels, most probable first, as far as a line is wide.
fn of_scores(scores: &[f32], labels: &[String]) -> String {
    let mut ranked: Vec<(&String, &f32)> = labels.iter().zip(scores).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(a.1));
    let shown = ranked.iter().take(4).map(|(label, score)| format!("{label} {:.1} %", 100.0 * **score));
    shown.collect::<Vec<_>>().join(", ")
}

/// Without control characters: a server's words may not move the cursor.
fn printable(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '?' } else { char }).collect()
}
