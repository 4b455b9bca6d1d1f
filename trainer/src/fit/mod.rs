//! The loop: epochs over batches, checkpoints, exact resume.

mod average;
mod best;
mod corpus;
mod init;
mod log;
mod options;
mod run;
mod schedule;
mod validation;

pub use best::Score;
pub use corpus::Corpus;
pub(crate) use corpus::sha256;
pub use init::{Init, Taken};
pub use options::FitOptions;
pub use schedule::Schedule;

use crate::batch::Targets;
use crate::mask::Mask;
use crate::optim::AdamW;
use crate::state::{self, Tensors};
use crate::step::{StepOptions, Workers, purpose};
use crate::teacher::Teacher;
use crate::tensorboard::Events;
use anyhow::{Context, Result, bail};
use average::Average;
use candle_core::{Device, Tensor, Var};
use log::{Log, Mean, log_path, progress_bar};
use rand::Rng;
use run::Run;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use tempest_contract::Contract;
use tempest_models::{Model, ModelConfig, initialise, slots};

/// What is to be trained, on what, and how.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The clips.
    pub corpus: &'a Corpus,
    /// What the model promises.
    pub contract: &'a Contract,
    /// Its sizes.
    pub config: &'a ModelConfig,
    /// How.
    pub options: &'a FitOptions,
    /// Weights to start from, in place of random ones.
    pub init: Option<&'a Init>,
    /// A model whose answers are learnt too.
    pub teacher: Option<&'a Teacher>,
}

/// What a run ended with.
#[derive(Debug)]
pub struct Fitted {
    /// Every tensor, the decoder's too, on the CPU.
    pub tensors: BTreeMap<String, Tensor>,
    /// Steps done.
    pub steps: usize,
    /// The epoch whose weights these are, from 1, and its score; `None` without patience: those of the last.
    pub best: Option<(usize, Score)>,
    /// Seconds spent training, over all sittings.
    pub seconds: f64,
    /// Whether the run was interrupted before its last step; its state is saved.
    pub interrupted: bool,
}

impl Fitted {
    /// The tensors on a device.
    ///
    /// # Errors
    /// Only candle's own (out of memory on a device).
    pub fn on(&self, device: &Device) -> candle_core::Result<BTreeMap<String, Tensor>> {
        self.tensors.iter().map(|(name, tensor)| Ok((name.clone(), tensor.to_device(device)?))).collect()
    }
}

/// Where a run keeps its state below its folder.
#[must_use]
pub fn state_path(out: &Path) -> PathBuf {
    out.join("state.safetensors")
}

/// Trains a model, or goes on with the run saved in `out`. Stops early, with its state saved, once `stop` is set.
///
/// # Errors
/// Options or sizes that make no run, a saved run with other options, a loss that is not finite, a folder that cannot be
/// written. What was saved before is kept.
pub fn fit(task: &Task, device: &Device, out: &Path, stop: &AtomicBool) -> Result<Fitted> {
    task.check()?;
    std::fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    let Task { contract, config, options, .. } = task;
    let (vars, fixed) = task.variables(device)?;
    let build = |vars: &BTreeMap<String, Var>| {
        let vars = vars.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone()));
        Model::new(contract, config, &vars.chain(fixed.clone()).collect())
    };
    let average = options.ema.map(|decay| Average::new(&vars, decay)).transpose()?;
    let average = average.map(|average| build(&average.vars).map(|model| (average, model))).transpose()?;
    let mut optimiser = AdamW::new(&vars, options.weight_decay)?;
    let identity = task.identity();
    let saved = state::restore(&state_path(out), &mut optimiser, &identity)?;
    let model = build(&vars)?;
    let mut run = Run {
        task,
        out,
        device,
        identity,
        workers: Workers::start(&model, &vars, task.step_options(&fixed)?)?,
        model,
        vars,
        fixed,
        log: Log::open(log_path(out), optimiser.step)?,
        events: options.tensorboard.then(|| Events::create(out, optimiser.step)).transpose()?,
        optimiser,
        average,
        best: None,
        mean: Mean::default(),
        bar: progress_bar(options.epochs * task.steps_per_epoch()),
        started: Instant::now(),
        seconds_before: 0.0,
    };
    saved.map_or(Ok(()), |saved| run.restore(&saved))?;
    seed_card(device, options.seed, run.optimiser.step)?;
    let interrupted = run.epochs(stop)?;
    run.bar.finish_and_clear();
    run.end(interrupted)
}

