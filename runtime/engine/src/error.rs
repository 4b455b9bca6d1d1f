use crate::{Device, Dtype, GraphName, engine::ENGINES, manifest::MANIFEST_VERSION};
use std::path::PathBuf;
use thiserror::Error;

/// Why a graph cannot be loaded or run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// No engine has this name.
    #[error("engine '{name}' is unknown; known: {}", ENGINES.join(", "))]
    UnknownEngine {
        /// What was asked for.
        name: String,
    },
    /// The engine's library is missing or cannot be used.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The library has the execution provider, and it does not start here.
    #[error("{}: {} of '{}' does not start: {reason}; it needs {}; `tempest doctor` says what is there", .device.engine(), .device.provider(), .path.display(), .device.needs())]
    Provider {
        /// The device asked for.
        device: Device,
        /// The library.
        path: PathBuf,
        /// The library's own words.
        reason: String,
    },
    /// The folder for what TensorRT builds cannot be used.
    #[error("the cache of TensorRT '{}': {source}; set XDG_CACHE_HOME to a folder that can be written", .path.display())]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// A shape or name that no graph of a bundle may have.
    #[error("port '{port}': {reason}")]
    BadIo {
        /// Name of the input or output.
        port: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Labels, codec, view or window in `bundle.json` are not those the graph was compiled with.
    #[error(
        "graph '{graph}' was compiled under another contract than bundle.json states; compile the checkpoint again"
    )]
    OtherContract {
        /// The graph.
        graph: GraphName,
    },
    /// The bundle does not hold the graph asked for.
    #[error("the bundle holds no graph '{graph}'")]
    NoGraph {
        /// The graph asked for.
        graph: GraphName,
    },
    /// The bytes are no ONNX graph, or hold what a compiled graph never does.
    #[error("not a compiled ONNX graph: {reason}")]
    NotAGraph {
        /// What was found.
        reason: String,
    },
    /// A tensor of the graph lies in another file.
    #[error("tensor '{tensor}' lies in another file; a compiled graph holds its weights, and paths are not followed")]
    ExternalData {
        /// Name of the tensor.
        tensor: String,
    },
    /// The graph is not the one its description speaks of.
    #[error("the graph does not match its description: port '{port}' should be {expected}, is {found}")]
    IoMismatch {
        /// Name of the input or output.
        port: String,
        /// From the description.
        expected: String,
        /// In the graph.
        found: String,
    },
    /// The engine cannot load the graph.
    #[error("{engine}: cannot {step} the graph: {reason}")]
    Load {
        /// [`Engine::name`](crate::Engine::name).
        engine: &'static str,
        /// What was being done: a verb.
        step: &'static str,
        /// The engine's own words.
        reason: String,
    },
    /// The number of inputs is wrong.
    #[error("the graph takes {expected} inputs, got {found}")]
    InputCount {
        /// Ports of the graph.
        expected: usize,
        /// Inputs given.
        found: usize,
    },
    /// An input has the wrong element type.
    #[error("input '{name}' is {expected}, got {found}")]
    InputType {
        /// Name of the input.
        name: String,
        /// Type of the port.
        expected: Dtype,
        /// Type given.
        found: Dtype,
    },
    /// An input is too short or too long.
    #[error("input '{name}' {shape} takes {expected} elements, got {found}")]
    InputLength {
        /// Name of the input.
        name: String,
        /// Its shape.
        shape: String,
        /// Elements of that shape.
        expected: usize,
        /// Elements given.
        found: usize,
    },
    /// The buffer for the output is too short or too long.
    #[error("output '{name}' {shape} gives {expected} elements, the buffer holds {found}")]
    OutputLength {
        /// Name of the output.
        name: String,
        /// Its shape.
        shape: String,
        /// Elements of that shape.
        expected: usize,
        /// Elements of the buffer.
        found: usize,
    },
    /// The engine failed while running.
    #[error("{engine}: the run failed: {reason}")]
    Run {
        /// [`Engine::name`](crate::Engine::name).
        engine: &'static str,
        /// The engine's own words.
        reason: String,
    },
}

/// How to get a library that is missing or too old; ends the messages of [`LibraryError`].
const GET: &str = "get one with `pip install onnxruntime==1.31.1` and set \
     ORT_DYLIB_PATH=.../site-packages/onnxruntime/capi (the folder or the library in it)";

fn get(device: Device) -> String {
    if device == Device::Cpu { GET.to_owned() } else { format!("get {}", device.needs()) }
}

