//! The two graphs at work: every block is encoded once, every window of embeddings is classified.

use crate::Media;
use crate::encoders::Encoders;
use std::ops::Range;
use tempest_contract::Contract;
use tempest_engine::{Bundle, Engine, EngineError, GraphIo, GraphName, Input, LoadOptions, Session};
use thiserror::Error;

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
    /// One per label, summing to 1: softmax of each window's logits, averaged over the windows.
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
}

impl Classifier {
    /// Loads encoder and classifier of a bundle; `threads` is what one run may use (ONNX Runtime).
    ///
    /// # Errors
    /// [`ClassifyError`]: an engine that cannot run here, or graphs that do not fit the bundle's contract.
    pub fn load(bundle: &Bundle, engine: &dyn Engine, threads: usize) -> Result<Self, ClassifyError> {
        let contract = bundle.contract().clone();
        check_view(&contract)?;
        let encoders = Encoders::load(bundle, engine, threads)?;
        let classifier = bundle.session(GraphName::Classifier, engine, &LoadOptions { batch: 1, threads })?;
        if !classifier_fits(classifier.io(), &contract, encoders.embedding()) {
            return Err(ClassifyError::Shape { graph: "classifier" });
        }
        Ok(Classifier { contract, encoders, classifier })
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
        let mut sum = vec![0.0f64; self.contract.labels.len()];
        let mut windows = 0;
        for window in self.contract.window.over(media.blocks) {
            let logits = self.window_logits(&embeddings, window)?;
            if !logits.iter().all(|logit| logit.is_finite()) {
                return Err(ClassifyError::NotFinite);
            }
            sum.iter_mut().zip(softmax(&logits)).for_each(|(sum, value)| *sum += value);
            windows += 1;
        }
        let share = 1.0 / windows.max(1) as f64;
        Ok(Answer { probabilities: sum.iter().map(|sum| (sum * share) as f32).collect(), windows })
    }

    /// Embeddings of all rows, L' x D floats a block. Each block is encoded once, by the smallest encoder that holds it.
    ///
    /// # Errors
    /// What the engine says.
    pub fn encode(&mut self, rows: &[i32]) -> Result<Vec<f32>, ClassifyError> {
        self.encoders.encode(rows)
    }

    /// Logits of one window of the embeddings that [`Classifier::encode`] gave, `blocks` of them at most a window long.
    ///
    /// # Errors
    /// What the engine says.
    pub fn window_logits(&mut self, embeddings: &[f32], blocks: Range<usize>) -> Result<Vec<f32>, ClassifyError> {
        let embedding = self.encoders.embedding();
        let mut tokens = vec![0.0; self.contract.window.blocks * embedding];
        let real = &embeddings[blocks.start * embedding..blocks.end * embedding];
        tokens[..real.len()].copy_from_slice(real);
        let length = [(blocks.len() * self.encoders.tokens_per_block()) as i32];
        let mut logits = vec![0.0; self.contract.labels.len()];
        self.classifier.run(&[Input::F32(&tokens), Input::I32(&length)], &mut logits)?;
        Ok(logits)
    }
}

/// Refuses rows that this build would fill otherwise than the model was trained.
fn check_view(contract: &Contract) -> Result<(), ClassifyError> {
    let view = &contract.view;
    let columns = view.kind.columns(&contract.codec);
    if view.layout == view.kind.layout() && columns.is_none_or(|columns| view.row == columns.len()) {
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

/// In float64: the probabilities of a window sum to 1 within its rounding.
fn softmax(logits: &[f32]) -> impl Iterator<Item = f64> + '_ {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exp = move |logit: &f32| f64::from(logit - largest).exp();
    let total: f64 = logits.iter().map(exp).sum();
    logits.iter().map(move |logit| exp(logit) / total)
}
