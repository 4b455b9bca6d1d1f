//! What a run says as it goes: `log.jsonl`, a bar on a terminal, lines elsewhere.

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::PathBuf;

/// The file of one line of JSON an epoch.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// Opens the log of a run that stands at `step`, without what was written after it: the lines of epochs that will be
    /// trained again, and one that a full disk cut off. At step 0 it is empty.
    pub(super) fn open(path: PathBuf, step: usize) -> Result<Self> {
        let failed = || format!("cannot write {}", path.display());
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            other => other.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let mut kept: Vec<&str> = text.lines().take_while(|line| is_within(line, step)).collect();
        kept.push("");
        let temporary = path.with_extension("tmp");
        std::fs::write(&temporary, kept.join("\n")).with_context(failed)?;
        std::fs::rename(&temporary, &path).with_context(failed)?;
        let file = OpenOptions::new().append(true).open(&path).with_context(failed)?;
        Ok(Log { path, file })
    }

    pub(super) fn write(&mut self, line: &Value) -> Result<()> {
        let written = self.file.write_all(format!("{line}\n").as_bytes());
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// Whether a line is whole and was written at or before `step`.
fn is_within(line: &str, step: usize) -> bool {
    let value: Option<Value> = serde_json::from_str(line).ok();
    value.and_then(|value| value["step"].as_u64()).is_some_and(|written| written <= step as u64)
}

/// Running mean of the losses and the gradient norm.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mean {
    pub(super) sum: [f64; 3],
    pub(super) count: usize,
}

impl Mean {
    pub(super) fn add(&mut self, values: [f64; 3]) {
        self.sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        self.count += 1;
    }

    pub(super) fn values(&self) -> [f64; 3] {
        self.sum.map(|sum| sum / self.count.max(1) as f64)
    }
}

/// A bar of `steps`, hidden where standard error is no terminal.
pub(super) fn progress_bar(steps: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(steps as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} step {pos}/{len} {per_sec} ETA {eta} {msg}") {
        bar.set_style(style);
    }
    bar
}

/// The log in the folder of a run.
pub const LOG: &str = "log.jsonl";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_goes_on_from_the_step_of_the_state() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOG);
        let text = "{\"step\":3}\n{\"step\":6}\n{\"step\":9}\n{\"st";
        std::fs::write(&path, text).unwrap();
        let mut log = Log::open(path.clone(), 6).unwrap();
        log.write(&serde_json::json!({ "step": 9 })).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"step\":3}\n{\"step\":6}\n{\"step\":9}\n");
        Log::open(path.clone(), 0).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    }
}
