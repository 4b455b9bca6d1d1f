//! One training step: forward, loss, backward, over several shards of a batch at once.

use crate::batch::{self, Example};
use crate::batch::{Batch, Mix, Pick, generator};
use anyhow::{Context, Result, anyhow};
use candle_core::{D, DType, Device, Tensor, Var};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use tempest_models::{Model, ReconPadding, Regime, nn};

/// Purposes of the generators of a run; see [`batch::generator`].
pub(crate) mod purpose {
    pub const INIT: u64 = 0;
    pub const PLAN: u64 = 1;
    pub const MIX: u64 = 2;
    pub const DROPOUT: u64 = 3;
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
    /// Share of the batches that block CutMix mixes.
    pub cutmix: f32,
    /// Label smoothing.
    pub smoothing: f32,
    /// lambda: weight of the class loss beside L_r; `None` trains without the decoder.
    pub lambda: Option<f64>,
    /// Whether padding counts in L_r of the view `bytes`.
    pub recon_padding: ReconPadding,
    /// Number of classes.
    pub classes: usize,
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
    fn add(mut self, other: Gradients) -> Result<Self> {
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

/// Gradients of a batch. Reproducible: the shards are summed in order, whatever thread ends first.
///
/// # Errors
/// What candle refuses, or a shard's thread that died.
pub fn gradients(
    model: &Model,
    vars: &BTreeMap<String, Var>,
    examples: &[Example],
    picks: &[Pick],
    step: usize,
    options: &StepOptions,
) -> Result<Gradients> {
    let mut random = generator(options.seed, purpose::MIX, step as u64);
    let mixed = rand::RngExt::random::<f32>(&mut random) < options.cutmix;
    let mix = mixed.then(|| Mix::draw(picks, &mut random));
    let ranges: Vec<Range<usize>> = shards(picks.len(), options.shards).collect();
    let run = |shard: usize, range: Range<usize>| -> Result<Gradients> {
        let weight = range.len() as f64 / picks.len() as f64;
        let batch = Batch::gather(examples, picks, range, mix.as_ref(), options.classes, options.smoothing);
        let random = generator(options.seed, purpose::DROPOUT, (step * options.shards + shard) as u64);
        let regime = Regime::Train { p: options.dropout, random: Box::new(RefCell::new(random)) };
        shard_gradients(model, vars, &batch, &regime, weight, options)
    };
    let parts: Vec<Result<Gradients>> = std::thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> =
            ranges.into_iter().enumerate().map(|(shard, range)| scope.spawn(move || run(shard, range))).collect();
        threads.into_iter().map(|t| t.join().unwrap_or_else(|_| Err(anyhow!("a training thread panicked")))).collect()
    });
    parts.into_iter().try_fold(Gradients::default(), |sum, part| sum.add(part?))
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
    let recon = options.lambda.map(|_| options.recon_padding);
    let losses = losses(model, batch, regime, recon, &device)?;
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

/// The two losses of a batch.
pub struct Losses {
    /// L_c, mean over the clips.
    pub class: Tensor,
    /// L_r, mean over the blocks.
    pub recon: Option<Tensor>,
}

/// Forward pass and losses of a batch; without `recon` there is no L_r.
///
/// # Errors
/// What candle refuses.
pub fn losses(
    model: &Model,
    batch: &Batch,
    regime: &Regime,
    recon: Option<ReconPadding>,
    device: &Device,
) -> Result<Losses> {
    let (tokens, rows) = encode(model, batch, regime, device)?;
    let (windows, lengths) = windows(&tokens, &batch.lengths)?;
    let logits = model.classify_with(&windows, &lengths, regime)?;
    let targets = Tensor::from_slice(&batch.targets, logits.shape(), device)?;
    let class = (nn::log_softmax(&logits)? * targets)?.sum(D::Minus1)?.mean_all()?.neg()?;
    let recon_loss = |padding| -> Result<Tensor> {
        let decoder = model.decoder().context("the model has no decoder, but L_r is wanted")?;
        Ok(decoder.loss(&tokens, &rows, padding, regime)?)
    };
    let recon = recon.map(recon_loss).transpose()?;
    Ok(Losses { class, recon })
}

/// Tokens [blocks, L', D] of all rows of a batch, and the rows.
pub(crate) fn encode(
    model: &Model,
    batch: &Batch,
    regime: &Regime,
    device: &Device,
) -> candle_core::Result<(Tensor, Tensor)> {
    let count: usize = batch.lengths.iter().sum();
    let rows = Tensor::from_slice(&batch.rows, (count, batch.rows.len() / count.max(1)), device)?;
    Ok((model.encode_with(&rows, regime)?, rows))
}

/// Lays tokens [blocks, L', D] out as windows [N, S, D], padded with zeros to the longest; returns real tokens of each.
pub(crate) fn windows(tokens: &Tensor, lengths: &[usize]) -> candle_core::Result<(Tensor, Vec<usize>)> {
    let (_, per_block, dim) = tokens.dims3()?;
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let zero = Tensor::zeros((1, per_block, dim), DType::F32, tokens.device())?;
    let table = Tensor::cat(&[&zero, tokens], 0)?;
    let mut next = 1;
    let mut index = Vec::with_capacity(longest * lengths.len());
    for &length in lengths {
        index.extend((0..longest).map(|i| if i < length { next + i as u32 } else { 0 }));
        next += length as u32;
    }
    let index = Tensor::from_vec(index, longest * lengths.len(), tokens.device())?;
    let windows = table.index_select(&index, 0)?.reshape((lengths.len(), longest * per_block, dim))?;
    Ok((windows, lengths.iter().map(|length| length * per_block).collect()))
}

/// The plan of an epoch; see [`batch::plan`].
#[must_use]
pub fn epoch_plan(examples: &[Example], size: usize, window: usize, seed: u64, epoch: usize) -> Vec<Vec<Pick>> {
    batch::plan(examples, size, window, &mut generator(seed, purpose::PLAN, epoch as u64))
}
