//! How the weights do on the validation clips, each by its first window: cheap, for the log and for patience.

use super::best::Score;
use crate::batch::{Batch, Targets, generator};
use crate::eval::top;
use crate::loss::{Objective, cross_entropy, encode, losses, windows};
use crate::mask::Mask;
use crate::rows::Rows;
use crate::step::purpose;
use crate::truth::Truth;
use anyhow::Result;
use candle_core::{Device, Tensor};
use tempest_contract::Contract;
use tempest_models::{Model, ReconPadding, Regime};

/// Windows that go through the model together.
const BATCH: usize = 32;

/// What a validation needs besides the model.
pub(super) struct Validation<'a> {
    pub(super) contract: &'a Contract,
    /// Whether clips have labels; without, the score is the reconstruction loss of what `mask` leaves.
    pub(super) labelled: bool,
    pub(super) mask: Option<&'a Mask>,
    pub(super) padding: ReconPadding,
    pub(super) seed: u64,
    pub(super) device: &'a Device,
}

impl Validation<'_> {
    /// The score of `model`; `None` where there are no clips. The same weights give the same score.
    pub(super) fn score(&self, model: &Model, clips: &[(Rows, Truth)]) -> Result<Option<Score>> {
        let mut score = Score { correct: 0, clips: clips.len(), loss: 0.0 };
        for (number, group) in clips.chunks(BATCH).enumerate() {
            let batch = self.batch(group, number);
            let (loss, correct) = if self.labelled {
                self.classify(model, &batch, group)?
            } else {
                (self.reconstruct(model, &batch)?, 0)
            };
            score.loss += loss * group.len() as f32 / clips.len() as f32;
            score.correct += correct;
        }
        Ok((!clips.is_empty()).then_some(score))
    }

    fn batch(&self, group: &[(Rows, Truth)], number: usize) -> Batch {
        let mut batch = Batch::default();
        for (rows, _) in group {
            let length = rows.len().min(self.contract.window.blocks);
            batch.rows.extend(rows.slice(0..length).iter().map(|&value| i64::from(value)));
            batch.lengths.push(length);
        }
        if let (Some(mask), false) = (self.mask, self.labelled) {
            // Counted from the other end than the shards of the steps.
            batch.masked = mask.hide(&batch.rows, &mut generator(self.seed, purpose::MASK, u64::MAX - number as u64));
        }
        batch
    }

    /// Mean cross-entropy and the number of correct clips.
    fn classify(&self, model: &Model, batch: &Batch, group: &[(Rows, Truth)]) -> Result<(f32, usize)> {
        let (tokens, _) = encode(model, batch, &Regime::Infer, self.device)?;
        let (windows, lengths) = windows(&tokens, &batch.lengths)?;
        let logits = model.classify(&windows, &lengths)?;
        let (answers, labels) = (self.contract.answers, self.contract.labels.len());
        let hard = Targets { labels, answers, smoothing: 0.0 };
        let targets: Vec<f32> = group.iter().flat_map(|(_, truth)| hard.of(truth)).collect();
        let targets = Tensor::from_vec(targets, logits.shape(), logits.device())?;
        let loss = cross_entropy(&logits, &targets, answers)?.mean_all()?.to_scalar()?;
        let rows = logits.to_vec2::<f32>()?;
        let correct = group.iter().zip(&rows).filter(|((_, truth), row)| truth.holds(top(row))).count();
        Ok((loss, correct))
    }

    fn reconstruct(&self, model: &Model, batch: &Batch) -> Result<f32> {
        let objective = Objective { lambda: Some(0.0), padding: self.padding, ..Objective::default() };
        let losses = losses(model, batch, &Regime::Infer, objective, self.device)?;
        Ok(losses.recon.map(|loss| loss.to_scalar()).transpose()?.unwrap_or(0.0))
    }
}
