//! The loop: epochs over batches, checkpoints, exact resume.

use crate::batch::{Example, Pick};
use crate::eval::quick_accuracy;
use crate::optim::{AdamW, clip, learning_rate};
use crate::rows::Rows;
use crate::state::{self, Progress};
use crate::step::{self, StepOptions, epoch_plan, purpose};
use anyhow::{Context, Result, bail};
use candle_core::{Device, Tensor, Var};
use indicatif::{ProgressBar, ProgressStyle};
use rand::Rng;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tempest_contract::Contract;
use tempest_models::{Model, ModelConfig, ReconPadding, initialise, slots};

/// Most epochs, clips of a batch or shards: keeps products of them within a machine word.
const MAX_COUNT: usize = 1 << 20;

/// How to train. Written into the checkpoint; a run resumes only under the same options.
#[derive(Clone, Debug, Serialize)]
pub struct FitOptions {
    /// Passes over the training clips.
    pub epochs: usize,
    /// Clips per step.
    pub batch: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Share of the steps that warm the learning rate up.
    pub warmup: f64,
    /// Decoupled weight decay of matrices.
    pub weight_decay: f64,
    /// Largest L2 norm of all gradients together.
    pub clip: f64,
    /// Dropout probability.
    pub dropout: f32,
    /// Share of the batches that block CutMix mixes.
    pub cutmix: f32,
    /// Label smoothing.
    pub smoothing: f32,
    /// Weight of the class loss beside the reconstruction loss; `None` leaves the decoder out.
    pub lambda: Option<f64>,
    /// Whether padding counts in the reconstruction loss of the view `bytes`.
    #[serde(skip_serializing_if = "is_default")]
    pub recon_padding: ReconPadding,
    /// Seed of weights, order, variants, CutMix and dropout.
    pub seed: u64,
    /// Shards of a batch, one thread each.
    pub shards: usize,
}

/// Whether an option is not written: a record says what differs from how models were always trained.
fn is_default<T: Default + PartialEq>(option: &T) -> bool {
    *option == T::default()
}

/// Clips of one training run, as rows.
#[derive(Debug, Default)]
pub struct Corpus {
    /// Training clips in all variants.
    pub train: Vec<Example>,
    /// Validation clips: (rows, label). May be empty.
    pub validation: Vec<(Rows, usize)>,
}

impl Corpus {
    /// SHA-256 of every training row and label: a run goes on only with the clips it was started with.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for example in &self.train {
            hash.update((example.label as u64).to_le_bytes());
            for rows in &example.variants {
                hash.update((rows.values.len() as u64).to_le_bytes());
                rows.values.iter().for_each(|value| hash.update(value.to_le_bytes()));
            }
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl FitOptions {
    /// Checks every option against its range.
    ///
    /// # Errors
    /// The option and what it may be.
    pub fn check(&self) -> Result<()> {
        let whole = [("epochs", self.epochs), ("batch", self.batch), ("shards", self.shards)];
        if let Some((name, value)) = whole.into_iter().find(|(_, value)| !(1..=MAX_COUNT).contains(value)) {
            bail!("--{name} {value}: must be 1 to {MAX_COUNT}");
        }
        let positive =
            [("learning-rate", self.learning_rate), ("clip", self.clip), ("lambda", self.lambda.unwrap_or(1.0))];
        if let Some((name, value)) = positive.into_iter().find(|(_, value)| !(value.is_finite() && *value > 0.0)) {
            bail!("--{name} {value}: must be a number above 0");
        }
        let shares = [
            ("dropout", f64::from(self.dropout), 0.9),
            ("cutmix", f64::from(self.cutmix), 1.0),
            ("smoothing", f64::from(self.smoothing), 0.9),
            ("warmup", self.warmup, 1.0),
            ("weight-decay", self.weight_decay, 1.0),
        ];
        if let Some((name, value, most)) = shares.into_iter().find(|(_, value, most)| !(0.0..=*most).contains(value)) {
            bail!("--{name} {value}: must be 0 to {most}");
        }
        Ok(())
    }
}

/// What a run ended with.
#[derive(Debug)]
pub struct Fitted {
    /// Every tensor, the decoder's too, on the CPU.
    pub tensors: BTreeMap<String, Tensor>,
    /// Steps done.
    pub steps: usize,
    /// Seconds spent training, over all sittings.
    pub seconds: f64,
    /// Whether the run was interrupted before its last step; its state is saved.
    pub interrupted: bool,
}

/// A run in progress.
struct Run<'a> {
    model: Model,
    vars: BTreeMap<String, Var>,
    optimiser: AdamW,
    corpus: &'a Corpus,
    contract: &'a Contract,
    options: &'a FitOptions,
    log: File,
    bar: ProgressBar,
    started: Instant,
    seconds_before: f64,
}

