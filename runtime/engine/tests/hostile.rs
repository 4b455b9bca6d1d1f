//! Graphs that no compiler of ours writes: each is an error, on every engine, never a crash or a file access.
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

mod common;

use common::{Graph, engines, product};
use prost::Message;
use tempest_engine::{Dim, Dtype, EngineError, GraphIo, Input, LoadOptions, MAX_ELEMENTS};
use tract_onnx::pb::{
    AttributeProto, FunctionProto, GraphProto, NodeProto, SparseTensorProto, StringStringEntryProto, TensorProto,
    attribute_proto::AttributeType, tensor_proto::DataLocation,
};

fn refused(bytes: &[u8], io: &GraphIo) -> Vec<EngineError> {
    engines().iter().map(|engine| engine.load(bytes, io, &LoadOptions::default()).err().unwrap()).collect()
}

fn external(mut tensor: TensorProto) -> TensorProto {
    let entry = StringStringEntryProto { key: "location".into(), value: "/etc/passwd".into() };
    tensor.raw_data.clear();
    tensor.external_data = vec![entry];
    tensor.set_data_location(DataLocation::External);
    tensor
}

#[test]
fn external_data_is_refused_wherever_it_hides() {
    let weight = product(1).proto.initializer.remove(0);
    let hidden = external(weight.clone());
    let mut marked = hidden.clone();
    marked.set_data_location(DataLocation::Default);

    let mut graphs = Vec::new();
    for tensor in [hidden.clone(), marked] {
        let mut graph = product(1);
        graph.proto.initializer[0] = tensor;
        graphs.push(graph);
    }
    let mut sparse = product(1);
    let values = SparseTensorProto { values: Some(hidden.clone()), ..Default::default() };
    sparse.proto.sparse_initializer.push(values);
    graphs.push(sparse);

    let constant = |tensor: TensorProto| AttributeProto {
        name: "value".into(),
        t: Some(tensor),
        r#type: AttributeType::Tensor as i32,
        ..Default::default()
    };
    let mut in_node = product(1);
    in_node.proto.node[0].attribute.push(constant(hidden.clone()));
    graphs.push(in_node);

    let inner = NodeProto { op_type: "Constant".into(), attribute: vec![constant(hidden)], ..Default::default() };
    let body = GraphProto { node: vec![inner], ..Default::default() };
    let mut in_subgraph = product(1);
    let branch = AttributeProto { g: Some(body), r#type: AttributeType::Graph as i32, ..Default::default() };
    in_subgraph.proto.node[0].attribute.push(branch);
    graphs.push(in_subgraph);

    for graph in graphs {
        for error in refused(&graph.bytes(), &graph.io()) {
            assert_eq!(
                error.to_string(),
                "tensor 'w' lies in another file; a compiled graph holds its weights, and paths are not followed"
            );
        }
    }
}

#[test]
fn bytes_that_are_no_graph_are_refused() {
    let whole = product(1).bytes();
    let noise: Vec<u8> = (0..4096_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for bytes in [&b""[..], b"PK\x03\x04 not a graph", &noise, &whole[..whole.len() - 9]] {
        for error in refused(bytes, &product(1).io()) {
            assert!(error.to_string().starts_with("not a compiled ONNX graph: "), "{error}");
        }
    }
    // Any truncation and any changed byte is refused, or leaves a graph of the same shape; none crashes.
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x15;
        for engine in engines() {
            let _ = engine.load(&whole[..at], &product(1).io(), &LoadOptions::default());
            let _ = engine.load(&changed, &product(1).io(), &LoadOptions::default());
        }
    }
}

#[test]
fn a_graph_other_than_described_is_refused() {
    let text = |change: fn(&mut GraphIo)| {
        let mut io = product(1).io();
        change(&mut io);
        let mut texts: Vec<_> = refused(&product(1).bytes(), &io).iter().map(ToString::to_string).collect();
        texts.dedup();
        assert_eq!(texts.len(), 1, "engines differ: {texts:?}");
        texts.remove(0)
    };
    let says = "the graph does not match its description: ";
    assert_eq!(text(|io| io.inputs[0].name = "z".into()), format!("{says}port 'z' should be i32 [1, 3], is absent"));
    assert_eq!(
        text(|io| io.inputs[0].shape = vec![Dim::batch(), Dim::Fixed(3)]),
        format!("{says}port 'x' should be i32 [batch, 3], is i32 [1, 3]")
    );
    assert_eq!(
        text(|io| io.inputs[0].dtype = Dtype::F32),
        format!("{says}port 'x' should be f32 [1, 3], is i32 [1, 3]")
    );
    assert_eq!(
        text(|io| io.output.shape[1] = Dim::Fixed(9)),
        format!("{says}port 'y' should be f32 [1, 9], is f32 [1, 2]")
    );
    assert_eq!(
        text(|io| io.inputs.push(tempest_engine::Port { name: "l".into(), ..io.inputs[0].clone() })),
        format!("{says}port 'l' should be i32 [1, 3], is absent")
    );
    assert_eq!(text(|io| io.inputs.clear()), "port 'y': the graph has no input");
    assert_eq!(text(|io| io.output.name = "x".into()), "port 'x': two ports have this name");
    assert_eq!(text(|io| io.inputs[0].shape[1] = Dim::Fixed(0)), "port 'x': dimension 1 is 0");
    assert_eq!(
        text(|io| io.inputs[0].shape[1] = Dim::batch()),
        "port 'x': dimension 1 is 'batch'; only dimension 0 may be 'batch'"
    );
    assert_eq!(
        text(|io| io.inputs[0].shape = vec![Dim::Fixed(MAX_ELEMENTS), Dim::Fixed(2)]),
        "port 'x': shape [268435456, 2] has more than 268435456 elements"
    );
}

#[test]
fn a_graph_that_declares_a_false_output_is_refused_or_fails() {
    let mut graph = product(1);
    graph.proto.output[0] = Graph::new().output("y", &[1, 4]).proto.output.remove(0);
    let io =
        GraphIo { output: Graph::new().input("x", Dtype::I32, &[1]).output("y", &[1, 4]).io().output, ..graph.io() };
    for engine in engines() {
        match engine.load(&graph.bytes(), &io, &LoadOptions::default()) {
            Err(_) => {}
            Ok(mut session) => assert!(session.run(&[Input::I32(&[1, 2, 3])], &mut [0.0; 4]).is_err()),
        }
    }
}

#[test]
fn ops_that_do_not_exist_and_wires_that_lead_nowhere_are_refused() {
    let mut unknown = product(1);
    unknown.proto.node[1].op_type = "Teleport".into();
    let mut loose = product(1);
    loose.proto.node[1].input[0] = "nothing".into();
    for graph in [unknown, loose] {
        for error in refused(&graph.bytes(), &graph.io()) {
            assert!(matches!(error, EngineError::Load { .. }), "{error}");
        }
    }
    let mut no_output = product(1);
    no_output.proto.node[1].output[0] = "elsewhere".into();
    for error in refused(&no_output.bytes(), &no_output.io()) {
        assert_eq!(error.to_string(), "not a compiled ONNX graph: no node computes the output 'y'");
    }
}

#[test]
fn weights_that_declare_more_than_they_hold_are_refused() {
    for dims in [vec![1 << 40, 1 << 40], vec![1 << 31, 2], vec![i64::MAX, 2], vec![-3, 2], vec![4, 2], vec![]] {
        let mut graph = product(1);
        graph.proto.initializer[0].dims = dims.clone();
        for (engine, error) in engines().iter().zip(refused(&graph.bytes(), &graph.io())) {
            let refused = matches!(error, EngineError::Load { .. } | EngineError::NotAGraph { .. });
            assert!(refused, "{} on {dims:?}: {error}", engine.name());
        }
    }
}

/// Shapes that operators ask for are data, and reach the allocator. A session may refuse them, or give something where
/// the number of elements overflows to none; the process goes on.
#[test]
fn operators_that_ask_for_too_much_end_no_process() {
    for (op, size) in
        [("Expand", [1 << 40, 1]), ("Expand", [1 << 40, 1 << 40]), ("Tile", [1 << 40, 1]), ("Reshape", [1 << 40, 1])]
    {
        let graph = Graph::new()
            .input("x", Dtype::F32, &[1, 1])
            .integers("size", &size)
            .node(op, &["x", "size"], "big", &[])
            .node("ReduceSum", &["big"], "y", &[("keepdims", &[1])])
            .output("y", &[1, 1]);
        for engine in engines() {
            match engine.load(&graph.bytes(), &graph.io(), &LoadOptions::default()) {
                Err(error) => assert!(matches!(error, EngineError::Load { .. }), "{op} on {}: {error}", engine.name()),
                Ok(mut session) => {
                    let ran = session.run(&[Input::F32(&[1.0])], &mut [0.0]);
                    let failed = |error: &EngineError| matches!(error, EngineError::Run { .. });
                    assert!(ran.as_ref().err().is_none_or(failed), "{op} on {}: {ran:?}", engine.name());
                }
            }
        }
    }
}

#[test]
fn an_index_out_of_range_fails_the_run_and_not_the_session() {
    let graph = Graph::new()
        .input("i", Dtype::I32, &[2])
        .floats("table", &[3, 2], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
        .node("Gather", &["table", "i"], "y", &[("axis", &[0])])
        .output("y", &[2, 2]);
    for engine in engines() {
        let mut session = engine.load(&graph.bytes(), &graph.io(), &LoadOptions::default()).unwrap();
        let mut out = [0.0; 4];
        for bad in [[0, 3], [i32::MAX, 0], [i32::MIN, 0]] {
            let error = session.run(&[Input::I32(&bad)], &mut out).unwrap_err();
            assert!(matches!(error, EngineError::Run { .. }), "{error}");
            // tract slices the table and panics; the session catches it.
            assert_eq!(error.to_string().starts_with("tract: the run failed: panic: "), engine.name() == "tract");
        }
        session.run(&[Input::I32(&[2, 0])], &mut out).unwrap();
        assert_eq!(out, [4.0, 5.0, 0.0, 1.0], "{}", engine.name());
    }
}

#[test]
fn local_functions_are_refused() {
    let mut model = product(1).model();
    model.functions.push(FunctionProto::default());
    for error in refused(&model.encode_to_vec(), &product(1).io()) {
        assert_eq!(error.to_string(), "not a compiled ONNX graph: it holds local functions or training information");
    }
}
