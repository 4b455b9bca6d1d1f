//! What is said of a graph without running it.
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

mod common;

use common::product;
use prost::Message;
use tempest_engine::{GraphSummary, sha256_hex};
use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto, attribute_proto::AttributeType};

/// A node with a graph inside.
fn nested(body: GraphProto) -> NodeProto {
    let attribute = AttributeProto { g: Some(body), r#type: AttributeType::Graph as i32, ..Default::default() };
    NodeProto { op_type: "If".into(), domain: "com.example".into(), attribute: vec![attribute], ..Default::default() }
}

#[test]
fn operators_and_weights_are_counted_in_every_graph() {
    let mut graph = product(0);
    let body = product(0).proto;
    graph.proto.node.push(nested(body));
    let bytes = graph.bytes();
    let summary = GraphSummary::of(&bytes).unwrap();
    assert_eq!((summary.bytes, summary.sha256), (bytes.len() as u64, sha256_hex(&bytes)));
    let operators: Vec<(&str, usize)> = summary.operators.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(operators, [("Cast", 2), ("MatMul", 2), ("com.example.If", 1)]);
    assert_eq!(summary.weights, [("float".to_owned(), 12)].into());
    assert_eq!(summary.opsets, [(String::new(), 17)].into());
    assert_eq!((summary.inputs, summary.outputs), (vec!["x i32 [batch, 3]".into()], vec!["y f32 [batch, 2]".into()]));
}

#[test]
fn what_a_graph_declares_is_not_believed() {
    let mut graph = product(1);
    graph.proto.initializer[0].dims = vec![i64::MAX, i64::MAX];
    assert_eq!(GraphSummary::of(&graph.bytes()).unwrap().weights["float"], u64::MAX);
    graph.proto.initializer[0].dims = vec![-1, 4];
    graph.proto.initializer[0].data_type = 99;
    assert_eq!(GraphSummary::of(&graph.bytes()).unwrap().weights, [("type 99".to_owned(), 0)].into());
}

#[test]
fn graphs_in_graphs_end() {
    let deep = (0..20).fold(product(1).proto, |body, _| GraphProto { node: vec![nested(body)], ..Default::default() });
    let mut model = product(1).model();
    model.graph = Some(deep);
    let summary = GraphSummary::of(&model.encode_to_vec()).unwrap();
    assert_eq!(summary.operators.get("com.example.If"), Some(&17), "beyond sixteen nothing is followed");
    for bytes in [&b""[..], b"\x08", b"PK\x03\x04"] {
        assert!(GraphSummary::of(bytes).unwrap_err().to_string().starts_with("not a compiled ONNX graph: "));
    }
}
