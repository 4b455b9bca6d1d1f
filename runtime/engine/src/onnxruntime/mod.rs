mod library;
mod probe;

use crate::{Engine, EngineError, EngineInfo, GraphIo, Input, LoadOptions, Port, Session};
use crate::{inspect::inspect, io::BATCH};
use library::Library;
use ort::environment::Environment;
use ort::ep::CPU;
use ort::session::{Session as OrtSession, SessionInputValue, builder::GraphOptimizationLevel};
use ort::value::TensorRef;
use std::borrow::Cow;
use std::path::PathBuf;

const NAME: &str = "onnxruntime";

/// ONNX Runtime on the CPU, from a library that is found and loaded at run time.
///
/// The library is the one given, else the one `ORT_DYLIB_PATH` names, else one beside the executable, else
/// what the system's loader finds; a path may be the library or the folder it lies in. A process holds
/// one ONNX Runtime: the first graph loaded settles which.
#[derive(Clone, Debug, Default)]
pub struct OnnxRuntime {
    library: Option<PathBuf>,
}

impl OnnxRuntime {
    /// With the library at `library`, or with the one that is found. Nothing is loaded yet.
    #[must_use]
    pub fn new(library: Option<PathBuf>) -> Self {
        OnnxRuntime { library }
    }
}

impl Engine for OnnxRuntime {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check(&self) -> Result<EngineInfo, EngineError> {
        let Library { path, version } = Library::find(self.library.as_deref())?;
        Ok(EngineInfo { engine: NAME, version, library: Some(path) })
    }

    fn load(&self, graph: &[u8], io: &GraphIo, options: &LoadOptions) -> Result<Box<dyn Session>, EngineError> {
        let fixed = io.fixed(options.batch)?;
        inspect(graph, io)?;
        let environment = Library::start(self.library.as_deref())?;
        let session = session(&environment, graph, options).map_err(|error| EngineError::Load {
            engine: NAME,
            step: "load",
            reason: error.to_string(),
        })?;
        Ok(Box::new(OnnxSession { session, io: fixed }))
    }
}

struct OnnxSession {
    session: OrtSession,
    io: GraphIo,
}

impl Session for OnnxSession {
    fn io(&self) -> &GraphIo {
        &self.io
    }

    fn run(&mut self, inputs: &[Input<'_>], out: &mut [f32]) -> Result<(), EngineError> {
        self.io.check_run(inputs, out)?;
        let values = self.io.inputs.iter().zip(inputs).map(|(port, input)| value(port, input));
        let values = values.collect::<ort::Result<Vec<_>>>().map_err(failed)?;
        let outputs = self.session.run(values).map_err(failed)?;
        let output = outputs.get(&self.io.output.name).ok_or_else(|| run_error("it gave no output"))?;
        let (_, data) = output.try_extract_tensor::<f32>().map_err(failed)?;
        if data.len() != out.len() {
            return Err(run_error(format!("it gave {} elements instead of {}", data.len(), out.len())));
        }
        out.copy_from_slice(data);
        Ok(())
    }
}

/// A session on the CPU. Its threads sleep between runs: an idle server must not burn a core.
fn session(environment: &Environment, graph: &[u8], options: &LoadOptions) -> ort::Result<OrtSession> {
    let batch = i64::try_from(options.batch).unwrap_or(i64::MAX);
    let cpu = CPU::default().with_arena_allocator(true).build().error_on_failure();
    OrtSession::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_execution_providers([cpu])?
        .with_intra_threads(options.threads)?
        .with_inter_threads(1)?
        .with_intra_op_spinning(false)?
        .with_inter_op_spinning(false)?
        .with_dimension_override(BATCH, batch)?
        .commit_from_memory(graph)
}

type Named<'a> = (Cow<'a, str>, SessionInputValue<'a>);

fn value<'a>(port: &'a Port, input: &Input<'a>) -> ort::Result<Named<'a>> {
    let dims = port.dims().unwrap_or_default();
    let value = match *input {
        Input::I32(values) => TensorRef::from_array_view((dims, values))?.into(),
        Input::F32(values) => TensorRef::from_array_view((dims, values))?.into(),
    };
    Ok((Cow::Borrowed(&port.name), value))
}

fn failed(error: ort::Error) -> EngineError {
    run_error(error.to_string())
}

fn run_error(reason: impl Into<String>) -> EngineError {
    EngineError::Run { engine: NAME, reason: reason.into() }
}
