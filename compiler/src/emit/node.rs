use super::{quantized, types};
use crate::ir::{Dim, Graph, Node, Op};
use std::collections::BTreeMap;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, NodeProto, TensorProto};

/// The int64 initializers that ops of this graph take as arguments: each list once.
pub(super) struct Arguments {
    prefix: String,
    lists: BTreeMap<String, Vec<i64>>,
}

impl Arguments {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), lists: BTreeMap::new() }
    }

    /// Name of the initializer that holds `values`.
    fn name(&mut self, values: Vec<i64>) -> String {
        let text: Vec<String> = values.iter().map(i64::to_string).collect();
        let name = format!("{}ints[{}]", self.prefix, text.join(","));
        self.lists.insert(name.clone(), values);
        name
    }

    pub(super) fn into_tensors(self) -> impl Iterator<Item = TensorProto> {
        self.lists.into_iter().map(|(name, values)| types::integers(&name, &values))
    }
}

/// One op: mostly one node, the IR's inputs, then the arguments that ONNX takes as tensors.
pub(super) fn node_protos(graph: &Graph, node: &Node, arguments: &mut Arguments) -> Vec<NodeProto> {
    let name = |id: &crate::ir::ValueId| graph.value(*id).map_or_else(String::new, |value| value.name.clone());
    let mut input: Vec<String> = node.inputs.iter().map(name).collect();
    if let (Op::QuantizedMatMul, [x, weights, scales]) = (&node.op, &*input) {
        return quantized::node_protos(&node.name, [x, weights, scales], &name(&node.output));
    }
    let rank = node.inputs.first().and_then(|id| graph.value(*id)).map_or(0, |value| value.fact.shape.len());
    input.extend(argument(&node.op, rank).map(|values| arguments.name(values)));
    vec![NodeProto {
        input,
        output: vec![name(&node.output)],
        name: node.name.clone(),
        op_type: node.op.name().to_owned(),
        attribute: attributes(&node.op),
        ..Default::default()
    }]
}

fn argument(op: &Op, rank: usize) -> Option<Vec<i64>> {
    match op {
        Op::Reshape { shape } => Some(shape.iter().map(size).collect()),
        Op::Pad { axis, before } => {
            let mut pads = vec![0; 2 * rank];
            pads[*axis] = *before as i64;
            Some(pads)
        }
        Op::ReduceSum { axis } => Some(vec![*axis as i64]),
        _ => None,
    }
}

/// A dim as `Reshape` takes it: -1 is "whatever is left", which is the batch.
fn size(dim: &Dim) -> i64 {
    match dim {
        Dim::Fixed(size) => *size as i64,
        Dim::Batch(_) => -1,
    }
}

fn attributes(op: &Op) -> Vec<AttributeProto> {
    match op {
        Op::Cast { to } => vec![integer("to", i64::from(types::data_type(*to)))],
        Op::Softmax => vec![integer("axis", -1)],
        Op::LayerNormalization { epsilon } => vec![integer("axis", -1), float("epsilon", *epsilon)],
        Op::Gather { axis } | Op::Concat { axis } => vec![integer("axis", *axis as i64)],
        Op::Dequantize { axis: Some(axis) } => vec![integer("axis", *axis as i64)],
        Op::Transpose { perm } => vec![integers("perm", perm)],
        Op::ReduceSum { .. } => vec![integer("keepdims", 0)],
        Op::Scan { body } => vec![subgraph("body", body), integer("num_scan_inputs", 1)],
        _ => vec![],
    }
}

pub(super) fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), r#type: AttributeType::Int as i32, i: value, ..Default::default() }
}

fn subgraph(name: &str, body: &Graph) -> AttributeProto {
    let graph = super::graph_proto(body, &format!("{}/", body.name));
    AttributeProto { name: name.to_owned(), r#type: AttributeType::Graph as i32, g: Some(graph), ..Default::default() }
}

fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { name: name.to_owned(), r#type: AttributeType::Float as i32, f: value, ..Default::default() }
}

fn integers(name: &str, values: &[usize]) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Ints as i32,
        ints: values.iter().map(|value| *value as i64).collect(),
        ..Default::default()
    }
}
