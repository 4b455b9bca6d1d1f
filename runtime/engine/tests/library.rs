//! ONNX Runtime's library: found, missing, foreign, too old, without a provider. Each case ends at once and says what to do.
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

mod common;

use common::{have_onnxruntime, product, skip};
use ort::sys::OrtApi;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::ffi::OsStr;
use std::mem::offset_of;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempest_engine::{Device, Engine, EngineError, Gpu, GpuLibrary, LibraryError, LoadOptions, OnnxRuntime};

const GET: &str = "get one with `pip install onnxruntime==1.31.1` and set \
     ORT_DYLIB_PATH=.../site-packages/onnxruntime/capi (the folder or the library in it)";

fn refused(path: &Path) -> LibraryError {
    let engine = OnnxRuntime::new(Some(path.to_path_buf()));
    let graph = product(1);
    let loaded = engine.load(&graph.bytes(), &graph.io(), &LoadOptions::default()).err().unwrap();
    match engine.check().unwrap_err() {
        EngineError::Library(error) => {
            assert_eq!(error.to_string(), loaded.to_string(), "load says what check says");
            error
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_path_without_a_library_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("absent.so"), folder.path().to_path_buf()] {
        assert_eq!(
            refused(&path).to_string(),
            format!("ONNX Runtime: the path given names '{}', where there is no library; {GET}", path.display())
        );
    }
}

#[test]
fn a_file_that_is_no_library_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap().join("notes.so");
    std::fs::write(&path, "not a library").unwrap();
    let error = refused(&path);
    assert!(matches!(error, LibraryError::NotALibrary { .. }), "{error:?}");
    let text = error.to_string();
    let says = format!("'{}' is not a library of ONNX Runtime for this machine: ", path.display());
    assert!(text.starts_with(&says) && text.ends_with(GET), "{text}");
}

/// A library made on the spot: `body` is the text of a Rust file. `None`, with a line, where there is no rustc.
fn library(folder: &Path, body: &str) -> Option<PathBuf> {
    let source = folder.join("fake.rs");
    let path = folder.join(format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}"));
    std::fs::write(&source, body).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let built =
        Command::new(rustc).args(["--edition", "2024", "--crate-type", "cdylib", "-o"]).args([&path, &source]).output();
    match built {
        Ok(built) => {
            assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
            Some(path.canonicalize().unwrap())
        }
        Err(error) => {
            skip(&format!("no rustc to make a library with: {error}"));
            None
        }
    }
}

/// A library with the entry point of ONNX Runtime that says it is `version` and gives no API.
fn fake(version: &str) -> String {
    format!(
        r#"use std::ffi::{{c_char, c_void}};
#[repr(C)]
pub struct Base {{ api: extern "system" fn(u32) -> *const c_void, version: extern "system" fn() -> *const c_char }}
extern "system" fn api(_: u32) -> *const c_void {{ std::ptr::null() }}
extern "system" fn version() -> *const c_char {{ c"{version}".as_ptr() }}
static BASE: Base = Base {{ api, version }};
#[unsafe(no_mangle)]
pub extern "system" fn OrtGetApiBase() -> *const Base {{ &BASE }}
"#
    )
}

#[test]
fn an_old_library_is_refused_with_both_versions() {
    for version in ["1.17.3", "1.31.0"] {
        let folder = tempfile::tempdir().unwrap();
        let Some(path) = library(folder.path(), &fake(version)) else { return };
        let text = format!("'{}' is ONNX Runtime {version}, 1.24 or newer is needed; {GET}", path.display());
        assert_eq!(refused(&path).to_string(), text);
        assert_eq!(refused(folder.path()).to_string(), text, "a folder stands for the library in it");
    }
}