/// Where a run keeps its state below its folder.
#[must_use]
pub fn state_path(out: &Path) -> PathBuf {
    out.join("state.safetensors")
}

/// Trains a model of `config` on `corpus`, or goes on with the run saved in `out`. Stops early, with its state saved,
/// once `stop` is set.
///
/// # Errors
/// Sizes that make no model, a saved run with other options, a loss that is not finite, a folder that cannot be written.
pub fn fit(
    corpus: &Corpus,
    contract: &Contract,
    config: &ModelConfig,
    options: &FitOptions,
    device: &Device,
    out: &Path,
    stop: &AtomicBool,
) -> Result<Fitted> {
    options.check()?;
    if corpus.train.is_empty() {
        bail!("no training clips");
    }
    std::fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    let (vars, fixed) = variables(corpus, contract, config, options, device)?;
    let mut all: BTreeMap<String, Tensor> =
        vars.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect();
    all.extend(fixed);
    let mut optimiser = AdamW::new(&vars, options.weight_decay)?;
    let identity = serde_json::json!({
        "fit": options, "config": config, "contract": contract, "training_rows_sha256": corpus.fingerprint(),
    });
    let saved = state::restore(&state_path(out), &mut optimiser, &identity)?;
    let log_path = out.join("log.jsonl");
    // A run that starts afresh starts its log afresh.
    let log =
        OpenOptions::new().create(true).append(saved.is_some()).write(true).truncate(saved.is_none()).open(&log_path);
    let steps_per_epoch = corpus.train.len().div_ceil(options.batch);
    let mut run = Run {
        model: Model::new(contract, config, &all)?,
        vars,
        optimiser,
        corpus,
        contract,
        options,
        log: log.with_context(|| format!("cannot write {}", log_path.display()))?,
        bar: progress_bar(options.epochs * steps_per_epoch),
        started: Instant::now(),
        seconds_before: saved.as_ref().map_or(0.0, |progress| progress.seconds),
    };
    let interrupted = run.epochs(steps_per_epoch, stop, |run| {
        let progress = Progress { step: run.optimiser.step, seconds: run.seconds(), options: identity.clone() };
        state::save(&state_path(out), &run.optimiser, &progress)
    })?;
    run.bar.finish_and_clear();
    let tensors: Result<_> =
        all.iter().map(|(name, t)| Ok((name.clone(), t.to_device(&Device::Cpu)?.copy()?))).collect();
    let tensors: BTreeMap<String, Tensor> = tensors?;
    for (name, tensor) in &tensors {
        if !tensor.flatten_all()?.to_vec1::<f32>()?.iter().all(|value| value.is_finite()) {
            bail!("'{name}' is not finite after step {}; lower --learning-rate", run.optimiser.step);
        }
    }
    Ok(Fitted { tensors, steps: run.optimiser.step, seconds: run.seconds(), interrupted })
}

/// Trained variables and measured constants, with their first values.
#[allow(clippy::type_complexity, reason = "two maps of the same kind, used once")]
fn variables(
    corpus: &Corpus,
    contract: &Contract,
    config: &ModelConfig,
    options: &FitOptions,
    device: &Device,
) -> Result<(BTreeMap<String, Var>, BTreeMap<String, Tensor>)> {
    let mut slots = slots(contract, config)?;
    slots.retain(|_, slot| options.lambda.is_some() || !slot.decoder);
    let seed = crate::batch::generator(options.seed, purpose::INIT, 0).next_u64();
    let (mut vars, mut fixed) = (BTreeMap::new(), BTreeMap::new());
    for (name, tensor) in initialise(&slots, seed, device)? {
        if slots[&name].trained {
            vars.insert(name, Var::from_tensor(&tensor)?);
        } else {
            fixed.insert(name, tensor);
        }
    }
    crate::measure::numbers(corpus, contract, &mut fixed, device)?;
    Ok((vars, fixed))
}

