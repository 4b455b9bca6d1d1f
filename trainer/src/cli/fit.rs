//! `tempest-train fit`.

use super::device::device;
pub(super) use super::fit_args::FitArgs;
use super::material::{Material, single};
use crate::bytes_read;
use crate::data::CodecOptions;
use crate::data::encode::TAIL_SAMPLES;
use crate::eval::{Evaluation, answers};
use crate::fit::{Fitted, Medium, Task, fit, state_path};
use crate::outcome::{Costs, Outcome};
use crate::predictions::{self, PREDICTIONS};
use crate::state::Tensors;
use anyhow::{Context, Result, bail};
use candle_core::Device;
use serde_json::Value;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;
use tempest_models::{Checkpoint, Model};

/// The checkpoint's name in the folder of a run.
pub(super) const CHECKPOINT: &str = "model.safetensors";

/// How a training ended.
pub(super) enum Ended {
    /// The run is whole.
    Finished(Box<Outcome>),
    /// Its state is saved.
    Interrupted,
}

pub(super) fn run(args: &FitArgs) -> Result<ExitCode> {
    let Ended::Finished(outcome) = train(args)? else { return Ok(ExitCode::from(super::INTERRUPTED)) };
    let (path, test) = (args.out.join(CHECKPOINT), &outcome.test);
    let mut result = serde_json::to_value(&outcome)?;
    result["checkpoint"] = serde_json::json!(path);
    let table = match test.clips {
        0 if !args.labelled() => "no labels: a checkpoint to start from with --init\n".into(),
        0 => "no test clips\n".into(),
        _ => test.table(),
    };
    super::print(&match args.json {
        true => format!("{result}\n"),
        false => format!("{table}\n{} trained in {:.0} s\n", path.display(), outcome.seconds),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Whether the folder holds a run that is whole: nothing would be resumed.
pub(super) fn is_finished(out: &Path) -> bool {
    out.join(CHECKPOINT).exists() && !state_path(out).exists()
}

/// Whether anything was trained in the folder and kept.
pub(super) fn is_begun(out: &Path) -> bool {
    out.join(CHECKPOINT).exists() || state_path(out).exists()
}

/// Checks the options, and that they fit the data set; trains nothing.
pub(super) fn check(args: &FitArgs) -> Result<()> {
    args.check()?;
    args.contract(&args.dataset()?, &args.codec_options())?;
    Ok(())
}

/// Trains, or goes on with a run that was interrupted.
pub(super) fn train(args: &FitArgs) -> Result<Ended> {
    args.check()?;
    if is_finished(&args.out) {
        bail!("{} is a finished run; choose another --out, or delete it", args.out.join(CHECKPOINT).display());
    }
    let (init, taught) = (args.method.init()?, args.method.teacher_checkpoint()?);
    let dataset = args.dataset()?;
    let _lock = super::lock::lock(&args.out)?;
    let material = Material::encode(args, dataset)?.read()?;
    let (options, device) = (args.options(), device()?);
    if let Some(init) = &init {
        args.method.announce(init, &material.contract, &material.config, options.lambda.is_some())?;
    }
    let teacher = taught.map(|taught| args.method.teacher(&taught, &material, &device)).transpose()?;
    let media = [material.medium(teacher.as_ref())];
    let task = Task { media: &media, options: &options, init: init.as_ref() };
    let fitted = fit(&task, &device, &args.out, super::stop_flag())?;
    if fitted.interrupted {
        eprintln!("stopped at step {}; the same command goes on from there", fitted.steps);
        return Ok(Ended::Interrupted);
    }
    let outcome = finish(&material, &task, &task.media[0], &fitted, &fitted.models[0], &device)?;
    forget_state(&args.out)?;
    Ok(Ended::Finished(Box::new(outcome)))
}

/// Evaluates the model of a medium on its test split, writes the checkpoint and what is told of the run.
pub(super) fn finish(
    material: &Material,
    task: &Task,
    medium: &Medium,
    fitted: &Fitted,
    tensors: &Tensors,
    device: &Device,
) -> Result<Outcome> {
    let Material { args, contract, corpus, codec, test, .. } = material;
    let (contract, tensors) = (contract.clone(), tensors.clone());
    let mut checkpoint = Checkpoint { contract, config: *medium.config, training: Value::Null, tensors };
    let (model, contract) = (Model::load(&checkpoint, device)?, medium.contract);
    let clips = single(test, contract)?;
    let answers = answers(&model, contract, clips.iter().map(|(rows, truth)| (rows, truth)), device)?;
    let evaluation = Evaluation::of(contract, &answers);
    let mut training = serde_json::json!({
        "trainer": concat!("tempest-train ", env!("CARGO_PKG_VERSION")),
        "data": { "name": material.dataset.name, "format": args.data.format, "test_fold": args.data.test_fold(None),
                  "validation_share": args.data.validation(None) },
        "clips": { "train": corpus.train.len(), "validation": corpus.validation.len(), "test": clips.len() },
        "codec": codec,
        "variants": args.variants,
        "augment": args.augment(),
        "tail_samples": matches!(codec, CodecOptions::Mp3(_)).then_some(TAIL_SAMPLES),
        "options": task.options,
        "steps": fitted.steps,
        "test": (!clips.is_empty()).then_some(&evaluation),
    });
    task.record(medium, fitted, &mut training);
    checkpoint.training = training;
    let streams = test.clips.iter().flat_map(|clip| clip.streams.first().map(Vec::as_slice));
    let outcome = Outcome {
        seconds: fitted.seconds,
        steps: fitted.steps,
        costs: Costs::of(&checkpoint, bytes_read::mean(streams, contract))?,
        test: evaluation,
    };
    let ids = test.clips.iter().map(|clip| clip.id.as_str());
    predictions::write(&args.out.join(PREDICTIONS), &contract.labels, ids, &answers)?;
    outcome.write(&args.out)?;
    checkpoint.write(&args.out.join(CHECKPOINT))?;
    Ok(outcome)
}

/// A finished run has nothing to resume; running it again trains the same model afresh.
pub(super) fn forget_state(out: &Path) -> Result<()> {
    match std::fs::remove_file(state_path(out)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).context("cannot remove the saved state"),
        _ => Ok(()),
    }
}
