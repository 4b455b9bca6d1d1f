//! Precision `int8` by scales: what the products of a model multiply is measured on media before anything is quantised.

mod media;
mod probe;

use crate::Precision;
use crate::error::CompileError;
use crate::graphs::{Plan, simplified};
use crate::prove::Engines;
pub use media::Clips;
use probe::Probe;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tempest_engine::{EngineError, GraphName, Input};
use tempest_models::{Checkpoint, ConfigError};
use thiserror::Error;

/// The largest magnitude of what each product multiplies, by the name of its node. Cloning shares them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranges(Arc<BTreeMap<String, f32>>);

impl Ranges {
    /// That of a product; `None` for one that was not seen.
    #[must_use]
    pub fn get(&self, product: &str) -> Option<f32> {
        self.0.get(product).copied()
    }
}

impl FromIterator<(String, f32)> for Ranges {
    fn from_iter<I: IntoIterator<Item = (String, f32)>>(ranges: I) -> Self {
        Self(Arc::new(ranges.into_iter().collect()))
    }
}

/// Why nothing could be measured.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CalibrateError {
    /// The folder cannot be listed, or holds no media.
    #[error("{}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file is not what the model reads.
    #[error("{file}: {reason}")]
    File {
        /// The file.
        file: String,
        /// What it is instead.
        reason: String,
    },
    /// The view's layout is not of this build.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No engine runs here.
    #[error("no engine to measure with")]
    NoEngine,
    /// The engine does not run the float32 graphs.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The graph cannot be made to show what its products multiply; a bug.
    #[error(transparent)]
    Probe(#[from] crate::passes::RewriteError),
}

/// Runs the float32 graphs on every clip and keeps what their products multiply.
///
/// # Errors
/// [`CompileError::Calibrate`], or what building the graphs says.
pub(crate) fn ranges(
    checkpoint: &Checkpoint,
    plan: Plan<'_>,
    clips: &Clips,
    engines: &Engines,
) -> Result<Ranges, CompileError> {
    let plan = Plan { precision: Precision::Fp32, ..plan };
    let engine = engines.used.first().ok_or(CalibrateError::NoEngine)?.as_ref();
    let probe = |name: GraphName| -> Result<Probe, CompileError> {
        Ok(Probe::load(simplified(checkpoint, name.into(), plan)?, engine)?)
    };
    let (mut encoder, mut classifier) = (probe(GraphName::Encoder)?, probe(GraphName::Classifier)?);
    let (window, row) = (checkpoint.contract.window.blocks, checkpoint.contract.view.row);
    let config = &checkpoint.config;
    for clip in &clips.rows {
        let mut tokens = vec![];
        for block in clip.chunks_exact(row).take(window) {
            tokens.extend_from_slice(encoder.run(&[Input::I32(block)])?);
        }
        let length = (tokens.len() / config.dim) as i32;
        // Behind the clip stand zeros, as where the runtime classifies a short one.
        tokens.resize(window * config.tokens_per_block * config.dim, 0.0);
        classifier.run(&[Input::F32(&tokens), Input::I32(&[length])])?;
    }
    Ok(encoder.into_ranges().chain(classifier.into_ranges()).collect())
}
