mod device;
mod library;
mod neighbours;
mod places;
mod probe;
mod session;
mod tensorrt;
mod weights;

pub use device::Device;
pub use probe::GpuLibrary;

use crate::{Engine, EngineError, EngineInfo, GraphIo, LoadOptions, Session, inspect::inspect};
use library::Library;
use std::path::PathBuf;

/// ONNX Runtime, from a library that is found and loaded at run time, on one [`Device`].
///
/// The library is the one given, else the one `ORT_DYLIB_PATH` names, else one beside the executable, else one in a
/// Python environment (`VIRTUAL_ENV`, `CONDA_PREFIX`, that of `python3` on the path), else what the system's loader
/// finds; a path may be the library or the folder it lies in. A process holds one ONNX Runtime: the first graph loaded
/// settles which.
#[derive(Clone, Debug, Default)]
pub struct OnnxRuntime {
    library: Option<PathBuf>,
    device: Device,
}

impl OnnxRuntime {
    /// On the processor, with the library at `library`, or with the one that is found. Nothing is loaded yet.
    #[must_use]
    pub fn new(library: Option<PathBuf>) -> Self {
        OnnxRuntime { library, device: Device::Cpu }
    }

    /// The same on `device`.
    #[must_use]
    pub fn on(self, device: Device) -> Self {
        OnnxRuntime { device, ..self }
    }
}

impl Engine for OnnxRuntime {
    fn name(&self) -> &'static str {
        self.device.engine()
    }

    /// Whether there is a library with the device's provider. That the provider starts is known when a graph is loaded.
    fn check(&self) -> Result<EngineInfo, EngineError> {
        let Library { path, version, providers } = Library::find(self.library.as_deref(), self.device)?;
        Ok(EngineInfo { engine: self.name(), version, library: Some(path), providers, why: None })
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
        let started = Library::start(self.library.as_deref(), self.device)?;
        session::load(
            &session::Task { started: &started, device: self.device, graph, model: &model, options },
            &fixed,
            count,
        )
    }
}
