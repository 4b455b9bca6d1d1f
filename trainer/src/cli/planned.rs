//! Files of runs: the options of `fit` in TOML.

use super::fit::FitArgs;
use crate::sweep::{Plan, Planned};
use anyhow::{Context, Result, anyhow, bail};
use clap::Parser;
use std::path::Path;

/// Largest file that is read.
const MAX_BYTES: u64 = 1 << 20;

/// The options of `fit`, as its own command line reads them.
#[derive(Debug, Parser)]
#[command(name = "fit", disable_help_flag = true)]
struct Fit {
    #[command(flatten)]
    args: FitArgs,
}

/// Reads the runs of a file.
pub(super) fn read(path: &Path) -> Result<Plan> {
    let name = || path.display().to_string();
    Plan::parse(&text(path).with_context(name)?).with_context(name)
}

fn text(path: &Path) -> Result<String> {
    let found = std::fs::metadata(path)?;
    if !found.is_file() || found.len() > MAX_BYTES {
        bail!("not a file of at most {MAX_BYTES} bytes");
    }
    Ok(std::fs::read_to_string(path)?)
}

/// The options of a run whose folder is its own below `out`.
pub(super) fn options(out: &Path, planned: &Planned) -> Result<FitArgs> {
    let folder = out.join(&planned.name);
    let line = ["fit".into(), "--out".into(), folder.into_os_string()];
    let line = line.into_iter().chain(planned.arguments.iter().map(Into::into));
    Fit::try_parse_from(line).map(|fit| fit.args).map_err(|error| anyhow!("{}", complaint(&error)))
}

/// What clap says, without the usage of a command that nobody typed.
fn complaint(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let said = text.split("\n\nUsage:").next().and_then(|text| text.split("\n\nFor more").next()).unwrap_or_default();
    let parts =
        said.trim_start_matches("error: ").split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>());
    parts.map(|words| words.join(" ")).collect::<Vec<_>>().join("; ")
}
