//! `tempest inspect`.

mod bundle;
mod checkpoint;
mod graph;

use super::say;
use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tempest inspect models/zoo/wakewords/bundle
  tempest inspect models/zoo/wakewords/model.safetensors
  tempest inspect encoder.onnx
  tempest inspect --json bundle/ | jq '.graphs | map_values(.operators)'

Nothing is run. Sizes and hashes of a bundle's graphs are checked against bundle.json.

Exit code: 0 it is sound, 2 it is not, or there is nothing to read.")]
pub(super) struct InspectArgs {
    /// Bundle (a folder), checkpoint (.safetensors) or ONNX graph
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// What was found, as data and as a page for people.
struct Found {
    json: Value,
    page: Page,
}

pub(super) fn run(args: &InspectArgs) -> Result<ExitCode> {
    let path = &args.path;
    let found = if path.is_dir() { bundle::inspect(path) } else { file(path) };
    let Found { json, page } = found.with_context(|| path.display().to_string())?;
    if args.json {
        say(&format!("{json}\n"))?;
    } else {
        say(&page.0)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A file is what its first bytes are: a checkpoint begins with the length of its header and a brace.
fn file(path: &Path) -> Result<Found> {
    // Asked before it is opened: a named pipe would be waited for.
    if !std::fs::metadata(path)?.is_file() {
        bail!("not a regular file");
    }
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let named = path.extension().is_some_and(|extension| extension == "safetensors");
    match checkpoint::header(&mut file, bytes, named)? {
        Some(header) => checkpoint::inspect(&header, bytes),
        None => graph::inspect(path, bytes),
    }
}

/// Lines of a name and a text.
#[derive(Default)]
struct Page(String);

impl Page {
    /// Files may hold anything: control characters never reach a terminal.
    fn line(&mut self, name: &str, text: impl AsRef<str>) {
        let plain =
            |text: &str| -> String { text.chars().map(|char| if char.is_control() { '?' } else { char }).collect() };
        self.0.push_str(format!("{:<11} {}", plain(name), plain(text.as_ref())).trim_end());
        self.0.push('\n');
    }
}

/// `1234567` as `1.2 M`.
fn count(number: u64) -> String {
    match number {
        0..10_000 => number.to_string(),
        10_000..10_000_000 => format!("{:.1} k", number as f64 / 1e3),
        _ => format!("{:.1} M", number as f64 / 1e6),
    }
}
