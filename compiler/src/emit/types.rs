use crate::ir::{Constant, Dim, Dtype, Value};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::{TensorProto, TensorShapeProto, TypeProto, ValueInfoProto, type_proto};

/// The one symbol a shape may hold.
const BATCH: &str = "batch";

/// ONNX's number for an element type.
pub(super) fn data_type(dtype: Dtype) -> i32 {
    let number = match dtype {
        Dtype::F32 => DataType::Float,
        Dtype::F16 => DataType::Float16,
        Dtype::BF16 => DataType::Bfloat16,
        Dtype::I8 => DataType::Int8,
        Dtype::I32 => DataType::Int32,
        Dtype::Bool => DataType::Bool,
    };
    number as i32
}

/// A constant as an initializer; elements as raw little-endian bytes.
pub(super) fn tensor(name: &str, constant: &Constant) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        data_type: data_type(constant.fact().dtype),
        dims: constant.shape().iter().map(|size| *size as i64).collect(),
        raw_data: constant.bytes(),
        ..Default::default()
    }
}

/// A list of int64 as an initializer: how ONNX wants shapes, pads and axes.
pub(super) fn integers(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        data_type: DataType::Int64 as i32,
        dims: vec![values.len() as i64],
        raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        ..Default::default()
    }
}

/// Name, element type and shape of a value. A multiple of the batch has no name in ONNX and stays open.
pub(super) fn value_info(value: &Value) -> ValueInfoProto {
    let shape = TensorShapeProto { dim: value.fact.shape.iter().map(dimension).collect() };
    let tensor = type_proto::Tensor { elem_type: data_type(value.fact.dtype), shape: Some(shape) };
    let kind = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() };
    ValueInfoProto { name: value.name.clone(), r#type: Some(kind), ..Default::default() }
}

fn dimension(dim: &Dim) -> Dimension {
    let value = match dim {
        Dim::Fixed(size) => Some(dimension::Value::DimValue(*size as i64)),
        Dim::Batch(1) => Some(dimension::Value::DimParam(BATCH.to_owned())),
        Dim::Batch(_) => None,
    };
    Dimension { value, ..Default::default() }
}
