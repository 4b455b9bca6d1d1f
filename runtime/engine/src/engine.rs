use crate::{Device, EngineError, GraphIo, Input, OnnxRuntime, Tract};
use std::path::PathBuf;

/// Names [`engine`] takes, in the order they are listed to people.
pub const ENGINES: [&str; 5] = ["tract", "onnxruntime", "onnxruntime:cuda", "onnxruntime:tensorrt", "auto"];

/// Why `auto` is tract.
const AUTO: &str = "built in, nothing to find, the same answer on every machine; ONNX Runtime and cards by name";

/// Something that runs ONNX graphs.
pub trait Engine: Send + Sync {
    /// One of [`ENGINES`], never `auto`.
    fn name(&self) -> &'static str;

    /// Whether graphs can be loaded here, and with what. Loads no graph and binds the process to nothing; a card is
    /// not touched.
    ///
    /// # Errors
    /// [`EngineError::Library`] says what is missing and how to get it.
    fn check(&self) -> Result<EngineInfo, EngineError>;

    /// Loads a graph and prepares `count` sessions of it, each for one batch size. They share the weights where the
    /// engine can: tract one plan, ONNX Runtime on the CPU one copy of every large weight and of its packed form.
    ///
    /// `io` must be what the graph declares, input order aside. Weights must be inside `graph`: a path to other
    /// files is refused, never followed.
    ///
    /// # Errors
    /// Where the engine is not available, `graph` is no ONNX graph or not the one `io` describes, or holds something
    /// the engine cannot run.
    fn load_many(
        &self,
        graph: &[u8],
        io: &GraphIo,
        options: &LoadOptions,
        count: usize,
    ) -> Result<Vec<Box<dyn Session>>, EngineError>;

    /// [`Engine::load_many`] for one session.
    ///
    /// # Errors
    /// As [`Engine::load_many`].
    fn load(&self, graph: &[u8], io: &GraphIo, options: &LoadOptions) -> Result<Box<dyn Session>, EngineError> {
        let session = self.load_many(graph, io, options, 1)?.pop();
        session.ok_or_else(|| EngineError::Load {
            engine: self.name(),
            step: "load",
            reason: "it gave no session".into(),
        })
    }
}

/// One loaded graph with fixed shapes.
pub trait Session: Send {
    /// Inputs and output, no dimension a symbol.
    fn io(&self) -> &GraphIo;

    /// First dimension of the output.
    fn batch(&self) -> usize {
        self.io().output.dims().and_then(|dims| dims.first().copied()).unwrap_or(0)
    }

    /// Runs the graph: one element of `inputs` for each port of [`GraphIo::inputs`], in that order, each exactly as
    /// long as its shape; `out` exactly as long as the output's shape, overwritten on success, untouched where the
    /// arguments are refused. A failed run leaves the session usable.
    ///
    /// # Errors
    /// [`EngineError::InputCount`], [`EngineError::InputType`], [`EngineError::InputLength`] or
    /// [`EngineError::OutputLength`] for arguments that do not fit, [`EngineError::Run`] where the engine fails.
    fn run(&mut self, inputs: &[Input<'_>], out: &mut [f32]) -> Result<(), EngineError>;
}

/// How a graph is to be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadOptions {
    /// Value of the symbolic batch, 1 or more; not looked at where the graph's batch is fixed.
    pub batch: usize,
    /// Threads of one run, 0 for one per physical core. ONNX Runtime only: tract runs on the caller's thread.
    pub threads: usize,
}

impl Default for LoadOptions {
    fn default() -> Self {
        LoadOptions { batch: 1, threads: 1 }
    }
}

/// What [`Engine::check`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// [`Engine::name`].
    pub engine: &'static str,
    /// Version of the engine's library.
    pub version: String,
    /// The library file; `None` for an engine that is built in.
    pub library: Option<PathBuf>,
    /// Execution providers the library was built with, in its order of preference; empty for an engine without.
    pub providers: Vec<String>,
    /// Why this engine was chosen; `None` where it was asked for by name.
    pub why: Option<&'static str>,
}

/// The engine of that name, one of [`ENGINES`] or a short form of it: `onnxruntime:cpu`, `cuda`, `tensorrt`.
///
/// `auto` is tract, which is always there; its [`EngineInfo::why`] says so. An engine asked for by name is that engine:
/// where it cannot run, [`Engine::check`] and [`Engine::load`] fail with the reason, and nothing else runs instead.
///
/// # Errors
/// [`EngineError::UnknownEngine`] lists the known names.
pub fn engine(name: &str) -> Result<Box<dyn Engine>, EngineError> {
    let onnxruntime = |device| Box::new(OnnxRuntime::new(None).on(device));
    match name {
        "auto" => Ok(Box::new(Auto)),
        "tract" => Ok(Box::new(Tract)),
        "onnxruntime" | "onnxruntime:cpu" => Ok(onnxruntime(Device::Cpu)),
        "onnxruntime:cuda" | "cuda" => Ok(onnxruntime(Device::Cuda)),
        "onnxruntime:tensorrt" | "tensorrt" => Ok(onnxruntime(Device::TensorRt)),
        _ => Err(EngineError::UnknownEngine { name: name.into() }),
    }
}

/// The engine for who named none.
struct Auto;

impl Engine for Auto {
    fn name(&self) -> &'static str {
        Tract.name()
    }

    fn check(&self) -> Result<EngineInfo, EngineError> {
        Ok(EngineInfo { why: Some(AUTO), ..Tract.check()? })
    }

    fn load_many(
        &self,
        graph: &[u8],
        io: &GraphIo,
        options: &LoadOptions,
        count: usize,
    ) -> Result<Vec<Box<dyn Session>>, EngineError> {
        Tract.load_many(graph, io, options, count)
    }
}
