//! Checkpoint -> the ONNX files of a bundle, for one target.

use crate::build;
use crate::emit::{self, emit};
use crate::error::CompileError;
use crate::ir::{Cost, Dim, Dtype, Graph, ValueId};
use crate::passes::{self, Observer, Pass};
use crate::report::{Step, Tally};
use crate::target::Target;
use crate::verify_ir::check_ops;
use crate::{GraphId, Precision};
use std::collections::BTreeMap;
use tempest_contract::ViewKind;
use tempest_engine::{GraphIo, GraphName, Port};
use tempest_models::Checkpoint;

/// One graph, ready to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Artefact {
    /// The ONNX file.
    pub onnx: Vec<u8>,
    /// Inputs and output.
    pub io: GraphIo,
    /// What the passes made of it.
    pub stats: Stats,
    /// The cost after each pass that changed it.
    pub steps: Vec<Step>,
}

/// Sizes of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Nodes as built.
    pub nodes_before: usize,
    /// Nodes as emitted.
    pub nodes_after: usize,
    /// Passes that ran.
    pub steps: usize,
    /// Elements of all float constants as emitted, positions included.
    pub parameters: usize,
    /// The cost as built.
    pub built: Cost,
    /// The cost as emitted.
    pub cost: Cost,
}

/// The graphs of a bundle.
pub type Artefacts = BTreeMap<GraphId, Artefact>;

/// How graphs are rewritten.
#[derive(Clone, Copy, Default)]
pub struct Plan<'a> {
    /// Arithmetic of their products.
    pub precision: Precision,
    /// Names of passes that do not run.
    pub without: &'a [String],
    /// Run only the first passes of each graph.
    pub stop_after: Option<usize>,
}

impl Plan<'_> {
    fn stages(&self) -> Vec<Vec<Box<dyn Pass>>> {
        let mut stages = passes::stages(self.precision);
        for stage in &mut stages {
            stage.retain(|pass| !self.without.iter().any(|name| name == pass.name()));
        }
        stages
    }
}

/// Builds, rewrites, verifies and emits every graph. `checkpoint_sha256` goes into the files.
///
/// # Errors
/// [`CompileError`] names the graph and the stage. Nothing here runs a graph: that is [`prove`](crate::prove::prove).
pub fn compile_graphs(
    checkpoint: &Checkpoint,
    checkpoint_sha256: &str,
    target: &Target,
    plan: Plan<'_>,
    observer: &dyn Observer,
) -> Result<Artefacts, CompileError> {
    let metadata = metadata(checkpoint, checkpoint_sha256, target, plan.precision)?;
    let stages = plan.stages();
    // A row of a numeric view is a vector: encoding a few at a time would only repeat the overhead.
    let chunk = target.chunk.filter(|_| checkpoint.contract.view.kind == ViewKind::Bytes);
    let compile = |name: GraphId| {
        let batch = target.batch(name.name(), checkpoint.contract.view.kind);
        let mut graph = build_graph(checkpoint, name, batch, chunk)?;
        let (nodes_before, built) = (nodes(&graph), Cost::of(&graph));
        let tally = Tally::beside(observer);
        let steps = passes::run(&mut graph, &stages, plan.stop_after, &tally)?;
        check_ops(&graph, &target.name, &target.ops)
            .map_err(|source| CompileError::Target { graph: name, source: source.into() })?;
        let stats = Stats {
            nodes_before,
            nodes_after: nodes(&graph),
            steps,
            parameters: parameters(&graph),
            built,
            cost: Cost::of(&graph),
        };
        let onnx = emit(&graph, &metadata);
        Ok((name, Artefact { onnx, io: io(&graph), stats, steps: tally.into_steps() }))
    };
    graph_ids(checkpoint, target)?.into_iter().map(compile).collect()
}

