//! The options of `fit` that go beyond a plain run: averages, patience, weights to start from, a teacher, no labels.

use super::choices::PrecisionArg;
use super::corpus::rows;
use super::material::Material;
use crate::batch::Example;
use crate::data::{Dataset, Format};
use crate::fit::{Init, Schedule};
use crate::teacher::{Distil, Teacher};
use anyhow::{Context, Result};
use candle_core::Device;
use clap::Args;
use std::path::PathBuf;
use tempest_contract::{Answers, Contract};
use tempest_models::{Checkpoint, ModelConfig};

/// The one label of clips that have none.
const UNLABELLED: &str = "unlabelled";

#[derive(Debug, Args)]
pub(super) struct MethodArgs {
    /// Course of the learning rate
    #[arg(long, value_enum, default_value = "cosine")]
    pub schedule: Schedule,
    /// Batches per step: their gradients are averaged
    #[arg(long, value_name = "BATCHES", default_value_t = 1)]
    pub accumulate: usize,
    /// Keep a running average of the weights and end with it; 0.99 averages about the last 100 steps
    #[arg(long, value_name = "DECAY")]
    pub ema: Option<f64>,
    /// End after this many epochs without a better validation score, with the best epoch's weights
    #[arg(long, value_name = "EPOCHS")]
    pub patience: Option<usize>,
    /// Probability that a block is left out of its clip; the others close up
    #[arg(long, value_name = "P", default_value_t = 0.0)]
    pub block_drop: f32,
    /// Share of each row's values hidden from the encoder, for the decoder to predict [default: 0; 0.3 without labels]
    #[arg(long, value_name = "SHARE")]
    pub mask: Option<f32>,
    /// Train encoder and decoder alone, by the reconstruction loss: a checkpoint for --init
    #[arg(long, conflicts_with_all = ["lambda", "no_recon", "teacher"])]
    pub no_labels: bool,
    /// What the products of linear layers and attention are computed in while training; weights stay float32
    #[arg(long, value_enum, default_value = "f32")]
    pub precision: PrecisionArg,
    /// Start from the weights of this checkpoint, or of a run's state, wherever they fit
    #[arg(long, value_name = "MODEL.safetensors")]
    pub init: Option<PathBuf>,
    /// Learn this checkpoint's answers too; same labels, any view
    #[arg(long, value_name = "MODEL.safetensors")]
    pub teacher: Option<PathBuf>,
    /// Share of the class loss that compares with the teacher
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, requires = "teacher")]
    pub teacher_weight: f64,
    /// Divisor of both models' logits when they are compared
    #[arg(long, value_name = "T", default_value_t = 2.0, requires = "teacher")]
    pub temperature: f64,
}

/// Share of the values that is hidden where nothing else is learnt than to predict them.
const UNLABELLED_MASK: f32 = 0.3;

impl MethodArgs {
    /// Whether the clips' labels are learnt.
    pub(super) fn labelled(&self, format: Format) -> bool {
        !self.no_labels && format != Format::Unlabelled
    }

    pub(super) fn mask(&self, format: Format) -> f32 {
        self.mask.unwrap_or(if self.labelled(format) { 0.0 } else { UNLABELLED_MASK })
    }

    /// Makes all clips alike where labels are not learnt. There is nothing to test then.
    pub(super) fn forget_labels(&self, format: Format, dataset: &mut Dataset) {
        if !self.labelled(format) {
            dataset.labels = vec![UNLABELLED.into()];
            dataset.answers = Answers::OneOf;
            dataset.clips.iter_mut().for_each(|clip| clip.truth = 0.into());
        }
    }

    pub(super) fn init(&self) -> Result<Option<Init>> {
        self.init.as_deref().map(Init::read).transpose()
    }

    /// Says on standard error what of the checkpoint a run starts with.
    pub(super) fn announce(&self, init: &Init, contract: &Contract, config: &ModelConfig, decoder: bool) -> Result<()> {
        let path = self.init.as_deref().unwrap_or("".as_ref()).display().to_string();
        let taken = init.take(contract, config, decoder).with_context(|| path.clone())?;
        eprintln!("{path}: {}", taken.summary());
        Ok(())
    }

    pub(super) fn teacher_checkpoint(&self) -> Result<Option<Checkpoint>> {
        let distil = self.distil();
        let open = |path: &PathBuf| Checkpoint::open(path).with_context(|| path.display().to_string());
        self.teacher.as_ref().map(|path| distil.check().and_then(|()| open(path))).transpose()
    }

    /// The teacher with its rows of the training clips, where its view is not the student's.
    pub(super) fn teacher(&self, checkpoint: &Checkpoint, material: &Material, device: &Device) -> Result<Teacher> {
        let Material { contract, train, corpus, .. } = material;
        let path = || self.teacher.as_deref().unwrap_or("".as_ref()).display().to_string();
        let own = || -> Result<Vec<Example>> {
            let rows = rows(&train.clips, &checkpoint.contract)?.into_iter();
            Ok(rows.map(|(variants, truth)| Example { variants, truth }).collect())
        };
        let same = checkpoint.contract.view == contract.view;
        let examples = if same { Ok(None) } else { own().map(Some) }.with_context(path)?;
        Teacher::new(checkpoint, contract, &corpus.train, examples, self.distil(), device).with_context(path)
    }

    fn distil(&self) -> Distil {
        Distil { weight: self.teacher_weight, temperature: self.temperature }
    }
}
