//! Runs compiled TEMPEST graphs, and reads the bundle they come from.
//!
//! Three types carry the work: an [`Engine`] says whether it can run here and loads graphs, a [`Session`] is one
//! loaded graph with every dimension fixed, a [`Bundle`] is the folder the compiler writes. [`Tract`] is built in;
//! [`OnnxRuntime`] loads a library when it is asked for, and looks at the library first, so that a missing or
//! old one is an error and never a hang.
//!
//! ```no_run
//! use std::path::Path;
//! use tempest_engine::{Bundle, GraphName, Input, LoadOptions, engine};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bundle = Bundle::open(Path::new("digits.bundle"))?;
//! let engine = engine("auto")?;
//! let mut encoder = bundle.session(GraphName::Encoder, &*engine, &LoadOptions { batch: 8, threads: 1 })?;
//! let blocks = vec![0_i32; encoder.io().inputs[0].elements().unwrap_or(0)];
//! let mut embeddings = vec![0_f32; encoder.io().output.elements().unwrap_or(0)];
//! encoder.run(&[Input::I32(&blocks)], &mut embeddings)?;
//! # Ok(())
//! # }
//! ```

mod batches;
mod bucket;
mod bundle;
mod command;
mod engine;
mod error;
mod gpu;
mod inspect;
mod io;
mod manifest;
mod onnxruntime;
mod pool;
mod summary;
mod thresholds;
mod tract;

pub use batches::{Batches, MAX_BATCH};
pub use bucket::{Bucket, MAX_BUCKETS};
pub use bundle::{Bundle, MANIFEST_FILE, MAX_GRAPH_BYTES, MAX_MANIFEST_BYTES};
pub use engine::{ENGINES, Engine, EngineInfo, LoadOptions, Session, engine};
pub use error::{BundleError, EngineError, LibraryError};
pub use gpu::Gpu;
pub use io::{BATCH, Dim, Dtype, GraphIo, Input, MAX_ELEMENTS, Port};
pub use manifest::{GraphEntry, GraphName, MANIFEST_VERSION, Manifest, sha256_hex};
pub use onnxruntime::{Device, GpuLibrary, OnnxRuntime};
pub use pool::{Budget, Lease, Pool};
pub use summary::GraphSummary;
pub use thresholds::{MAX_SMOOTHING_HOPS, Smoothing, Threshold, Thresholds};
pub use tract::Tract;