/// Rows of the target's shorter encoders; none for a view whose rows do not end in padding.
pub(crate) fn buckets<'a>(checkpoint: &Checkpoint, target: &'a Target) -> &'a [usize] {
    match checkpoint.contract.view.kind {
        ViewKind::Bytes => &target.buckets,
        ViewKind::Fields | ViewKind::Scalefactors | ViewKind::Symbols => &[],
    }
}

/// The graphs of a bundle for this target; a bucket must be shorter than the encoder's row.
fn graph_ids(checkpoint: &Checkpoint, target: &Target) -> Result<Vec<GraphId>, CompileError> {
    let (row, buckets) = (checkpoint.contract.view.row, buckets(checkpoint, target));
    if let Some(bucket) = buckets.iter().copied().find(|bucket| *bucket >= row) {
        return Err(CompileError::Bucket { target: target.name.clone(), bucket, row });
    }
    let buckets = buckets.iter().copied().map(GraphId::Bucket);
    Ok(GraphName::ALL.into_iter().map(GraphId::Graph).chain(buckets).collect())
}

fn build_graph(
    checkpoint: &Checkpoint,
    name: GraphId,
    batch: Dim,
    chunk: Option<usize>,
) -> Result<Graph, CompileError> {
    let built = match name {
        GraphId::Graph(GraphName::Encoder) => build::encoder(checkpoint, batch),
        GraphId::Graph(GraphName::Classifier) => build::classifier(checkpoint, batch),
        GraphId::Graph(GraphName::Clip) => build::clip(checkpoint, batch, chunk),
        GraphId::Bucket(row) => build::bucket(checkpoint, batch, row),
    };
    built.map_err(|source| CompileError::Build { graph: name, source: source.into() })
}

/// What every graph carries in `metadata_props`, so that a file alone says what it is.
fn metadata(
    checkpoint: &Checkpoint,
    sha256: &str,
    target: &Target,
    precision: Precision,
) -> Result<[(&'static str, String); 4], CompileError> {
    let contract = serde_json::to_string(&checkpoint.contract).map_err(CompileError::Contract)?;
    Ok([
        ("tempest.contract", contract),
        ("tempest.target", target.name.clone()),
        ("tempest.precision", precision.to_string()),
        ("tempest.checkpoint_sha256", sha256.to_owned()),
    ])
}

fn parameters(graph: &Graph) -> usize {
    let floats = |value: &crate::ir::Value| Some(value.constant.as_ref()?.as_f32()?.len());
    let inside: usize = graph.bodies().map(parameters).sum();
    inside + graph.values().filter_map(floats).sum::<usize>()
}

fn nodes(graph: &Graph) -> usize {
    graph.nodes.len() + graph.bodies().map(nodes).sum::<usize>()
}

/// The graph's ports as the manifest describes them.
fn io(graph: &Graph) -> GraphIo {
    let port = |id: ValueId| {
        let value = graph.value(id)?;
        let dtype = match value.fact.dtype {
            Dtype::F32 => tempest_engine::Dtype::F32,
            _ => tempest_engine::Dtype::I32,
        };
        Some(Port { name: value.name.clone(), dtype, shape: value.fact.shape.iter().map(dim).collect() })
    };
    let nameless = || Port { name: String::new(), dtype: tempest_engine::Dtype::F32, shape: vec![] };
    GraphIo {
        inputs: graph.inputs.iter().copied().filter_map(port).collect(),
        output: port(graph.output).unwrap_or_else(nameless),
    }
}

fn dim(dim: &Dim) -> tempest_engine::Dim {
    match dim {
        Dim::Fixed(size) => tempest_engine::Dim::Fixed(*size),
        Dim::Batch(_) => tempest_engine::Dim::batch(),
    }
}

/// File of a graph in the bundle.
#[must_use]
pub fn file_name(name: GraphId) -> String {
    format!("{name}.onnx")
}

/// `producer_name` and version, as the manifest records it.
#[must_use]
pub fn compiler_version() -> String {
    format!("{} {}", emit::PRODUCER, env!("CARGO_PKG_VERSION"))
}