/// Why the library of ONNX Runtime cannot be used. It is looked at before it is used, so none of these hangs.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// Nothing at any of the usual places.
    #[error("ONNX Runtime is not installed here: looked for {}; {}", .looked.join(", "), get(*.device))]
    NotFound {
        /// The places, in order.
        looked: Vec<String>,
        /// The device asked for.
        device: Device,
    },
    /// The path given does not exist, or is a folder without the library.
    #[error("ONNX Runtime: {origin} names '{}', where there is no library; {GET}", .path.display())]
    Missing {
        /// Who gave the path.
        origin: &'static str,
        /// The path as given.
        path: PathBuf,
    },
    /// The file exists and is not ONNX Runtime for this machine.
    #[error("'{}' is not a library of ONNX Runtime for this machine: {reason}; {GET}", .path.display())]
    NotALibrary {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        reason: String,
    },
    /// A version without the API this build uses.
    #[error("'{}' is ONNX Runtime {found}, {needed} or newer is needed; {GET}", .path.display())]
    TooOld {
        /// The library.
        path: PathBuf,
        /// Its version.
        found: String,
        /// The oldest that works.
        needed: String,
    },
    /// A library that was built without the execution provider.
    #[error("'{}' is ONNX Runtime {version} without {} (it has {}); get {}, and set ORT_DYLIB_PATH where another is found first", .path.display(), .device.provider(), .has.join(", "), .device.needs())]
    NoProvider {
        /// The library.
        path: PathBuf,
        /// Its version.
        version: String,
        /// The device asked for.
        device: Device,
        /// The providers it has instead.
        has: Vec<String>,
    },
    /// A process can hold one ONNX Runtime.
    #[error("this process already runs ONNX Runtime from '{}', and cannot load '{}' beside it", .loaded.display(), .asked.display())]
    AlreadyLoaded {
        /// The one in use.
        loaded: PathBuf,
        /// The one asked for.
        asked: PathBuf,
    },
    /// The library was loaded and refused to start.
    #[error("ONNX Runtime from '{}' does not start: {reason}", .path.display())]
    Start {
        /// The library.
        path: PathBuf,
        /// Its own words.
        reason: String,
    },
}

/// Why a bundle cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BundleError {
    /// There is nothing at that path.
    #[error("bundle '{}' does not exist", .path.display())]
    NotFound {
        /// The path asked for.
        path: PathBuf,
    },
    /// The path is a checkpoint.
    #[error("'{path}' is a checkpoint, not a bundle; compile it first: `tempest-compile {path}`", path = .path.display())]
    IsCheckpoint {
        /// The path asked for.
        path: PathBuf,
    },
    /// The path is some other file.
    #[error("'{}' is a file; a bundle is the folder that `tempest-compile FILE.safetensors` writes", .path.display())]
    IsFile {
        /// The path asked for.
        path: PathBuf,
    },
    /// The folder is no bundle.
    #[error("'{}' holds no bundle.json; a bundle is the folder that `tempest-compile FILE.safetensors` writes", .path.display())]
    NoManifest {
        /// The folder.
        path: PathBuf,
    },
    /// The system cannot read a file.
    #[error("'{}': {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// A file is larger than any a compiler writes; it was not read.
    #[error("'{file}' has {found} bytes, at most {limit} are read")]
    TooLarge {
        /// Name of the file.
        file: String,
        /// Its size.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// `bundle.json` is not the JSON of a bundle.
    #[error("bundle.json: {0}")]
    Json(#[from] serde_json::Error),
    /// Written by another version of TEMPEST.
    #[error("bundle.json: format version {found}, this build reads version {MANIFEST_VERSION}; {}", version_hint(.found))]
    Version {
        /// The version in the file.
        found: u64,
    },
    /// The contract inside is not sound.
    #[error("bundle.json: {0}")]
    Contract(#[from] tempest_contract::ContractError),
    /// A field holds a value no bundle can have.
    #[error("bundle.json: field '{field}': {reason}")]
    Invalid {
        /// Path of the field in the JSON.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A graph that `bundle.json` lists is not there.
    #[error("graph '{graph}': '{}' is missing; copy the whole bundle, or compile the checkpoint again", .path.display())]
    MissingGraph {
        /// The graph.
        graph: GraphName,
        /// Where it should be.
        path: PathBuf,
    },
    /// A graph that `bundle.json` does not list.
    #[error("graph '{graph}' is not listed in bundle.json")]
    Unlisted {
        /// The graph.
        graph: GraphName,
    },
    /// A graph has another size than `bundle.json` says.
    #[error("'{file}' has {found} bytes, bundle.json says {expected}; compile the checkpoint again")]
    Size {
        /// Name of the file.
        file: String,
        /// From `bundle.json`.
        expected: u64,
        /// Of the file.
        found: u64,
    },
    /// A graph is not the one that was compiled.
    #[error("'{file}' was changed: SHA-256 is {found}, bundle.json says {expected}; compile the checkpoint again")]
    Hash {
        /// Name of the file.
        file: String,
        /// From `bundle.json`.
        expected: String,
        /// Of the file.
        found: String,
    },
}

fn version_hint(found: &u64) -> &'static str {
    if *found > u64::from(MANIFEST_VERSION) { "update tempest" } else { "compile the checkpoint again" }
}
