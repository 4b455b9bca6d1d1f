use crate::{EngineError, GraphIo, Input, OnnxRuntime, Tract};
use std::path::PathBuf;

/// Names [`engine`] takes, in the order they are listed to people.
pub const ENGINES: [&str; 3] = ["tract", "onnxruntime", "auto"];

/// Something that runs ONNX graphs.
pub trait Engine: Send + Sync {
    /// One of [`ENGINES`], never `auto`.
    fn name(&self) -> &'static str;

    /// Whether graphs can be loaded here, and with what. Loads no graph and binds the process to nothing.
    ///
    /// # Errors
    /// [`EngineError::Library`] says what is missing and how to get it.
    fn check(&self) -> Result<EngineInfo, EngineError>;

    /// Loads a graph and prepares it for one batch size.
    ///
    /// `io` must be what the graph declares, input order aside. Weights must be inside `graph`: a path to other
    /// files is refused, never followed.
    ///
    /// # Errors
    /// Where the engine is not available, `graph` is no ONNX graph or not the one `io` describes, or holds something
    /// the engine cannot run.
    fn load(&self, graph: &[u8], io: &GraphIo, options: &LoadOptions) -> Result<Box<dyn Session>, EngineError>;
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
}

/// The engine of that name. `auto` is tract, which is always there.
///
/// # Errors
/// [`EngineError::UnknownEngine`] lists the known names.
pub fn engine(name: &str) -> Result<Box<dyn Engine>, EngineError> {
    match name {
        "tract" | "auto" => Ok(Box::new(Tract)),
        "onnxruntime" => Ok(Box::new(OnnxRuntime::new(None))),
        _ => Err(EngineError::UnknownEngine { name: name.into() }),
    }
}
