//! A look at a library before `ort` loads it. `ort` panics, or parks every later caller, where its library is
//! missing or too old; here each case is a value.
#![allow(unsafe_code, reason = "calling into a library found at run time; each call says why it is sound")]

use super::neighbours;
use ort::sys::{OrtApi, OrtApiBase};
use serde::Serialize;
use std::ffi::{CStr, OsStr, c_char, c_int};
use std::path::{Path, PathBuf};

/// The API version this build asks for, which is also the oldest minor version of ONNX Runtime 1 that has it.
pub(super) const API: u32 = ort::MINOR_VERSION;

/// What a file turned out to be.
pub(super) enum Probe {
    /// The system cannot load it, or it is another library.
    NotALibrary(String),
    /// ONNX Runtime of this version, without the API this build uses.
    TooOld(String),
    /// ONNX Runtime of this version, with these execution providers.
    Usable(String, Vec<String>),
}

/// Loads the library at `path` (a bare name is looked up by the system), and asks for its version and its API.
///
/// A library that is ONNX Runtime stays loaded until the process ends: unloading one with live threads is unsound.
pub(super) fn probe(path: &Path) -> Probe {
    // SAFETY: loading runs the library's initialisers. The user names the library, as with any plug-in; nothing is
    // loaded from a bundle or from the network.
    let library = match unsafe { libloading::Library::new(path) } {
        Ok(library) => library,
        Err(error) => return Probe::NotALibrary(error.to_string()),
    };
    // SAFETY: the symbol has this type in every release of ONNX Runtime (onnxruntime_c_api.h).
    let symbol = unsafe { library.get::<unsafe extern "system" fn() -> *const OrtApiBase>(b"OrtGetApiBase\0") };
    let Ok(get_base) = symbol else { return Probe::NotALibrary("it has no OrtGetApiBase".into()) };
    // SAFETY: takes nothing, and gives a pointer to a static of the library or null.
    let Some(base) = (unsafe { get_base().as_ref() }) else {
        return Probe::NotALibrary("OrtGetApiBase gives nothing".into());
    };
    // SAFETY: the function is callable at any time; the version is a static C string.
    let version = unsafe { text((base.GetVersionString)()) };
    // SAFETY: `base` is from `OrtGetApiBase`.
    let probed = match unsafe { api(base, &version) } {
        // SAFETY: `api` is from `GetApi`.
        Some(api) => match unsafe { providers(api) } {
            Some(providers) => Probe::Usable(version, providers),
            None => Probe::NotALibrary("it does not list its execution providers".into()),
        },
        None => Probe::TooOld(version),
    };
    std::mem::forget(library);
    probed
}

/// The API of a library that is 1.[`API`] or newer. The version is asked first: a library that is too old prints an
/// error of its own when asked for an API it lacks.
///
/// # Safety
/// `base` must come from `OrtGetApiBase`.
unsafe fn api<'a>(base: &OrtApiBase, version: &str) -> Option<&'a OrtApi> {
    if !new_enough(version) {
        return None;
    }
    // SAFETY: as the caller promises, this is the function of onnxruntime_c_api.h; it gives a static or null.
    unsafe { (base.GetApi)(API).as_ref() }
}

/// What `GetAvailableProviders` lists: the providers the library was built with, whether or not they would start.
/// Needs no environment.
///
/// # Safety
/// `api` must come from `GetApi`.
unsafe fn providers(api: &OrtApi) -> Option<Vec<String>> {
    let mut names: *mut *mut c_char = std::ptr::null_mut();
    let mut count: c_int = 0;
    // SAFETY: both pointers are to places of ours.
    let status = unsafe { (api.GetAvailableProviders)(&raw mut names, &raw mut count) };
    if !status.0.is_null() || names.is_null() {
        return None;
    }
    // SAFETY: the library gave `count` C strings, which live until they are released.
    let listed = (0..usize::try_from(count).ok()?).map(|index| unsafe { text(*names.add(index)) }).collect();
    // SAFETY: exactly what the library gave.
    let released = unsafe { (api.ReleaseAvailableProviders)(names, count) };
    released.0.is_null().then_some(listed)
}

