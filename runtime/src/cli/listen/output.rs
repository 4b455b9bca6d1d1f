//! Lines on standard output, or the live view.

use super::live::Live;
use super::told::{Moment, Told};
use super::{json, plain};
use crate::cli::stdout::Stdout;
use anyhow::{Context, Result};
use std::io::{self, Write};

/// Where what is told goes.
pub(super) enum Output {
    Lines(Lines),
    Live(Box<Live>),
}

/// One line each, for people or as JSON.
pub(super) struct Lines {
    json: bool,
    stdout: Stdout,
}

impl Output {
    pub(super) fn tell(&mut self, moment: &Moment, told: &Told<'_>, labels: &[String]) -> Result<()> {
        match self {
            Output::Lines(lines) => lines.tell(moment, told, labels),
            Output::Live(live) => {
                live.tell(moment, told, labels);
                Ok(())
            }
        }
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        match self {
            Output::Lines(lines) => lines.flush(),
            Output::Live(_) => Ok(()),
        }
    }

    /// Nobody listens any more.
    pub(super) const fn is_closed(&self) -> bool {
        matches!(self, Output::Lines(lines) if lines.stdout.is_closed())
    }
}

impl Lines {
    pub(super) fn new(json: bool) -> Self {
        Self { json, stdout: Stdout::new() }
    }

    pub(super) fn tell(&mut self, moment: &Moment, told: &Told<'_>, labels: &[String]) -> Result<()> {
        let written = match self.json {
            true => writeln!(self.stdout, "{}", json::line(moment, told, labels)),
            false => writeln!(self.stdout, "{}", plain::line(moment, told, labels)),
        };
        check(written)
    }

    pub(super) fn write(&mut self, line: &str) -> Result<()> {
        let written = writeln!(self.stdout, "{line}");
        check(written)
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
