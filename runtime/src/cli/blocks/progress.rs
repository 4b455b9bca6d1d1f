//! How far a long file has come, on a terminal.

use crate::inputs::Source;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

/// Work that needs no bar.
const PATIENCE: Duration = Duration::from_secs(2);

/// A bar that appears once a file takes long.
pub(super) struct Progress {
    started: Instant,
    /// Length of the file; `None` of a pipe.
    length: Option<u64>,
    done: u64,
    bar: Option<ProgressBar>,
    is_wanted: bool,
}

impl Progress {
    /// Where rows go to the terminal all the time they are the progress: `sparse` says that they do not.
    pub(super) fn new(source: &Source, sparse: bool) -> Self {
        let length = match source {
            Source::File(path) => path.metadata().ok().filter(|file| file.is_file()).map(|file| file.len()),
            Source::Stdin => None,
        };
        let is_wanted = io::stderr().is_terminal() && (sparse || !io::stdout().is_terminal());
        Self { started: Instant::now(), length, done: 0, bar: None, is_wanted }
    }

    pub(super) fn add(&mut self, bytes: usize) {
        self.done += bytes as u64;
        if self.is_wanted && self.bar.is_none() && self.started.elapsed() > PATIENCE {
            self.bar = Some(bar(self.length).with_elapsed(self.started.elapsed()));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.done);
        }
    }

    /// Writes something else to the terminal, if there is something.
    pub(super) fn suspend_if<T>(&self, pending: bool, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) if pending => bar.suspend(write),
            _ => write(),
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(length: Option<u64>) -> ProgressBar {
    let (bar, template) = match length {
        Some(length) => (ProgressBar::new(length), "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} ETA {eta}"),
        None => (ProgressBar::new_spinner(), "{spinner} {bytes} {bytes_per_sec} {elapsed}"),
    };
    bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
}
