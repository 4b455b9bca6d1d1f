//! What a task learns at once: one format, or several, each read by an encoder and all of them judged by one classifier.

use super::{Corpus, Task};
use crate::batch::{self, Pick, generator};
use crate::state::Tensors;
use crate::step::purpose;
use crate::teacher::Teacher;
use anyhow::{Result, bail};
use candle_core::{Device, Tensor, Var};
use rand::Rng;
use rand::seq::SliceRandom;
use std::collections::{BTreeMap, BTreeSet};
use tempest_contract::{Contract, ViewKind};
use tempest_models::{FORMAT, Init, ModelConfig, Slot, initialise, slots};

/// One format of a task.
#[derive(Clone, Copy, Debug)]
pub struct Medium<'a> {
    /// The clips.
    pub corpus: &'a Corpus,
    /// What the model promises of them.
    pub contract: &'a Contract,
    /// The sizes of its model.
    pub config: &'a ModelConfig,
    /// A model whose answers are learnt too.
    pub teacher: Option<&'a Teacher>,
}

impl Medium<'_> {
    /// The format and what is read of it: `mp3-symbols`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}-{}", self.format(), self.contract.view.kind.name())
    }

    fn format(&self) -> String {
        self.contract.codec.name().to_lowercase().replace(' ', "-")
    }

    /// The name in a run of several formats of a tensor of the model. The classifier is one for all; bytes of any format go
    /// through one encoder, to which an embedding says the format; numbers of different fields need encoders of their own.
    fn name_in_run(&self, tensor: &str) -> String {
        match self.contract.view.kind {
            _ if tensor.starts_with("classifier.") => tensor.into(),
            ViewKind::Bytes if tensor != FORMAT => format!("bytes.{tensor}"),
            _ => format!("{}.{tensor}", self.name()),
        }
    }

    fn batches(&self, batch: usize) -> usize {
        self.corpus.train.len().div_ceil(batch)
    }
}

/// A batch, of one of the media.
pub(super) struct Turn {
    pub(super) medium: usize,
    pub(super) picks: Vec<Pick>,
}

/// Every tensor of a run under its name in the run, and under which name each medium's model knows it.
#[derive(Debug, Default)]
pub(super) struct Variables {
    pub(super) trained: BTreeMap<String, Var>,
    /// What was measured, not learnt.
    pub(super) fixed: Tensors,
    /// For each medium: names of its model to names of the run.
    pub(super) names: Vec<BTreeMap<String, String>>,
}

impl Variables {
    /// What of `all`, by names of the run, belongs to the model of a medium, by names of the model.
    pub(super) fn of<T: Clone>(&self, medium: usize, all: &BTreeMap<String, T>) -> BTreeMap<String, T> {
        let names = self.names[medium].iter();
        names.filter_map(|(name, in_run)| Some((name.clone(), all.get(in_run)?.clone()))).collect()
    }
}

/// D, its layers', their heads and number.
fn classifier_sizes(config: &ModelConfig) -> [usize; 4] {
    [config.dim, config.ff, config.heads, config.clip_layers]
}