/// A library that is new enough, says that it has these providers, and has nothing else: to start it would crash.
fn stand_in(version: &str, providers: &[&str]) -> String {
    let (list, release) =
        (slot(offset_of!(OrtApi, GetAvailableProviders)), slot(offset_of!(OrtApi, ReleaseAvailableProviders)));
    let names: String = providers.iter().map(|name| format!("N(c\"{name}\".as_ptr()), ")).collect();
    let (slots, count) = (size_of::<OrtApi>() / size_of::<usize>(), providers.len());
    format!(
        r#"{}
#[repr(transparent)]
pub struct N(*const c_char);
unsafe impl Sync for N {{}}
static NAMES: [N; {count}] = [{names}];
extern "system" fn list(names: *mut *const N, count: *mut i32) -> *const c_void {{
    unsafe {{ *names = NAMES.as_ptr(); *count = {count}; }}
    std::ptr::null()
}}
extern "system" fn release(_: *const N, _: i32) -> *const c_void {{ std::ptr::null() }}
#[repr(transparent)]
pub struct Table([*const c_void; {slots}]);
unsafe impl Sync for Table {{}}
static TABLE: Table = {{
    let mut table = [std::ptr::null(); {slots}];
    table[{list}] = list as *const c_void;
    table[{release}] = release as *const c_void;
    Table(table)
}};
"#,
        fake(version).replace("std::ptr::null() }", "(&raw const TABLE).cast() }"),
    )
}

fn slot(offset: usize) -> usize {
    offset / size_of::<usize>()
}

