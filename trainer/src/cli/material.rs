//! What a training is made of: the data set, its clips in all variants, the contract of the model that reads them.

use super::corpus::{on_all_cores, rows, warn_of_imbalance};
use super::fit_args::FitArgs;
use super::sizes;
use crate::batch::Example;
use crate::data::{Augment, CodecOptions, Dataset, Prepared, Split};
use crate::fit::{Corpus, Medium};
use crate::measure;
use crate::rows::{Rows, block_bytes, mean_kbps};
use crate::teacher::Teacher;
use crate::truth::Truth;
use anyhow::{Context, Result};
use rayon::prelude::*;
use tempest_contract::{Contract, ViewKind, Window};
use tempest_models::ModelConfig;

/// One data set in one format.
pub(super) struct Material<'a> {
    pub args: &'a FitArgs,
    pub dataset: Dataset,
    pub codec: CodecOptions,
    pub contract: Contract,
    pub config: ModelConfig,
    pub train: Prepared,
    pub validation: Prepared,
    pub test: Prepared,
    /// The clips as the model reads them; none before [`Material::read`].
    pub corpus: Corpus,
}

impl FitArgs {
    /// The data set, every label of which can be learnt.
    pub(super) fn dataset(&self) -> Result<Dataset> {
        let mut dataset = self.data.open(None)?;
        self.method.forget_labels(self.data.format, &mut dataset);
        dataset.check()?;
        Ok(dataset)
    }
}

impl<'a> Material<'a> {
    /// Encodes the clips, or takes them from the cache, and measures L and T on them.
    pub(super) fn encode(args: &'a FitArgs, dataset: Dataset) -> Result<Self> {
        warn_of_imbalance(&dataset);
        let codec = args.codec_options();
        let contract = args.contract(&dataset, &codec)?;
        let prepare =
            |split, variants, augment| args.data.streams(&dataset, split, &codec, variants, augment, args.seed);
        let train = prepare(Split::Train, args.variants, args.augment())?;
        let others = |split| match dataset.split(split).next() {
            Some(_) if split != Split::Test || args.labelled() => prepare(split, 1, Augment::NONE),
            _ => Ok(Prepared::default()),
        };
        let (validation, test) = (others(Split::Validation)?, others(Split::Test)?);
        let corpus = Corpus::default();
        let mut material =
            Material { args, dataset, codec, contract, config: args.config(), train, validation, test, corpus };
        for prepared in [&mut material.train, &mut material.validation, &mut material.test] {
            args.data.leave_out_short(prepared, &material.contract)?;
        }
        material.measure()?;
        Ok(material)
    }

    /// Reads the rows of all clips, and says what is trained on.
    pub(super) fn read(mut self) -> Result<Self> {
        sizes::check_with(&self.config, &self.contract)?;
        let examples = rows(&self.train.clips, &self.contract)?.into_iter();
        self.corpus = Corpus {
            train: examples.map(|(variants, truth)| Example { variants, truth }).collect(),
            validation: single(&self.validation, &self.contract)?,
        };
        self.announce();
        Ok(self)
    }

    /// What a task learns of it.
    pub(super) fn medium<'b>(&'b self, teacher: Option<&'b Teacher>) -> Medium<'b> {
        Medium { corpus: &self.corpus, contract: &self.contract, config: &self.config, teacher }
    }

    /// L from the blocks of the first variants, T from the lengths of all, the rates seen where they vary.
    fn measure(&mut self) -> Result<()> {
        let (args, contract) = (self.args, &self.contract);
        let varies = contract.codec.rate_varies();
        let measure =
            |stream: &Vec<u8>| (block_bytes(stream, contract), varies.then(|| mean_kbps(stream, contract)).flatten());
        let clips = || self.train.clips.par_iter().flat_map_iter(|clip| clip.streams.iter().map(measure));
        let measured: Vec<(Vec<usize>, Option<f64>)> = on_all_cores(|| clips().collect())?;
        let contract = &mut self.contract;
        let first = || measured.iter().step_by(args.variants as usize).flat_map(|(sizes, _)| sizes).copied();
        first().next().context("no training clip holds a whole block")?;
        if contract.view.kind == ViewKind::Bytes {
            contract.view.row = args.tokens.unwrap_or_else(|| measure::tokens(first()));
        }
        measure::widen(&mut contract.codec, measured.iter().filter_map(|(_, kbps)| *kbps));
        contract.window = match args.window {
            Some(blocks) => Window { blocks, hop: (blocks / 2).max(1) },
            None => measure::window(measured.iter().map(|(sizes, _)| sizes.len())),
        };
        Ok(contract.check()?)
    }

    fn announce(&self) {
        let Material { args, contract, corpus, .. } = self;
        let cut: usize = corpus.train.iter().flat_map(|example| &example.variants).map(|rows| rows.cut_bytes).sum();
        eprintln!(
            "{}: {} classes, {} training clips x {} variants, {} validation clips; {}; row {}, window {} blocks",
            contract.name,
            contract.labels.len(),
            corpus.train.len(),
            args.variants,
            corpus.validation.len(),
            contract.media(),
            contract.view.row,
            contract.window.blocks,
        );
        if cut > 0 {
            eprintln!("{cut} bytes of blocks longer than {} are cut off", contract.view.row);
        }
    }
}

/// Rows and true labels of clips that have one variant.
pub(super) fn single(prepared: &Prepared, contract: &Contract) -> Result<Vec<(Rows, Truth)>> {
    let rows = rows(&prepared.clips, contract)?.into_iter();
    Ok(rows.filter_map(|(mut variants, truth)| Some((variants.pop()?, truth))).collect())
}
