//! The two graphs at work: every block is encoded once, every window of embeddings is classified.

use crate::Media;
use crate::encoders::Encoders;
use std::collections::HashMap;
use std::ops::Range;
use tempest_contract::{Contract, ViewKind};
use tempest_engine::{Bundle, Engine, EngineError, GraphIo, GraphName, Input, LoadOptions, Session};
use thiserror::Error;

/// Blocks encoded together where the bundle leaves the batch open: of `bytes` as many as keep a layer of `base` in a
/// core's second-level cache, of short rows enough that a run's own cost is small.
pub(crate) const fn encoder_batch(view: ViewKind) -> usize {
    match view {
        ViewKind::Bytes => 4,
        ViewKind::Fields | ViewKind::Scalefactors | ViewKind::Symbols => 16,
    }
}

/// Why a clip cannot be classified.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClassifyError {
    /// The engine refused or failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A graph's shape is not what the contract says.
    #[error("bundle: graph '{graph}' has shapes that do not fit its contract; compile the checkpoint again")]
    Shape {
        /// The graph.
        graph: &'static str,
    },
    /// A view that this build does not write.
    #[error(
        "bundle: view '{view}' of layout {layout} with rows of {row} is not what this build reads of {media}; use the matching release, or compile the checkpoint again"
    )]
    View {
        /// The view.
        view: &'static str,
        /// Its layout's version.
        layout: u32,
        /// Length of its row.
        row: usize,
        /// The media.
        media: String,
    },
    /// The model answered NaN or infinity.
    #[error("the model's answer is not finite; the bundle is damaged, compile the checkpoint again")]
    NotFinite,
}

/// Probabilities of one clip.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// One per label: those of each window ([`tempest_contract::Answers`]), averaged over the windows.
    pub probabilities: Vec<f32>,
    /// Windows averaged.
    pub windows: usize,
}

impl Answer {
    /// (label index, probability), most probable first; equal ones in label order.
    #[must_use]
    pub fn ranked(&self) -> Vec<(usize, f32)> {
        let mut ranked: Vec<(usize, f32)> = self.probabilities.iter().copied().enumerate().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked
    }
}

/// A loaded model.
pub struct Classifier {
    contract: Contract,
    encoders: Encoders,
    classifier: Box<dyn Session>,
    /// The window's tokens: kept between runs.
    tokens: Vec<f32>,
}

impl Classifier {
    /// Loads encoder and classifier of a bundle; `threads` is what one run may use (ONNX Runtime).
    ///
    /// # Errors
    /// [`ClassifyError`]: an engine that cannot run here, or graphs that do not fit the bundle's contract.
    pub fn load(bundle: &Bundle, engine: &dyn Engine, threads: usize) -> Result<Self, ClassifyError> {
        Self::with_batch(bundle, engine, threads, encoder_batch(bundle.contract().view.kind))
    }

    /// The same, encoding `batch` blocks together where the bundle leaves it open.
    ///
    /// # Errors
    /// As [`Classifier::load`].
    pub fn with_batch(
        bundle: &Bundle,
        engine: &dyn Engine,
        threads: usize,
        batch: usize,
    ) -> Result<Self, ClassifyError> {
        Self::sized(bundle, engine, &LoadOptions { batch, threads }, 1)?
            .pop()
            .ok_or(ClassifyError::Shape { graph: "encoder" })
    }

    /// `count` of them, for as many threads: they share the graphs' weights where the engine can.
    ///
    /// # Errors
    /// As [`Classifier::load`].
    pub fn load_many(
        bundle: &Bundle,
        engine: &dyn Engine,
        threads: usize,
        count: usize,
    ) -> Result<Vec<Self>, ClassifyError> {
        let batch = encoder_batch(bundle.contract().view.kind);
        Self::sized(bundle, engine, &LoadOptions { batch, threads }, count)
    }

    fn sized(
        bundle: &Bundle,
        engine: &dyn Engine,
        options: &LoadOptions,
        count: usize,
    ) -> Result<Vec<Self>, ClassifyError> {
        let contract = bundle.contract();
        check_view(contract)?;
        let encoders = Encoders::load(bundle, engine, options, count)?;
        let one = LoadOptions { batch: 1, ..*options };
        let classifiers = bundle.sessions(GraphName::Classifier, engine, &one, count)?;
        let pair = |(encoders, classifier)| Self::of(contract, encoders, classifier);
        encoders.into_iter().zip(classifiers).map(pair).collect()
    }

    fn of(contract: &Contract, encoders: Encoders, classifier: Box<dyn Session>) -> Result<Self, ClassifyError> {
        if !classifier_fits(classifier.io(), contract, encoders.embedding()) {
            return Err(ClassifyError::Shape { graph: "classifier" });
        }
        let tokens = vec![0.0; contract.window.blocks * encoders.embedding()];
        Ok(Classifier { contract: contract.clone(), encoders, classifier, tokens })
    }

    /// F: integers of a row.
    #[must_use]
    pub fn row(&self) -> usize {
        self.encoders.row()
    }

    /// L' x D: floats of a block's embedding.
    #[must_use]
    pub fn embedding(&self) -> usize {
        self.encoders.embedding()
    }

