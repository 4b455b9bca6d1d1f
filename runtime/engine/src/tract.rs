use crate::{Dtype, Engine, EngineError, EngineInfo, GraphIo, Input, LoadOptions, Port, Session, inspect::inspect};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tract_onnx::{pb::ModelProto, prelude::*};

const NAME: &str = "tract";

/// Kept equal to `Cargo.lock` by a test: tract does not say its version.
const VERSION: &str = "0.23.9";

/// The engine that is built in: pure Rust, single-threaded, no library to find.
///
/// A graph is specialised to one batch size when it is loaded. Loading a `base` encoder takes a moment;
/// sessions are meant to be kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tract;

impl Engine for Tract {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check(&self) -> Result<EngineInfo, EngineError> {
        Ok(EngineInfo { engine: NAME, version: VERSION.into(), library: None, providers: vec![], why: None })
    }

    fn load_many(
        &self,
        graph: &[u8],
        io: &GraphIo,
        options: &LoadOptions,
        count: usize,
    ) -> Result<Vec<Box<dyn Session>>, EngineError> {
        let fixed = io.fixed(options.batch)?;
        let model = inspect(graph, io)?;
        let plan = guard(|| plan(&model, &fixed)).unwrap_or_else(|panic| Err(failed("load")(panic)))?;
        let session = || Box::new(TractSession { plan: plan.clone(), io: fixed.clone() }) as Box<dyn Session>;
        Ok((0..count).map(|_| session()).collect())
    }
}

/// Weights and order of execution; sessions share it, each run has a state of its own.
type Plan = Arc<RunnableModel<TypedFact, Box<dyn TypedOp>>>;

struct TractSession {
    plan: Plan,
    io: GraphIo,
}

impl Session for TractSession {
    fn io(&self) -> &GraphIo {
        &self.io
    }

    fn run(&mut self, inputs: &[Input<'_>], out: &mut [f32]) -> Result<(), EngineError> {
        self.io.check_run(inputs, out)?;
        let failed = |reason: String| EngineError::Run { engine: NAME, reason };
        let values = self.io.inputs.iter().zip(inputs).map(|(port, input)| value(port, input));
        let values = values.collect::<TractResult<TVec<TValue>>>().map_err(|error| failed(format!("{error:#}")))?;
        let outputs = guard(|| self.plan.run(values)).map_err(failed)?.map_err(|error| failed(format!("{error:#}")))?;
        let output = outputs.first().ok_or_else(|| failed("it gave no output".into()))?;
        let view = output.try_as_plain_ram().map_err(|error| failed(format!("{error:#}")))?;
        let data = view.as_slice::<f32>().map_err(|error| failed(format!("{error:#}")))?;
        if data.len() != out.len() {
            return Err(failed(format!("it gave {} elements instead of {}", data.len(), out.len())));
        }
        out.copy_from_slice(data);
        Ok(())
    }
}

/// ONNX to a plan for exactly the shapes of `io`, which has no symbols.
fn plan(proto: &ModelProto, io: &GraphIo) -> Result<Plan, EngineError> {
    // Shapes inside the graph may name the batch; they are inferred again from the fixed inputs.
    let onnx = tract_onnx::onnx().with_ignore_value_info(true);
    let mut model = onnx.model_for_proto_model(proto).map_err(step("read"))?;
    model.set_input_names(io.inputs.iter().map(|port| &port.name)).map_err(step("read"))?;
    for (index, port) in io.inputs.iter().enumerate() {
        let fact = InferenceFact::dt_shape(datum_type(port.dtype), port.dims().unwrap_or_default());
        model.set_input_fact(index, fact).map_err(step("shape"))?;
    }
    let model = model.into_typed().map_err(step("analyse"))?;
    let model = model.into_optimized().map_err(step("optimise"))?;
    check_output(&model, &io.output)?;
    model.into_runnable().map_err(step("plan"))
}

fn check_output(model: &TypedModel, port: &Port) -> Result<(), EngineError> {
    let found = model.output_fact(0).map_err(step("analyse"))?;
    let expected = datum_type(port.dtype).fact(port.dims().unwrap_or_default());
    if found.datum_type == expected.datum_type && found.shape == expected.shape {
        return Ok(());
    }
    let expected = format!("{} {}", port.dtype, port.shape_text());
    Err(EngineError::IoMismatch { port: port.name.clone(), expected, found: format!("{found:?}") })
}

fn value(port: &Port, input: &Input<'_>) -> TractResult<TValue> {
    let dims = port.dims().unwrap_or_default();
    let tensor = match input {
        Input::I32(values) => Tensor::from_shape(&dims, values),
        Input::F32(values) => Tensor::from_shape(&dims, values),
    };
    Ok(tensor?.into_tvalue())
}

fn datum_type(dtype: Dtype) -> DatumType {
    match dtype {
        Dtype::I32 => DatumType::I32,
        Dtype::F32 => DatumType::F32,
    }
}

fn step(step: &'static str) -> impl Fn(TractError) -> EngineError {
    move |error| failed(step)(format!("{error:#}"))
}

fn failed(step: &'static str) -> impl Fn(String) -> EngineError {
    move |reason| EngineError::Load { engine: NAME, step, reason }
}

/// Runs tract, whose parser and kernels assert where a graph or an index is unsound, and gives a panic as text.
///
/// The panic's message still goes to standard error, and a program built with `panic = "abort"` still ends.
/// Nothing that `body` touches is used again after a panic, except plans, which runs do not change.
fn guard<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        format!("panic: {}", text.unwrap_or_else(|| "no message".into()))
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_the_locked_one() {
        let lock = include_str!("../../../Cargo.lock");
        let entry = format!("name = \"tract-onnx\"\nversion = \"{}\"\n", super::VERSION);
        assert!(lock.contains(&entry), "update VERSION to the tract-onnx of Cargo.lock");
    }
}
