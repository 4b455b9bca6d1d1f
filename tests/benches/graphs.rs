//! Times ONNX graphs side by side, on tract and on ONNX Runtime, one thread, processor time, in turn, so that the machine's drift hits
//! all alike. The first graph is what the others are compared with.
//!
//! ```sh
//! cargo bench --profile dev -p tempest-tests --bench graphs -- NAIVE.onnx OURS.onnx ...
//! ```
//! ONNX Runtime is taken from `ORT_DYLIB_PATH`. Batch and sequence axes must be fixed. Integer inputs get tokens
//! 0..=256, float inputs values of -1..1. `--runs N` (15), `--engine tract|onnxruntime` (both); `--nodes` prints where tract
//! spends its time on the first graph.

use ort::environment::Environment;
use ort::session::{Session, SessionInputValue, builder::GraphOptimizationLevel};
use ort::value::Tensor as OrtTensor;
use rustix::time::{ClockId, clock_gettime};
use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::OnceLock;
use tract_onnx::pb::{ModelProto, TypeProto, tensor_shape_proto::dimension, type_proto};
use tract_onnx::prelude::{
    DatumType, Framework, InferenceFact, InferenceModelExt, IntoRunnable, IntoTValue, TValue, TVec, Tensor,
    TractResult, TypedModel, TypedRunnableModel,
};

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (mut files, mut runs, mut engine) = (vec![], 15, String::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--runs" => runs = arguments.next().ok_or("--runs needs a number")?.parse()?,
            "--nodes" => return tract_nodes(&arguments.next().ok_or("--nodes needs a file")?, runs),
            "--engine" => engine = arguments.next().ok_or("--engine needs a name")?,
            _ => files.push(argument),
        }
    }
    if files.is_empty() {
        return Err("usage: graphs [--runs N] [--engine NAME] FILE.onnx...".into());
    }
    for (name, load) in
        [("onnxruntime", load_onnxruntime as fn(&str) -> Result<Runner, Failure>), ("tract", load_tract)]
    {
        if engine.is_empty() || engine == name {
            time(name, &files, load, runs)?;
        }
    }
    Ok(())
}

/// Milliseconds of processor time that this process has used: on a shared machine steadier than the clock on the wall,
/// and the same as long as one thread works.
fn cpu_ms() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// One inference.
type Runner = Box<dyn FnMut() -> Result<(), Failure>>;

fn time(engine: &str, files: &[String], load: fn(&str) -> Result<Runner, Failure>, runs: usize) -> Result<(), Failure> {
    let mut timed = vec![];
    for file in files {
        match load(file) {
            Ok(mut run) => {
                run()?;
                timed.push((file, run, vec![]));
            }
            Err(error) => println!("SKIPPED {engine}, {file}: {error}"),
        }
    }
    for _ in 0..runs {
        for (_, run, times) in &mut timed {
            let start = cpu_ms();
            run()?;
            times.push(cpu_ms() - start);
        }
    }
    let mut first = None;
    for (file, _, times) in &mut timed {
        times.sort_by(f64::total_cmp);
        let (median, least) = (times[times.len() / 2], times[0]);
        let first = *first.get_or_insert((median, least));
        let (ratio, ratio_least) = (median / first.0, least / first.1);
        println!("{engine:12} {median:9.2} ms median {ratio:6.3}x {least:9.2} ms least {ratio_least:6.3}x  {file}");
    }
    Ok(())
}

/// Element type and sizes of a graph's inputs.
struct Port {
    name: String,
    dtype: DatumType,
    shape: Vec<usize>,
}

fn ports(model: &ModelProto) -> Result<Vec<Port>, Failure> {
    let graph = model.graph.as_ref().ok_or("no graph")?;
    graph.input.iter().map(|input| port(&input.name, input.r#type.as_ref())).collect()
}

fn port(name: &str, kind: Option<&TypeProto>) -> Result<Port, Failure> {
    let Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)), .. }) = kind else {
        return Err(format!("input '{name}' is no tensor").into());
    };
    let dtype = match tensor.elem_type {
        1 => DatumType::F32,
        6 => DatumType::I32,
        7 => DatumType::I64,
        other => return Err(format!("input '{name}' has type {other}").into()),
    };
    let size = |dim: &tract_onnx::pb::tensor_shape_proto::Dimension| match dim.value {
        Some(dimension::Value::DimValue(size)) => usize::try_from(size).ok(),
        _ => None,
    };
    let shape = tensor.shape.iter().flat_map(|shape| &shape.dim).map(size).collect::<Option<_>>();
    Ok(Port { name: name.to_owned(), dtype, shape: shape.ok_or(format!("input '{name}' has a symbolic axis"))? })
}

