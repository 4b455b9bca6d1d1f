use crate::eval::Evaluation;
use crate::fit::LOG;
use crate::outcome::{Costs, Outcome, RESULT};
use crate::predictions::{PREDICTIONS, Prediction};
use serde_json::Value;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use tempest_contract::Contract;
use tempest_models::METADATA_KEY;
use thiserror::Error;

/// Largest file that is read; a log of a million epochs is no larger.
const MAX_BYTES: u64 = 256 << 20;

/// The checkpoint's name in the folder of a run.
const CHECKPOINT: &str = "model.safetensors";

/// Largest header of a safetensors file, as the format's own library has it.
const MAX_HEADER: u64 = 100_000_000;

/// What the folder of a run holds, finished or not.
#[derive(Clone, Debug, Default)]
pub struct RunFiles {
    /// The folder, as it was given.
    pub name: String,
    /// Lines of the log, one an epoch, by ascending epoch.
    pub epochs: Vec<Value>,
    /// Where neither checkpoint nor state tells: none.
    pub contract: Option<Contract>,
    /// Sizes of the model, as JSON; null where unknown.
    pub config: Value,
    /// Options of the training, as JSON; null where unknown.
    pub options: Value,
    /// The training record of the checkpoint; null while there is none.
    pub record: Value,
    /// Whether there is a checkpoint.
    pub finished: bool,
    /// `result.json`.
    pub outcome: Option<Outcome>,
    /// Those of the outcome, else what follows from contract and sizes.
    pub costs: Option<Costs>,
    /// Answers on the test split, counted: where there is no `result.json`, the record's.
    pub test: Option<Evaluation>,
    /// Answers on the test split, one by one.
    pub predictions: Vec<Prediction>,
}

/// Why a folder cannot be reported.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// There is no log and no checkpoint.
    #[error("no run of tempest-train: no log.jsonl and no model.safetensors; give the --out of a `fit`")]
    NoRun,
    /// Reading failed.
    #[error("cannot read {file}: {source}")]
    Io {
        /// The file in the folder.
        file: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Larger than any such file.
    #[error("{file} has {bytes} bytes, more than the {MAX_BYTES} that are read")]
    TooLarge {
        /// The file in the folder.
        file: &'static str,
        /// Its size.
        bytes: u64,
    },
    /// Not what tempest-train writes.
    #[error("{file}: {reason}; tempest-train did not write it so")]
    Damaged {
        /// The file in the folder.
        file: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl RunFiles {
    /// Reads the folder of a run.
    ///
    /// # Errors
    /// [`RunError`] names the file; a line of the log that is cut short is left out.
    pub fn open(folder: &Path) -> Result<Self, RunError> {
        let log = read(folder, LOG)?;
        let checkpoint = metadata(folder, CHECKPOINT, METADATA_KEY)?;
        if log.is_none() && checkpoint.is_none() {
            return Err(RunError::NoRun);
        }
        let state = metadata(folder, "state.safetensors", "tempest-run")?;
        let mut run = Self { name: named(folder), finished: checkpoint.is_some(), ..Self::default() };
        run.epochs = epochs(&log.unwrap_or_default());
        match (checkpoint, state) {
            (Some(checkpoint), _) => run.describe(&checkpoint, &checkpoint["training"]["options"]),
            (None, Some(state)) => run.describe(&state["options"], &state["options"]["fit"]),
            (None, None) => {}
        }
        run.read_results(folder)?;
        run.costs = run.outcome.as_ref().map(|outcome| outcome.costs).or_else(|| run.planned_costs());
        Ok(run)
    }

    fn describe(&mut self, about: &Value, options: &Value) {
        let contract = serde_json::from_value(about["contract"].clone()).ok();
        self.contract = contract.filter(|contract: &Contract| contract.check().is_ok());
        (self.config, self.options) = (about["config"].clone(), options.clone());
        self.record = about["training"].clone();
    }

    /// What contract and sizes say, where both are known and make a model.
    fn planned_costs(&self) -> Option<Costs> {
        Costs::of_sizes(self.contract.as_ref()?, &serde_json::from_value(self.config.clone()).ok()?).ok()
    }

    /// Of a checkpoint alone: what is told beside a run that goes on is of the run before.
    fn read_results(&mut self, folder: &Path) -> Result<(), RunError> {
        if !self.finished {
            return Ok(());
        }
        if let Some(bytes) = read(folder, RESULT)? {
            self.outcome = Some(serde_json::from_slice(&bytes).map_err(|error| damaged(RESULT, &error))?);
        }
        let recorded = || serde_json::from_value(self.record["test"].clone()).ok();
        let test: Option<Evaluation> = self.outcome.as_ref().map(|outcome| outcome.test.clone()).or_else(recorded);
        self.test = test.filter(|test| test.clips > 0);
        if self.test.as_ref().is_some_and(|test| !adds_up(test)) {
            let file = if self.outcome.is_some() { RESULT } else { CHECKPOINT };
            return Err(damaged(file, &"the confusion matrix, or the ranking, is not of the labels and clips"));
        }
        let lines = read(folder, PREDICTIONS)?.unwrap_or_default();
        self.predictions = jsonl(&lines).collect::<Result<_, _>>().map_err(|error| damaged(PREDICTIONS, &error))?;
        Ok(())
    }
}

/// Whether the matrix is labels x labels and holds as many clips as are said, so that no sum of its counts overflows; or
/// the ranking, where there is one, is of the labels.
fn adds_up(test: &Evaluation) -> bool {
    let classes = test.labels.len();
    if let Some(ranking) = &test.ranking {
        return ranking.labels.len() == classes && test.confusion.is_empty() && test.correct <= test.clips;
    }
    let square = test.confusion.len() == classes && test.confusion.iter().all(|counts| counts.len() == classes);
    let clips: u128 = test.confusion.iter().flatten().map(|&count| count as u128).sum();
    square && clips == test.clips as u128 && test.correct <= test.clips
}

/// The folder as it was given, without a slash at its end.
fn named(folder: &Path) -> String {
    folder.components().collect::<PathBuf>().display().to_string()
}

/// The lines of a log. Of an epoch that was trained again after a crash the last one counts.
fn epochs(log: &[u8]) -> Vec<Value> {
    let mut epochs: Vec<Value> =
        jsonl::<Value>(log).filter_map(Result::ok).filter(|line| line["epoch"].is_u64()).collect();
    epochs.reverse();
    epochs.sort_by_key(|line| line["epoch"].as_u64());
    epochs.dedup_by_key(|line| line["epoch"].as_u64());
    epochs
}

fn jsonl<'a, T: serde::de::DeserializeOwned>(bytes: &'a [u8]) -> impl Iterator<Item = serde_json::Result<T>> + 'a {
    let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line))
}

