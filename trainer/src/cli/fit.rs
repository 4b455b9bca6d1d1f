//! `tempest-train fit`.

use super::corpus::{rows, warn_of_imbalance};
use super::device::device;
pub(super) use super::fit_args::FitArgs;
use super::sizes;
use crate::batch::Example;
use crate::bytes_read;
use crate::data::encode::TAIL_SAMPLES;
use crate::data::{Augment, CodecOptions, Dataset, Prepared, Split};
use crate::eval::{Evaluation, answers};
use crate::fit::{Corpus, Fitted, Task, fit, state_path};
use crate::measure;
use crate::outcome::{Costs, Outcome};
use crate::predictions::{self, PREDICTIONS};
use crate::rows::{Rows, block_bytes, mean_kbps};
use crate::truth::Truth;
use anyhow::{Context, Result, bail};
use candle_core::Device;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;
use tempest_contract::{Contract, ViewKind, Window};
use tempest_models::{Checkpoint, Model};

/// The checkpoint's name in the folder of a run.
const CHECKPOINT: &str = "model.safetensors";

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
    warn_of_imbalance(&dataset);
    let _lock = super::lock::lock(&args.out)?;
    let codec = args.codec_options();
    let mut contract = args.contract(&dataset, &codec)?;
    let prepare = |split, variants, augment| args.data.streams(&dataset, split, &codec, variants, augment, args.seed);
    let mut train = prepare(Split::Train, args.variants, args.augment())?;
    let others = |split| match dataset.split(split).next() {
        Some(_) if split != Split::Test || args.labelled() => prepare(split, 1, Augment::NONE),
        _ => Ok(Prepared::default()),
    };
    let (mut validation, mut test) = (others(Split::Validation)?, others(Split::Test)?);
    for prepared in [&mut train, &mut validation, &mut test] {
        args.data.leave_out_short(prepared, &contract)?;
    }
    args.measure(&train, &mut contract)?;
    sizes::check_with(&args.config(), &contract)?;
    let examples = rows(&train.clips, &contract)?.into_iter();
    let corpus = Corpus {
        train: examples.map(|(variants, truth)| Example { variants, truth }).collect(),
        validation: single(&validation, &contract)?,
    };
    args.announce(&contract, &corpus);
    let (config, options) = (args.config(), args.options());
    let device = device()?;
    if let Some(init) = &init {
        args.method.announce(init, &contract, &config, options.lambda.is_some())?;
    }
    let teacher = taught.map(|taught| args.method.teacher(&taught, &contract, &train, &corpus, &device)).transpose()?;
    let (init, teacher) = (init.as_ref(), teacher.as_ref());
    let task = Task { corpus: &corpus, contract: &contract, config: &config, options: &options, init, teacher };
    let fitted = fit(&task, &device, &args.out, super::stop_flag())?;
    if fitted.interrupted {
        eprintln!("stopped at step {}; the same command goes on from there", fitted.steps);
        return Ok(Ended::Interrupted);
    }
    let outcome = args.finish(&dataset, &task, &codec, &fitted, &test, &device)?;
    Ok(Ended::Finished(Box::new(outcome)))
}

/// Rows and true labels of clips that have one variant.
fn single(prepared: &Prepared, contract: &Contract) -> Result<Vec<(Rows, Truth)>> {
    let rows = rows(&prepared.clips, contract)?.into_iter();
    Ok(rows.filter_map(|(mut variants, truth)| Some((variants.pop()?, truth))).collect())
}

impl FitArgs {
    /// The data set, every label of which can be learnt.
    fn dataset(&self) -> Result<Dataset> {
        let mut dataset = self.data.open(None)?;
        self.method.forget_labels(self.data.format, &mut dataset);
        dataset.check()?;
        Ok(dataset)
    }

