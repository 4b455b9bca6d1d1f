use crate::inspect::describe;
use crate::{EngineError, sha256_hex};
use serde::Serialize;
use std::collections::BTreeMap;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto, tensor_proto::DataType};
use tract_onnx::prelude::Framework;

/// Graphs inside graphs that are followed; ours have one level.
const MAX_DEPTH: usize = 16;

/// What an ONNX file holds, whoever wrote it. Nothing in it is run, no path in it is followed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GraphSummary {
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file, 64 lower-case hex digits.
    pub sha256: String,
    /// Name and version of the program that wrote it.
    pub producer: String,
    /// Operator sets by domain; the empty domain is ONNX's own.
    pub opsets: BTreeMap<String, i64>,
    /// Inputs that are no weights, with type and shape as text.
    pub inputs: Vec<String>,
    /// Outputs, likewise.
    pub outputs: Vec<String>,
    /// How often each operator stands in the graph, bodies of loops included.
    pub operators: BTreeMap<String, usize>,
    /// Elements of the weights by type (`float`, `int8`), as their shapes declare them.
    pub weights: BTreeMap<String, u64>,
    /// What the file says of itself.
    pub metadata: BTreeMap<String, String>,
}

impl GraphSummary {
    /// Reads the summary off the bytes of an ONNX file.
    ///
    /// # Errors
    /// [`EngineError::NotAGraph`] says what is wrong with the bytes.
    pub fn of(bytes: &[u8]) -> Result<Self, EngineError> {
        let not = |reason: String| EngineError::NotAGraph { reason };
        let read = tract_onnx::onnx().proto_model_for_read(&mut { bytes });
        let model = read.map_err(|error| not(format!("{error:#}")))?;
        let graph = model.graph.as_ref().ok_or_else(|| not(format!("{} bytes without a graph", bytes.len())))?;
        let mut summary = Self { bytes: bytes.len() as u64, sha256: sha256_hex(bytes), ..Self::header(&model) };
        let weights: Vec<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
        let port = |info| format!("{} {}", name_of(info), describe(info));
        summary.inputs = graph.input.iter().filter(|info| !weights.contains(&name_of(info))).map(port).collect();
        summary.outputs = graph.output.iter().map(port).collect();
        summary.count(graph, 0);
        Ok(summary)
    }

    fn header(model: &ModelProto) -> Self {
        Self {
            producer: format!("{} {}", model.producer_name, model.producer_version).trim().to_owned(),
            opsets: model.opset_import.iter().map(|opset| (opset.domain.clone(), opset.version)).collect(),
            metadata: model.metadata_props.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect(),
            ..Self::default()
        }
    }

    fn count(&mut self, graph: &GraphProto, depth: usize) {
        graph.initializer.iter().for_each(|tensor| self.weigh(tensor));
        for node in &graph.node {
            *self.operators.entry(operator(node)).or_default() += 1;
            for attribute in &node.attribute {
                attribute.t.iter().chain(&attribute.tensors).for_each(|tensor| self.weigh(tensor));
                let bodies = attribute.g.iter().chain(&attribute.graphs).filter(|_| depth < MAX_DEPTH);
                bodies.for_each(|body| self.count(body, depth + 1));
            }
        }
    }

    fn weigh(&mut self, tensor: &TensorProto) {
        let dims = tensor.dims.iter().map(|&dim| u64::try_from(dim).unwrap_or(0));
        let elements = dims.fold(1_u64, u64::saturating_mul);
        let dtype = DataType::try_from(tensor.data_type)
            .map_or_else(|_| format!("type {}", tensor.data_type), |dtype| format!("{dtype:?}").to_lowercase());
        let weighed = self.weights.entry(dtype).or_default();
        *weighed = weighed.saturating_add(elements);
    }
}

fn name_of(info: &tract_onnx::pb::ValueInfoProto) -> &str {
    &info.name
}

/// `com.microsoft.Gelu`; ONNX's own without a domain.
fn operator(node: &NodeProto) -> String {
    match node.domain.as_str() {
        "" | "ai.onnx" => node.op_type.clone(),
        domain => format!("{domain}.{}", node.op_type),
    }
}
