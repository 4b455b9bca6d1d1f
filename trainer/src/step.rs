//! One training step: forward, loss, backward, over several shards of a batch at once.

use crate::batch::{Batch, Example, Mix, Pick, Targets, generator};
use crate::loss::{Objective, losses};
use crate::mask::Mask;
use crate::teacher::Tutor;
use anyhow::{Context, Result, anyhow};
use candle_core::{Device, Tensor, Var};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, channel};
use tempest_models::{Model, Precision, ReconPadding, Regime};

/// Purposes of the generators of a run; see [`crate::batch::generator`].
pub(crate) mod purpose {
    pub const INIT: u64 = 0;
    pub const PLAN: u64 = 1;
    pub const MIX: u64 = 2;
    pub const DROPOUT: u64 = 3;
    pub const BLOCK_DROP: u64 = 4;
    pub const MASK: u64 = 5;
    pub const ORDER: u64 = 6;
}

/// What a step needs besides the model and the data.
#[derive(Clone, Debug)]
pub struct StepOptions {
    /// Seed of the run.
    pub seed: u64,
    /// Shards a batch is split into; each runs on its own thread. Part of the run's identity: sums differ in the last bit.
    pub shards: usize,
    /// Dropout probability.
    pub dropout: f32,
    /// What products are computed in.
    pub precision: Precision,
    /// Share of the batches that block CutMix mixes.
    pub cutmix: f32,
    /// Probability that a block is left out of its clip.
    pub block_drop: f32,
    /// What hides values of the rows from the encoder.
    pub mask: Option<Mask>,
    /// A larger model whose answers are learnt beside the labels.
    pub tutor: Option<Tutor>,
    /// lambda: weight of the class loss beside L_r; `None` trains without the decoder, 0 without the classifier.
    pub lambda: Option<f64>,
    /// Whether padding counts in L_r of the view `bytes`.
    pub recon_padding: ReconPadding,
    /// What soft labels are made with.
    pub targets: Targets,
}

/// The clips that picks speak of.
#[derive(Clone, Copy, Debug)]
pub struct Clips<'a> {
    /// As the model reads them.
    pub examples: &'a [Example],
    /// As its teacher does, where there is one.
    pub taught: Option<&'a [Example]>,
}

/// Losses and gradients of one step, averaged over the batch.
#[derive(Debug, Default)]
pub struct Gradients {
    /// By name of the variable.
    pub by_name: BTreeMap<String, Tensor>,
    /// Class loss L_c.
    pub class_loss: f64,
    /// Reconstruction loss L_r; 0 without a decoder.
    pub recon_loss: f64,
}

impl Gradients {
    /// Gradients and losses times `factor`.
    pub(crate) fn scale(mut self, factor: f64) -> Result<Self> {
        if factor != 1.0 {
            for gradient in self.by_name.values_mut() {
                *gradient = (&*gradient * factor)?;
            }
        }
        (self.class_loss, self.recon_loss) = (self.class_loss * factor, self.recon_loss * factor);
        Ok(self)
    }

    /// The same under other names of the variables.
    pub(crate) fn renamed(mut self, names: &BTreeMap<String, String>) -> Self {
        let name = |name: String| names.get(&name).cloned().unwrap_or(name);
        self.by_name = self.by_name.into_iter().map(|(variable, gradient)| (name(variable), gradient)).collect();
        self
    }

    pub(crate) fn add(mut self, other: Gradients) -> Result<Self> {
        for (name, gradient) in other.by_name {
            let sum = match self.by_name.remove(&name) {
                Some(sum) => (sum + gradient)?,
                None => gradient,
            };
            self.by_name.insert(name, sum);
        }
        self.class_loss += other.class_loss;
        self.recon_loss += other.recon_loss;
        Ok(self)
    }
}

/// Threads that each compute one shard of every step's batch. They live as long as the run: a thread that ends gives its
/// memory back to the system, and the next one has every page cleared again.
#[derive(Debug)]
pub struct Workers {
    threads: Vec<Worker>,
    options: StepOptions,
}

#[derive(Debug)]
struct Worker {
    jobs: Sender<Job>,
    done: Receiver<Result<Gradients>>,
}

/// One shard of a step.
struct Job {
    batch: Batch,
    /// Share of the step's clips.
    weight: f64,
    /// Numbers the generator of its dropout.
    number: u64,
}

impl Workers {
    /// Starts one thread for each shard, on variables that they share with the caller.
    ///
    /// # Errors
    /// A thread that the system refuses.
    pub fn start(model: &Model, vars: &BTreeMap<String, Var>, options: StepOptions) -> Result<Self> {
        let threads: Result<_> =
            (0..options.shards.max(1)).map(|_| Worker::start(model.clone(), vars.clone(), options.clone())).collect();
        Ok(Workers { threads: threads?, options })
    }

    /// What every step needs.
    pub(crate) fn options(&self) -> &StepOptions {
        &self.options
    }

