//! Small ONNX graphs made by hand, and the engines to run them with.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

use prost::Message;
use std::io::Write;
use tempest_engine::{Device, Dim, Dtype, Engine, Gpu, GraphIo, OnnxRuntime, Port, Tract};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, attribute_proto::AttributeType, tensor_proto::DataType, tensor_shape_proto, type_proto,
};

/// A graph under construction; nodes are in execution order.
pub struct Graph {
    pub proto: GraphProto,
    inputs: Vec<Port>,
    output: Option<Port>,
}

/// 0 stands for the symbolic batch.
fn dims(shape: &[usize]) -> Vec<Dim> {
    shape.iter().map(|&dim| if dim == 0 { Dim::batch() } else { Dim::Fixed(dim) }).collect()
}

impl Graph {
    pub fn new() -> Self {
        Graph { proto: GraphProto { name: "test".into(), ..Default::default() }, inputs: vec![], output: None }
    }

    pub fn input(mut self, name: &str, dtype: Dtype, shape: &[usize]) -> Self {
        let port = Port { name: name.into(), dtype, shape: dims(shape) };
        self.proto.input.push(info(&port));
        self.inputs.push(port);
        self
    }

    pub fn output(mut self, name: &str, shape: &[usize]) -> Self {
        let port = Port { name: name.into(), dtype: Dtype::F32, shape: dims(shape) };
        self.proto.output.push(info(&port));
        self.output = Some(port);
        self
    }

    pub fn floats(mut self, name: &str, shape: &[i64], values: &[f32]) -> Self {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.proto.initializer.push(tensor(name, DataType::Float, shape, raw_data));
        self
    }

    pub fn integers(mut self, name: &str, values: &[i64]) -> Self {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.proto.initializer.push(tensor(name, DataType::Int64, &[values.len() as i64], raw_data));
        self
    }

    pub fn int32(mut self, name: &str, value: i32) -> Self {
        self.proto.initializer.push(tensor(name, DataType::Int32, &[], value.to_le_bytes().to_vec()));
        self
    }

    /// The attributes `axes` and `perm` are lists, the others one integer.
    /// Several outputs are separated by commas.
    pub fn node(mut self, op: &str, inputs: &[&str], output: &str, attributes: &[(&str, &[i64])]) -> Self {
        let attribute = attributes.iter().map(|(name, values)| attribute(name, values)).collect();
        self.proto.node.push(NodeProto {
            name: format!("/{output}"),
            op_type: op.into(),
            input: inputs.iter().map(ToString::to_string).collect(),
            output: output.split(',').map(ToString::to_string).collect(),
            attribute,
            ..Default::default()
        });
        self
    }

    pub fn io(&self) -> GraphIo {
        GraphIo { inputs: self.inputs.clone(), output: self.output.clone().unwrap() }
    }

    pub fn model(&self) -> ModelProto {
        let opset = OperatorSetIdProto { version: 17, ..Default::default() };
        ModelProto { ir_version: 8, opset_import: vec![opset], graph: Some(self.proto.clone()), ..Default::default() }
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.model().encode_to_vec()
    }
}

fn attribute(name: &str, values: &[i64]) -> AttributeProto {
    let mut attribute = AttributeProto { name: name.into(), ..Default::default() };
    if ["axes", "perm"].contains(&name) {
        attribute.ints = values.to_vec();
        attribute.set_type(AttributeType::Ints);
    } else {
        attribute.i = values[0];
        attribute.set_type(AttributeType::Int);
    }
    attribute
}

fn tensor(name: &str, dtype: DataType, shape: &[i64], raw_data: Vec<u8>) -> TensorProto {
    TensorProto { name: name.into(), data_type: dtype as i32, dims: shape.to_vec(), raw_data, ..Default::default() }
}

fn info(port: &Port) -> ValueInfoProto {
    let dim = |dim: &Dim| tensor_shape_proto::Dimension {
        value: Some(match dim {
            Dim::Fixed(size) => tensor_shape_proto::dimension::Value::DimValue(*size as i64),
            Dim::Symbol(symbol) => tensor_shape_proto::dimension::Value::DimParam(symbol.clone()),
        }),
        ..Default::default()
    };
    let elem_type = match port.dtype {
        Dtype::I32 => DataType::Int32 as i32,
        Dtype::F32 => DataType::Float as i32,
    };
    let shape = TensorShapeProto { dim: port.shape.iter().map(dim).collect() };
    let tensor = type_proto::Tensor { elem_type, shape: Some(shape) };
    let tensor = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() };
    ValueInfoProto { name: port.name.clone(), r#type: Some(tensor), ..Default::default() }
}

/// `y = cast(x) w`, x i32 [batch or `batch`, 3], y [.., 2], w = [[1, 2], [3, 4], [5, 6]].
pub fn product(batch: usize) -> Graph {
    Graph::new()
        .input("x", Dtype::I32, &[batch, 3])
        .floats("w", &[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
        .node("Cast", &["x"], "f", &[("to", &[DataType::Float as i64])])
        .node("MatMul", &["f", "w"], "y", &[])
        .output("y", &[batch, 2])
}

/// Every engine that can run here; a line on the terminal for each that cannot.
pub fn engines() -> Vec<Box<dyn Engine>> {
    let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(Tract)];
    if have_onnxruntime() {
        engines.push(Box::new(OnnxRuntime::new(None)));
    }
    for device in cards() {
        engines.push(Box::new(OnnxRuntime::new(None).on(device)));
    }
    engines
}

/// Whether the tests may use ONNX Runtime.
pub fn have_onnxruntime() -> bool {
    let set = std::env::var_os("ORT_DYLIB_PATH").is_some_and(|path| !path.is_empty());
    static ONCE: std::sync::Once = std::sync::Once::new();
    if !set {
        ONCE.call_once(|| skip("ORT_DYLIB_PATH is not set: ONNX Runtime is not tested"));
    }
    set
}

/// The devices of a card that the library has providers for; none without a card.
fn cards() -> Vec<Device> {
    static CARDS: std::sync::OnceLock<Vec<Device>> = std::sync::OnceLock::new();
    let look = || {
        let card = Gpu::all().and_then(|cards| cards.into_iter().next().ok_or_else(|| "no card".into()));
        let usable = |device: &Device| {
            let engine = OnnxRuntime::new(None).on(*device);
            let reason = card.as_ref().err().cloned().or_else(|| engine.check().err().map(|error| error.to_string()));
            reason.iter().for_each(|reason| skip(&format!("{}: {reason}", engine.name())));
            reason.is_none()
        };
        [Device::Cuda, Device::TensorRt].into_iter().filter(usable).collect()
    };
    CARDS.get_or_init(look).clone()
}

/// Past the test harness's capture, which a macro would not get.
pub fn skip(reason: &str) {
    let _ = writeln!(std::io::stderr(), "\nSKIPPED: {reason}");
}

/// Deterministic values in -1..1.
pub fn noise(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let step = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(step).collect()
}

pub fn max_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}