#[test]
fn a_library_without_the_provider_is_refused_before_it_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let Some(path) = library(folder.path(), &stand_in("1.31.1", &["CPUExecutionProvider", "Other"])) else { return };
    let at = |device| OnnxRuntime::new(Some(path.clone())).on(device);
    let info = at(Device::Cpu).check().unwrap();
    assert_eq!((info.version.as_str(), info.library.as_deref()), ("1.31.1", Some(path.as_path())));
    assert_eq!(info.providers, ["CPUExecutionProvider", "Other"]);
    for (device, provider) in [(Device::Cuda, "CUDAExecutionProvider"), (Device::TensorRt, "TensorrtExecutionProvider")]
    {
        let graph = product(1);
        let loaded = at(device).load(&graph.bytes(), &graph.io(), &LoadOptions::default()).err().unwrap().to_string();
        let error = at(device).check().unwrap_err();
        assert_eq!(error.to_string(), loaded);
        let start = format!(
            "'{}' is ONNX Runtime 1.31.1 without {provider} (it has CPUExecutionProvider, Other); get a driver for CUDA 13 \
             (580 or newer) and `pip install 'onnxruntime-gpu[cuda,cudnn]==1.31.1'",
            path.display()
        );
        assert!(loaded.starts_with(&start), "{loaded}");
        match error {
            EngineError::Library(LibraryError::NoProvider { device: named, has, .. }) => {
                assert_eq!((named, has), (device, info.providers.clone()));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_installed_library_of_a_processor_has_no_card() {
    if !have_onnxruntime() {
        return;
    }
    for device in [Device::Cuda, Device::TensorRt] {
        let engine = OnnxRuntime::new(None).on(device);
        let error = match engine.check() {
            Ok(info) => return skip(&format!("{} has {}", info.library.unwrap().display(), device.provider())),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(&format!(" without {} (it has ", device.provider())), "{error}");
        let graph = product(1);
        let loaded = engine.load(&graph.bytes(), &graph.io(), &LoadOptions::default()).err().unwrap();
        assert_eq!(loaded.to_string(), error);
    }
}

/// Wants a library with the providers at `TEMPEST_GPU_LIBRARY` and no card: `pip install onnxruntime-gpu==1.31.1`.
#[test]
fn a_provider_that_does_not_start_gives_its_reason() {
    let Some(path) = std::env::var_os("TEMPEST_GPU_LIBRARY").map(PathBuf::from) else {
        return skip("TEMPEST_GPU_LIBRARY names no library with GPU providers: their registration is not tested");
    };
    if Gpu::all().is_ok_and(|cards| !cards.is_empty()) {
        return skip("this machine has a card: its providers start");
    }
    for device in ["cuda", "tensorrt"] {
        let cache = tempfile::tempdir().unwrap();
        let started = Instant::now();
        let output =
            child(&[("ORT_DYLIB_PATH", path.as_os_str()), ("XDG_CACHE_HOME", cache.path().as_os_str())], device);
        assert!(started.elapsed() < Duration::from_secs(60));
        let says = format!("error onnxruntime:{device}: ");
        assert!(output.contains(&says) && output.contains(" does not start: "), "{output}");
        assert!(output.contains("it needs a driver for CUDA 13") && !output.contains("stopped"), "{output}");
    }
}

#[test]
fn another_library_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let Some(path) = library(folder.path(), "#[unsafe(no_mangle)]\npub extern \"C\" fn other() {}\n") else { return };
    let says = "is not a library of ONNX Runtime for this machine: it has no OrtGetApiBase";
    assert_eq!(refused(&path).to_string(), format!("'{}' {says}; {GET}", path.display()));
}

#[test]
fn the_installed_library_is_found_by_file_and_by_folder() {
    if !have_onnxruntime() {
        return;
    }
    let found = OnnxRuntime::new(None).check().unwrap();
    let library = found.library.clone().unwrap();
    assert!(library.is_absolute() && found.version.starts_with("1."), "{found:?}");
    assert!(found.providers.iter().any(|provider| provider == "CPUExecutionProvider"), "{found:?}");
    for path in [library.clone(), library.parent().unwrap().to_path_buf()] {
        assert_eq!(OnnxRuntime::new(Some(path)).check().unwrap(), found);
    }
}

/// Run by the tests below in processes of their own, with an environment of their own: looks for the library, and loads
/// a graph on the device that `TEMPEST_TEST_DEVICE` names.
#[test]
#[ignore = "the child of other tests"]
fn look() {
    let device = std::env::var("TEMPEST_TEST_DEVICE").unwrap();
    let graph = product(1);
    let found = tempest_engine::engine(&device).unwrap();
    let checked = found.check().map(|info| format!("found {}", info.library.unwrap().display()));
    let loaded = |text| found.load(&graph.bytes(), &graph.io(), &LoadOptions::default()).map(|_| text);
    let outcome = if device == "onnxruntime" { checked } else { checked.and_then(loaded) };
    match outcome {
        Ok(found) => println!("{found}"),
        Err(error) => println!("error {error}"),
    }
}

/// The line of [`look`] in an environment with nothing but `variables`.
fn child(variables: &[(&str, &OsStr)], device: &str) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "look", "--ignored", "--nocapture"]).env_clear().env("TEMPEST_TEST_DEVICE", device);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.contains("found ") || line.contains("error "));
    let status = || panic!("stopped: {}: {text}{}", output.status, String::from_utf8_lossy(&output.stderr));
    line.unwrap_or_else(status).to_owned()
}

#[test]
fn the_variable_is_believed_before_anything_else() {
    let line = child(&[("ORT_DYLIB_PATH", OsStr::new("/nowhere/libonnxruntime.so"))], "onnxruntime");
    let says = "error ONNX Runtime: ORT_DYLIB_PATH names '/nowhere/libonnxruntime.so', where there is no library";
    assert!(line.contains(says), "{line}");
    if have_onnxruntime() {
        let path = std::env::var_os("ORT_DYLIB_PATH").unwrap();
        let line = child(&[("ORT_DYLIB_PATH", &path)], "onnxruntime");
        assert!(line.contains("found "), "{line}");
    }
}

#[test]
fn without_a_library_the_places_are_listed() {
    let root = tempfile::tempdir().unwrap();
    let environment = root.path().join("environment");
    let line = child(&[("VIRTUAL_ENV", environment.as_os_str()), ("HOME", root.path().as_os_str())], "onnxruntime");
    if line.contains("found ") {
        skip(&format!("this machine has ONNX Runtime where the loader finds it: {line}"));
        return;
    }
    let says = "error ONNX Runtime is not installed here: looked for ORT_DYLIB_PATH (not set), ";
    let places =
        format!("VIRTUAL_ENV '{}', CONDA_PREFIX (not set), python3 (not on the path), ", environment.display());
    assert!(line.contains(says) && line.contains(&places) && line.ends_with(GET), "{line}");
    let line = child(&[("HOME", root.path().as_os_str())], "onnxruntime:cuda");
    assert!(
        line.contains(says) && line.ends_with("'onnxruntime-gpu[cuda,cudnn]==1.31.1'` in place of onnxruntime"),
        "{line}"
    );
}

