//! How to train, and what an option may be.

use super::schedule::Schedule;
use anyhow::{Result, bail};
use serde::Serialize;
use tempest_models::{Precision, ReconPadding};

/// Most epochs, clips of a batch or batches of a step: keeps products of them within a machine word.
const MAX_COUNT: usize = 1 << 20;

/// Most shards: each has a thread.
const MAX_SHARDS: usize = 1 << 10;

/// How to train. Written into the checkpoint; a run resumes only under the same options.
#[derive(Clone, Debug, Serialize)]
pub struct FitOptions {
    /// Passes over the training clips.
    pub epochs: usize,
    /// Clips per batch.
    pub batch: usize,
    /// Batches per step: their gradients are averaged before the weights move.
    #[serde(skip_serializing_if = "is_one")]
    pub accumulate: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// How the learning rate goes from step to step.
    #[serde(skip_serializing_if = "is_default")]
    pub schedule: Schedule,
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
    /// Probability that a block is left out of its clip.
    #[serde(skip_serializing_if = "is_default")]
    pub block_drop: f32,
    /// Share of each row's values that the encoder is not shown.
    #[serde(skip_serializing_if = "is_default")]
    pub mask: f32,
    /// Label smoothing.
    pub smoothing: f32,
    /// Weight of the class loss beside the reconstruction loss; `None` leaves the decoder out, 0 the classifier.
    pub lambda: Option<f64>,
    /// Whether padding counts in the reconstruction loss of the view `bytes`.
    #[serde(skip_serializing_if = "is_default")]
    pub recon_padding: ReconPadding,
    /// Decay of the running average of the weights, which the run ends with; `None` ends with the last weights.
    #[serde(skip_serializing_if = "is_default")]
    pub ema: Option<f64>,
    /// Epochs without a better validation score after which the run ends with its best epoch's weights; `None` trains all
    /// epochs and ends with the last.
    #[serde(skip_serializing_if = "is_default")]
    pub patience: Option<usize>,
    /// What products are computed in.
    #[serde(skip_serializing_if = "is_default")]
    pub precision: Precision,
    /// Seed of weights, order, variants, CutMix and dropout.
    pub seed: u64,
    /// Shards of a batch, one thread each.
    pub shards: usize,
    /// Whether the log is written for TensorBoard too; no part of a run's identity.
    #[serde(skip)]
    pub tensorboard: bool,
}

/// Options at their defaults are not written, so that the record of a run reads as it did before they existed.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_one(value: &usize) -> bool {
    *value == 1
}

impl FitOptions {
    /// Whether clips have labels to learn; without, the reconstruction loss stands alone.
    #[must_use]
    pub fn labelled(&self) -> bool {
        self.lambda != Some(0.0)
    }

    /// Checks every option against its range.
    ///
    /// # Errors
    /// The option and what it may be.
    pub fn check(&self) -> Result<()> {
        let whole = [
            ("epochs", self.epochs, MAX_COUNT),
            ("batch", self.batch, MAX_COUNT),
            ("accumulate", self.accumulate, MAX_COUNT),
            ("shards", self.shards, MAX_SHARDS),
            ("patience", self.patience.unwrap_or(1), MAX_COUNT),
        ];
        if let Some((name, value, most)) = whole.into_iter().find(|(_, value, most)| !(1..=*most).contains(value)) {
            bail!("--{name} {value}: must be 1 to {most}");
        }
        let positive = [("learning-rate", self.learning_rate), ("clip", self.clip)];
        if let Some((name, value)) = positive.into_iter().find(|(_, value)| !(value.is_finite() && *value > 0.0)) {
            bail!("--{name} {value}: must be a number above 0");
        }
        let lambda = self.lambda.unwrap_or(1.0);
        if !(lambda.is_finite() && lambda >= 0.0) {
            bail!("--lambda {lambda}: must be a number, 0 or above");
        }
        let shares = [
            ("dropout", f64::from(self.dropout), 0.9),
            ("cutmix", f64::from(self.cutmix), 1.0),
            ("block-drop", f64::from(self.block_drop), 0.9),
            ("mask", f64::from(self.mask), 0.9),
            ("smoothing", f64::from(self.smoothing), 0.9),
            ("warmup", self.warmup, 1.0),
            ("weight-decay", self.weight_decay, 1.0),
            ("ema", self.ema.unwrap_or(0.0), 0.999_999),
        ];
        // The limits of float32 options are no float64: 0.9 in the one is above 0.9 in the other.
        if let Some((name, value, most)) =
            shares.into_iter().find(|(_, value, most)| !(0.0..=*most + 5e-7).contains(value))
        {
            bail!("--{name} {value}: must be 0 to {most}");
        }
        Ok(())
    }
}