/// Seeds the generator of a card, which draws its dropout; on the CPU everything is drawn by generators of our own.
fn seed_card(device: &Device, seed: u64, step: usize) -> Result<()> {
    match device.is_cpu() {
        true => Ok(()),
        false => Ok(device.set_seed(crate::batch::generator(seed, purpose::DROPOUT, step as u64).next_u64())?),
    }
}

impl Task<'_> {
    fn check(&self) -> Result<()> {
        self.options.check()?;
        if self.corpus.train.is_empty() {
            bail!("no training clips");
        }
        if self.options.patience.is_some() && self.corpus.validation.is_empty() {
            bail!("--patience watches validation clips, and there are none: give --validation SHARE");
        }
        if self.teacher.is_some() && !self.options.labelled() {
            bail!("a teacher answers with labels, and training without labels has none to learn");
        }
        if self.options.mask > 0.0 && self.options.lambda.is_none() {
            bail!("--mask hides what the decoder is to predict, and --no-recon leaves the decoder out");
        }
        Ok(())
    }

    fn steps_per_epoch(&self) -> usize {
        self.corpus.train.len().div_ceil(self.options.batch).div_ceil(self.options.accumulate)
    }

    fn step_options(&self, fixed: &Tensors) -> Result<StepOptions> {
        let options = self.options;
        let mask = (options.mask > 0.0).then(|| Mask::new(options.mask, self.contract, fixed)).transpose()?;
        Ok(StepOptions {
            seed: options.seed,
            shards: options.shards,
            dropout: options.dropout,
            precision: options.precision,
            cutmix: options.cutmix,
            block_drop: options.block_drop,
            mask,
            tutor: self.teacher.map(|teacher| teacher.tutor.clone()),
            lambda: options.lambda,
            recon_padding: options.recon_padding,
            targets: Targets {
                labels: self.contract.labels.len(),
                answers: self.contract.answers,
                smoothing: options.smoothing,
            },
        })
    }

    /// What makes a run this run: it resumes only where all of it is the same.
    fn identity(&self) -> Value {
        let mut identity = json!({
            "fit": self.options, "config": self.config, "contract": self.contract,
            "training_rows_sha256": self.corpus.fingerprint(),
        });
        if self.options.patience.is_some() {
            identity["validation_rows_sha256"] = json!(self.corpus.validation_fingerprint());
        }
        if let Some(init) = self.init {
            identity["init_sha256"] = json!(init.sha256);
        }
        if let Some(teacher) = self.teacher {
            identity["teacher"] = json!({ "sha256": teacher.sha256, "distil": teacher.tutor.distil });
        }
        identity
    }

    /// Adds to a training record what only some runs have: the weights started from, the teacher, the epoch kept.
    pub fn record(&self, fitted: &Fitted, training: &mut Value) {
        if let Some(init) = self.init {
            training["init"] = json!({ "sha256": init.sha256 });
        }
        if let Some(teacher) = self.teacher {
            training["teacher"] = json!({ "sha256": teacher.sha256, "distil": teacher.tutor.distil });
        }
        if let Some((epoch, score)) = fitted.best {
            training["best"] = json!({ "epoch": epoch, "validation": score });
        }
    }

    /// Trained variables and measured constants, with their first values.
    fn variables(&self, device: &Device) -> Result<(BTreeMap<String, Var>, Tensors)> {
        let decoder = self.options.lambda.is_some();
        let mut slots = slots(self.contract, self.config)?;
        slots.retain(|_, slot| decoder || !slot.decoder);
        let seed = crate::batch::generator(self.options.seed, purpose::INIT, 0).next_u64();
        let mut tensors = initialise(&slots, seed, device)?;
        crate::measure::numbers(self.corpus, self.contract, &mut tensors, device)?;
        // The scales too: weights fit the scales they were learnt on, not those of other clips.
        if let Some(init) = self.init {
            for (name, tensor) in init.take(self.contract, self.config, decoder)?.tensors {
                tensors.insert(name, tensor.to_device(device)?);
            }
        }
        let (mut vars, mut fixed) = (BTreeMap::new(), BTreeMap::new());
        for (name, tensor) in tensors {
            match slots[&name].trained {
                true => drop(vars.insert(name, Var::from_tensor(&tensor)?)),
                false => drop(fixed.insert(name, tensor)),
            }
        }
        Ok((vars, fixed))
    }
}
