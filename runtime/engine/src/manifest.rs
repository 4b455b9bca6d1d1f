use crate::batches::Batches;
use crate::bucket::{self, Bucket};
use crate::{BundleError, Dim, Dtype, EngineError, GraphIo, MAX_GRAPH_BYTES, Port, Thresholds};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use tempest_contract::Contract;

/// Version of `bundle.json`. A reader refuses any other version by name.
pub const MANIFEST_VERSION: u32 = 1;

/// `bundle.json`: what a bundle holds and what its graphs promise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`MANIFEST_VERSION`].
    pub format_version: u32,
    /// What the model reads and answers, copied from the checkpoint.
    pub contract: Contract,
    /// Name of the target the graphs were compiled for (`generic`).
    pub target: String,
    /// ONNX operator set of the graphs.
    pub opset: u32,
    /// Arithmetic inside the graphs (`fp32`); inputs and outputs are int32 and float32 whatever it is.
    pub precision: String,
    /// Who wrote the bundle (`tempest-compile 0.1.0`).
    pub compiler: String,
    /// SHA-256 of the checkpoint, 64 lower-case hex digits.
    pub checkpoint_sha256: String,
    /// Largest absolute difference of a logit from the checkpoint's own that the compiler accepted.
    pub tolerance: f32,
    /// The graphs, one file each.
    pub graphs: BTreeMap<GraphName, GraphEntry>,
    /// Encoders of shorter rows, ascending; most bundles have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buckets: Vec<Bucket>,
    /// When a label counts as heard in a stream; `tempest calibrate` writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Thresholds>,
}

/// The graphs a bundle can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GraphName {
    /// `blocks: i32 [B, F]` -> `embeddings: f32 [B, L', D]`.
    Encoder,
    /// `embeddings: f32 [N, T L', D]`, and `length: i32 [N]` where windows may be partial -> `logits: f32 [N, C]`.
    Classifier,
    /// Both fused: `blocks: i32 [N, T, F]`, and `length` as for the classifier -> `logits: f32 [N, C]`.
    Clip,
}

/// One graph of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphEntry {
    /// Plain name of the file in the bundle's folder (`encoder.onnx`).
    pub file: String,
    /// SHA-256 of the file, 64 lower-case hex digits.
    pub sha256: String,
    /// Size of the file.
    pub bytes: u64,
    /// Inputs and output.
    pub io: GraphIo,
    /// The batches it is meant for, where a place wants to know them beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batches: Option<Batches>,
}

impl Manifest {
    /// Parses and [checks](Manifest::check) the text of `bundle.json`.
    ///
    /// # Errors
    /// [`BundleError::Version`] for another version, even one with other fields; otherwise [`BundleError::Json`] or
    /// what [`Manifest::check`] finds.
    pub fn from_json(json: &str) -> Result<Self, BundleError> {
        let value: serde_json::Value = serde_json::from_str(json)?;
        if let Some(found) = value.get("format_version").and_then(serde_json::Value::as_u64)
            && found != u64::from(MANIFEST_VERSION)
        {
            return Err(BundleError::Version { found });
        }
        // From the text again, not from the value: errors then name the line.
        let manifest: Manifest = serde_json::from_str(json)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The text of `bundle.json`: the same manifest gives the same bytes; ends in a newline.
    ///
    /// # Errors
    /// [`BundleError::Json`] where a number cannot be written, which a checked manifest has none of.
    pub fn to_json_pretty(&self) -> Result<String, BundleError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Checks what the types cannot: version, contract, digests, sizes, plain and unique file names, and that the
    /// shapes of the graphs fit the contract and each other, and the thresholds its labels.
    ///
    /// # Errors
    /// [`BundleError`] names the field and what is wrong with it.
    pub fn check(&self) -> Result<(), BundleError> {
        if self.format_version != MANIFEST_VERSION {
            return Err(BundleError::Version { found: self.format_version.into() });
        }
        self.contract.check()?;
        check_digest("checkpoint_sha256", &self.checkpoint_sha256)?;
        if !(self.tolerance.is_finite() && self.tolerance > 0.0) {
            return Err(invalid("tolerance", format!("{} is not a positive number", self.tolerance)));
        }
        if self.graphs.is_empty() {
            return Err(invalid("graphs", "the bundle holds no graph"));
        }
        for (name, entry) in &self.graphs {
            entry.check(&field(*name))?;
            self.check_shapes(*name, &entry.io)?;
        }
        self.check_seam()?;
        bucket::check(self)?;
        self.check_files()?;
        self.thresholds.as_ref().map_or(Ok(()), |thresholds| thresholds.check(&self.contract.labels))
    }

    fn check_files(&self) -> Result<(), BundleError> {
        let mut files: Vec<&str> = Vec::new();
        for (name, entry) in self.entries() {
            if files.contains(&entry.file.as_str()) {
                return Err(invalid(format!("{name}.file"), format!("'{}' stands twice", entry.file)));
            }
            files.push(&entry.file);
        }
        Ok(())
    }

    /// Every graph, and what its field is called.
    fn entries(&self) -> impl Iterator<Item = (String, &GraphEntry)> {
        let graphs = self.graphs.iter().map(|(name, entry)| (field(*name), entry));
        let buckets =
            self.buckets.iter().enumerate().map(|(at, bucket)| (format!("buckets.{at}.graph"), &bucket.graph));
        graphs.chain(buckets)
    }

    /// The graph's first input and its output against the contract.
    fn check_shapes(&self, name: GraphName, io: &GraphIo) -> Result<(), BundleError> {
        let [row, labels] = [self.contract.view.row, self.contract.labels.len()];
        let window = self.contract.window.blocks;
        let Some(input) = io.inputs.first() else { return Ok(()) };
        let blocks = || port_ends_with(name, input, Dtype::I32, "contract.view.row", row);
        let logits = || port_ends_with(name, &io.output, Dtype::F32, "the number of contract.labels", labels);
        match name {
            GraphName::Encoder => blocks(),
            GraphName::Classifier => logits(),
            GraphName::Clip => {
                blocks().and_then(|()| logits())?;
                match input.shape.get(1) {
                    Some(Dim::Fixed(size)) if *size == window => Ok(()),
                    _ => Err(bad_port(
                        &field(name),
                        input,
                        format!("dimension 1 is not {window} (contract.window.blocks)"),
                    )),
                }
            }
        }
    }

    /// The encoder's `[B, L', D]` against the classifier's `[N, T L', D]`.
    fn check_seam(&self) -> Result<(), BundleError> {
        let entries = (self.graphs.get(&GraphName::Encoder), self.graphs.get(&GraphName::Classifier));
        let (Some(encoder), Some(classifier)) = entries else { return Ok(()) };
        let Some(input) = classifier.io.inputs.first() else { return Ok(()) };
        let [_, Dim::Fixed(tokens), Dim::Fixed(dim)] = encoder.io.output.shape.as_slice() else {
            return Err(bad_port(&field(GraphName::Encoder), &encoder.io.output, "is not [B, tokens per block, dim]"));
        };
        let expected = [self.contract.window.blocks.saturating_mul(*tokens), *dim];
        match input.shape.as_slice() {
            [_, Dim::Fixed(length), Dim::Fixed(width)] if [*length, *width] == expected => Ok(()),
            _ => {
                let [length, width] = expected;
                let reason = format!("does not take what the encoder gives: [N, {length}, {width}]");
                Err(bad_port(&field(GraphName::Classifier), input, reason))
            }
        }
    }
}

impl GraphEntry {
    /// The entry of a graph with these bytes, to be written to `file`.
    #[must_use]
    pub fn new(file: impl Into<String>, bytes: &[u8], io: GraphIo) -> Self {
        GraphEntry { file: file.into(), sha256: sha256_hex(bytes), bytes: bytes.len() as u64, io, batches: None }
    }

