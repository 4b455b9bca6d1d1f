//! JSON lines. Every line has `event` and `file`.
//!
//! | `event` | keys |
//! |---|---|
//! | `block` | `number`, `offset`, `bytes`, `kind` (for people), `truncated`; `time` and `seconds`, or `mcu_column` and `mcu_row`, or `first_mcu` and `mcus`; what its kind has; `row`, and `row_error` where that is null |
//! | `skipped` | `offset`, `bytes`, `reason`, `truncated`, `damage` |
//! | `error` | `offset`, `error`, `damage` |
//! | `summary` | the last line of each file: `error` alone, or the sums. `block_bytes`, `format_bytes` and `damaged_bytes` make up `bytes` |

use super::summary::histogram;
use crate::survey::{Content, Item, Kind, Place, Survey};
use serde_json::{Value, json};

/// One event.
pub(super) fn item(file: &str, item: &Item<'_>) -> Value {
    match item {
        Item::Block(block, content) => {
            let mut line = json!({
                "event": "block", "file": file, "number": block.number, "offset": block.offset, "bytes": block.bytes,
                "kind": block.kind.to_string(), "truncated": block.truncated,
            });
            add(&mut line, place(block.place));
            add(&mut line, kind(&block.kind));
            add(&mut line, row(content));
            line
        }
        Item::Skipped(skipped) => json!({
            "event": "skipped", "file": file, "offset": skipped.offset, "bytes": skipped.bytes,
            "reason": skipped.reason.to_string(), "truncated": skipped.truncated, "damage": skipped.is_damage(),
        }),
        Item::Fault(fault) => json!({
            "event": "error", "file": file, "offset": fault.offset, "error": fault.cause.to_string(),
            "damage": fault.is_damage(),
        }),
    }
}

/// The last line of a file that could not be read.
pub(super) fn failure(file: &str, error: &str) -> Value {
    json!({ "event": "summary", "file": file, "error": error })
}

fn add(line: &mut Value, more: Value) {
    if let (Value::Object(line), Value::Object(more)) = (line, more) {
        line.extend(more);
    }
}

fn place(place: Place) -> Value {
    match place {
        Place::Time { start, seconds } => json!({ "time": start.map(round), "seconds": round(seconds) }),
        Place::Mcu { column, row } => json!({ "mcu_column": column, "mcu_row": row }),
        Place::Mcus { first, count } => json!({ "first_mcu": first, "mcus": count }),
    }
}

fn kind(kind: &Kind) -> Value {
    match *kind {
        Kind::Frame { header, main_data_begin, .. } => json!({
            "version": header.version().to_string(), "bitrate_kbps": header.bitrate_kbps(),
            "sample_rate": header.sample_rate(), "mode": header.mode().to_string(), "main_data_begin": main_data_begin,
        }),
        Kind::Granule { header, granule, channel, block_type, part2_3_length } => json!({
            "version": header.version().to_string(), "bitrate_kbps": header.bitrate_kbps(),
            "sample_rate": header.sample_rate(), "mode": header.mode().to_string(), "granule": granule,
            "channel": channel, "block_type": block_type, "part2_3_length": part2_3_length,
        }),
        Kind::Packet { toc, frames, trimmed, lost_pages, link } => json!({
            "toc": toc.map(|toc| toc.0), "mode": toc.map(|toc| toc.mode().to_string()),
            "bandwidth": toc.map(|toc| toc.bandwidth().to_string()), "stereo": toc.map(|toc| toc.stereo()),
            "frames": frames.map(|(frames, _)| frames).ok(), "padding": frames.map(|(_, padding)| padding).ok(),
            "trimmed_samples": trimmed, "lost_pages": lost_pages, "link": link,
        }),
        Kind::PacketFrame { toc, packet, index } => json!({ "toc": toc.0, "packet": packet, "index": index }),
        Kind::Mcu { scan, interval, bits, units } => {
            json!({ "scan": scan, "interval": interval, "bits": bits, "units": units })
        }
        Kind::Interval { scan, interval, bits, part } => json!({
            "scan": scan, "interval": interval, "bits": bits, "part": part.map(|(index, _)| index),
            "parts": part.map(|(_, of)| of),
        }),
    }
}

fn row(content: &Content<'_>) -> Value {
    match &content.row {
        None => json!({}),
        Some(Ok(row)) => json!({ "row": row }),
        Some(Err(error)) => json!({ "row": null, "row_error": error }),
    }
}

/// The last line of a file.
pub(super) fn summary(file: &str, survey: &Survey) -> Value {
    let tally = survey.tally();
    let skipped: Vec<Value> = tally.skipped.iter().map(|(reason, count)| {
        json!({ "reason": reason.to_string(), "runs": count.runs, "bytes": count.bytes, "truncated": count.truncated })
    }).collect();
    let faults: Vec<Value> =
        tally.faults.iter().map(|(cause, count)| json!({ "error": cause.to_string(), "count": count })).collect();
    let kinds: Vec<Value> =
        tally.kinds.iter().map(|(label, count)| json!({ "kind": label.to_string(), "count": count })).collect();
    let bars: Vec<Value> = histogram(survey)
        .into_iter()
        .map(|(from, to, count)| json!({ "from": from, "to": to, "count": count }))
        .collect();
    let mut line = json!({
        "event": "summary", "file": file, "format": survey.format().to_string(), "unit": survey.unit().to_string(),
        "bytes": tally.bytes, "block_bytes": tally.block_bytes, "format_bytes": tally.format_bytes,
        "damaged_bytes": tally.damaged_bytes, "cut": tally.cut, "blocks": tally.blocks, "truncated": tally.truncated,
        "resyncs": tally.resyncs, "damaged": tally.is_damaged(), "seconds": round(tally.seconds),
        "bitrate_kbps": tally.mean_kbps().map(round), "kinds": kinds, "skipped": skipped, "errors": faults,
        "length": { "min": tally.length_at(0), "median": tally.length_at(50), "p95": tally.length_at(95),
            "max": tally.length_at(100) },
        "histogram": bars,
    });
    add(&mut line, of_format(survey));
    line
}

/// What only one format has.
fn of_format(survey: &Survey) -> Value {
    let tally = survey.tally();
    if let Some(mp3) = &tally.mp3 {
        return json!({ "reservoir": {
            "frames_reaching_back": mp3.reaching_back, "main_data_missing": mp3.main_data_missing,
            "main_data_begin_mean": round(mp3.main_data_begin_sum as f64 / tally.cut.max(1) as f64),
            "main_data_begin_max": mp3.main_data_begin_max,
        } });
    }
    if let Some(opus) = &tally.opus {
        return json!({
            "links": opus.links, "gaps": opus.gaps, "channels": opus.head.map(|head| head.channels),
            "pre_skip": opus.head.map(|head| head.pre_skip),
            "input_sample_rate": opus.head.map(|head| head.input_sample_rate),
        });
    }
    tally.jpeg.as_ref().map_or_else(|| json!({}), |jpeg| json!({
        "width": jpeg.frame.map(|frame| frame.width()), "height": jpeg.frame.map(|frame| frame.height()),
        "sampling": jpeg.frame.map(|frame| super::summary::sampling(&frame)), "scans": jpeg.scans, "bits": jpeg.bits,
    }))
}

/// Six decimals: a thousandth of a sample, and stable to read.
fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
