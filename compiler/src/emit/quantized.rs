//! `QuantizedMatMul` in ONNX's own operators, in the form that engines recognise and fuse.

use super::node::integer;
use super::types;
use crate::ir::Dtype;
use tract_onnx::pb::NodeProto;

/// `x` quantised as it comes, an integer product with the weights, and the product scaled back:
/// `y = (quantize(x) W) (scale(x) scales)`.
pub(super) fn node_protos(name: &str, [x, weights, scales]: [&String; 3], output: &str) -> Vec<NodeProto> {
    let part = |part: &str| format!("{name}/{part}");
    let node = |part_name: &str, op: &str, inputs: &[&str], outputs: &[&str]| NodeProto {
        name: part(part_name),
        op_type: op.to_owned(),
        input: inputs.iter().map(|input| (*input).to_owned()).collect(),
        output: outputs.iter().map(|output| (*output).to_owned()).collect(),
        ..Default::default()
    };
    let [quantized, scale, zero, sums, floats, both] =
        ["quantized", "scale", "zero_point", "sums", "floats", "scales"].map(part);
    let mut cast = node("floats", "Cast", &[&sums], &[&floats]);
    cast.attribute = vec![integer("to", i64::from(types::data_type(Dtype::F32)))];
    vec![
        node("quantized", "DynamicQuantizeLinear", &[x], &[&quantized, &scale, &zero]),
        node("sums", "MatMulInteger", &[&quantized, weights, &zero], &[&sums]),
        cast,
        node("scales", "Mul", &[&scale, scales], &[&both]),
        NodeProto { name: name.to_owned(), ..node("", "Mul", &[&floats, &both], &[output]) },
    ]
}
