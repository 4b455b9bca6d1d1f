//! Classifies compressed media from its blocks: bytes -> [`media`] -> rows -> [`classifier`] -> probabilities.
//!
//! ```
//! use tempest_runtime::{Classifier, Media, builtin};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bundle = builtin::bundle()?;
//! let media = Media::read(&include_bytes!("../../samples/tempest.mp3")[..], bundle.contract())?;
//! let engine = tempest_engine::engine("auto")?;
//! let answer = Classifier::load(&bundle, &*engine, 1)?.classify(&media)?;
//! println!("{}", bundle.contract().labels[answer.ranked()[0].0]);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

pub mod builtin;
pub mod classifier;
pub mod cli;
mod encoders;
pub mod inputs;
pub mod media;
pub mod survey;

pub use classifier::{Answer, Classifier, ClassifyError};
pub use media::{Media, MediaError};
