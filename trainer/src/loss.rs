//! Forward pass and losses of a batch: L_c of the labels, L_r of the reconstruction.

use crate::batch::Batch;
use crate::teacher::Tutor;
use anyhow::{Context, Result};
use candle_core::{D, DType, Device, Tensor};
use tempest_contract::Answers;
use tempest_models::{Model, ReconPadding, Regime, nn};

/// What a loss is made of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Objective<'a> {
    /// lambda: weight of the class loss beside L_r; `None` leaves L_r out, 0 the class loss.
    pub lambda: Option<f64>,
    /// Whether padding counts in the L_r of `bytes`.
    pub padding: ReconPadding,
    /// How many labels may be true of a clip.
    pub answers: Answers,
    /// A larger model whose answers are learnt beside the labels.
    pub tutor: Option<&'a Tutor>,
}

/// The two losses of a batch.
pub struct Losses {
    /// L_c, mean over the clips; 0 where lambda is.
    pub class: Tensor,
    /// L_r, mean over the blocks.
    pub recon: Option<Tensor>,
}

/// Forward pass and losses of a batch. Without a lambda there is no L_r; where it is 0 the classifier is not run.
///
/// # Errors
/// What candle refuses.
pub fn losses(model: &Model, batch: &Batch, regime: &Regime, objective: Objective, device: &Device) -> Result<Losses> {
    let (tokens, rows) = encode(model, batch, regime, device)?;
    let class = match objective.lambda {
        Some(0.0) => Tensor::zeros((), DType::F32, device)?,
        _ => class_loss(model, batch, &tokens, regime, objective)?,
    };
    let recon_loss = |_| -> Result<Tensor> {
        let decoder = model.decoder().context("the model has no decoder, but L_r is wanted")?;
        Ok(decoder.loss(&tokens, &rows, objective.padding, regime)?)
    };
    let recon = objective.lambda.map(recon_loss).transpose()?;
    Ok(Losses { class, recon })
}

/// Cross-entropy with the labels, blended with a teacher's answers where there are any.
fn class_loss(model: &Model, batch: &Batch, tokens: &Tensor, regime: &Regime, objective: Objective) -> Result<Tensor> {
    let (windows, lengths) = windows(tokens, &batch.lengths)?;
    let logits = model.classify_with(&windows, &lengths, regime)?;
    let targets = Tensor::from_slice(&batch.targets, logits.shape(), logits.device())?;
    let class = cross_entropy(&logits, &targets, objective.answers)?.mean_all()?;
    objective.tutor.map_or(Ok(class.clone()), |tutor| tutor.blend(&class, &logits, batch))
}

/// Cross-entropy [N] of logits with soft labels, both [N, C]: over the labels where one is true, else the sum of each
/// label's own, `max(x, 0) - x t + ln(1 + e^-|x|)`, which no logit makes infinite.
pub(crate) fn cross_entropy(logits: &Tensor, targets: &Tensor, answers: Answers) -> candle_core::Result<Tensor> {
    match answers {
        Answers::OneOf => (nn::log_softmax(logits)? * targets)?.sum(D::Minus1)?.neg(),
        Answers::AnyOf => {
            let soft = (logits.abs()?.neg()?.exp()? + 1.0)?.log()?;
            ((logits.relu()? - (logits * targets)?)? + soft)?.sum(D::Minus1)
        }
    }
}

/// Tokens [blocks, L', D] of all rows of a batch, hidden values hidden, and the true rows.
pub(crate) fn encode(
    model: &Model,
    batch: &Batch,
    regime: &Regime,
    device: &Device,
) -> candle_core::Result<(Tensor, Tensor)> {
    let count: usize = batch.lengths.iter().sum();
    let rows = Tensor::from_slice(&batch.rows, (count, batch.rows.len() / count.max(1)), device)?;
    let shown = match batch.masked.as_slice() {
        [] => rows.clone(),
        masked => Tensor::from_slice(masked, rows.shape(), device)?,
    };
    Ok((model.encode_with(&shown, regime)?, rows))
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
