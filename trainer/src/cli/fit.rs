//! `tempest-train fit`.

use super::corpus::rows;
pub(super) use super::fit_args::FitArgs;
use super::sizes;
use crate::batch::Example;
use crate::data::encode::TAIL_SAMPLES;
use crate::data::{Augment, CodecOptions, Dataset, Prepared, Split};
use crate::eval::evaluate;
use crate::fit::{Corpus, Fitted, fit, state_path};
use crate::measure;
use crate::rows::{Rows, block_bytes};
use anyhow::{Context, Result, bail};
use candle_core::Device;
use std::io::ErrorKind;
use std::process::ExitCode;
use tempest_contract::{Codec, Contract, ViewKind, Window};
use tempest_models::{Checkpoint, Model};

/// The checkpoint's name in the folder of a run.
const CHECKPOINT: &str = "model.safetensors";

pub(super) fn run(args: &FitArgs) -> Result<ExitCode> {
    args.options().check()?;
    sizes::check(&args.config())?;
    let finished = args.out.join(CHECKPOINT);
    if finished.exists() && !state_path(&args.out).exists() {
        bail!("{} is a finished run; choose another --out, or delete it", finished.display());
    }
    let dataset = args.data.open(None)?;
    let _lock = super::lock::lock(&args.out)?;
    let codec = args.codec_options();
    let mut contract = args.contract(&dataset, &codec)?;
    let prepare = |split, variants, augment| args.data.streams(&dataset, split, &codec, variants, augment, args.seed);
    let train = prepare(Split::Train, args.variants, args.augment())?;
    let others = |split| match dataset.split(split).next() {
        Some(_) => prepare(split, 1, Augment::NONE),
        None => Ok(Prepared::default()),
    };
    let (validation, test) = (others(Split::Validation)?, others(Split::Test)?);
    args.measure(&train, &mut contract)?;
    sizes::check_with(&args.config(), &contract)?;
    let examples = rows(&train.clips, &contract)?.into_iter();
    let corpus = Corpus {
        train: examples.map(|(variants, label)| Example { variants, label }).collect(),
        validation: single(&validation, &contract)?,
    };
    args.announce(&contract, &corpus);
    let (config, options) = (args.config(), args.options());
    let device = device()?;
    let fitted = fit(&corpus, &contract, &config, &options, &device, &args.out, super::stop_flag())?;
    if fitted.interrupted {
        eprintln!("stopped at step {}; the same command goes on from there", fitted.steps);
        return Ok(ExitCode::from(super::INTERRUPTED));
    }
    let test = single(&test, &contract)?;
    args.finish(&dataset, contract, &codec, &fitted, &corpus, &test)
}

/// Rows and label of clips that have one variant.
fn single(prepared: &Prepared, contract: &Contract) -> Result<Vec<(Rows, usize)>> {
    let rows = rows(&prepared.clips, contract)?.into_iter();
    Ok(rows.filter_map(|(mut variants, label)| Some((variants.pop()?, label))).collect())
}

impl FitArgs {
    /// L from the blocks of the first variants, T from the lengths of all.
    fn measure(&self, train: &Prepared, contract: &mut Contract) -> Result<()> {
        let streams = || train.clips.iter().flat_map(|clip| &clip.streams);
        let sizes: Vec<Vec<usize>> = streams().map(|stream| block_bytes(stream, contract)).collect();
        let first = || sizes.iter().step_by(self.variants as usize).flatten().copied();
        first().next().context("no training clip holds a whole block")?;
        if contract.view.kind == ViewKind::Bytes {
            contract.view.row = self.tokens.unwrap_or_else(|| measure::tokens(first()));
        }
        if let Codec::OggOpus(opus) = &mut contract.codec {
            measure::widen(opus, sizes.iter().map(|sizes| sizes.as_slice()));
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

    /// Evaluates on the test split and writes the checkpoint.
    fn finish(
        &self,
        dataset: &Dataset,
        contract: Contract,
        codec: &CodecOptions,
        fitted: &Fitted,
        corpus: &Corpus,
        test: &[(Rows, usize)],
    ) -> Result<ExitCode> {
        let model = Model::new(&contract, &self.config(), &fitted.tensors)?;
        let evaluation = evaluate(&model, &contract, test.iter().map(|(rows, label)| (rows, *label)), &Device::Cpu)?;
        let training = serde_json::json!({
            "trainer": concat!("tempest-train ", env!("CARGO_PKG_VERSION")),
            "data": { "name": dataset.name, "format": self.data.format, "test_fold": self.data.test_fold(None),
                      "validation_share": self.data.validation(None) },
            "clips": { "train": corpus.train.len(), "validation": corpus.validation.len(), "test": test.len() },
            "codec": codec,
            "variants": self.variants,
            "augment": self.augment(),
            "tail_samples": matches!(codec, CodecOptions::Mp3(_)).then_some(TAIL_SAMPLES),
            "options": self.options(),
            "steps": fitted.steps,
            "test": (!test.is_empty()).then_some(&evaluation),
        });
        let checkpoint = Checkpoint { contract, config: self.config(), training, tensors: fitted.tensors.clone() };
        let path = self.out.join(CHECKPOINT);
        checkpoint.write(&path)?;
        // A finished run has nothing to resume; running it again trains the same model afresh.
        match std::fs::remove_file(state_path(&self.out)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).context("cannot remove the saved state");
            }
            _ => {}
        }
        let result = serde_json::json!({ "checkpoint": path, "seconds": fitted.seconds, "test": evaluation });
        let table = if test.is_empty() { "no test clips\n".into() } else { evaluation.table() };
        super::print(&match self.json {
            true => format!("{result}\n"),
            false => format!("{table}\n{} trained in {:.0} s\n", path.display(), fitted.seconds),
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The GPU in builds with the feature `cuda`, the CPU otherwise.
fn device() -> Result<Device> {
    if cfg!(feature = "cuda") {
        match Device::new_cuda(0) {
            Ok(device) => return Ok(device),
            Err(error) => bail!("this build trains on CUDA, and no device can be used: {error}"),
        }
    }
    Ok(Device::Cpu)
}