/// Tokens or numbers, the same for every graph.
fn tokens(count: usize) -> impl Iterator<Item = i32> {
    (0..count as u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 16) as i32 % 257)
}

fn load_tract(path: &str) -> Result<Runner, Failure> {
    let (plan, inputs) = tract_plan(path)?;
    Ok(Box::new(move || {
        plan.run(tract_values(&inputs))?;
        Ok(())
    }))
}

/// Prints each node's share of the time, the largest first.
fn tract_nodes(path: &str, runs: usize) -> Result<(), Failure> {
    let (plan, inputs) = tract_plan(path)?;
    let mut spent = HashMap::<String, f64>::new();
    let mut state = plan.spawn()?;
    for _ in 0..runs {
        state.run_plan_with_eval(tract_values(&inputs), |context, state, node, inputs| {
            let start = cpu_ms();
            let result = tract_onnx::tract_core::plan::eval(context, state, node, inputs);
            let facts = node.outputs.iter().map(|outlet| format!("{:?}", outlet.fact)).collect::<Vec<_>>().join(" ");
            *spent.entry(format!("{} {} {facts}", node.op().name(), node.name)).or_default() += cpu_ms() - start;
            result
        })?;
    }
    let mut spent: Vec<_> = spent.into_iter().collect();
    spent.sort_by(|a, b| b.1.total_cmp(&a.1));
    let total: f64 = spent.iter().map(|(_, ms)| ms).sum();
    println!("{:9.3} ms in all", total / runs as f64);
    for (node, ms) in &spent {
        println!("{:9.3} ms {:5.1} %  {node}", ms / runs as f64, 100.0 * ms / total);
    }
    Ok(())
}

fn tract_values(inputs: &[Tensor]) -> TVec<TValue> {
    inputs.iter().map(|tensor| tensor.clone().into_tvalue()).collect()
}

fn tract_plan(path: &str) -> Result<(Arc<TypedRunnableModel>, Vec<Tensor>), Failure> {
    let onnx = tract_onnx::onnx().with_ignore_value_info(true);
    let proto = onnx.proto_model_for_path(path)?;
    let ports = ports(&proto)?;
    let mut model = onnx.model_for_proto_model(&proto)?;
    for (index, port) in ports.iter().enumerate() {
        model.set_input_fact(index, InferenceFact::dt_shape(port.dtype, &port.shape))?;
    }
    let model: TypedModel = model.into_typed()?.into_optimized()?;
    let plan = model.into_runnable()?;
    Ok((plan, ports.iter().map(tract_value).collect::<TractResult<Vec<_>>>()?))
}

fn tract_value(port: &Port) -> TractResult<Tensor> {
    let tokens = tokens(port.shape.iter().product());
    match port.dtype {
        DatumType::F32 => {
            Tensor::from_shape(&port.shape, &tokens.map(|token| token as f32 / 128.0 - 1.0).collect::<Vec<_>>())
        }
        DatumType::I64 => Tensor::from_shape(&port.shape, &tokens.map(i64::from).collect::<Vec<_>>()),
        _ => Tensor::from_shape(&port.shape, &tokens.collect::<Vec<_>>()),
    }
}

/// A process has one.
static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();

fn load_onnxruntime(path: &str) -> Result<Runner, Failure> {
    let library = std::env::var("ORT_DYLIB_PATH").map_err(|_| "ORT_DYLIB_PATH is not set")?;
    if ENVIRONMENT.get().is_none() {
        let _ = ENVIRONMENT.set(ort::init_from(library)?.build()?);
    }
    let environment = ENVIRONMENT.get().ok_or("no environment")?;
    let proto = tract_onnx::onnx().proto_model_for_path(path)?;
    let inputs: Vec<_> = ports(&proto)?.into_iter().map(ort_value).collect::<Result<_, Failure>>()?;
    let mut session = Session::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(1)?
        .commit_from_file(path)?;
    Ok(Box::new(move || {
        let values: Vec<_> =
            inputs.iter().map(|(name, value)| (name.as_str(), SessionInputValue::from(value.view()))).collect();
        session.run(values)?;
        Ok(())
    }))
}

fn ort_value(port: Port) -> Result<(String, ort::value::DynValue), Failure> {
    let tokens = tokens(port.shape.iter().product());
    let value = match port.dtype {
        DatumType::F32 => {
            OrtTensor::from_array((port.shape, tokens.map(|token| token as f32 / 128.0 - 1.0).collect::<Vec<_>>()))?
                .into_dyn()
        }
        DatumType::I64 => OrtTensor::from_array((port.shape, tokens.map(i64::from).collect::<Vec<_>>()))?.into_dyn(),
        _ => OrtTensor::from_array((port.shape, tokens.collect::<Vec<_>>()))?.into_dyn(),
    };
    Ok((port.name, value))
}
