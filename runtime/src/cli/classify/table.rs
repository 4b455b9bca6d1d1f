//! Answers as CSV.

use super::request::Name;
use super::work::Outcome;
use crate::cli::file::NewFile;
use anyhow::{Context, Result};
use csv::Writer;
use std::path::Path;

/// A row for each file, failed ones too: file, label, probability, seconds, blocks, windows, error; then, if asked for,
/// the probability of each label in a column `p_LABEL`.
pub(super) struct Table {
    csv: Writer<NewFile>,
    name: String,
    labels: Vec<String>,
    all: bool,
}

impl Table {
    pub(super) fn create(path: &Path, labels: &[String], all: bool) -> Result<Self> {
        let file = NewFile::create(path)?;
        let name = file.cannot();
        let mut table = Table { csv: Writer::from_writer(file), name, labels: labels.into(), all };
        let mut header: Vec<String> = COLUMNS.map(Into::into).into();
        if all {
            header.extend(labels.iter().map(|label| format!("p_{label}")));
        }
        table.row(header)?;
        Ok(table)
    }

    pub(super) fn add(&mut self, name: &Name, outcome: &Outcome) -> Result<()> {
        let mut row = vec![name.file.clone()];
        match outcome {
            Ok(classified) => {
                let media = &classified.media;
                let (label, probability) = classified.answer.ranked().first().copied().unwrap_or_default();
                row.push(self.labels.get(label).cloned().unwrap_or_default());
                row.push(probability.to_string());
                row.push(format!("{:.3}", media.seconds));
                row.extend([media.blocks.to_string(), classified.answer.windows.to_string(), String::new()]);
                if self.all {
                    row.extend(classified.answer.probabilities.iter().map(ToString::to_string));
                }
            }
            Err(failure) => {
                row.resize(COLUMNS.len() - 1, String::new());
                row.push(failure.to_string());
                row.resize(COLUMNS.len() + if self.all { self.labels.len() } else { 0 }, String::new());
            }
        }
        self.row(row)
    }

    pub(super) fn finish(self) -> Result<()> {
        let Table { csv, name, .. } = self;
        csv.into_inner().map_err(csv::IntoInnerError::into_error).context(name)?.finish()
    }

    fn row(&mut self, row: Vec<String>) -> Result<()> {
        self.csv.write_record(row).with_context(|| self.name.clone())
    }
}

const COLUMNS: [&str; 7] = ["file", "label", "probability", "seconds", "blocks", "windows", "error"];
