//! `tempest-train report`.

use crate::file;
use crate::report::{RunFiles, page};
use anyhow::{Context, Result};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tempest-train report runs/fsdd
  tempest-train report runs/esc10/*/ -o esc10.html")]
pub(super) struct ReportArgs {
    /// Folders of runs, finished or not
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// The page to write
    #[arg(long, short, value_name = "FILE.html", default_value = "report.html")]
    out: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ReportArgs) -> Result<ExitCode> {
    let open = |folder: &PathBuf| RunFiles::open(folder).with_context(|| folder.display().to_string());
    let runs: Vec<RunFiles> = args.runs.iter().map(open).collect::<Result<_>>()?;
    file::replace(&args.out, page(&runs).as_bytes())?;
    let result = serde_json::json!({ "out": args.out, "runs": args.runs });
    super::print(&if args.json { format!("{result}\n") } else { format!("{}\n", args.out.display()) })?;
    Ok(ExitCode::SUCCESS)
}
