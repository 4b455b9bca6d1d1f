use crate::classifier::ClassifyError;
use thiserror::Error;

/// Why a stream cannot be heard.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The model reads images.
    #[error("the model reads {media}, which has no time to listen to; use `tempest classify`")]
    NoTime {
        /// What the model reads.
        media: String,
    },
    /// A window that the model's own does not hold.
    #[error("--window: {found} s is not in {block:.3} to {most:.3} s, one block to the model's window")]
    Window {
        /// Seconds asked for.
        found: f64,
        /// Seconds of a block.
        block: f64,
        /// Seconds of the model's window.
        most: f64,
    },
    /// A hop that is no part of the window.
    #[error("--hop: {found} s is not in {block:.3} to {most:.3} s, one block to a whole window")]
    Hop {
        /// Seconds asked for.
        found: f64,
        /// Seconds of a block.
        block: f64,
        /// Seconds of the window.
        most: f64,
    },
    /// Loading or running the model failed.
    #[error(transparent)]
    Classify(#[from] ClassifyError),
}
