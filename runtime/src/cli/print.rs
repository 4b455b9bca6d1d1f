//! What `tempest classify` prints: for people, or one JSON object a line.

use crate::inputs::Source;
use crate::{Answer, Media};
use anyhow::Context;
use serde_json::json;
use std::io::{self, BufWriter, ErrorKind, Stdout, Write};
use std::time::Duration;

/// One classified file.
pub(super) struct Result {
    pub file: String,
    pub media: Media,
    pub answer: Answer,
    /// From opening the file to the answer.
    pub elapsed: Duration,
}

impl Result {
    /// Seconds of work for a second of audio.
    fn real_time_factor(&self) -> f64 {
        self.elapsed.as_secs_f64() / self.media.seconds.max(f64::MIN_POSITIVE)
    }
}

/// Answers against the names of the folders.
#[derive(Default)]
pub(super) struct Score {
    files: usize,
    correct: usize,
    foreign: usize,
    failed: usize,
}

impl Score {
    /// A file that could not be classified is not correct.
    pub(super) fn fail(&mut self) {
        self.files += 1;
        self.failed += 1;
    }

    pub(super) fn add(&mut self, source: &Source, result: &Result, labels: &[String]) {
        let truth = source.folder().and_then(|folder| labels.iter().position(|label| label == folder));
        match truth {
            None => self.foreign += 1,
            Some(truth) => {
                self.files += 1;
                self.correct += usize::from(result.answer.ranked().first().is_some_and(|(top, _)| *top == truth));
            }
        }
    }
}

/// Writes results to stdout, failures to stderr (and, as JSON, to stdout too).
pub(super) struct Printer {
    json: bool,
    top: usize,
    out: BufWriter<Stdout>,
}

impl Printer {
    pub(super) fn new(json: bool, top: usize) -> Self {
        Printer { json, top, out: BufWriter::new(io::stdout()) }
    }

    pub(super) fn result(&mut self, result: &Result, labels: &[String]) -> anyhow::Result<()> {
        let ranked = result.answer.ranked();
        let top = ranked.iter().take(self.top).filter_map(|&(index, p)| Some((labels.get(index)?, p)));
        let Result { file, media, .. } = result;
        if self.json {
            let top: Vec<_> = top.map(|(label, p)| json!({ "label": label, "probability": p })).collect();
            let first = top.first().cloned().unwrap_or_default();
            let line = json!({
                "file": file, "label": first["label"], "probability": first["probability"], "top": top,
                "blocks": media.blocks, "windows": result.answer.windows, "seconds": round(media.seconds),
                "bitrate_kbps": round(media.bitrate_kbps), "garbage_bytes": media.garbage_bytes,
                "cut_bytes": media.cut_bytes, "lost_blocks": media.lost_blocks, "truncated": media.truncated,
                "real_time_factor": round(result.real_time_factor()),
            });
            return self.lines(&[line.to_string()]);
        }
        let mut lines = vec![format!(
            "{file}: {} blocks, {:.2} s of audio, real-time factor {:.5}{}",
            media.blocks,
            media.seconds,
            result.real_time_factor(),
            notes(media),
        )];
        lines.extend(top.map(|(label, p)| format!("  {:5.1} %  {label}", 100.0 * p)));
        self.lines(&lines)
    }

    pub(super) fn failure(&mut self, file: &str, error: &str) -> anyhow::Result<()> {
        eprintln!("tempest: {file}: {error}");
        if self.json { self.lines(&[json!({ "file": file, "error": error }).to_string()]) } else { Ok(()) }
    }

    pub(super) fn score(&mut self, score: &Score) -> anyhow::Result<()> {
        let Score { files, correct, foreign, failed } = *score;
        let accuracy = correct as f64 / files.max(1) as f64;
        if self.json {
            let line = json!({ "files": files, "correct": correct, "accuracy": accuracy, "failed": failed, "unlabelled": foreign });
            return self.lines(&[line.to_string()]);
        }
        let foreign = if foreign > 0 { format!("; {foreign} files whose folder is no label") } else { String::new() };
        let failed = if failed > 0 { format!("; {failed} could not be classified") } else { String::new() };
        self.lines(&[format!("accuracy {:.2} % ({correct} of {files} files){failed}{foreign}", 100.0 * accuracy)])
    }

    /// Writes and flushes; a reader that went away (`| head`) ends the process quietly, as it would `cat`.
    fn lines(&mut self, lines: &[String]) -> anyhow::Result<()> {
        let written = lines.iter().try_for_each(|line| writeln!(self.out, "{line}")).and_then(|()| self.out.flush());
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
            other => other.context("cannot write to standard output"),
        }
    }
}

/// What a person should know about the stream beyond its length.
fn notes(media: &Media) -> String {
    let mut notes = String::new();
    if media.truncated {
        notes.push_str(", truncated");
    }
    if media.garbage_bytes > 0 {
        notes.push_str(&format!(", {} bytes of garbage skipped", media.garbage_bytes));
    }
    if media.cut_bytes > 0 {
        notes.push_str(&format!(", {} bytes beyond the model's block length cut off", media.cut_bytes));
    }
    if media.lost_blocks > 0 {
        notes.push_str(&format!(", main data of {} blocks not in the stream", media.lost_blocks));
    }
    notes
}

/// Six decimals: enough for every figure here, and stable to read.
fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