    /// Gradients of a batch. Reproducible: the shards are summed in order, whatever thread ends first.
    ///
    /// # Errors
    /// What candle refuses, or a shard's thread that died.
    pub fn gradients(&self, clips: &Clips, picks: &[Pick], step: usize) -> Result<Gradients> {
        let mix = mix(picks, step, &self.options);
        let ranges: Vec<Range<usize>> = shards(picks.len(), self.threads.len()).collect();
        for (shard, range) in ranges.iter().enumerate() {
            let weight = range.len() as f64 / picks.len() as f64;
            let number = (step * self.threads.len() + shard) as u64;
            let batch = gather(clips, picks, range.clone(), &mix, number, &self.options);
            self.threads[shard].jobs.send(Job { batch, weight, number }).map_err(|_| died())?;
        }
        // All are received before any error is returned: what a thread still holds would be the next step's.
        let parts: Vec<_> =
            self.threads[..ranges.len()].iter().map(|thread| thread.done.recv().map_err(|_| died())?).collect();
        parts.into_iter().try_fold(Gradients::default(), |sum, part| sum.add(part?))
    }
}

fn died() -> anyhow::Error {
    anyhow!("a training thread panicked")
}

impl Worker {
    fn start(model: Model, vars: BTreeMap<String, Var>, options: StepOptions) -> Result<Self> {
        let ((jobs, inbox), (outbox, done)) = (channel::<Job>(), channel());
        let work = move || {
            for job in inbox {
                let random = generator(options.seed, purpose::DROPOUT, job.number);
                let (random, precision) = (Box::new(RefCell::new(random)), options.precision);
                let regime = Regime::Train { p: options.dropout, random, precision };
                let part = shard_gradients(&model, &vars, &job.batch, &regime, job.weight, &options);
                if outbox.send(part).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("shard".into()).spawn(work).context("cannot start a thread")?;
        Ok(Worker { jobs, done })
    }
}

/// What the clips of a step's batch are made of.
fn mix(picks: &[Pick], step: usize, options: &StepOptions) -> Mix {
    let mut random = generator(options.seed, purpose::MIX, step as u64);
    let mixed = rand::RngExt::random::<f32>(&mut random) < options.cutmix;
    let mut mix = if mixed { Mix::cut(picks, &mut random) } else { Mix::plain(picks) };
    if options.block_drop > 0.0 {
        mix.drop_blocks(options.block_drop, &mut generator(options.seed, purpose::BLOCK_DROP, step as u64));
    }
    mix
}

/// The clips of one shard, with the teacher's rows of them and what the mask leaves.
fn gather(clips: &Clips, picks: &[Pick], range: Range<usize>, mix: &Mix, number: u64, options: &StepOptions) -> Batch {
    let gather = |examples: &[Example]| Batch::gather(examples, picks, range.clone(), mix, options.targets);
    let mut batch = gather(clips.examples);
    batch.taught = clips.taught.map(|examples| gather(examples).rows).unwrap_or_default();
    if let Some(mask) = &options.mask {
        batch.masked = mask.hide(&batch.rows, &mut generator(options.seed, purpose::MASK, number));
    }
    batch
}

/// `count` items in `parts` ranges of nearly equal length, none empty.
fn shards(count: usize, parts: usize) -> impl Iterator<Item = Range<usize>> {
    let parts = parts.clamp(1, count.max(1));
    (0..parts).map(move |part| part * count / parts..(part + 1) * count / parts)
}

fn shard_gradients(
    model: &Model,
    vars: &BTreeMap<String, Var>,
    batch: &Batch,
    regime: &Regime,
    weight: f64,
    options: &StepOptions,
) -> Result<Gradients> {
    let device = vars.values().next().map_or(Device::Cpu, |var| var.device().clone());
    let losses = losses(model, batch, regime, options.objective(), &device)?;
    let loss = match (&losses.recon, options.lambda) {
        // (L_r + lambda L_c) / (1 + lambda): the paper's loss, scaled so that clipping means the same for any lambda.
        (Some(recon), Some(lambda)) => ((recon + (&losses.class * lambda)?)? / (1.0 + lambda))?,
        _ => losses.class.clone(),
    };
    let store = (loss * weight)?.backward()?;
    let by_name = vars
        .iter()
        .filter_map(|(name, var)| store.get(var.as_tensor()).map(|gradient| (name.clone(), gradient.clone())))
        .collect();
    let scalar = |tensor: &Tensor| -> Result<f64> { Ok(f64::from(tensor.to_scalar::<f32>()?) * weight) };
    let recon_loss = losses.recon.as_ref().map(scalar).transpose()?.unwrap_or(0.0);
    Ok(Gradients { by_name, class_loss: scalar(&losses.class)?, recon_loss })
}

impl StepOptions {
    fn objective(&self) -> Objective<'_> {
        let (answers, tutor) = (self.targets.answers, self.tutor.as_ref());
        Objective { lambda: self.lambda, padding: self.recon_padding, answers, tutor }
    }
}
