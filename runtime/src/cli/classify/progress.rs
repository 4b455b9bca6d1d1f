//! How far a long run has come, on a terminal.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal};

/// A bar where the answers go elsewhere: on a terminal they are the progress.
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// `requests` is `None` where nobody knows how many will come; `silent` says that nothing goes to standard output.
    pub(super) fn new(requests: Option<usize>, silent: bool) -> Self {
        if !io::stderr().is_terminal() || (io::stdout().is_terminal() && !silent) {
            return Progress { bar: ProgressBar::hidden() };
        }
        let (bar, template) = match requests {
            Some(count) => (ProgressBar::new(count as u64), "{bar:30} {pos}/{len} files {per_sec} ETA {eta}"),
            None => (ProgressBar::new_spinner(), "{spinner} {pos} files {per_sec} {elapsed}"),
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        Progress { bar: bar.with_style(style) }
    }

    pub(super) fn add(&self) {
        self.bar.inc(1);
    }

    /// Writes something else to the terminal.
    pub(super) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