    /// L from the blocks of the first variants, T from the lengths of all.
    fn measure(&self, train: &Prepared, contract: &mut Contract) -> Result<()> {
        let streams = || train.clips.iter().flat_map(|clip| &clip.streams);
        let sizes: Vec<Vec<usize>> = streams().map(|stream| block_bytes(stream, contract)).collect();
        let first = || sizes.iter().step_by(self.variants as usize).flatten().copied();
        first().next().context("no training clip holds a whole block")?;
        if contract.view.kind == ViewKind::Bytes {
            contract.view.row = self.tokens.unwrap_or_else(|| measure::tokens(first()));
        }
        if contract.codec.rate_varies() {
            let rates: Vec<f64> = streams().filter_map(|stream| mean_kbps(stream, contract)).collect();
            measure::widen(&mut contract.codec, rates);
        }
        contract.window = match self.window {
            Some(blocks) => Window { blocks, hop: (blocks / 2).max(1) },
            None => measure::window(sizes.iter().map(Vec::len)),
        };
        Ok(contract.check()?)
    }

    fn announce(&self, contract: &Contract, corpus: &Corpus) {
        let cut: usize = corpus.train.iter().flat_map(|example| &example.variants).map(|rows| rows.cut_bytes).sum();
        eprintln!(
            "{}: {} classes, {} training clips x {} variants, {} validation clips; {}; row {}, window {} blocks",
            contract.name,
            contract.labels.len(),
            corpus.train.len(),
            self.variants,
            corpus.validation.len(),
            contract.media(),
            contract.view.row,
            contract.window.blocks,
        );
        if cut > 0 {
            eprintln!("{cut} bytes of blocks longer than {} are cut off", contract.view.row);
        }
    }

    /// Evaluates on the test split, writes the checkpoint and what is told of the run.
    fn finish(
        &self,
        dataset: &Dataset,
        task: &Task,
        codec: &CodecOptions,
        fitted: &Fitted,
        test: &Prepared,
        device: &Device,
    ) -> Result<Outcome> {
        let Task { corpus, contract, .. } = *task;
        let model = Model::new(contract, &self.config(), &fitted.on(device)?)?;
        let clips = single(test, contract)?;
        let answers = answers(&model, contract, clips.iter().map(|(rows, truth)| (rows, truth)), device)?;
        let evaluation = Evaluation::of(contract, &answers);
        let mut training = serde_json::json!({
            "trainer": concat!("tempest-train ", env!("CARGO_PKG_VERSION")),
            "data": { "name": dataset.name, "format": self.data.format, "test_fold": self.data.test_fold(None),
                      "validation_share": self.data.validation(None) },
            "clips": { "train": corpus.train.len(), "validation": corpus.validation.len(), "test": clips.len() },
            "codec": codec,
            "variants": self.variants,
            "augment": self.augment(),
            "tail_samples": matches!(codec, CodecOptions::Mp3(_)).then_some(TAIL_SAMPLES),
            "options": self.options(),
            "steps": fitted.steps,
            "test": (!clips.is_empty()).then_some(&evaluation),
        });
        task.record(fitted, &mut training);
        let (contract, tensors) = (contract.clone(), fitted.tensors.clone());
        let checkpoint = Checkpoint { contract, config: self.config(), training, tensors };
        let streams = test.clips.iter().flat_map(|clip| clip.streams.first().map(Vec::as_slice));
        let outcome = Outcome {
            seconds: fitted.seconds,
            steps: fitted.steps,
            costs: Costs::of(&checkpoint, bytes_read::mean(streams, &checkpoint.contract))?,
            test: evaluation,
        };
        let ids = test.clips.iter().map(|clip| clip.id.as_str());
        predictions::write(&self.out.join(PREDICTIONS), &checkpoint.contract.labels, ids, &answers)?;
        outcome.write(&self.out)?;
        checkpoint.write(&self.out.join(CHECKPOINT))?;
        // A finished run has nothing to resume; running it again trains the same model afresh.
        match std::fs::remove_file(state_path(&self.out)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).context("cannot remove the saved state");
            }
            _ => {}
        }
        Ok(outcome)
    }
}
