//! `tempest doctor`.

mod cpu;
mod report;
mod selftest;

use super::say;
use anyhow::Result;
use clap::Args;
use report::Report;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tempest doctor
  tempest doctor --require cuda && tempest classify --engine onnxruntime:cuda recordings/
  tempest doctor --json | jq -r '.engines[] | select(.error) | [.engine, .error] | @tsv'

Exit code: 0 all well; 1 an engine that was required is missing, does not start or fails the self-test, or any engine
gives a wrong answer; 2 nothing could be done.")]
pub(super) struct DoctorArgs {
    /// Engine that must be here and pass the self-test; may be given several times
    #[arg(long, value_name = "NAME", value_parser = ["tract", "onnxruntime", "onnxruntime:cuda", "onnxruntime:tensorrt", "cuda", "tensorrt"])]
    require: Vec<String>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &DoctorArgs) -> Result<ExitCode> {
    let report = Report::of(&args.require)?;
    if args.json {
        say(&format!("{}\n", serde_json::to_string(&report)?))?;
    } else {
        say(&report.to_string())?;
    }
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
