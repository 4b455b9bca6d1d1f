//! The command line of `tempest-train`.

mod corpus;
mod encode;
mod eval;
mod fit;
mod fit_args;

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// Exit code of a run that was interrupted and can be resumed, as shells number SIGINT.
const INTERRUPTED: u8 = 130;

#[derive(Debug, Parser)]
#[command(name = "tempest-train", version, about = "Trains a classifier of compressed media, without decoding it")]
#[command(after_help = "Examples:
  tempest-train fit --data fsdd --format fsdd --out runs/fsdd
  tempest-train fit --data clips --format folder --preset nano --epochs 60 --out runs/mine
  tempest-train eval runs/fsdd/model.safetensors --data fsdd --format fsdd
  tempest-train encode --data fsdd --format fsdd --split test --out fsdd-test-mp3

Recordings (wav, flac, ogg) are encoded with LAME: build with `--features lame`.")]
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
    /// Write the MP3 files a split is evaluated on, one folder per label
    Encode(encode::EncodeArgs),
    /// Print shell completions
    Completions {
        /// bash, zsh, fish, elvish or powershell
        shell: clap_complete::Shell,
    },
}

/// Parses the command line and runs it. Exit codes: 0 done, 2 an error, 130 interrupted with the state saved.
#[must_use]
pub fn main() -> ExitCode {
    // Batches are sharded over threads; products inside a shard stay on one, which keeps the sums in one order.
    // candle reads this once, before its first product. No other thread runs yet.
    #[allow(unsafe_code, reason = "set_var is unsafe once threads run; this is the first statement of the process")]
    unsafe {
        std::env::set_var("RAYON_NUM_THREADS", "1");
    }
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("tempest-train: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Fit(args) => fit::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Encode(args) => encode::run(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "tempest-train", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// A flag that the first Ctrl-C sets; the second ends the process.
fn stop_flag() -> Arc<AtomicBool> {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    let flag = FLAG.get_or_init(|| {
        let flag = Arc::new(AtomicBool::new(false));
        let set = Arc::clone(&flag);
        let handler = move || {
            if set.swap(true, Ordering::Relaxed) {
                std::process::exit(i32::from(INTERRUPTED));
            }
            eprintln!("\ninterrupted: saving (Ctrl-C again to leave at once)");
        };
        // Without a handler Ctrl-C still ends the run; only the last steps since the epoch's start are lost.
        if let Err(error) = ctrlc::set_handler(handler) {
            eprintln!("tempest-train: Ctrl-C will not save: {error}");
        }
        flag
    });
    Arc::clone(flag)
}
