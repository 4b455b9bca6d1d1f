//! JSON lines. Every line has `event` and `at`, the stream seconds heard when it is told, and with `--clock` `clock`, the
//! time of day (RFC 3339, UTC). Scores are 0 to 1, times seconds.
//!
//! | `event` | keys |
//! |---|---|
//! | `start` | `label`, `score`; `from`: the middle of the first window, the best guess of where it began; `block`: blocks up to the end of the window that decided it |
//! | `end` | `label`, `score` (the highest), `mean`, `from`, `to` (the middle of the last window), `windows`, `block`; `cause`: `quiet`, `torn` (a gap, another format or connection) or `ended` |
//! | `scores` | `block`, `from` (where the window begins), `probabilities` and `scores` (smoothed) by label; with `--scores` |
//! | `resync` | `offset` and `bytes` of what is no block, `reason` |
//! | `gap` | the same where blocks are missing, or another stream begins; what was open has ended. `reason` alone where the stream ends inside a block |
//! | `format` | `expected`, and `found` (blocks of other media, which are not heard) or `bitrate_kbps` (heard all the same) |
//! | `connected` | `attempt`, `content_type`, `name`; the last two may be null |
//! | `lost` | `reason`, `retry_in` |
//! | `stalled`, `resumed` | `seconds` without a byte |
//! | `title` | `title`, as the station gives it |
//! | `summary` | the last line, unless the reader goes away: see below |
//!
//! `summary`: `reason` (`ended`, `stopped`, `interrupted` or `failed`), `error` (null unless it failed), `blocks` (of them `encoded`, and `repeated`: not
//! encoded again), `windows`, `bytes`, `bitrate_kbps`, `gaps`, `foreign_blocks`, `lost_blocks`, `reconnects`, `stalls`,
//! `events` (starts by label), `real_time_factor` (seconds of work for a second of stream), `peak_rss_bytes` (null where
//! the system does not say).

use super::summary::Summary;
use super::told::{Moment, Told};
use crate::detect::{Cause, Event, Kind};
use serde_json::{Map, Value, json};
use tempest_contract::rows::Gap;

pub(super) fn line(moment: &Moment, told: &Told<'_>, labels: &[String]) -> Value {
    let mut line = json!({ "event": told.name(), "at": round(moment.at) });
    if let Some(clock) = &moment.clock {
        line["clock"] = json!(clock);
    }
    if let (Value::Object(line), Value::Object(more)) = (&mut line, keys(told, labels)) {
        line.extend(more);
    }
    line
}

fn keys(told: &Told<'_>, labels: &[String]) -> Value {
    match told {
        Told::Connected { attempt, content_type, name } => {
            json!({ "attempt": attempt, "content_type": content_type, "name": name })
        }
        Told::Lost { reason, retry_in } => json!({ "reason": reason, "retry_in": round(*retry_in) }),
        Told::Stalled { seconds } | Told::Resumed { seconds } => json!({ "seconds": round(*seconds) }),
        Told::Title(title) => json!({ "title": title }),
        Told::Resync(gap) | Told::Gap(gap) => of_gap(gap),
        Told::CutShort => json!({ "reason": "the stream ends inside a block" }),
        Told::Foreign { found, expected } => json!({ "found": found, "expected": expected }),
        Told::Bitrate { kbps, expected } => json!({ "bitrate_kbps": round(*kbps), "expected": expected }),
        Told::Detected(event) => of_event(event, labels),
        Told::Scores { hop, probabilities, scores } => json!({
            "block": hop.block, "from": round(hop.start), "probabilities": by_label(probabilities, labels),
            "scores": by_label(scores, labels),
        }),
        Told::Summary(summary) => of_summary(summary, labels),
    }
}

fn of_gap(gap: &Gap) -> Value {
    json!({ "offset": gap.offset, "bytes": gap.bytes, "reason": gap.reason.to_string() })
}

fn of_event(event: &Event, labels: &[String]) -> Value {
    let (label, from, block) = (labels.get(event.label), round(event.first.centre()), event.at.block);
    match event.kind {
        Kind::Start { score } => json!({ "label": label, "from": from, "block": block, "score": short(score) }),
        Kind::End { last, peak, mean, hops, cause } => json!({
            "label": label, "from": from, "to": round(last.centre()), "block": block, "score": short(peak),
            "mean": short(mean), "windows": hops, "cause": name(cause),
        }),
    }
}

pub(super) fn name(cause: Cause) -> &'static str {
    match cause {
        Cause::Quiet => "quiet",
        Cause::Torn => "torn",
        Cause::Ended => "ended",
    }
}

