//! An ONNX file as text: ports, metadata, weights, one line for each node. For any file, not only ours.

use prost::Message;
use std::fmt::{self, Write};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as DimValue;
use tract_onnx::pb::type_proto::Value as TypeValue;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, TypeProto, ValueInfoProto};

/// Longest value of a metadata entry that is printed whole.
const SHOWN: usize = 160;

/// The text of an ONNX file; graphs inside graphs are indented.
///
/// # Errors
/// What is wrong with the bytes, in one line.
pub fn inspect(bytes: &[u8]) -> Result<String, String> {
    let model = ModelProto::decode(bytes).map_err(|error| format!("is no ONNX file: {error}"))?;
    let graph = model.graph.as_ref().ok_or("holds no graph")?;
    let mut text = String::new();
    let opsets: Vec<String> =
        model.opset_import.iter().map(|opset| format!("{}{}", opset.domain, opset.version)).collect();
    let (producer, version) = (&model.producer_name, &model.producer_version);
    let written = (|| {
        writeln!(text, "{} by {producer} {version}, opset {}", graph.name, opsets.join(", "))?;
        for entry in &model.metadata_props {
            let end = entry.value.char_indices().nth(SHOWN).map_or(entry.value.len(), |(end, _)| end);
            let more = if end < entry.value.len() { " ..." } else { "" };
            writeln!(text, "{} = {}{more}", entry.key, &entry.value[..end])?;
        }
        print(&mut text, graph, "")
    })();
    written.map_err(|error: fmt::Error| error.to_string())?;
    Ok(text)
}

fn print(text: &mut String, graph: &GraphProto, indent: &str) -> fmt::Result {
    for input in &graph.input {
        writeln!(text, "{indent}input   {} {}", input.name, port(input))?;
    }
    for tensor in &graph.initializer {
        writeln!(text, "{indent}weight  {} {}", tensor.name, dims(tensor))?;
    }
    for node in &graph.node {
        line(text, graph, node, indent)?;
    }
    for output in &graph.output {
        writeln!(text, "{indent}output  {} {}", output.name, port(output))?;
    }
    Ok(())
}

fn line(text: &mut String, graph: &GraphProto, node: &NodeProto, indent: &str) -> fmt::Result {
    let values = || graph.value_info.iter().chain(&graph.output);
    let output = |name: &String| match values().find(|value| value.name == *name) {
        Some(value) => format!("{name} {}", port(value)),
        None => name.clone(),
    };
    let outputs: Vec<String> = node.output.iter().map(output).collect();
    let attributes: Vec<String> = node.attribute.iter().filter_map(attribute).collect();
    let attributes = if attributes.is_empty() { String::new() } else { format!(" {{{}}}", attributes.join(", ")) };
    writeln!(
        text,
        "{indent}{:<8}{} = {}({}){attributes}",
        "",
        outputs.join(", "),
        node.op_type,
        node.input.join(", ")
    )?;
    for body in node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()) {
        print(text, body, &format!("{indent}    "))?;
    }
    Ok(())
}

fn attribute(attribute: &AttributeProto) -> Option<String> {
    let value = match attribute.r#type {
        1 => attribute.f.to_string(),
        2 => attribute.i.to_string(),
        3 => String::from_utf8_lossy(&attribute.s).into_owned(),
        7 => format!("{:?}", attribute.ints),
        _ => return None,
    };
    Some(format!("{}={value}", attribute.name))
}

fn port(value: &ValueInfoProto) -> String {
    let Some(TypeProto { value: Some(TypeValue::TensorType(tensor)), .. }) = &value.r#type else {
        return "of no tensor type".into();
    };
    let dim = |dim: &tract_onnx::pb::tensor_shape_proto::Dimension| match &dim.value {
        Some(DimValue::DimValue(size)) => size.to_string(),
        Some(DimValue::DimParam(symbol)) => symbol.clone(),
        None => "?".into(),
    };
    let shape: Vec<String> = tensor.shape.iter().flat_map(|shape| &shape.dim).map(dim).collect();
    format!("{}[{}]", dtype(tensor.elem_type), shape.join(","))
}

fn dims(tensor: &TensorProto) -> String {
    let shape: Vec<String> = tensor.dims.iter().map(i64::to_string).collect();
    format!("{}[{}]", dtype(tensor.data_type), shape.join(","))
}

fn dtype(number: i32) -> String {
    DataType::try_from(number).map_or_else(|_| format!("type {number}"), |kind| format!("{kind:?}").to_lowercase())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test should panic")]
mod tests {
    use super::inspect;
    use crate::emit::emit;
    use crate::ir::{Constant, Dim, Dtype, Fact, Graph, Op};

    #[test]
    fn prints_graphs_and_the_bodies_in_them() {
        let mut body = Graph::new("chunk");
        let row = body.add_input("row", Fact::fixed(Dtype::F32, &[2]));
        let half = body.add_constant("half", Constant::scalar(0.5));
        body.output = body.add_node("/halved", Op::Mul, &[row, half]).unwrap();
        let mut graph = Graph::new("tiny");
        let x = graph.add_input("x", Fact::new(Dtype::F32, vec![Dim::Batch(1), Dim::Fixed(2)]));
        let y = graph.add_node("/y", Op::Scan { body: Box::new(body) }, &[x]).unwrap();
        graph.output = graph.add_node("/z", Op::Softmax, &[y]).unwrap();
        let text = inspect(&emit(&graph, &[("who", "me".to_owned())])).unwrap();
        insta::assert_snapshot!(text, @r"
    tiny by tempest-compile 0.1.0, opset 17
    who = me
    input   x float[batch,2]
            /y float[batch,2] = Scan(x) {num_scan_inputs=1}
        input   row float[2]
        weight  half float[]
                /halved float[2] = Mul(row, half)
        output  /halved float[2]
            /z float[batch,2] = Softmax(/y) {axis=-1}
    output  /z float[batch,2]
    ");
    }

    #[test]
    fn says_what_is_no_graph() {
        assert!(inspect(b"not at all").unwrap_err().starts_with("is no ONNX file: "));
        assert_eq!(inspect(b"").unwrap_err(), "holds no graph");
    }
}
