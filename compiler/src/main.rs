//! `tempest-compile`: a checkpoint in, a verified bundle out.
#![forbid(unsafe_code)]

mod args;
mod dump;

use args::{Args, Command};
use clap::{CommandFactory, Parser};
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use tempest_compiler::passes::Silent;
use tempest_compiler::{CompileError, Options, Report, compile};

/// The graphs were made and are not the checkpoint's.
const VERIFICATION_FAILED: u8 = 1;

/// Anything else that kept a bundle from being written.
const ERROR: u8 = 2;

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(Command::Completions { shell }) = args.command {
        clap_complete::generate(shell, &mut Args::command(), "tempest-compile", &mut std::io::stdout());
        return ExitCode::SUCCESS;
    }
    if let Some(Command::Inspect { file }) = &args.command {
        return match inspect(file) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.report(),
        };
    }
    match run(&args).and_then(|report| print(&report, args.json)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(args: &Args) -> Result<Report, Failure> {
    let options = Options {
        target: args.target.clone(),
        output: args.output.clone(),
        precision: args.precision,
        buckets: args.buckets.clone(),
        calibrate: args.calibrate.clone(),
        without: args.without.clone(),
        stop_after: args.stop_after,
        force: args.force,
        labelled: args.labelled.clone(),
        costs: args.report,
        observer: match &args.dump_after {
            Some(pass) => Box::new(dump::Dump::of(pass)?),
            None => Box::new(Silent),
        },
    };
    let checkpoint = args.checkpoint.as_deref().unwrap_or_else(|| std::path::Path::new("model.safetensors"));
    Ok(compile(checkpoint, &options)?)
}

/// Prints any ONNX file as text.
fn inspect(file: &Path) -> Result<(), Failure> {
    let failed = |cause: String| Failure::Inspect(format!("{}: {cause}", file.display()));
    let bytes = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
    write_out(&tempest_compiler::inspect::inspect(&bytes).map_err(failed)?)
}

fn print(report: &Report, json: bool) -> Result<(), Failure> {
    if json {
        let text = serde_json::to_string_pretty(report).map_err(|error| Failure::Print(error.into()))?;
        return write_out(&(text + "\n"));
    }
    write_out(&report.to_string())
}

fn write_out(text: &str) -> Result<(), Failure> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        // The reader has seen enough; what was to be done is done.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(Failure::Print),
    }
}

/// What ends the program with an error line.
enum Failure {
    Compile(CompileError),
    Inspect(String),
    Print(std::io::Error),
}

impl From<CompileError> for Failure {
    fn from(error: CompileError) -> Self {
        Failure::Compile(error)
    }
}

impl Failure {
    /// One line: what, where, and what to do where there is something.
    fn report(&self) -> ExitCode {
        let (text, hint, code) = match self {
            Failure::Compile(error) => {
                let code = if error.is_verification() { VERIFICATION_FAILED } else { ERROR };
                (error.to_string(), error.hint(), code)
            }
            Failure::Inspect(text) => (text.clone(), None, ERROR),
            Failure::Print(error) => (format!("standard output: {error}"), None, ERROR),
        };
        let name = if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
            "\x1b[1;31mtempest-compile:\x1b[0m"
        } else {
            "tempest-compile:"
        };
        let text = hint.map_or(text.clone(), |hint| format!("{text}; {hint}"));
        // Causes from libraries may span lines; ours do not.
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = writeln!(std::io::stderr().lock(), "{name} {text}");
        ExitCode::from(code)
    }
}
