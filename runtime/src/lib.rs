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

pub mod bench;
pub mod builtin;
pub mod calibrate;
pub mod classifier;
pub mod cli;
pub mod detect;
mod encoders;
pub mod inputs;
pub mod listen;
pub mod media;
mod ordered;
mod process;
#[cfg(feature = "lame")]
pub mod recode;
pub mod source;
pub mod survey;

pub use classifier::{Answer, Classifier, ClassifyError};
pub use listen::{Heard, ListenError, ListenOptions, Listener};
pub use media::{Media, MediaError};
