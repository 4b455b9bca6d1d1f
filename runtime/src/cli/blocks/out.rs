//! Standard output: a table and a summary for people, or JSON lines.

use super::json;
use super::summary;
use super::table::Table;
use crate::cli::stdout::Stdout;
use crate::survey::{Item, Survey};
use anyhow::{Context, Result};
use std::io::{self, Write};

/// Items before the first block that are held back.
const HELD_MAX: usize = 1000;

/// Writes what is found, and failures to stderr (and, as JSON, to stdout too).
pub(super) struct Out {
    stdout: Stdout,
    style: Style,
    file: String,
    /// What comes before the first block: shown with it, so that of a file without any only the error is.
    held: Vec<Item<'static>>,
    has_begun: bool,
}

enum Style {
    Json,
    Table(Table),
}

impl Out {
    pub(super) fn new(json: bool, all: bool) -> Self {
        let style = if json { Style::Json } else { Style::Table(Table::new(all)) };
        Self { stdout: Stdout::new(), style, file: String::new(), held: Vec::new(), has_begun: false }
    }

    /// Few lines come while a file is read.
    pub(super) const fn is_sparse(&self) -> bool {
        matches!(&self.style, Style::Table(table) if !table.shows_all())
    }

    /// The reader went away (`| head`): what is written from then on is lost.
    pub(super) const fn is_closed(&self) -> bool {
        self.stdout.is_closed()
    }

    pub(super) fn begin(&mut self, file: &str, survey: &Survey) {
        file.clone_into(&mut self.file);
        self.held.clear();
        self.has_begun = false;
        if let Style::Table(table) = &mut self.style {
            table.begin(file, survey);
        }
    }

    pub(super) fn item(&mut self, item: &Item<'_>) -> Result<()> {
        self.has_begun |= matches!(item, Item::Block(..)) || self.held.len() == HELD_MAX;
        if !self.has_begun {
            self.held.push(item.without_content());
            return Ok(());
        }
        for held in std::mem::take(&mut self.held) {
            self.write(&held)?;
        }
        self.write(item)
    }

    /// Something waits to be flushed.
    pub(super) fn is_pending(&self) -> bool {
        self.stdout.is_pending()
    }

    fn write(&mut self, item: &Item<'_>) -> Result<()> {
        let written = match &mut self.style {
            Style::Json => writeln!(self.stdout, "{}", json::item(&self.file, item)),
            Style::Table(table) => table.item(item, &mut self.stdout),
        };
        check(written)
    }

    pub(super) fn summary(&mut self, survey: &Survey) -> Result<()> {
        let written = match &mut self.style {
            Style::Json => writeln!(self.stdout, "{}", json::summary(&self.file, survey)),
            Style::Table(table) => table.end(&mut self.stdout).and_then(|()| summary::write(survey, &mut self.stdout)),
        };
        check(written)?;
        self.flush()
    }

    pub(super) fn failure(&mut self, file: &str, error: &str) -> Result<()> {
        let written = match &mut self.style {
            Style::Json => writeln!(self.stdout, "{}", json::failure(file, error)),
            Style::Table(table) => table.end(&mut self.stdout),
        };
        check(written)?;
        self.flush()?;
        eprintln!("tempest: {file}: {error}");
        Ok(())
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        let flushed = self.stdout.flush();
        check(flushed)
    }
}

/// Says where a write failed.
fn check(written: io::Result<()>) -> Result<()> {
    written.context("cannot write to standard output")
}