fn by_label(values: &[f32], labels: &[String]) -> Value {
    labels.iter().zip(values).map(|(label, value)| (label.clone(), short(*value))).collect::<Map<_, _>>().into()
}

fn of_summary(summary: &Summary, labels: &[String]) -> Value {
    let Summary { tally, .. } = summary;
    let events: Map<String, Value> =
        labels.iter().zip(&summary.starts).map(|(label, count)| (label.clone(), json!(count))).collect();
    json!({
        "reason": summary.reason.name(), "error": summary.error, "blocks": tally.blocks, "encoded": summary.encoded(), "repeated": tally.repeated,
        "windows": tally.windows, "bytes": tally.bytes, "bitrate_kbps": summary.kbps().map(round), "gaps": tally.gaps,
        "foreign_blocks": tally.foreign_blocks, "lost_blocks": tally.lost_blocks, "reconnects": summary.reconnects,
        "stalls": summary.stalls, "events": events, "real_time_factor": summary.real_time_factor().map(round),
        "peak_rss_bytes": summary.peak_rss_bytes,
    })
}

/// Six decimals: enough for every figure here, and stable to read.
fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// A score, in the digits that it has.
fn short(score: f32) -> Value {
    json!(round(f64::from(score)))
}

#[cfg(test)]
mod tests {
    use super::super::plain;
    use super::super::summary::Reason;
    use super::*;
    use crate::detect::Hop;
    use std::time::Duration;
    use tempest_contract::rows::GapReason;

    fn hop(end: f64) -> Hop {
        Hop { start: end - 4.0, end, block: (end / 0.036) as u64 }
    }

    fn detected(kind: Kind) -> Told<'static> {
        Told::Detected(Event { label: 1, at: hop(12.0), first: hop(10.0), kind })
    }

    fn summary() -> Summary {
        let mut summary = Summary::new(2);
        (summary.reason, summary.seconds, summary.busy) = (Reason::Interrupted, 3600.0, Duration::from_millis(7200));
        (summary.reconnects, summary.stalls, summary.starts) = (1, 2, vec![0, 3]);
        summary.peak_rss_bytes = Some(21_000_000);
        let tally = &mut summary.tally;
        (tally.blocks, tally.block_bytes, tally.repeated, tally.windows) = (100_000, 14_400_000, 44, 7000);
        (tally.bytes, tally.gaps, tally.foreign_blocks, tally.lost_blocks) = (14_500_000, 3, 5, 1);
        summary
    }

    /// One of each kind.
    fn every<'a>(summary: &'a Summary, scores: &'a [f32]) -> Vec<Told<'a>> {
        let expected = || "MP3, 16000 Hz, mono, 24-40 kbit/s".to_owned();
        let gap = |reason| Gap { offset: 4711, bytes: 8, reason };
        vec![
            Told::Connected { attempt: 2, content_type: Some("audio/mpeg".into()), name: None },
            Told::Lost { reason: "the peer closed".into(), retry_in: 0.5 },
            Told::Stalled { seconds: 5.0 },
            Told::Resumed { seconds: 7.25 },
            Told::Title("News\u{1b}[2J".into()),
            Told::of_gap(gap(GapReason::Garbage)),
            Told::of_gap(gap(GapReason::LostPages(2))),
            Told::CutShort,
            Told::Foreign { found: "MPEG-1 Layer III, 128 kbit/s, 44100 Hz, stereo".into(), expected: expected() },
            Told::Bitrate { kbps: 96.5, expected: expected() },
            detected(Kind::Start { score: 0.8125 }),
            detected(Kind::End { last: hop(11.5), peak: 0.97, mean: 0.9, hops: 4, cause: Cause::Quiet }),
            Told::Scores { hop: hop(12.0), probabilities: scores, scores },
            Told::Summary(summary),
        ]
    }

    #[test]
    fn every_event_has_its_keys() {
        let (labels, summary, clock) = (["cat".to_owned(), "dog".into()], summary(), "2026-11-22T13:24:48.125Z");
        let moment = Moment { at: 12.0, clock: Some(clock.into()) };
        let lines: Vec<String> =
            every(&summary, &[0.1, 0.9]).iter().map(|told| line(&moment, told, &labels).to_string()).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn people_get_a_line_of_each() {
        let (labels, summary) = (["cat".to_owned(), "dog".into()], summary());
        let moment = Moment { at: 12.0, clock: None };
        let lines: Vec<String> =
            every(&summary, &[0.1, 0.9]).iter().map(|told| plain::line(&moment, told, &labels)).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
