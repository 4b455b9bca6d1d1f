//! Where a bundle will run: a profile, `targets/NAME/profile.toml`.

mod batch;
mod error;

use crate::bundle::Layout;
use crate::ir::Dim;
use crate::{Precision, Quantisation};
pub use batch::{Batch, BatchRanges, BatchSizes, EncoderBatches};
pub use error::TargetError;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::Path;
use tempest_contract::ViewKind;
use tempest_engine::{Batches, ENGINES, GraphName, MAX_BUCKETS};

/// The profiles that are built in: name and text.
const BUILT_IN: [(&str, &str); 6] = [
    ("edge-tract", include_str!("../../../targets/edge-tract/profile.toml")),
    ("generic", include_str!("../../../targets/generic/profile.toml")),
    ("server-cpu", include_str!("../../../targets/server-cpu/profile.toml")),
    ("server-cuda", include_str!("../../../targets/server-cuda/profile.toml")),
    ("server-tensorrt", include_str!("../../../targets/server-tensorrt/profile.toml")),
    ("triton", include_str!("../../../targets/triton/profile.toml")),
];

/// The target of a compilation that names none.
pub const DEFAULT_TARGET: &str = "edge-tract";

/// Largest profile that is read; ours have less than 2 KB.
const MAX_BYTES: u64 = 1 << 16;

/// What a place can run, and how a bundle for it is cut and verified.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Its name, as written into the bundle.
    pub name: String,
    /// One line for people.
    pub about: String,
    /// Engines that must load and run every graph here before a bundle is written.
    pub engines: Vec<String>,
    /// Arithmetic of products, unless the command line says otherwise.
    #[serde(default)]
    pub precision: Precision,
    /// Largest absolute difference from the reference that any output in fp32 may show.
    pub tolerance: f32,
    /// Batch of each graph.
    pub batch: BatchSizes,
    /// How the graphs are laid out.
    #[serde(default)]
    pub layout: Layout,
    /// View `bytes`: most blocks that the fused graph encodes at a time: few enough that what a layer makes of them stays in the
    /// processor's cache. All at once where there is none.
    #[serde(default)]
    pub chunk: Option<usize>,
    /// The precisions that the place runs.
    #[serde(default = "common_precisions")]
    pub precisions: Vec<Precision>,
    /// How precision `int8` is done.
    #[serde(default)]
    pub int8: Quantisation,
    /// The batches that graphs of symbolic batch are meant for, where the place wants to know: TensorRT's profile.
    #[serde(default)]
    pub batches: Option<BatchRanges>,
    /// View `bytes`: encoders for blocks of at most so many bytes too, ascending, each below the model's L.
    #[serde(default)]
    pub buckets: Vec<usize>,
    /// The ONNX operators that the place runs.
    pub ops: BTreeSet<String>,
}

/// What every engine of ours runs.
fn common_precisions() -> Vec<Precision> {
    vec![Precision::Fp32, Precision::Fp16, Precision::Int8]
}

/// Names of the targets that are built in.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

impl Target {
    /// The target of that name, or of the profile at that path (`.toml`).
    ///
    /// # Errors
    /// [`TargetError`] names the profile and what is wrong with it.
    pub fn find(name_or_path: &str) -> Result<Self, TargetError> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
            return Self::parse(name, text);
        }
        let path = Path::new(name_or_path);
        if path.extension().is_none_or(|extension| extension != "toml") {
            return Err(TargetError::Unknown { name: name_or_path.to_owned() });
        }
        let io = |source| TargetError::Io { path: path.to_owned(), source };
        let bytes = std::fs::metadata(path).map_err(io)?.len();
        if bytes > MAX_BYTES {
            return Err(TargetError::TooLarge { path: path.to_owned(), bytes });
        }
        Self::parse(name_or_path, &std::fs::read_to_string(path).map_err(io)?)
    }

    /// Parses and checks the text of a profile; `profile` is what errors call it.
    ///
    /// # Errors
    /// [`TargetError`] names the profile and the field.
    pub fn parse(profile: &str, text: &str) -> Result<Self, TargetError> {
        let target: Target =
            toml::from_str(text).map_err(|source| TargetError::Toml { profile: profile.to_owned(), source })?;
        target.check(profile)?;
        Ok(target)
    }

    /// Checks what the types cannot; `profile` is what errors call it.
    ///
    /// # Errors
    /// [`TargetError::Invalid`] names the profile and the field.
    pub fn check(&self, profile: &str) -> Result<(), TargetError> {
        let bad = |field, reason: String| Err(TargetError::Invalid { profile: profile.to_owned(), field, reason });
        if self.name.is_empty() {
            return bad("name", "is empty".into());
        }
        if !(self.tolerance.is_finite() && self.tolerance > 0.0) {
            return bad("tolerance", format!("{} is not above 0", self.tolerance));
        }
        if self.chunk == Some(0) {
            return bad("chunk", "0 blocks at a time; leave it out for all at once".into());
        }
        if self.engines.is_empty() {
            return bad("engines", "is empty; name one that verifies the bundle".into());
        }
        if let Some(name) = self.engines.iter().find(|name| *name == "auto" || !ENGINES.contains(&name.as_str())) {
            return bad("engines", format!("'{name}' is no engine; known: tract, onnxruntime"));
        }
        if !self.precisions.contains(&self.precision) {
            return bad("precisions", format!("the target's own, {}, is not among them", self.precision));
        }
        for graph in GraphName::ALL {
            let Some(batches) = self.batches(graph) else { continue };
            if !batches.are_sound() {
                return bad("batches", format!("{graph}: min, opt and max do not ascend from 1"));
            }
            if ViewKind::ALL.into_iter().any(|view| self.batch(graph, view) != Dim::Batch(1)) {
                return bad("batches", format!("{graph}: its batch is fixed"));
            }
        }
        if self.buckets.first() == Some(&0) || self.buckets.windows(2).any(|pair| pair[0] >= pair[1]) {
            return bad("buckets", format!("{:?} do not ascend from 1 or more", self.buckets));
        }
        if self.buckets.len() > MAX_BUCKETS {
            return bad("buckets", format!("{} of them, at most {MAX_BUCKETS}", self.buckets.len()));
        }
        if self.layout == Layout::Triton && !self.buckets.is_empty() {
            return bad("buckets", "a Triton repository has one encoder".into());
        }
        Ok(())
    }

    /// Whether a precision takes scales that are measured beforehand.
    #[must_use]
    pub fn calibrates(&self, precision: Precision) -> bool {
        precision == Precision::Int8 && self.int8 == Quantisation::Static
    }

    /// The batches a graph is meant for.
    #[must_use]
    pub fn batches(&self, graph: GraphName) -> Option<Batches> {
        self.batches.map(|batches| match graph {
            GraphName::Encoder => batches.encoder,
            GraphName::Classifier => batches.classifier,
            GraphName::Clip => batches.clip,
        })
    }

    /// Batch of a graph, for a model of this view.
    #[must_use]
    pub fn batch(&self, graph: GraphName, view: ViewKind) -> Dim {
        let batch = match (graph, view) {
            (GraphName::Encoder, ViewKind::Bytes) => self.batch.encoder.bytes,
            (GraphName::Encoder, _) => self.batch.encoder.fields,
            (GraphName::Classifier, _) => self.batch.classifier,
            (GraphName::Clip, _) => self.batch.clip,
        };
        match batch {
            Batch::Fixed(size) => Dim::Fixed(size),
            Batch::Symbolic => Dim::Batch(1),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test should panic")]
mod tests;
