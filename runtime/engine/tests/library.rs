//! ONNX Runtime's library: found, missing, foreign, too old. Each case ends at once and says what to do.
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

mod common;

use common::{have_onnxruntime, product, skip};
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempest_engine::{Engine, EngineError, LibraryError, LoadOptions, OnnxRuntime};

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
    for path in [library.clone(), library.parent().unwrap().to_path_buf()] {
        assert_eq!(OnnxRuntime::new(Some(path)).check().unwrap(), found);
    }
}

/// Run by the tests below in processes of their own, with an environment of their own.
#[test]
#[ignore = "the child of other tests"]
fn child() {
    match OnnxRuntime::new(None).check() {
        Ok(info) => println!("found {}", info.library.unwrap().display()),
        Err(error) => println!("error {error}"),
    }
}

fn in_child(variable: Option<&Path>) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child", "--ignored", "--nocapture"]).env_remove("ORT_DYLIB_PATH");
    if let Some(path) = variable {
        command.env("ORT_DYLIB_PATH", path);
    }
    let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let line = output.lines().find(|line| line.contains("found ") || line.contains("error "));
    line.unwrap_or_else(|| panic!("{output}")).to_string()
}

#[test]
fn the_variable_is_believed_before_anything_else() {
    let line = in_child(Some(Path::new("/nowhere/libonnxruntime.so")));
    let says = "error ONNX Runtime: ORT_DYLIB_PATH names '/nowhere/libonnxruntime.so', where there is no library";
    assert!(line.contains(says), "{line}");
    if have_onnxruntime() {
        let path = PathBuf::from(std::env::var_os("ORT_DYLIB_PATH").unwrap());
        let line = in_child(Some(&path));
        assert!(line.contains("found "), "{line}");
    }
}

#[test]
fn without_a_library_the_places_are_listed() {
    let line = in_child(None);
    if line.contains("found ") {
        skip(&format!("this machine has ONNX Runtime where the loader finds it: {line}"));
        return;
    }
    let says = "error ONNX Runtime is not installed here: looked for ORT_DYLIB_PATH (not set), ";
    assert!(line.contains(says) && line.ends_with(GET), "{line}");
}
