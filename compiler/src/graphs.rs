//! Checkpoint -> the ONNX files of a bundle, for one target.

use crate::build;
use crate::calibrate::Ranges;
use crate::emit::{self, emit};
use crate::error::CompileError;
use crate::ir::{Cost, Dim, Dtype, Graph, ValueId};
use crate::passes::{self, Observer, Pass, Silent, WidenProducts};
use crate::report::{Step, Tally};
use crate::target::Target;
use crate::verify_ir::check_ops;
use crate::{GraphId, Precision};
use std::borrow::Cow;
use std::collections::BTreeMap;
use tempest_contract::ViewKind;
use tempest_engine::{Batches, GraphIo, GraphName, Port};
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
    /// What engines here run in its place: bfloat16 they do not multiply, so there each product is of floats that hold
    /// bfloat16. Numbers are the same but for the order of sums.
    pub stand_in: Option<Vec<u8>>,
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
    /// Scales for `int8` where the target quantises statically.
    pub ranges: Option<&'a Ranges>,
}

impl Plan<'_> {
    fn stages(&self) -> Vec<Vec<Box<dyn Pass>>> {
        let mut stages = passes::stages(self.precision, self.ranges);
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
        let metadata = graph_metadata(&metadata, target.batches(name.name()));
        let onnx = emit(&graph, &metadata);
        let io = io(&graph);
        let stand_in = stand_in(graph, plan.precision, &metadata)?;
        Ok((name, Artefact { onnx, io, stats, stand_in, steps: tally.into_steps() }))
    };
    graph_ids(checkpoint, target)?.into_iter().map(compile).collect()
}

/// What is in float32 of a graph of batch 1, as the passes leave it before a precision narrows it.
pub(crate) fn simplified(checkpoint: &Checkpoint, name: GraphId, plan: Plan<'_>) -> Result<Graph, CompileError> {
    let mut graph = build_graph(checkpoint, name, Dim::Fixed(1), None)?;
    passes::run(&mut graph, &plan.stages(), plan.stop_after, &Silent)?;
    Ok(graph)
}

/// The graphs as engines here run them.
#[must_use]
pub fn runnable(graphs: &Artefacts) -> Cow<'_, Artefacts> {
    if graphs.values().all(|graph| graph.stand_in.is_none()) {
        return Cow::Borrowed(graphs);
    }
    let run =
        |graph: &Artefact| Artefact { onnx: graph.stand_in.clone().unwrap_or(graph.onnx.clone()), ..graph.clone() };
    Cow::Owned(graphs.iter().map(|(name, graph)| (*name, run(graph))).collect())
}

fn stand_in(
    mut graph: Graph,
    precision: Precision,
    metadata: &[(&str, String)],
) -> Result<Option<Vec<u8>>, CompileError> {
    if precision != Precision::Bf16 {
        return Ok(None);
    }
    passes::run(&mut graph, &[vec![Box::new(WidenProducts)]], None, &Silent)?;
    Ok(Some(emit(&graph, metadata)))
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

/// What graphs of a target with batches say too.
fn graph_metadata<'a>(common: &[(&'a str, String)], batches: Option<Batches>) -> Vec<(&'a str, String)> {
    let text = |Batches { min, opt, max }| format!(r#"{{"min":{min},"opt":{opt},"max":{max}}}"#);
    let batches = batches.map(|batches| ("tempest.batches", text(batches)));
    common.iter().cloned().chain(batches).collect()
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
pub(crate) fn io(graph: &Graph) -> GraphIo {
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