/// Loads a library and leaves it loaded, so that others that are linked with it find it.
pub(super) fn keep(name: &OsStr) -> Result<(), String> {
    // SAFETY: loading runs the library's initialisers. The names are those of CUDA, cuDNN, TensorRT and the driver, from
    // the places where ONNX Runtime's own library lies or the system's loader looks.
    let library = unsafe { libloading::Library::new(name) }.map_err(|error| error.to_string())?;
    std::mem::forget(library);
    Ok(())
}

/// TensorRT's version as its library states it (101303 is 10.13.3); `None` where there is no library.
pub(super) fn tensorrt_version() -> Option<i32> {
    let [name, ..] = neighbours::TENSORRT;
    // SAFETY: as in `keep`.
    let library = unsafe { libloading::Library::new(name) }.ok()?;
    // SAFETY: declared so in NvInferRuntime.h: no arguments, a 32-bit integer.
    let symbol = unsafe { library.get::<unsafe extern "C" fn() -> i32>(b"getInferLibVersion\0") }.ok()?;
    // SAFETY: callable at any time.
    let version = unsafe { symbol() };
    std::mem::forget(library);
    Some(version)
}

/// Gives the memory that loading a graph took and freed back to the system. glibc keeps blocks of megabytes between small
/// ones for itself; they would be twice the weights of every session.
pub(super) fn trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        unsafe extern "C" {
            fn malloc_trim(pad: usize) -> c_int;
        }
        // SAFETY: glibc's own, callable at any time from any thread (malloc_trim(3)).
        unsafe { malloc_trim(0) };
    }
}

/// A library that the GPU providers are linked with, and whether the system's loader has it.
#[derive(Clone, Debug, Serialize)]
pub struct GpuLibrary {
    /// `libcudart.so.13`.
    pub name: &'static str,
    /// Whether it was loaded.
    pub found: bool,
    /// The file, where the system says.
    pub path: Option<PathBuf>,
    /// The loader's words where it was not loaded.
    pub error: Option<String>,
}

impl GpuLibrary {
    /// Loads the driver's library, CUDA, cuDNN and TensorRT as the providers of `onnxruntime` would (its library, for
    /// what `pip` installed beside it) and says which are there. They stay loaded.
    #[must_use]
    pub fn all(onnxruntime: Option<&Path>) -> Vec<GpuLibrary> {
        onnxruntime.into_iter().for_each(neighbours::load);
        let names = std::iter::once("libcuda.so.1").chain(neighbours::names());
        let look = |name: &'static str| {
            let loaded = keep(OsStr::new(name));
            let path = loaded.is_ok().then(|| mapped(name)).flatten();
            GpuLibrary { name, found: loaded.is_ok(), path, error: loaded.err() }
        };
        names.map(look).collect()
    }
}

/// The file of a loaded library; Linux only.
fn mapped(name: &str) -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let stem = name.split(".so").next()?;
    let path = |line: &str| line.find('/').map(|at| PathBuf::from(&line[at..]));
    let is_it = |path: &PathBuf| {
        let file = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        file.strip_prefix(stem).is_some_and(|rest| rest.starts_with(".so"))
    };
    maps.lines().filter_map(path).find(is_it)
}

/// # Safety
/// `raw` must be null or a C string that outlives the call.
unsafe fn text(raw: *const c_char) -> String {
    if raw.is_null() {
        return "of unknown version".into();
    }
    // SAFETY: as the caller promises.
    unsafe { CStr::from_ptr(raw) }.to_string_lossy().into_owned()
}

/// Whether `version` (`1.31.1`) is 1.[`API`] or newer.
fn new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (1, API)
}

#[cfg(test)]
mod tests {
    use super::new_enough;

    #[test]
    fn versions_compare_as_numbers() {
        for (version, enough) in [
            ("1.24.0", true),
            ("1.31.1", true),
            ("2.0.0", true),
            ("1.23.9", false),
            ("1.9.1", false),
            ("0.99.0", false),
            ("", false),
            ("nonsense", false),
        ] {
            assert_eq!(new_enough(version), enough, "{version}");
        }
    }
}
