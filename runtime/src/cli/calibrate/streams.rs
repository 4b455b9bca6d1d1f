//! Labelled streams, heard.

use crate::calibrate::{MAX_LABELS_BYTES, Recording, Span, spans};
use crate::cli::listen::listed;
use crate::detect::{Detector, Hop, Settings};
use crate::listen::{Heard, Listener};
use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, IsTerminal, Read};
use std::path::{Path, PathBuf};
use tempest_contract::rows::GapReason;

/// Bytes read at a time.
const CHUNK_BYTES: usize = 1 << 16;

/// A stream and what is to be heard in it.
pub(super) struct Labelled {
    stream: PathBuf,
    spans: Vec<Span>,
}

/// Every stream with its label file: the one given for it, or the one beside it.
pub(super) fn paired(streams: &[PathBuf], label_files: &[PathBuf]) -> Result<Vec<Labelled>> {
    if !label_files.is_empty() && label_files.len() != streams.len() {
        bail!("--labels-file: {} for {} streams; give one for each, in their order", label_files.len(), streams.len());
    }
    let labelled = |(index, stream): (usize, &PathBuf)| {
        let file = label_files.get(index).cloned().map_or_else(|| beside(stream), Ok)?;
        Ok(Labelled { stream: stream.clone(), spans: read(&file)? })
    };
    streams.iter().enumerate().map(labelled).collect()
}

/// `day.mp3.csv`, `day.csv` or `day.txt` of `day.mp3`.
fn beside(stream: &Path) -> Result<PathBuf> {
    let mut whole = stream.as_os_str().to_owned();
    whole.push(".csv");
    let names = [PathBuf::from(whole), stream.with_extension("csv"), stream.with_extension("txt")];
    let found = names.iter().find(|name| name.is_file() && *name != stream);
    found.cloned().with_context(|| {
        let [first, second, third] = names.each_ref().map(|name| name.display().to_string());
        format!("{}: no label file; make {first}, {second} or {third}, empty if all is background", stream.display())
    })
}

fn read(file: &Path) -> Result<Vec<Span>> {
    let name = || file.display().to_string();
    let mut text = String::new();
    let bytes = File::open(file).with_context(name)?.take(MAX_LABELS_BYTES + 1);
    let count = { bytes }.read_to_string(&mut text).with_context(name)?;
    if count as u64 > MAX_LABELS_BYTES {
        bail!("{}: more than {MAX_LABELS_BYTES} bytes; is it a label file?", name());
    }
    spans(&text).with_context(name)
}

/// Hears every stream once. Labels that the model does not have are background, and said.
pub(super) fn recordings(streams: &[Labelled], listener: &mut Listener, settings: &Settings) -> Result<Vec<Recording>> {
    let labels = &listener.contract().labels;
    let all = streams.iter().flat_map(|labelled| &labelled.spans).map(|span| &span.label);
    for label in all.filter(|label| !labels.contains(label)).collect::<BTreeSet<_>>() {
        eprintln!("tempest: '{label}' is no label of the model, taken as background; it has {}", listed(labels));
    }
    let bar = bar(streams);
    let heard = streams.iter().map(|labelled| {
        let name = || labelled.stream.display().to_string();
        recording(labelled, listener, settings, &bar).with_context(name)
    });
    let recordings = heard.collect();
    bar.finish_and_clear();
    recordings
}

/// Times count from the start of this stream: a listener goes on counting from one to the next.
fn recording(
    labelled: &Labelled,
    listener: &mut Listener,
    settings: &Settings,
    bar: &ProgressBar,
) -> Result<Recording> {
    let mut recording = Recording::new(settings.thresholds.len(), labelled.spans.clone());
    let mut detector = Detector::new(settings)?;
    let origin = listener.position();
    let mut keep = |heard: Heard<'_>| -> Result<()> {
        match heard {
            Heard::Scores(scores) => {
                let hop = Hop { start: scores.start - origin, end: scores.end - origin, block: scores.block };
                detector.push(hop, scores.probabilities, |_| {});
                recording.push(hop, detector.scores())?;
            }
            Heard::Gap { gap, .. } if gap.reason == GapReason::Garbage => {}
            Heard::Gap { .. } | Heard::Foreign { .. } => {
                detector.close(crate::detect::Cause::Torn, |_| {});
                recording.tear();
            }
            Heard::Bitrate { .. } | Heard::CutShort { .. } => {}
        }
        Ok(())
    };
    let mut stream = File::open(&labelled.stream)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => listener.feed(&chunk[..count], &mut keep)?,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        }
        bar.inc(CHUNK_BYTES as u64);
    }
    listener.finish(&mut keep)?;
    if recording.hops() == 0 {
        bail!("no block of {}", listener.contract().media());
    }
    if let Some(span) = recording.beyond() {
        eprintln!(
            "tempest: {}: '{}' at {:.2} s lies behind the end at {:.2} s",
            labelled.stream.display(),
            span.label,
            span.start,
            recording.seconds(),
        );
    }
    Ok(recording)
}

/// Shown on a terminal.
fn bar(streams: &[Labelled]) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let sizes = streams.iter().filter_map(|labelled| fs::metadata(&labelled.stream).ok()).map(|file| file.len());
    let style = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {bytes_per_sec} ETA {eta}");
    ProgressBar::new(sizes.sum()).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
