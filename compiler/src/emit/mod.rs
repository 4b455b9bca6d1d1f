//! IR -> ONNX opset 17: one function from a graph to the bytes of a file. The same graph gives the same bytes.

mod node;
mod quantized;
mod types;

use crate::ir::Graph;
use node::Arguments;
use prost::Message;
use tract_onnx::pb::{GraphProto, ModelProto, OperatorSetIdProto, StringStringEntryProto};

/// Version of the operators: the first with LayerNormalization, and inside what every engine of ours reads.
pub const OPSET: i64 = 17;

/// Version of the file format that belongs to [`OPSET`].
pub const IR_VERSION: i64 = 8;

/// `producer_name` of every graph.
pub const PRODUCER: &str = "tempest-compile";

/// The ONNX file of a verified graph. `metadata` goes into `metadata_props`, in its order.
#[must_use]
pub fn emit(graph: &Graph, metadata: &[(&str, String)]) -> Vec<u8> {
    let entry = |(key, value): &(&str, String)| StringStringEntryProto { key: (*key).to_owned(), value: value.clone() };
    let model = ModelProto {
        ir_version: IR_VERSION,
        opset_import: vec![OperatorSetIdProto { version: OPSET, ..Default::default() }],
        producer_name: PRODUCER.to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(graph_proto(graph, "")),
        metadata_props: metadata.iter().map(entry).collect(),
        ..Default::default()
    };
    model.encode_to_vec()
}

/// Inputs, constants in the order they were made, nodes in topological order, and the shape of every value.
/// `prefix` keeps a body's own names apart from those around it.
fn graph_proto(graph: &Graph, prefix: &str) -> GraphProto {
    let mut arguments = Arguments::new(prefix);
    let node = graph.nodes.iter().flat_map(|step| node::node_protos(graph, step, &mut arguments)).collect();
    let weights = graph.values().filter_map(|value| Some(types::tensor(&value.name, value.constant.as_ref()?)));
    let ports = |id| graph.value(id).map(types::value_info);
    let between = graph.nodes.iter().filter(|step| step.output != graph.output);
    GraphProto {
        name: graph.name.clone(),
        node,
        initializer: weights.chain(arguments.into_tensors()).collect(),
        input: graph.inputs.iter().copied().filter_map(ports).collect(),
        output: ports(graph.output).into_iter().collect(),
        value_info: between.filter_map(|step| ports(step.output)).collect(),
        ..Default::default()
    }
}