    /// `name` is what errors call the graph.
    pub(crate) fn check(&self, name: &str) -> Result<(), BundleError> {
        if !is_plain(&self.file) {
            let reason = format!("'{}' is not the plain name of a file", self.file);
            return Err(invalid(format!("{name}.file"), reason));
        }
        if !(1..=MAX_GRAPH_BYTES).contains(&self.bytes) {
            let reason = format!("{} is not in 1..={MAX_GRAPH_BYTES}", self.bytes);
            return Err(invalid(format!("{name}.bytes"), reason));
        }
        check_digest(&format!("{name}.sha256"), &self.sha256)?;
        self.batches.map_or(Ok(()), |batches| batches.check(name, self.io.is_symbolic()))?;
        self.io.check().map_err(|error| match error {
            EngineError::BadIo { port, reason } => invalid(format!("{name}.io.{port}"), reason),
            other => invalid(format!("{name}.io"), other.to_string()),
        })
    }
}

/// SHA-256 of `bytes` as 64 lower-case hex digits.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    use fmt::Write;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Letters, digits, `.`, `_` and `-`, not starting with a dot: safe as a file name on every system.
fn is_plain(file: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    (1..=128).contains(&file.len()) && !file.starts_with('.') && file.chars().all(plain)
}

fn check_digest(field: &str, digest: &str) -> Result<(), BundleError> {
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if digest.len() == 64 && digest.bytes().all(hex) {
        return Ok(());
    }
    Err(invalid(field, format!("'{digest}' is not a SHA-256 of 64 lower-case hex digits")))
}

fn port_ends_with(name: GraphName, port: &Port, dtype: Dtype, what: &str, size: usize) -> Result<(), BundleError> {
    if port.dtype != dtype {
        return Err(bad_port(&field(name), port, format!("is {}, should be {dtype}", port.dtype)));
    }
    match port.shape.last() {
        Some(Dim::Fixed(last)) if *last == size => Ok(()),
        _ => Err(bad_port(&field(name), port, format!("does not end with {size}, {what}"))),
    }
}

fn field(name: GraphName) -> String {
    format!("graphs.{name}")
}

pub(crate) fn bad_port(name: &str, port: &Port, reason: impl fmt::Display) -> BundleError {
    invalid(format!("{name}.io.{}", port.name), format!("{} {reason}", port.shape_text()))
}

pub(crate) fn invalid(field: impl Into<String>, reason: impl Into<String>) -> BundleError {
    BundleError::Invalid { field: field.into(), reason: reason.into() }
}

impl GraphName {
    /// Every graph, in order.
    pub const ALL: [GraphName; 3] = [GraphName::Encoder, GraphName::Classifier, GraphName::Clip];

    /// The name in `bundle.json`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            GraphName::Encoder => "encoder",
            GraphName::Classifier => "classifier",
            GraphName::Clip => "clip",
        }
    }
}

impl fmt::Display for GraphName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