/// A file that can be run: a shell script.
#[cfg(unix)]
fn script(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(unix)]
#[test]
fn python_environments_are_looked_through_in_order() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    let capi = |name: &str| root.join(name).join("lib/python3.11/site-packages/onnxruntime/capi");
    for name in ["venv", "conda", "prefix", "apart"] {
        std::fs::create_dir_all(capi(name)).unwrap();
    }
    if library(&capi("venv"), &stand_in("1.31.1", &["CPUExecutionProvider"])).is_none() {
        return;
    }
    let file = format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}");
    for name in ["conda", "prefix", "apart"] {
        std::fs::copy(capi("venv").join(&file), capi(name).join(&file)).unwrap();
    }
    // A Python beside its packages is not run; one that lies apart is asked once.
    script(&root.join("prefix/bin/python3"), "exit 1");
    let packages = capi("apart").ancestors().nth(2).unwrap().display().to_string();
    script(&root.join("shims/python3"), &format!("echo '{packages}'"));
    script(&root.join("stuck/python3"), "exec /bin/sleep 60");
    let look = |variables: &[(&str, &str)]| {
        let folders: Vec<_> =
            variables.iter().map(|(name, folder)| (*name, root.join(folder).into_os_string())).collect();
        let mut variables: Vec<_> = folders.iter().map(|(name, folder)| (*name, folder.as_os_str())).collect();
        variables.push(("HOME", root.as_os_str()));
        child(&variables, "onnxruntime")
    };
    let finds = |variables: &[(&str, &str)], name: &str| {
        let line = look(variables);
        assert!(line.ends_with(&format!("found {}", capi(name).join(&file).display())), "{line}");
    };
    finds(&[("VIRTUAL_ENV", "venv"), ("CONDA_PREFIX", "conda"), ("PATH", "prefix/bin")], "venv");
    finds(&[("CONDA_PREFIX", "conda"), ("PATH", "prefix/bin")], "conda");
    finds(&[("PATH", "prefix/bin")], "prefix");
    finds(&[("PATH", "shims")], "apart");
    let started = Instant::now();
    let line = look(&[("PATH", "stuck")]);
    assert!(
        line.contains("found ") || line.contains(&format!("python3 in '{}'", root.join("stuck").display())),
        "{line}"
    );
    assert!(started.elapsed() < Duration::from_secs(30), "a Python that hangs is given up");
}

#[cfg(target_os = "linux")]
#[test]
fn libraries_that_pip_put_beside_are_loaded_by_name() {
    let root = tempfile::tempdir().unwrap();
    let packages = root.path().canonicalize().unwrap();
    let folder = packages.join("nvidia/cu13/lib");
    std::fs::create_dir_all(&folder).unwrap();
    let Some(made) = library(&folder, "#[unsafe(no_mangle)]\npub extern \"C\" fn curand() {}\n") else { return };
    let beside = folder.join("libcurand.so.10");
    std::fs::rename(made, &beside).unwrap();
    let found = GpuLibrary::all(Some(&packages.join("onnxruntime/capi/libonnxruntime.so.1.31.1")));
    let curand = found.iter().find(|library| library.name == "libcurand.so.10").unwrap();
    // rustc gives a library no name of its own, by which the loader would know it: it is loaded, and found as a file.
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(maps.contains(beside.to_str().unwrap()), "{curand:?}");
    let driver = &found[0];
    assert_eq!((driver.name, driver.found), ("libcuda.so.1", driver.error.is_none()));
}