/// A regular file of the folder; none where it is not there.
fn open(folder: &Path, file: &'static str) -> Result<Option<(File, u64)>, RunError> {
    let path: PathBuf = folder.join(file);
    let io = |source| RunError::Io { file, source };
    let found = match std::fs::metadata(&path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        other => other.map_err(io)?,
    };
    if !found.is_file() {
        return Err(io(std::io::Error::new(ErrorKind::InvalidInput, "not a file")));
    }
    Ok(Some((File::open(&path).map_err(io)?, found.len())))
}

fn read(folder: &Path, file: &'static str) -> Result<Option<Vec<u8>>, RunError> {
    let Some((opened, bytes)) = open(folder, file)? else { return Ok(None) };
    if bytes > MAX_BYTES {
        return Err(RunError::TooLarge { file, bytes });
    }
    let mut contents = Vec::new();
    // What is appended meanwhile is read another time.
    opened.take(bytes).read_to_end(&mut contents).map_err(|source| RunError::Io { file, source })?;
    Ok(Some(contents))
}

/// The JSON that a safetensors file holds under `key` of its metadata; its tensors are not read.
fn metadata(folder: &Path, file: &'static str, key: &str) -> Result<Option<Value>, RunError> {
    let Some((mut opened, _)) = open(folder, file)? else { return Ok(None) };
    let io = |source| RunError::Io { file, source };
    let mut length = [0; 8];
    opened.read_exact(&mut length).map_err(io)?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER {
        return Err(damaged(file, &"not a safetensors file"));
    }
    let mut header = Vec::new();
    opened.take(length).read_to_end(&mut header).map_err(io)?;
    let header: Value = serde_json::from_slice(&header).map_err(|error| damaged(file, &error))?;
    let json = header["__metadata__"][key].as_str().ok_or_else(|| damaged(file, &format!("no '{key}' metadata")))?;
    serde_json::from_str(json).map(Some).map_err(|error| damaged(file, &error))
}

fn damaged(file: &'static str, reason: &dyn std::fmt::Display) -> RunError {
    RunError::Damaged { file, reason: reason.to_string() }
}
