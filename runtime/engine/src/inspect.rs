//! What is checked of a graph's bytes before any engine sees them.

use crate::{Dim, Dtype, EngineError, GraphIo, Port};
use std::collections::HashSet;
use tempest_contract::Contract;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, SparseTensorProto, TensorProto, TypeProto, ValueInfoProto,
    tensor_proto::{DataLocation, DataType},
    tensor_shape_proto::dimension::Value as DimValue,
    type_proto::Value as TypeValue,
};
use tract_onnx::prelude::Framework;

/// Key of the contract's JSON in a graph's `metadata_props`.
const CONTRACT_KEY: &str = "tempest.contract";

/// Decodes a graph and checks that it holds its own weights and has the ports `io` says.
///
/// An engine given only bytes resolves external data against the working directory or not at all, so the check
/// stands here, before either.
pub(crate) fn inspect(bytes: &[u8], io: &GraphIo) -> Result<ModelProto, EngineError> {
    let not = |reason: String| EngineError::NotAGraph { reason };
    let model = tract_onnx::onnx().proto_model_for_read(&mut { bytes }).map_err(|error| not(format!("{error:#}")))?;
    if !model.functions.is_empty() || !model.training_info.is_empty() {
        return Err(not("it holds local functions or training information".into()));
    }
    let graph = model.graph.as_ref().ok_or_else(|| not(format!("{} bytes without a graph", bytes.len())))?;
    check_tensors(graph)?;
    check_ports(graph, io)?;
    if !graph.node.iter().any(|node| node.output.contains(&io.output.name)) {
        return Err(not(format!("no node computes the output '{}'", io.output.name)));
    }
    Ok(model)
}

/// Whether the contract that the compiler wrote into the graph, where there is one, is `contract`.
pub(crate) fn states(bytes: &[u8], contract: &Contract) -> bool {
    let Ok(model) = tract_onnx::onnx().proto_model_for_read(&mut { bytes }) else { return true };
    let stated = model.metadata_props.iter().find(|entry| entry.key == CONTRACT_KEY);
    stated.is_none_or(|entry| Contract::from_json(&entry.value).is_ok_and(|stated| stated == *contract))
}

/// Refuses external data anywhere in the graph, subgraphs of attributes included.
fn check_tensors(graph: &GraphProto) -> Result<(), EngineError> {
    graph.initializer.iter().try_for_each(check_tensor)?;
    graph.sparse_initializer.iter().try_for_each(check_sparse)?;
    graph.node.iter().flat_map(|node| &node.attribute).try_for_each(check_attribute)
}

fn check_attribute(attribute: &AttributeProto) -> Result<(), EngineError> {
    attribute.t.iter().chain(&attribute.tensors).try_for_each(check_tensor)?;
    attribute.sparse_tensor.iter().chain(&attribute.sparse_tensors).try_for_each(check_sparse)?;
    attribute.g.iter().chain(&attribute.graphs).try_for_each(check_tensors)
}

fn check_sparse(sparse: &SparseTensorProto) -> Result<(), EngineError> {
    sparse.values.iter().chain(&sparse.indices).try_for_each(check_tensor)
}

fn check_tensor(tensor: &TensorProto) -> Result<(), EngineError> {
    let elsewhere = tensor.data_location.is_some_and(|location| location != DataLocation::Default as i32);
    if elsewhere || !tensor.external_data.is_empty() {
        return Err(EngineError::ExternalData { tensor: tensor.name.clone() });
    }
    Ok(())
}

fn check_ports(graph: &GraphProto, io: &GraphIo) -> Result<(), EngineError> {
    let initialized: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let inputs: Vec<_> = graph.input.iter().filter(|info| !initialized.contains(info.name.as_str())).collect();
    for port in &io.inputs {
        check_port(port, inputs.iter().copied().find(|info| info.name == port.name))?;
    }
    check_port(&io.output, graph.output.iter().find(|info| info.name == io.output.name))?;
    let listed = |info: &&ValueInfoProto| io.inputs.iter().any(|port| port.name == info.name);
    let extra = inputs.into_iter().find(|info| !listed(info));
    let extra = extra.or_else(|| graph.output.iter().find(|info| info.name != io.output.name));
    match extra {
        Some(info) => Err(mismatch(&info.name, "absent".into(), describe(info))),
        None => Ok(()),
    }
}

fn check_port(port: &Port, info: Option<&ValueInfoProto>) -> Result<(), EngineError> {
    let expected = format!("{} {}", port.dtype, port.shape_text());
    let found = info.map_or_else(|| "absent".into(), describe);
    if expected == found { Ok(()) } else { Err(mismatch(&port.name, expected, found)) }
}

fn mismatch(port: &str, expected: String, found: String) -> EngineError {
    EngineError::IoMismatch { port: port.into(), expected, found }
}

/// `f32 [batch, 10]`, the text of a [`Port`] with the same type and shape.
pub(crate) fn describe(info: &ValueInfoProto) -> String {
    let Some(TypeProto { value: Some(TypeValue::TensorType(tensor)), .. }) = &info.r#type else {
        return "no tensor".into();
    };
    let dtype = match DataType::try_from(tensor.elem_type) {
        Ok(DataType::Int32) => Dtype::I32.to_string(),
        Ok(DataType::Float) => Dtype::F32.to_string(),
        Ok(other) => format!("{other:?}"),
        Err(_) => format!("type {}", tensor.elem_type),
    };
    let Some(shape) = &tensor.shape else { return format!("{dtype} of any shape") };
    let dims: Vec<String> = shape
        .dim
        .iter()
        .map(|dim| match &dim.value {
            Some(DimValue::DimValue(size)) => size.to_string(),
            Some(DimValue::DimParam(symbol)) => Dim::Symbol(symbol.clone()).to_string(),
            None => "?".into(),
        })
        .collect();
    format!("{dtype} [{}]", dims.join(", "))
}
