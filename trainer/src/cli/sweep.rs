//! `tempest-train sweep`.

use super::fit::{self, Ended, FitArgs};
use super::planned;
use crate::data::PrepareError;
use crate::file;
use crate::outcome::Outcome;
use crate::sweep::{Planned, Table};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

/// What a run was started with, in its folder.
const ARGUMENTS: &str = "arguments.json";

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tempest-train sweep esc10.toml --dry-run
  tempest-train sweep esc10.toml

  # esc10.toml: both views on all five folds; the table has a row for each view
  out = \"runs/esc10\"
  [base]                        # options of `fit` by their long names
  data = \"esc10\"
  format = \"esc\"
  epochs = 60
  [grid]                        # every combination is one run
  view = [\"fields\", \"symbols\"]
  test-fold = [1, 2, 3, 4, 5]
  [[run]]                       # each with every combination; may be left out
  name = \"all\"
  [[run]]
  name = \"clean\"
  without = [\"noise\", \"speed\"]

Seeds and test folds are averaged over. Finished runs are skipped, an interrupted one goes on.")]
pub(super) struct SweepArgs {
    /// The runs
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// List the runs, and train none
    #[arg(long)]
    dry_run: bool,
    /// Print the table, or the list, as JSON
    #[arg(long)]
    json: bool,
}

/// A run that can be started.
struct Ready {
    planned: Planned,
    args: FitArgs,
}

pub(super) fn run(args: &SweepArgs) -> Result<ExitCode> {
    let name = || args.file.display().to_string();
    let plan = planned::read(&args.file)?;
    // All of them before the first is trained: a mistake in the last is found now, not tomorrow.
    let runs: Result<Vec<Ready>> = plan.runs.into_iter().map(|planned| ready(&plan.out, planned)).collect();
    let runs = runs.with_context(name)?;
    if args.dry_run {
        return list(&runs, args.json);
    }
    let _lock = super::lock::lock(&plan.out)?;
    let ended = train_all(&runs)?;
    let table = write_tables(&plan.out, &runs)?;
    super::print(&if args.json { format!("{}\n", serde_json::to_string(&table)?) } else { table.markdown() })?;
    Ok(match ended {
        Swept::Interrupted => ExitCode::from(super::INTERRUPTED),
        Swept::Failed(0) => ExitCode::SUCCESS,
        Swept::Failed(failed) => {
            eprintln!("{failed} of {} runs failed; the same command tries them again", runs.len());
            ExitCode::from(1)
        }
    })
}

/// Reads the options of a run, and checks them and the data set without training.
fn ready(out: &Path, planned: Planned) -> Result<Ready> {
    let name = || format!("run {}", planned.name);
    let args = planned::options(out, &planned).with_context(name)?;
    unchanged(&args.out, &planned).with_context(name)?;
    if !fit::is_finished(&args.out) {
        fit::check(&args).with_context(name)?;
    }
    Ok(Ready { planned, args })
}

/// What was trained in a folder is of the run that is planned, or nothing was.
fn unchanged(folder: &Path, planned: &Planned) -> Result<()> {
    if !fit::is_begun(folder) {
        return Ok(());
    }
    let advice = "delete the folder, or choose another out";
    let path = folder.join(ARGUMENTS);
    let was: Vec<String> = match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| path.display().to_string())?,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("{} is a run of another command; {advice}", folder.display())
        }
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    let only = |these: &[String], those: &[String]| {
        let only: Vec<&str> = these.iter().filter(|one| !those.contains(one)).map(String::as_str).collect();
        if only.is_empty() { "nothing".to_string() } else { only.join(" ") }
    };
    if was != planned.arguments {
        let (before, now) = (only(&was, &planned.arguments), only(&planned.arguments, &was));
        bail!("{} was started with {before}, now {now}; {advice}", folder.display());
    }
    Ok(())
}

fn list(runs: &[Ready], json: bool) -> Result<ExitCode> {
    let mut text = String::new();
    for (index, Ready { planned, args }) in runs.iter().enumerate() {
        let Planned { name, arguments, .. } = planned;
        let state = match (fit::is_finished(&args.out), fit::is_begun(&args.out)) {
            (true, _) => "finished",
            (false, true) => "begun",
            (false, false) => "new",
        };
        text.push_str(&match json {
            true => format!("{}\n", serde_json::json!({ "run": name, "state": state, "arguments": arguments })),
            false => format!("run {} of {}: {name} ({state}): {}\n", index + 1, runs.len(), arguments.join(" ")),
        });
    }
    super::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// How a sweep ended.
enum Swept {
    /// After the last run; so many failed.
    Failed(usize),
    /// By Ctrl-C, with the state of the run saved.
    Interrupted,
}

fn train_all(runs: &[Ready]) -> Result<Swept> {
    let mut failed = 0;
    for (index, run) in runs.iter().enumerate() {
        let title = format!("run {} of {}: {}", index + 1, runs.len(), run.planned.name);
        if fit::is_finished(&run.args.out) {
            eprintln!("{title}: finished before");
            continue;
        }
        eprintln!("{title}");
        let stopped = match train(run) {
            Ok(Ended::Finished(outcome)) => {
                eprintln!("{title}: {}", told(&outcome));
                super::stop_flag().load(Ordering::Relaxed)
            }
            Ok(Ended::Interrupted) => true,
            Err(error) if matches!(error.downcast_ref(), Some(PrepareError::Interrupted)) => true,
            Err(error) => {
                eprintln!("{title}: failed: {}", super::one_line(&error));
                failed += 1;
                false
            }
        };
        if stopped {
            eprintln!("{title}: interrupted; the same command goes on from there");
            return Ok(Swept::Interrupted);
        }
    }
    Ok(Swept::Failed(failed))
}

fn train(run: &Ready) -> Result<Ended> {
    let out = &run.args.out;
    std::fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    file::replace(&out.join(ARGUMENTS), serde_json::to_string(&run.planned.arguments)?.as_bytes())?;
    fit::train(&run.args)
}

fn told(outcome: &Outcome) -> String {
    match outcome.test.clips {
        0 => format!("{:.0} s", outcome.seconds),
        _ => format!("{:.2} % in {:.0} s", 100.0 * outcome.test.accuracy(), outcome.seconds),
    }
}

/// Writes `table.md`, `table.csv` and `table.json` of what is there.
fn write_tables(out: &Path, runs: &[Ready]) -> Result<Table> {
    let mut ended = Vec::new();
    for Ready { planned, args } in runs {
        let outcome = if fit::is_finished(&args.out) { Some(Outcome::read(&args.out)?) } else { None };
        ended.push((planned, outcome));
    }
    let table = Table::of(&ended);
    file::replace(&out.join("table.md"), table.markdown().as_bytes())?;
    file::replace(&out.join("table.csv"), &table.csv()?)?;
    file::replace(&out.join("table.json"), format!("{}\n", serde_json::to_string_pretty(&table)?).as_bytes())?;
    Ok(table)
}
