//! What `tempest classify` prints: for people, or one JSON object a line.

use super::Style;
use super::request::Name;
use super::work::{Classified, Outcome};
use anyhow::Context;
use serde_json::{Value, json};
use std::io::{self, BufWriter, ErrorKind, Stdout, Write};
use std::ops::Range;

/// Answers against the names of the folders.
pub(super) struct Score {
    labels: Vec<String>,
    files: usize,
    correct: usize,
    foreign: usize,
    failed: usize,
}

impl Score {
    pub(super) fn new(labels: &[String]) -> Self {
        Score { labels: labels.into(), files: 0, correct: 0, foreign: 0, failed: 0 }
    }

    /// A file that could not be classified is not correct.
    pub(super) fn add(&mut self, name: &Name, outcome: &Outcome) {
        let Ok(classified) = outcome else {
            self.files += 1;
            self.failed += 1;
            return;
        };
        let folder = name.folder.as_ref();
        match folder.and_then(|folder| self.labels.iter().position(|label| label == folder)) {
            None => self.foreign += 1,
            Some(truth) => {
                self.files += 1;
                self.correct += usize::from(classified.answer.ranked().first().is_some_and(|(top, _)| *top == truth));
            }
        }
    }
}

/// Writes answers to standard output, and failures to standard error (as JSON to standard output, too; as answers to
/// requests there alone).
pub(super) struct Printer {
    style: Style,
    top: usize,
    labels: Vec<String>,
    out: BufWriter<Stdout>,
    /// The reader went away.
    closed: bool,
}

impl Printer {
    pub(super) fn new(style: Style, top: usize, labels: &[String]) -> Self {
        Printer { style, top, labels: labels.into(), out: BufWriter::new(io::stdout()), closed: false }
    }

    /// The reader went away (`| head`): what is written from then on is lost.
    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// `rows`: where its embeddings are in the array.
    pub(super) fn answer(
        &mut self,
        name: &Name,
        classified: &Classified,
        rows: Option<Range<usize>>,
    ) -> anyhow::Result<()> {
        match self.style {
            Style::Silent => Ok(()),
            Style::People => self.lines(&self.words(name, classified)),
            Style::Json | Style::Answers => {
                let mut line = self.json(classified);
                if let Some(rows) = rows {
                    line["embedding_rows"] = json!([rows.start, rows.end]);
                }
                self.line(name, line)
            }
        }
    }

    fn words(&self, name: &Name, classified: &Classified) -> Vec<String> {
        let media = &classified.media;
        let length = match classified.real_time_factor() {
            Some(factor) => format!("{:.2} s of audio, real-time factor {factor:.5}", media.seconds),
            None => format!("{:.1} ms", classified.elapsed.as_secs_f64() * 1e3),
        };
        let mut lines = vec![format!("{}: {} blocks, {length}{}", name.file, media.blocks, notes(classified))];
        lines.extend(self.top(classified).map(|(label, p)| format!("  {:5.1} %  {label}", 100.0 * p)));
        lines
    }

    fn json(&self, classified: &Classified) -> Value {
        let media = &classified.media;
        let top: Vec<_> = self.top(classified).map(|(label, p)| json!({ "label": label, "probability": p })).collect();
        let first = top.first().cloned().unwrap_or_default();
        json!({
            "label": first["label"], "probability": first["probability"], "top": top,
            "blocks": media.blocks, "windows": classified.answer.windows, "seconds": round(media.seconds),
            "bitrate_kbps": round(media.bitrate_kbps), "garbage_bytes": media.garbage_bytes, "gaps": media.gaps,
            "cut_bytes": media.cut_bytes, "lost_blocks": media.lost_blocks, "truncated": media.truncated,
            "recoded_kbps": classified.recoded_kbps,
            "real_time_factor": classified.real_time_factor().map(round),
        })
    }

    fn top<'a>(&'a self, classified: &'a Classified) -> impl Iterator<Item = (&'a str, f32)> {
        let ranked = classified.answer.ranked().into_iter().take(self.top);
        ranked.filter_map(|(index, p)| Some((self.labels.get(index)?.as_str(), p)))
    }

    pub(super) fn failure(&mut self, name: &Name, error: &str) -> anyhow::Result<()> {
        if self.style != Style::Answers {
            eprintln!("tempest: {}: {error}", name.file);
        }
        match self.style {
            Style::Json | Style::Answers => self.line(name, json!({ "error": error })),
            Style::People | Style::Silent => Ok(()),
        }
    }

    pub(super) fn score(&mut self, score: &Score) -> anyhow::Result<()> {
        let Score { files, correct, foreign, failed, .. } = *score;
        let accuracy = correct as f64 / files.max(1) as f64;
        if matches!(self.style, Style::Json | Style::Answers) {
            let line = json!({ "files": files, "correct": correct, "accuracy": accuracy, "failed": failed, "unlabelled": foreign });
            return self.lines(&[line.to_string()]);
        }
        let foreign = if foreign > 0 { format!("; {foreign} files whose folder is no label") } else { String::new() };
        let failed = if failed > 0 { format!("; {failed} could not be classified") } else { String::new() };
        self.lines(&[format!("accuracy {:.2} % ({correct} of {files} files){failed}{foreign}", 100.0 * accuracy)])
    }

    /// A JSON line of this request.
    fn line(&mut self, name: &Name, mut line: Value) -> anyhow::Result<()> {
        line["file"] = json!(name.file);
        if let Some(id) = &name.id {
            line["id"] = id.clone();
        }
        self.lines(&[line.to_string()])
    }

    /// Writes and flushes: whoever reads has each answer as soon as it is there.
    fn lines(&mut self, lines: &[String]) -> anyhow::Result<()> {
        if self.closed {
            return Ok(());
        }
        let written = lines.iter().try_for_each(|line| writeln!(self.out, "{line}")).and_then(|()| self.out.flush());
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                // What it still holds would be written again.
                self.out = BufWriter::new(io::stdout());
                Ok(())
            }
            other => other.context("cannot write to standard output"),
        }
    }
}

impl Classified {
    /// Seconds of work for a second of audio; an image has none.
    fn real_time_factor(&self) -> Option<f64> {
        (self.media.seconds > 0.0).then(|| self.elapsed.as_secs_f64() / self.media.seconds)
    }
}

/// What a person should know about the stream beyond its length.
fn notes(classified: &Classified) -> String {
    let Classified { media, recoded_kbps, .. } = classified;
    let mut notes = String::new();
    if !recoded_kbps.is_empty() {
        let kbps: Vec<String> = recoded_kbps.iter().map(ToString::to_string).collect();
        notes.push_str(&format!(", encoded anew at {} kbit/s", kbps.join(", ")));
    }
    if media.truncated {
        notes.push_str(", truncated");
    }
    if media.garbage_bytes > 0 {
        notes.push_str(&format!(", {} bytes of garbage skipped", media.garbage_bytes));
    }
    if media.gaps > 0 {
        notes.push_str(&format!(", {} gaps", media.gaps));
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
