//! The command line of `tempest-train`.

mod choices;
mod codec;
mod corpus;
mod device;
mod encode;
mod eval;
mod fit;
mod fit_args;
mod join;
mod lock;
mod material;
mod method;
mod planned;
mod report;
mod sizes;
mod sweep;

use crate::data::PrepareError;
use anyhow::{Context, Result};
use clap::{CommandFactory, Parser, Subcommand};
use std::io::{ErrorKind, Write};
use std::process::ExitCode;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

/// Exit code of a run that was interrupted and can be resumed, as shells number SIGINT.
const INTERRUPTED: u8 = 130;

#[derive(Debug, Parser)]
#[command(name = "tempest-train", version, about = "Trains a classifier of compressed media, without decoding it")]
#[command(after_help = "Examples:
  tempest-train fit --data fsdd --format fsdd --out runs/fsdd
  tempest-train fit --data clips --format folder --preset nano --epochs 60 --out runs/mine
  tempest-train eval runs/fsdd/model.safetensors --data fsdd --format fsdd
  tempest-train fit --data mnist --format mnist --out runs/mnist
  tempest-train encode --data fsdd --format fsdd --split test --out fsdd-test-mp3

Recordings (wav, flac, ogg) become MP3 with LAME: build with `--features lame`. Opus and JPEG need nothing.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a model; run the same command again to resume an interrupted run
    Fit(Box<fit::FitArgs>),
    /// Accuracy and confusion matrix of a checkpoint
    Eval(eval::EvalArgs),
    /// Train a list of configurations, folds and seeds, and write one table
    Sweep(sweep::SweepArgs),
    /// Train one model over several formats: an encoder for each, one classifier for all
    Join(join::JoinArgs),
    /// Write runs as one HTML page: curves, confusion matrix, classes, most confused clips
    Report(report::ReportArgs),
    /// Write the files a split is evaluated on, one folder per label
    Encode(encode::EncodeArgs),
    /// Print shell completions
    Completions {
        /// bash, zsh, fish, elvish or powershell
        shell: clap_complete::Shell,
    },
}

/// Parses the command line and runs it. Exit codes: 0 done, 2 an error, 130 interrupted with the work so far saved.
#[must_use]
pub fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) if matches!(error.downcast_ref(), Some(PrepareError::Interrupted)) => {
            eprintln!("tempest-train: {error}");
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => {
            eprintln!("tempest-train: {}", one_line(&error));
            ExitCode::from(2)
        }
    }
}

/// The chain of causes, without those that the message before already tells.
fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain().map(ToString::to_string).filter(|cause| !cause.is_empty()) {
        if !line.contains(&cause) {
            let between = if line.is_empty() { "" } else { ": " };
            line = format!("{line}{between}{cause}");
        }
    }
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Writes to standard output; a reader that went away ends the process quietly.
fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        other => other.context("cannot write to standard output"),
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Fit(args) => fit::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Sweep(args) => sweep::run(&args),
        Command::Join(args) => join::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Encode(args) => encode::run(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "tempest-train", &mut script);
            print(&String::from_utf8_lossy(&script))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// A flag that the first Ctrl-C sets; the second ends the process. Whoever asks for it polls it, and saves.
fn stop_flag() -> &'static AtomicBool {
    static STOP: AtomicBool = AtomicBool::new(false);
    static HANDLER: Once = Once::new();
    HANDLER.call_once(|| {
        let handler = || {
            if STOP.swap(true, Ordering::Relaxed) {
                std::process::exit(i32::from(INTERRUPTED));
            }
            eprintln!("\ninterrupted: stopping at the next step (Ctrl-C again to leave at once)");
        };
        // Without a handler Ctrl-C still ends the run; only the steps since the epoch's start are lost.
        if let Err(error) = ctrlc::set_handler(handler) {
            eprintln!("tempest-train: Ctrl-C will not save: {error}");
        }
    });
    &STOP
}
