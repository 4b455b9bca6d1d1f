//! A model repository for Triton Inference Server: a folder for each graph, with `config.pbtxt`, `labels.txt` and
//! `1/model.onnx`.

use crate::Precision;
use crate::graphs::Artefacts;
use std::fmt::Write;
use tempest_contract::Contract;
use tempest_engine::{Dim, Dtype, GraphIo, GraphName, Port};

/// Most requests that Triton joins, and the sizes it prefers: blocks are small, windows are not.
const BLOCKS: Batching = Batching { max: 256, preferred: [64, 256], delay_microseconds: 500 };
const WINDOWS: Batching = Batching { max: 64, preferred: [16, 64], delay_microseconds: 1000 };

/// Dynamic batching of one model.
struct Batching {
    max: usize,
    preferred: [usize; 2],
    delay_microseconds: usize,
}

/// The folders of a model's repository.
#[must_use]
pub fn models(contract: &Contract) -> [String; 3] {
    GraphName::ALL.map(|graph| model(contract, graph))
}

/// Paths and contents of all files.
#[must_use]
pub fn files(contract: &Contract, precision: Precision, graphs: &Artefacts) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![];
    for (graph, artefact) in graphs.iter().map(|(id, artefact)| (id.name(), artefact)) {
        let name = model(contract, graph);
        files.push((format!("{name}/config.pbtxt"), config(&name, graph, &artefact.io, precision).into_bytes()));
        files.push((format!("{name}/1/model.onnx"), artefact.onnx.clone()));
        if graph != GraphName::Encoder {
            files.push((format!("{name}/labels.txt"), (contract.labels.join("\n") + "\n").into_bytes()));
        }
    }
    files
}

/// The fused graph is what most callers want: it has the plain name.
fn model(contract: &Contract, graph: GraphName) -> String {
    let name = crate::bundle::plain_name(contract);
    match graph {
        GraphName::Encoder => format!("{name}_encoder"),
        GraphName::Classifier => format!("{name}_classifier"),
        GraphName::Clip => name,
    }
}

fn config(name: &str, graph: GraphName, io: &GraphIo, precision: Precision) -> String {
    let batching = if graph == GraphName::Encoder { BLOCKS } else { WINDOWS };
    let mut text = format!("name: {name:?}\nplatform: \"onnxruntime_onnx\"\nmax_batch_size: {}\n", batching.max);
    for port in &io.inputs {
        let _ = writeln!(text, "input [ {{ {} }} ]", tensor(port));
    }
    let labels = if graph == GraphName::Encoder { "" } else { " label_filename: \"labels.txt\"" };
    let _ = writeln!(text, "output [ {{ {}{labels} }} ]", tensor(&io.output));
    let [some, all] = batching.preferred;
    let _ = writeln!(
        text,
        "dynamic_batching {{ preferred_batch_size: [ {some}, {all} ] max_queue_delay_microseconds: {} }}",
        batching.delay_microseconds
    );
    text.push_str("instance_group [ { kind: KIND_AUTO count: 1 } ]\n");
    text.push_str(&warm_up(io, some));
    if precision == Precision::Fp16 {
        text.push_str(TENSORRT);
    }
    text
}

/// Name, type and axes behind the batch. One number per request is a scalar that Triton reshapes.
fn tensor(port: &Port) -> String {
    let kind = match port.dtype {
        Dtype::I32 => "TYPE_INT32",
        Dtype::F32 => "TYPE_FP32",
    };
    match &*axes(port) {
        [] => format!("name: {:?} data_type: {kind} dims: [ 1 ] reshape: {{ shape: [ ] }}", port.name),
        axes => format!("name: {:?} data_type: {kind} dims: [ {} ]", port.name, axes.join(", ")),
    }
}

fn axes(port: &Port) -> Vec<String> {
    port.shape.iter().skip(1).filter_map(Dim::value).map(|size| size.to_string()).collect()
}

/// One run of zeros before the model counts as ready: engines plan and allocate then, not at the first request.
fn warm_up(io: &GraphIo, batch: usize) -> String {
    let mut text = format!("model_warmup [ {{\n  name: \"zeros\"\n  batch_size: {batch}\n");
    for port in &io.inputs {
        let kind = if port.dtype == Dtype::I32 { "TYPE_INT32" } else { "TYPE_FP32" };
        let axes = axes(port);
        let axes = if axes.is_empty() { "1".to_owned() } else { axes.join(", ") };
        let _ = writeln!(
            text,
            "  inputs {{ key: {:?} value: {{ data_type: {kind} dims: [ {axes} ] zero_data: true }} }}",
            port.name
        );
    }
    text + "} ]\n"
}

/// TensorRT where there is a GPU, its engines kept.
const TENSORRT: &str = "\
optimization { execution_accelerators { gpu_execution_accelerator: [ {
  name: \"tensorrt\"
  parameters { key: \"precision_mode\" value: \"FP16\" }
  parameters { key: \"trt_engine_cache_enable\" value: \"true\" }
  parameters { key: \"trt_engine_cache_path\" value: \"/tmp/tempest-tensorrt\" }
} ] } }
";