impl Task<'_> {
    /// Whether the formats can be learnt together.
    pub(super) fn check_media(&self) -> Result<()> {
        let Some(first) = self.media.first() else { bail!("no clips to train on") };
        let mut names = BTreeSet::new();
        for medium in self.media {
            let (name, contract) = (medium.name(), medium.contract);
            if medium.corpus.train.is_empty() {
                bail!("no training clips");
            }
            if (&contract.labels, contract.answers) != (&first.contract.labels, first.contract.answers) {
                bail!("{name} has other labels than {}; one classifier answers for both", first.name());
            }
            if classifier_sizes(medium.config) != classifier_sizes(first.config) {
                bail!("{name} and {} give their one classifier other sizes", first.name());
            }
            let encoder = |medium: &Medium| (medium.contract.view.row, *medium.config);
            let bytes = |medium: &&Medium| medium.contract.view.kind == ViewKind::Bytes;
            let other = self.media.iter().filter(bytes).find(|other| encoder(other) != encoder(medium));
            if let (true, Some(other)) = (bytes(&medium), other) {
                bail!("{name} and {} give their one encoder of bytes other sizes", other.name());
            }
            if !names.insert(name.clone()) {
                bail!("two of the formats are {name}; make one data set of them");
            }
        }
        Ok(())
    }

    /// Times that an epoch goes through the clips of a medium: as often as gives it about as many batches as the largest.
    fn passes(&self, medium: &Medium) -> usize {
        let batches = |medium: &Medium| medium.batches(self.options.batch);
        let most = self.media.iter().map(batches).max().unwrap_or(0);
        ((most + batches(medium) / 2) / batches(medium).max(1)).max(1)
    }

    /// Batches of an epoch, of all media together.
    pub(super) fn batches_per_epoch(&self) -> usize {
        self.media.iter().map(|medium| self.passes(medium) * medium.batches(self.options.batch)).sum()
    }

    /// The batches of an epoch: of each medium as [`batch::plan`] has them, in an order drawn anew where there are several.
    pub(super) fn plan(&self, epoch: usize) -> Vec<Turn> {
        let options = self.options;
        let mut plan = Vec::new();
        for (index, medium) in self.media.iter().enumerate() {
            let passes = self.passes(medium);
            for pass in epoch * passes..(epoch + 1) * passes {
                let mut random = generator(options.seed, purpose::PLAN, ((index as u64) << 32) + pass as u64);
                let window = medium.contract.window.blocks;
                let batches = batch::plan(&medium.corpus.train, options.batch, window, &mut random);
                plan.extend(batches.into_iter().map(|picks| Turn { medium: index, picks }));
            }
        }
        if self.media.len() > 1 {
            plan.shuffle(&mut generator(options.seed, purpose::ORDER, epoch as u64));
        }
        plan
    }

    /// Trained variables and measured constants of all media, with their first values.
    pub(super) fn variables(&self, device: &Device) -> Result<Variables> {
        let mut variables = Variables::default();
        for (index, medium) in self.media.iter().enumerate() {
            let slots = self.slots(medium)?;
            let tensors = self.first_values(index as u64, medium, &slots, device)?;
            let mut names = BTreeMap::new();
            for (name, tensor) in tensors {
                let in_run = if self.media.len() > 1 { medium.name_in_run(&name) } else { name.clone() };
                match slots[&name].trained {
                    // What several media share starts as the first of them has it.
                    true if variables.trained.contains_key(&in_run) => {}
                    true => drop(variables.trained.insert(in_run.clone(), Var::from_tensor(&tensor)?)),
                    false => drop(variables.fixed.insert(in_run.clone(), tensor)),
                }
                names.insert(name, in_run);
            }
            variables.names.push(names);
        }
        Ok(variables)
    }

    /// The tensors that training gives the model of a medium.
    fn slots(&self, medium: &Medium) -> Result<BTreeMap<String, Slot>> {
        let decoder = self.options.lambda.is_some();
        let mut slots = slots(medium.contract, medium.config)?;
        slots.retain(|_, slot| decoder || !slot.decoder);
        if self.media.len() > 1 && medium.contract.view.kind == ViewKind::Bytes {
            let slot = Slot { shape: vec![medium.config.dim], init: Init::Normal(0.02), trained: true, decoder: false };
            slots.insert(FORMAT.into(), slot);
        }
        Ok(slots)
    }

    fn first_values(
        &self,
        index: u64,
        medium: &Medium,
        slots: &BTreeMap<String, Slot>,
        device: &Device,
    ) -> Result<BTreeMap<String, Tensor>> {
        let seed = generator(self.options.seed, purpose::INIT, index).next_u64();
        let mut tensors = initialise(slots, seed, device)?;
        crate::measure::numbers(medium.corpus, medium.contract, &mut tensors, device)?;
        // The scales too: weights fit the scales they were learnt on, not those of other clips.
        if let Some(init) = self.init {
            for (name, tensor) in init.take(medium.contract, medium.config, self.options.lambda.is_some())?.tensors {
                tensors.insert(name, tensor.to_device(device)?);
            }
        }
        Ok(tensors)
    }
}
