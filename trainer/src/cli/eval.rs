//! `tempest-train eval`.

use super::codec::{RateArgs, recorded};
use super::corpus::{DataArgs, rows};
use super::device::device;
use crate::data::{Augment, Split};
use crate::eval::{Evaluation, answers};
use crate::predictions;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use tempest_contract::Answers;
use tempest_models::{Checkpoint, Model};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tempest-train eval runs/fsdd/model.safetensors --data fsdd --format fsdd
  tempest-train eval model.safetensors --data clips --format folder --bitrate 24 --reservoir --json")]
pub(super) struct EvalArgs {
    /// The checkpoint
    #[arg(value_name = "MODEL.safetensors")]
    checkpoint: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// Which split
    #[arg(long, value_enum, default_value = "test")]
    split: SplitArg,
    #[command(flatten)]
    rates: RateArgs,
    /// Write what is answered clip by clip: a line of JSON each
    #[arg(long, value_name = "FILE.jsonl")]
    predictions: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum SplitArg {
    Train,
    Validation,
    Test,
}

impl SplitArg {
    /// As on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            SplitArg::Train => "train",
            SplitArg::Validation => "validation",
            SplitArg::Test => "test",
        }
    }
}

impl From<SplitArg> for Split {
    fn from(split: SplitArg) -> Self {
        match split {
            SplitArg::Train => Split::Train,
            SplitArg::Validation => Split::Validation,
            SplitArg::Test => Split::Test,
        }
    }
}

pub(super) fn run(args: &EvalArgs) -> Result<ExitCode> {
    let name = || args.checkpoint.display().to_string();
    let checkpoint = Checkpoint::open(&args.checkpoint).with_context(name)?;
    let contract = &checkpoint.contract;
    let mut dataset = args.data.open(Some(&checkpoint.training))?;
    if let Err(label) = dataset.relabel(&contract.labels) {
        let known = contract.labels.join(", ");
        bail!("{}: the data set's label '{label}' is not among the model's [{known}]", name());
    }
    if contract.answers == Answers::OneOf && dataset.answers == Answers::AnyOf {
        bail!("{}: the model answers with one label, and clips of the data set have several, or none", name());
    }
    let mut codec = recorded(&checkpoint.training, &contract.codec).with_context(name)?;
    args.rates.apply(&mut codec)?;
    let mut prepared = args.data.streams(&dataset, args.split.into(), &codec, 1, Augment::NONE, 0)?;
    args.data.leave_out_short(&mut prepared, contract)?;
    let clips = rows(&prepared.clips, contract)?;
    let device = device()?;
    let model = Model::load(&checkpoint, &device)?;
    let clips = clips.iter().filter_map(|(variants, truth)| Some((variants.first()?, truth)));
    let answers = answers(&model, contract, clips, &device)?;
    let evaluation = Evaluation::of(contract, &answers);
    if let Some(path) = &args.predictions {
        let ids = prepared.clips.iter().map(|clip| clip.id.as_str());
        predictions::write(path, &contract.labels, ids, &answers)?;
    }
    if args.json {
        let accuracy = evaluation.accuracy();
        let split = args.split.name();
        let result = serde_json::json!({ "checkpoint": args.checkpoint, "accuracy": accuracy, split: evaluation });
        super::print(&format!("{result}\n"))?;
    } else {
        super::print(&evaluation.table())?;
    }
    Ok(ExitCode::SUCCESS)
}
