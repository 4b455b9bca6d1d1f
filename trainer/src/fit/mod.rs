//! The loop: epochs over batches, checkpoints, exact resume.

mod average;
mod best;
mod corpus;
mod init;
mod log;
mod media;
mod options;
mod reader;
mod run;
mod schedule;
mod validation;

pub use best::Score;
pub use corpus::Corpus;
pub(crate) use corpus::sha256;
pub use init::{Init, Taken};
pub use log::LOG;
pub use media::Medium;
pub use options::FitOptions;
pub use schedule::Schedule;

use crate::batch::Targets;
use crate::mask::Mask;
use crate::optim::AdamW;
use crate::state::{self, Tensors};
use crate::step::{StepOptions, purpose};
use crate::tensorboard::Events;
use anyhow::{Context, Result, bail};
use average::Average;
use candle_core::Device;
use log::{Log, Mean, progress_bar};
use rand::Rng;
use reader::Reader;
use run::Run;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// What is to be trained, on what, and how.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The formats it learns, with their clips: one as a rule. The models of several share a classifier.
    pub media: &'a [Medium<'a>],
    /// How.
    pub options: &'a FitOptions,
    /// Weights to start from, in place of random ones.
    pub init: Option<&'a Init>,
}

/// What a run ended with.
#[derive(Debug)]
pub struct Fitted {
    /// The model of each medium: every tensor, the decoder's too, on the CPU.
    pub models: Vec<Tensors>,
    /// Steps done.
    pub steps: usize,
    /// The epoch whose weights these are, from 1, and its score; `None` without patience: those of the last.
    pub best: Option<(usize, Score)>,
    /// Seconds spent training, over all sittings.
    pub seconds: f64,
    /// Whether the run was interrupted before its last step; its state is saved.
    pub interrupted: bool,
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
    let options = task.options;
    let variables = task.variables(device)?;
    let average = options.ema.map(|decay| Average::new(&variables.trained, decay)).transpose()?;
    let mut optimiser = AdamW::new(&variables.trained, options.weight_decay)?;
    let identity = task.identity();
    let saved = state::restore(&state_path(out), &mut optimiser, &identity)?;
    let readers = (0..task.media.len()).map(|medium| Reader::new(task, medium, &variables, average.as_ref()));
    let mut run = Run {
        task,
        out,
        device,
        identity,
        readers: readers.collect::<Result<_>>()?,
        variables,
        log: Log::open(out.join(LOG), optimiser.step)?,
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
        self.check_media()?;
        if self.options.patience.is_some() && self.media.iter().all(|medium| medium.corpus.validation.is_empty()) {
            bail!("--patience watches validation clips, and there are none: give --validation SHARE");
        }
        if self.media.iter().any(|medium| medium.teacher.is_some()) && !self.options.labelled() {
            bail!("a teacher answers with labels, and training without labels has none to learn");
        }
        if self.options.mask > 0.0 && self.options.lambda.is_none() {
            bail!("--mask hides what the decoder is to predict, and --no-recon leaves the decoder out");
        }
        Ok(())
    }

    fn steps_per_epoch(&self) -> usize {
        self.batches_per_epoch().div_ceil(self.options.accumulate)
    }

    /// `fixed` is what was measured of the medium, by its model's names.
    fn step_options(&self, medium: &Medium, fixed: &Tensors) -> Result<StepOptions> {
        let (options, contract) = (self.options, medium.contract);
        let mask = (options.mask > 0.0).then(|| Mask::new(options.mask, contract, fixed)).transpose()?;
        Ok(StepOptions {
            seed: options.seed,
            shards: options.shards,
            dropout: options.dropout,
            precision: options.precision,
            cutmix: options.cutmix,
            block_drop: options.block_drop,
            mask,
            tutor: medium.teacher.map(|teacher| teacher.tutor.clone()),
            lambda: options.lambda,
            recon_padding: options.recon_padding,
            targets: Targets { labels: contract.labels.len(), answers: contract.answers, smoothing: options.smoothing },
        })
    }

    /// What makes a run this run: it resumes only where all of it is the same.
    fn identity(&self) -> Value {
        let mut identity = json!({ "fit": self.options });
        match self.media {
            [only] => self.identify(only, &mut identity),
            several => {
                for medium in several {
                    self.identify(medium, &mut identity[medium.name()]);
                }
            }
        }
        if let Some(init) = self.init {
            identity["init_sha256"] = json!(init.sha256);
        }
        identity
    }

    fn identify(&self, medium: &Medium, identity: &mut Value) {
        identity["config"] = json!(medium.config);
        identity["contract"] = json!(medium.contract);
        identity["training_rows_sha256"] = json!(medium.corpus.fingerprint());
        if self.options.patience.is_some() {
            identity["validation_rows_sha256"] = json!(medium.corpus.validation_fingerprint());
        }
        if let Some(teacher) = medium.teacher {
            identity["teacher"] = json!({ "sha256": teacher.sha256, "distil": teacher.tutor.distil });
        }
    }

    /// Adds to the training record of a medium what only some runs have: the weights started from, the teacher, the epoch
    /// kept, the formats that were learnt with it.
    pub fn record(&self, medium: &Medium, fitted: &Fitted, training: &mut Value) {
        if self.media.len() > 1 {
            training["learnt_with"] = json!(self.media.iter().map(Medium::name).collect::<Vec<_>>());
        }
        if let Some(init) = self.init {
            training["init"] = json!({ "sha256": init.sha256 });
        }
        if let Some(teacher) = medium.teacher {
            training["teacher"] = json!({ "sha256": teacher.sha256, "distil": teacher.tutor.distil });
        }
        if let Some((epoch, score)) = fitted.best {
            training["best"] = json!({ "epoch": epoch, "validation": score });
        }
    }
}