impl Run<'_> {
    /// Seconds spent training, over all sittings.
    fn seconds(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }

    /// All epochs from the step the optimiser stands at; returns whether `stop` ended them early.
    fn epochs(
        &mut self,
        steps_per_epoch: usize,
        stop: &AtomicBool,
        save: impl Fn(&Self) -> Result<()>,
    ) -> Result<bool> {
        self.bar.set_position(self.optimiser.step as u64);
        self.bar.reset_eta();
        for epoch in self.optimiser.step / steps_per_epoch..self.options.epochs {
            let plan = epoch_plan(
                &self.corpus.train,
                self.options.batch,
                self.contract.window.blocks,
                self.options.seed,
                epoch,
            );
            let mut mean = Mean::default();
            for picks in plan.iter().skip(self.optimiser.step % steps_per_epoch) {
                mean.add(self.step(picks, self.options.epochs * steps_per_epoch)?);
                if stop.load(Ordering::Relaxed) {
                    save(self)?;
                    return Ok(self.optimiser.step < self.options.epochs * steps_per_epoch);
                }
            }
            self.report(epoch, &mean)?;
            save(self)?;
        }
        Ok(false)
    }

    fn step(&mut self, picks: &[Pick], total: usize) -> Result<[f64; 3]> {
        let options = StepOptions {
            seed: self.options.seed,
            shards: self.options.shards,
            dropout: self.options.dropout,
            cutmix: self.options.cutmix,
            smoothing: self.options.smoothing,
            lambda: self.options.lambda,
            recon_padding: self.options.recon_padding,
            classes: self.contract.labels.len(),
        };
        let number = self.optimiser.step;
        let mut gradients = step::gradients(&self.model, &self.vars, &self.corpus.train, picks, number, &options)?;
        let norm = clip(&mut gradients.by_name, self.options.clip)?;
        if !(norm.is_finite() && gradients.class_loss.is_finite()) {
            bail!(
                "step {number}: the loss is not finite; lower --learning-rate (state.safetensors holds the last whole epoch)"
            );
        }
        let warmup = ((total as f64 * self.options.warmup) as usize).max(1);
        let rate = learning_rate(number, warmup, total, self.options.learning_rate);
        self.optimiser.update(&gradients.by_name, rate)?;
        self.bar.inc(1);
        Ok([gradients.class_loss, gradients.recon_loss, norm])
    }

    /// One line in the log, and on the terminal.
    fn report(&mut self, epoch: usize, mean: &Mean) -> Result<()> {
        let device = self.vars.values().next().map_or(Device::Cpu, |var| var.device().clone());
        let clips: Vec<(&Rows, usize)> = self.corpus.validation.iter().map(|(rows, label)| (rows, *label)).collect();
        let validation = quick_accuracy(&self.model, self.contract, &clips, &device)?;
        let [class, recon, norm] = mean.values();
        let seconds = self.seconds();
        let line = serde_json::json!({
            "epoch": epoch + 1, "step": self.optimiser.step, "class_loss": class, "recon_loss": recon,
            "gradient_norm": norm, "validation_accuracy": validation, "seconds": seconds,
        });
        writeln!(self.log, "{line}").context("cannot write log.jsonl")?;
        let shown =
            if validation.is_nan() { String::new() } else { format!(" validation {:.1} %", 100.0 * validation) };
        let message = format!("L_c {class:.3} L_r {recon:.3}{shown}");
        if self.bar.is_hidden() {
            eprintln!("epoch {}/{} {message} {seconds:.0} s", epoch + 1, self.options.epochs);
        }
        self.bar.set_message(message);
        Ok(())
    }
}

/// Running mean of the losses and the gradient norm.
#[derive(Default)]
struct Mean {
    sum: [f64; 3],
    count: usize,
}

impl Mean {
    fn add(&mut self, values: [f64; 3]) {
        self.sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        self.count += 1;
    }

    fn values(&self) -> [f64; 3] {
        self.sum.map(|sum| sum / self.count.max(1) as f64)
    }
}

fn progress_bar(steps: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(steps as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} step {pos}/{len} {per_sec} ETA {eta} {msg}") {
        bar.set_style(style);
    }
    bar
}
