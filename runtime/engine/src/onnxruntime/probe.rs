//! A look at a library before `ort` loads it. `ort` panics, or parks every later caller, where its library is
//! missing or too old; here each case is a value.
#![allow(unsafe_code, reason = "calling into a library found at run time; each call says why it is sound")]

use ort::sys::OrtApiBase;
use std::ffi::CStr;
use std::path::Path;

/// The API version this build asks for, which is also the oldest minor version of ONNX Runtime 1 that has it.
pub(super) const API: u32 = ort::MINOR_VERSION;

/// What a file turned out to be.
pub(super) enum Probe {
    /// The system cannot load it, or it is another library.
    NotALibrary(String),
    /// ONNX Runtime of this version, without the API this build uses.
    TooOld(String),
    /// ONNX Runtime of this version.
    Usable(String),
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
    // SAFETY: both functions are callable at any time; the version is a static C string.
    let (version, usable) = unsafe { (text((base.GetVersionString)()), has_api(base)) };
    std::mem::forget(library);
    if usable { Probe::Usable(version) } else { Probe::TooOld(version) }
}

/// Whether the library is 1.[`API`] or newer and gives the API. The version is asked first: a library that is too
/// old prints an error of its own when asked for an API it lacks.
///
/// # Safety
/// `base` must come from `OrtGetApiBase`.
unsafe fn has_api(base: &OrtApiBase) -> bool {
    // SAFETY: as the caller promises, these are the functions of onnxruntime_c_api.h.
    unsafe { new_enough(&text((base.GetVersionString)())) && !(base.GetApi)(API).is_null() }
}

/// # Safety
/// `raw` must be null or a C string that outlives the call.
unsafe fn text(raw: *const std::ffi::c_char) -> String {
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
