use thiserror::Error;

/// Largest label file that is read.
pub const MAX_LABELS_BYTES: u64 = 16 << 20;

/// Where a label is to be heard.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Seconds of the stream.
    pub start: f64,
    /// Seconds; at least `start`.
    pub end: f64,
    /// The label.
    pub label: String,
}

/// A line that is none of a label file.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line}: {reason}; a label is `START END LABEL` with tabs or commas between, times in seconds")]
pub struct LabelsError {
    /// Counted from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// The labels in the text of a CSV file (`start,end,label`, with or without a heading) or of an Audacity label track
/// (the same with tabs; its lines of frequencies, which begin with a backslash, are passed over), in the order of the
/// file. An empty text has none.
///
/// # Errors
/// [`LabelsError`] names the first line that is no label.
pub fn spans(text: &str) -> Result<Vec<Span>, LabelsError> {
    let text = text.trim_start_matches('\u{feff}');
    let delimiter = if text.lines().next().is_some_and(|line| line.contains('\t')) { b'\t' } else { b',' };
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(false).flexible(true).delimiter(delimiter).trim(csv::Trim::All).quoting(delimiter == b',');
    let mut spans = Vec::new();
    for (index, record) in reader.from_reader(text.as_bytes()).into_records().enumerate() {
        let record = record.map_err(|error| LabelsError { line: index as u64 + 1, reason: error.to_string() })?;
        let is_heading = index == 0 && record.get(0) == Some("start");
        let is_blank = record.iter().all(str::is_empty);
        if !is_heading && !is_blank && !record.get(0).is_some_and(|field| field.starts_with('\\')) {
            let line = || line_of(text, record.position().map_or(0, csv::Position::byte));
            spans.push(span(&record).map_err(|reason| LabelsError { line: line(), reason })?);
        }
    }
    Ok(spans)
}

/// The line of a record that the reader began to look for at this byte: it passes over empty lines.
fn line_of(text: &str, byte: u64) -> u64 {
    let (before, from) = text.split_at_checked(byte as usize).unwrap_or((text, ""));
    let passed = &from[..from.len() - from.trim_start_matches(['\r', '\n']).len()];
    1 + before.chars().chain(passed.chars()).filter(|char| *char == '\n').count() as u64
}

fn span(record: &csv::StringRecord) -> Result<Span, String> {
    let seconds = |index: usize, name: &str| {
        let text = record.get(index).ok_or_else(|| format!("no {name}"))?;
        let seconds = text.parse().ok().filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0);
        seconds.ok_or_else(|| format!("the {name} '{text}' is no time"))
    };
    let (start, end) = (seconds(0, "start")?, seconds(1, "end")?);
    if end < start {
        return Err(format!("it ends at {end}, before it starts at {start}"));
    }
    match record.get(2).filter(|label| !label.is_empty()) {
        Some(label) => Ok(Span { start, end, label: label.to_owned() }),
        None => Err("no label".into()),
    }
}
