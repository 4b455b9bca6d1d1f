//! `tempest calibrate`.

mod plot;
mod print;
mod streams;

use super::file::{NewFile, replace};
use super::listen::hearing::{HearingArgs, above_0, seconds};
use crate::calibrate::{LabelSweep, Limits, Recording, hours, sweep};
use crate::detect::Settings;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tempest_engine::{Bundle, MANIFEST_FILE, MAX_MANIFEST_BYTES, Threshold, Thresholds};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tempest calibrate -m mine.tempest day.mp3 street.mp3
  tempest calibrate -m mine.tempest --labels-file marks.txt --false-alarms 0.1 day.mp3
  tempest calibrate --dry-run --plot tradeoff.svg --json day.mp3

A label file has a line for each sound: its start and end in seconds and its label, with commas (CSV) or tabs (an \
Audacity label track) between. An empty one says that the whole stream is background. The thresholds go into bundle.json, \
with the settings they were found with; `tempest listen` then uses both.

Exit code: 0 thresholds were found and written, 1 of some label none keeps to --false-alarms (the best is written all the \
same), 2 nothing could be done.")]
pub(super) struct CalibrateArgs {
    /// Streams with label files beside them
    #[arg(required = true, value_name = "STREAM")]
    streams: Vec<PathBuf>,
    /// Label file, one for each stream in their order [default: STREAM.csv, or the stream's name with .csv or .txt]
    #[arg(long, value_name = "FILE")]
    labels_file: Vec<PathBuf>,
    /// False alarms of a label in an hour, at most
    #[arg(long, value_name = "PER_HOUR", default_value = "0.5", value_parser = rate)]
    false_alarms: f64,
    #[command(flatten)]
    hearing: HearingArgs,
    /// Write no thresholds into the bundle
    #[arg(long)]
    dry_run: bool,
    /// Draw false alarms against misses into an SVG file
    #[arg(long, value_name = "SVG")]
    plot: Option<PathBuf>,
    /// One JSON object a line: each label, then a summary
    #[arg(long)]
    json: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    above_0(text).map_err(|_| "must be a number above 0".into())
}

/// What was found.
struct Found {
    labels: Vec<String>,
    sweeps: Vec<LabelSweep>,
    hours: f64,
    limits: Limits,
    thresholds: Thresholds,
}

pub(super) fn run(args: &CalibrateArgs) -> Result<ExitCode> {
    if args.hearing.path().is_none() && !args.dry_run {
        bail!(
            "the built-in model cannot be changed; copy models/zoo/wakewords/bundle and name the copy with -m, or take --dry-run"
        );
    }
    let plot = args.plot.as_deref().map(NewFile::create).transpose()?;
    let paired = streams::paired(&args.streams, &args.labels_file)?;
    let mut hearing = args.hearing.resolve()?;
    // Scores alone: no label is followed while a stream is heard.
    hearing.settings.thresholds.fill(None);
    let mut listener = hearing.listener(&args.hearing.engine)?;
    let recordings = streams::recordings(&paired, &mut listener, &hearing.settings)?;
    let labels = hearing.bundle.contract().labels.clone();
    let found = found(&recordings, labels, &hearing.settings, seconds(&listener), args.false_alarms);
    print::report(&found, args.json)?;
    if let Some(file) = plot {
        plot::write(file, &found)?;
    }
    if let Some(dir) = args.hearing.path().filter(|_| !args.dry_run) {
        write(dir, &hearing.bundle, &found.thresholds)?;
        eprintln!("tempest: thresholds written to {}", dir.join(MANIFEST_FILE).display());
    }
    Ok(if found.is_met() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn found(recordings: &[Recording], labels: Vec<String>, settings: &Settings, times: (f64, f64), limit: f64) -> Found {
    let (limits, (window, hop)) = (Limits { false_alarms_per_hour: limit }, times);
    let sweeps = sweep(recordings, &labels, settings, hop, &limits);
    let of = |sweep: &LabelSweep| (labels[sweep.label].clone(), sweep.choice().threshold);
    // The usual ones need not be said.
    let chosen = sweeps.iter().filter(|sweep| !sweep.is_usual()).map(of).collect::<BTreeMap<String, Threshold>>();
    let Settings { smoothing, minimum, refractory, .. } = *settings;
    let thresholds = Thresholds { window, hop, smoothing, minimum, refractory, labels: chosen };
    Found { sweeps, hours: hours(recordings), limits, thresholds, labels }
}

/// Writes the thresholds into `bundle.json`, and nothing else: the graphs and their hashes stay.
fn write(dir: &Path, bundle: &Bundle, thresholds: &Thresholds) -> Result<()> {
    let mut manifest = bundle.manifest().clone();
    manifest.thresholds = Some(thresholds.clone());
    let cannot = || format!("cannot write thresholds into {}", dir.display());
    manifest.check().with_context(cannot)?;
    let text = manifest.to_json_pretty().with_context(cannot)?;
    if text.len() as u64 > MAX_MANIFEST_BYTES {
        bail!("{}: {} thresholds make {MANIFEST_FILE} larger than is read", cannot(), thresholds.labels.len());
    }
    replace(&dir.join(MANIFEST_FILE), text.as_bytes())
}
