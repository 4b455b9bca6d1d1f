//! The command line of `tempest`.

mod bench;
mod blocks;
mod calibrate;
mod classify;
mod doctor;
mod file;
mod inspect;
mod listen;
mod model;
mod stdout;

use anyhow::Context;
use clap::{CommandFactory, Parser, Subcommand};
use std::io::Write;
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(
    name = "tempest",
    version,
    about = "Classifies compressed media from its compressed bytes; no sample is ever computed"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what MP3, Ogg Opus and JPEG files are
    Classify(classify::ClassifyArgs),
    /// Hear a stream and say when its labels start and end
    Listen(listen::ListenArgs),
    /// Find thresholds for `listen` in labelled streams
    Calibrate(calibrate::CalibrateArgs),
    /// Show the blocks that media files are cut into
    Blocks(blocks::BlocksArgs),
    /// Time every stage, engines side by side
    Bench(bench::BenchArgs),
    /// Say what a bundle, a checkpoint or a graph holds
    Inspect(inspect::InspectArgs),
    /// Say which engines and cards can be used here, and what is missing
    Doctor(doctor::DoctorArgs),
    /// Print shell completions
    Completions {
        /// bash, zsh, fish, elvish or powershell
        shell: clap_complete::Shell,
    },
}

/// Parses the command line and runs it. Exit codes: 0 all done, 1 some file could not be read, 2 nothing could
/// be done.
#[must_use]
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Classify(args) => or_report(classify::run(&args)),
        Command::Listen(args) => or_report(listen::run(&args)),
        Command::Calibrate(args) => or_report(calibrate::run(&args)),
        Command::Blocks(args) => or_report(blocks::run(&args)),
        Command::Bench(args) => or_report(bench::run(&args)),
        Command::Inspect(args) => or_report(inspect::run(&args)),
        Command::Doctor(args) => or_report(doctor::run(&args)),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "tempest", &mut script);
            match std::io::stdout().write_all(&script) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("tempest: cannot write to standard output: {error}");
                    ExitCode::from(2)
                }
            }
        }
    }
}

fn or_report(done: anyhow::Result<ExitCode>) -> ExitCode {
    done.unwrap_or_else(|error| {
        eprintln!("tempest: {error:#}");
        ExitCode::from(2)
    })
}

/// Writes a page; a reader that went away (`| head`) ends the process quietly, as it would `cat`.
fn say(page: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    match out.write_all(page.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        written => written.context("cannot write to standard output"),
    }
}
