//! Lines on standard output, or the live view.

use super::live::Live;
use super::told::{Moment, Told};
use super::{json, plain};
use anyhow::{Context, Result};
use std::io::{self, BufWriter, ErrorKind, Stdout, Write};

/// Where what is told goes.
pub(super) enum Output {
    Lines(Lines),
    Live(Box<Live>),
}

/// One line each, for people or as JSON.
pub(super) struct Lines {
    json: bool,
    stdout: BufWriter<Stdout>,
    /// The reader went away (`| head`): what is written from then on is lost.
    closed: bool,
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
        matches!(self, Output::Lines(lines) if lines.closed)
    }
}

impl Lines {
    pub(super) fn new(json: bool) -> Self {
        Self { json, stdout: BufWriter::new(io::stdout()), closed: false }
    }

    pub(super) fn tell(&mut self, moment: &Moment, told: &Told<'_>, labels: &[String]) -> Result<()> {
        let written = match self.json {
            true => writeln!(self.stdout, "{}", json::line(moment, told, labels)),
            false => writeln!(self.stdout, "{}", plain::line(moment, told, labels)),
        };
        self.check(written)
    }

    pub(super) fn write(&mut self, line: &str) -> Result<()> {
        let written = writeln!(self.stdout, "{line}");
        self.check(written)
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        let flushed = self.stdout.flush();
        self.check(flushed)
    }

    fn check(&mut self, written: io::Result<()>) -> Result<()> {
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                self.stdout = BufWriter::new(io::stdout());
                Ok(())
            }
            other => other.context("cannot write to standard output"),
        }
    }
}
