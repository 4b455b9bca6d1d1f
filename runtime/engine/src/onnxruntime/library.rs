use super::device::Device;
use super::neighbours;
use super::places::Place;
use super::probe::{API, Probe, probe};
use crate::LibraryError;
use ort::{environment::Environment, logging::LogLevel};
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The environment variable that names the library, as for every user of `ort`.
const VARIABLE: &str = "ORT_DYLIB_PATH";

/// A library that was looked at and can be used.
#[derive(Clone, Debug)]
pub(super) struct Library {
    /// Where it lies; a bare name where the system's loader found it.
    pub(super) path: PathBuf,
    /// Its version.
    pub(super) version: String,
    /// The execution providers it was built with.
    pub(super) providers: Vec<String>,
}

/// A library that runs.
pub(super) struct Started {
    pub(super) library: Library,
    pub(super) environment: Environment,
}

/// The ONNX Runtime of this process, once there is one. Never dropped: `ort` can make only one environment.
static RUNNING: Mutex<Option<(Library, Environment)>> = Mutex::new(None);

impl Library {
    /// Finds the library and looks at it; the one already running where `explicit` is `None` or the same. It must have
    /// the provider of `device`.
    pub(super) fn find(explicit: Option<&Path>, device: Device) -> Result<Library, LibraryError> {
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        find(explicit, running.as_ref().map(|(library, _)| library), device)
    }

    fn with(self, device: Device) -> Result<Library, LibraryError> {
        if self.providers.iter().any(|provider| provider == device.provider()) {
            return Ok(self);
        }
        let Library { path, version, providers } = self;
        Err(LibraryError::NoProvider { path, version, has: providers, device })
    }

    /// Finds the library and starts it, once for the process. One without the provider of `device` is not started.
    pub(super) fn start(explicit: Option<&Path>, device: Device) -> Result<Started, LibraryError> {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let library = find(explicit, running.as_ref().map(|(library, _)| library), device)?;
        if device != Device::Cpu {
            neighbours::load(&library.path);
        }
        if let Some((_, environment)) = running.as_ref() {
            return Ok(Started { library, environment: environment.clone() });
        }
        let failed = |reason| LibraryError::Start { path: library.path.clone(), reason };
        let builder = ort::init_from(&library.path).map_err(|error| failed(error.to_string()))?;
        let environment = builder.with_name("tempest").with_telemetry(false).build();
        let environment = environment.map_err(|error| failed(error.to_string()))?;
        if std::env::var_os("ORT_LOG").is_none() {
            // Every failure comes back as an error; ONNX Runtime would print it as well.
            environment.set_log_level(LogLevel::Fatal);
        }
        *running = Some((library.clone(), environment.clone()));
        Ok(Started { library, environment })
    }
}

fn find(explicit: Option<&Path>, running: Option<&Library>, device: Device) -> Result<Library, LibraryError> {
    let found = match (explicit, running) {
        (None, Some(running)) => Ok(running.clone()),
        (None, None) => find_default(),
        (Some(asked), running) => {
            let path = named("the path given", asked)?;
            match running {
                Some(running) if running.path == path => Ok(running.clone()),
                Some(running) => {
                    Err(LibraryError::AlreadyLoaded { loaded: running.path.clone(), asked: asked.to_path_buf() })
                }
                None => look(path),
            }
        }
    };
    match found {
        Err(LibraryError::NotFound { looked, .. }) => Err(LibraryError::NotFound { looked, device }),
        found => found?.with(device),
    }
}

fn find_default() -> Result<Library, LibraryError> {
    if let Some(value) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        return look(named(VARIABLE, Path::new(&value))?);
    }
    let mut looked = vec![format!("{VARIABLE} (not set)")];
    if let Some(folder) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
        if let Some(path) = library_in(folder) {
            return look(path);
        }
        looked.push(format!("{} in '{}'", file_name(), folder.display()));
    }
    let places: [fn() -> Place; 3] =
        [|| Place::of_variable("VIRTUAL_ENV"), || Place::of_variable("CONDA_PREFIX"), Place::of_python];
    for look_up in places {
        let place = look_up();
        if let Some(path) = place.folders().find_map(|folder| library_in(&folder)) {
            return look(path);
        }
        looked.push(place.name);
    }
    // A name without a folder is looked up by the system's loader, whose refusal means that there is none.
    let bare = PathBuf::from(file_name());
    match probe(&bare) {
        Probe::NotALibrary(_) => {
            looked.push(format!("{} on the system's library path", bare.display()));
            Err(LibraryError::NotFound { looked, device: Device::Cpu })
        }
        probed => judge(bare, probed),
    }
}

/// The absolute path of the library that a person named by its file or its folder.
fn named(origin: &'static str, path: &Path) -> Result<PathBuf, LibraryError> {
    let missing = || LibraryError::Missing { origin, path: path.to_path_buf() };
    let file = if path.is_dir() { library_in(path).ok_or_else(missing)? } else { path.to_path_buf() };
    file.canonicalize().map_err(|_| missing())
}

/// `libonnxruntime.so` in `folder`, else the last by name of its versioned forms (`libonnxruntime.so.1.31.1`,
/// `libonnxruntime.1.31.1.dylib`), as the Python package has it.
fn library_in(folder: &Path) -> Option<PathBuf> {
    let plain = folder.join(file_name());
    if plain.is_file() {
        return plain.canonicalize().ok();
    }
    let versioned = |name: &str| {
        name.strip_prefix(DLL_PREFIX)
            .and_then(|name| name.strip_prefix("onnxruntime."))
            .is_some_and(|rest| rest.contains(DLL_SUFFIX.trim_start_matches('.')))
    };
    let names = std::fs::read_dir(folder).ok()?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| versioned(name)).max().and_then(|name| folder.join(name).canonicalize().ok())
}

fn look(path: PathBuf) -> Result<Library, LibraryError> {
    let probed = probe(&path);
    judge(path, probed)
}

fn judge(path: PathBuf, probed: Probe) -> Result<Library, LibraryError> {
    match probed {
        Probe::Usable(version, providers) => Ok(Library { path, version, providers }),
        Probe::NotALibrary(reason) => Err(LibraryError::NotALibrary { path, reason }),
        Probe::TooOld(found) => Err(LibraryError::TooOld { path, found, needed: format!("1.{API}") }),
    }
}

/// `libonnxruntime.so`, `libonnxruntime.dylib`, `onnxruntime.dll`.
fn file_name() -> String {
    format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}")
}
