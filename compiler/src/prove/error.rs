use crate::GraphId;
use tempest_engine::EngineError;
use thiserror::Error;

/// Why graphs do not pass as the checkpoint's.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The reference cannot be computed.
    #[error("reference: {0}")]
    Reference(#[from] candle_core::Error),
    /// No blocks to run.
    #[error("no rows to verify with")]
    NoRows,
    /// The engine does not load or run the graph.
    #[error("{graph} on {engine}: {source}")]
    Engine {
        /// The graph.
        graph: GraphId,
        /// The engine.
        engine: String,
        /// What it says.
        source: Box<EngineError>,
    },
    /// An output is NaN or infinite.
    #[error("{graph} on {engine}: output {index} of sample {sample} is {value}")]
    NotFinite {
        /// The graph.
        graph: GraphId,
        /// The engine.
        engine: String,
        /// Which sample.
        sample: usize,
        /// Which of its outputs.
        index: usize,
        /// The value.
        value: f32,
    },
    /// An output points elsewhere than the reference.
    #[error("{graph} on {engine}: cosine {cosine:.4} with the checkpoint, at least {least} in this precision")]
    Cosine {
        /// The graph.
        graph: GraphId,
        /// The engine.
        engine: String,
        /// The smallest cosine.
        cosine: f64,
        /// What the precision must keep.
        least: f64,
    },
    /// Outputs are too far from the reference.
    #[error("{graph} on {engine}: max difference {max:.2e} from the checkpoint, tolerance {tolerance:.0e}")]
    Tolerance {
        /// The graph.
        graph: GraphId,
        /// The engine.
        engine: String,
        /// The largest absolute difference.
        max: f64,
        /// What the target allows.
        tolerance: f32,
    },
    /// A sample gives another output beside others than alone.
    #[error("{graph} on {engine}: batched and alone differ by {max:.2e}, tolerance {tolerance:.0e}")]
    Batch {
        /// The graph.
        graph: GraphId,
        /// The engine.
        engine: String,
        /// The largest absolute difference.
        max: f64,
        /// What the target allows.
        tolerance: f32,
    },
}

impl ProveError {
    /// Whether a graph was found wrong, as opposed to nothing being run.
    #[must_use]
    pub fn is_verification(&self) -> bool {
        !matches!(self, ProveError::Reference(_) | ProveError::NoRows)
    }
}