    /// What the model reads and answers.
    #[must_use]
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// Classifies a clip of one block or more.
    ///
    /// # Errors
    /// [`ClassifyError::Engine`] or [`ClassifyError::NotFinite`].
    pub fn classify(&mut self, media: &Media) -> Result<Answer, ClassifyError> {
        let embeddings = self.encode(&media.rows)?;
        self.answer(&embeddings, |_, _| ())
    }

    /// The answer to the embeddings of a clip that [`Classifier::encode`] gave. `each` sees every window on the way: its
    /// blocks, and its probabilities, one per label.
    ///
    /// # Errors
    /// As [`Classifier::classify`].
    pub fn answer(
        &mut self,
        embeddings: &[f32],
        mut each: impl FnMut(Range<usize>, &[f64]),
    ) -> Result<Answer, ClassifyError> {
        let mut sum = vec![0.0f64; self.contract.labels.len()];
        let mut windows = 0;
        for window in self.contract.window.over(embeddings.len() / self.embedding()) {
            let logits = self.window_logits(embeddings, window.clone())?;
            let probabilities: Vec<f64> = self.contract.answers.probabilities(&logits).collect();
            each(window, &probabilities);
            sum.iter_mut().zip(probabilities).for_each(|(sum, value)| *sum += value);
            windows += 1;
        }
        let share = 1.0 / windows.max(1) as f64;
        Ok(Answer { probabilities: sum.iter().map(|sum| (sum * share) as f32).collect(), windows })
    }

    /// Embeddings of all rows, L' x D floats a block. Blocks that are the same (digital silence) are encoded once.
    ///
    /// # Errors
    /// What the engine says.
    pub fn encode(&mut self, rows: &[i32]) -> Result<Vec<f32>, ClassifyError> {
        let (distinct, places) = distinct(rows, self.row());
        let mut encoded = vec![0.0; distinct.len() * self.embedding()];
        if distinct.len() == places.len() {
            self.encode_into(rows, &mut encoded)?;
            return Ok(encoded);
        }
        self.encode_into(&distinct.concat(), &mut encoded)?;
        let embedding = |place: &usize| &encoded[place * self.embedding()..][..self.embedding()];
        Ok(places.iter().flat_map(embedding).copied().collect())
    }

    /// Embeddings of each row, into the caller's buffer of as many embeddings as there are rows; each by the smallest encoder
    /// that holds its block.
    ///
    /// # Errors
    /// What the engine says.
    pub fn encode_into(&mut self, rows: &[i32], embeddings: &mut [f32]) -> Result<(), ClassifyError> {
        Ok(self.encoders.encode_into(rows, embeddings)?)
    }

    /// Logits of one window of the embeddings that [`Classifier::encode`] gave, `blocks` of them at most a window long.
    ///
    /// # Errors
    /// What the engine says, or [`ClassifyError::NotFinite`].
    pub fn window_logits(&mut self, embeddings: &[f32], blocks: Range<usize>) -> Result<Vec<f32>, ClassifyError> {
        let mut logits = vec![0.0; self.contract.labels.len()];
        let real = &embeddings[blocks.start * self.embedding()..blocks.end * self.embedding()];
        self.logits(|tokens| tokens[..real.len()].copy_from_slice(real), blocks.len(), &mut logits)?;
        Ok(logits)
    }

    /// Logits of a window of `blocks` embeddings that `fill` writes to the start of its tokens.
    pub(crate) fn logits(
        &mut self,
        fill: impl FnOnce(&mut [f32]),
        blocks: usize,
        logits: &mut [f32],
    ) -> Result<(), ClassifyError> {
        fill(&mut self.tokens);
        let real = blocks * self.embedding();
        self.tokens[real..].fill(0.0);
        let length = [(blocks * self.encoders.tokens_per_block()) as i32];
        self.classifier.run(&[Input::F32(&self.tokens), Input::I32(&length)], logits)?;
        if logits.iter().all(|logit| logit.is_finite()) { Ok(()) } else { Err(ClassifyError::NotFinite) }
    }
}

/// Refuses rows that this build would fill otherwise than the model was trained.
fn check_view(contract: &Contract) -> Result<(), ClassifyError> {
    let view = &contract.view;
    let columns = view.kind.columns(&contract.codec);
    if Some(view.layout) == view.kind.layout(&contract.codec) && columns.is_none_or(|columns| view.row == columns.len())
    {
        return Ok(());
    }
    let (name, media) = (view.kind.name(), contract.media());
    Err(ClassifyError::View { view: name, layout: view.layout, row: view.row, media })
}

/// Whether a classifier is `[1, T x L', D], [1] -> [1, C]` by the contract.
fn classifier_fits(io: &GraphIo, contract: &Contract, embedding: usize) -> bool {
    let elements = |index: usize| io.inputs.get(index).and_then(|port| port.elements());
    io.inputs.len() == 2
        && elements(0) == Some(contract.window.blocks * embedding)
        && elements(1) == Some(1)
        && io.output.elements() == Some(contract.labels.len())
}

/// The rows that differ, in the order in which they first come, and for every row its place among them.
fn distinct(rows: &[i32], row: usize) -> (Vec<&[i32]>, Vec<usize>) {
    let (mut distinct, mut seen) = (Vec::new(), HashMap::new());
    let place = |row| {
        *seen.entry(row).or_insert_with(|| {
            distinct.push(row);
            distinct.len() - 1
        })
    };
    let places = rows.chunks_exact(row).map(place).collect();
    (distinct, places)
}
