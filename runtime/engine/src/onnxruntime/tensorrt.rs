//! What TensorRT builds of a graph takes seconds to minutes, and fits one graph, one version, one kind of card and one set
//! of shapes: it is kept in a folder that is named by all of them.

use super::probe::tensorrt_version;
use super::session::Task;
use crate::{EngineError, Gpu, GraphIo, sha256_hex};
use ort::ep::TensorRT;
use serde::Serialize;
use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Key of the precision in a graph's `metadata_props`.
const PRECISION_KEY: &str = "tempest.precision";

/// Between two lines that say that an engine is still being built.
const REPORT: Duration = Duration::from_secs(10);

/// Everything that makes an engine another one; its text is `key.json` in the folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Key {
    /// SHA-256 of the graph, as in `bundle.json`.
    graph: String,
    /// Of the graph's metadata: `fp32`, `fp16`, `bf16` or `int8`.
    precision: String,
    onnxruntime: String,
    /// As its library states it; absent where the library is.
    tensorrt: Option<i32>,
    /// Name and compute capability of the first card; absent where the driver names none.
    gpu: Option<String>,
    /// Every port with its fixed shape.
    shapes: Vec<String>,
}

/// The folder of one graph's engine and timing cache, which exists and holds the graph.
#[derive(Debug)]
pub(super) struct Place {
    folder: PathBuf,
    key: Key,
}

impl Place {
    pub(super) fn of(task: &Task<'_>, io: &GraphIo) -> Result<Self, EngineError> {
        let key = Key::of(task, io);
        let root = root(env::var_os("XDG_CACHE_HOME").map(PathBuf::from), env::home_dir());
        let folder = root.unwrap_or_default().join(key.digest());
        let place = Place { folder, key };
        place.keep(task.graph).map_err(|source| EngineError::Cache { path: place.folder.clone(), source })?;
        Ok(place)
    }

    /// Graph and key as files: ONNX Runtime names an engine by its graph's file, and finds none for a graph that was
    /// loaded from memory.
    fn keep(&self, graph: &[u8]) -> io::Result<()> {
        if !self.folder.is_absolute() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "neither XDG_CACHE_HOME nor HOME names a folder"));
        }
        fs::create_dir_all(&self.folder)?;
        self.write("key.json", &serde_json::to_vec_pretty(&self.key)?)?;
        self.write("graph.onnx", graph)
    }

    /// Under a name of this process first, so that two that start together never read half a file.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.folder.join(name);
        if fs::read(&path).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        let temporary = self.folder.join(format!("{name}.{}", std::process::id()));
        fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, path))
    }

    /// Whether an engine was built here before.
    fn is_built(&self) -> bool {
        let files = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        files.into_iter().any(|file| file.path().extension().is_some_and(|extension| extension == "engine"))
    }

    /// Runs `load` on the graph's file. Lines on standard error say that an engine is built, where none is kept.
    pub(super) fn build<T>(&self, load: impl FnOnce(&Path) -> T) -> T {
        let path = self.folder.join("graph.onnx");
        if self.is_built() {
            return load(&path);
        }
        let what =
            format!("{} of {}, kept in '{}'", self.key.precision, self.key.shapes.join(", "), self.folder.display());
        reported(&what, REPORT, io::stderr(), || load(&path))
    }
}

impl Key {
    fn of(task: &Task<'_>, io: &GraphIo) -> Self {
        let stated = task.model.metadata_props.iter().find(|entry| entry.key == PRECISION_KEY);
        let stated = stated.map(|entry| entry.value.as_str()).filter(|name| ["fp16", "bf16", "int8"].contains(name));
        let gpu = Gpu::all().ok().and_then(|cards| cards.into_iter().next());
        let port = |port: &crate::Port| format!("{} {} {}", port.name.escape_debug(), port.dtype, port.shape_text());
        Key {
            graph: sha256_hex(task.graph),
            precision: stated.unwrap_or("fp32").to_owned(),
            onnxruntime: task.started.library.version.clone(),
            tensorrt: tensorrt_version(),
            gpu: gpu.map(|card| format!("{} {}", card.name, card.compute)),
            shapes: io.inputs.iter().chain([&io.output]).map(port).collect(),
        }
    }

    /// Name of the folder: 128 bits of the hash of everything.
    fn digest(&self) -> String {
        let mut digest = sha256_hex(format!("{self:?}").as_bytes());
        digest.truncate(32);
        digest
    }
}

/// `tempest/tensorrt` in the user's cache, by the XDG base directory specification: a relative path there is ignored.
fn root(cache: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    let cache = cache.filter(|path| path.is_absolute()).or_else(|| Some(home?.join(".cache")))?;
    Some(cache.join("tempest").join("tensorrt"))
}

/// The provider's settings. An engine computes in the precision of its graph, and its norms in float32 always: in
/// halves the squares of a LayerNorm overflow.
pub(super) fn provider(place: Option<&Place>) -> TensorRT {
    let provider = TensorRT::default().with_device_id(0).with_layer_norm_fp32_fallback(true);
    let Some(Place { folder, key }) = place else { return provider };
    let folder = folder.display();
    provider
        .with_fp16(key.precision == "fp16")
        .with_bf16(key.precision == "bf16")
        .with_int8(key.precision == "int8")
        .with_engine_cache(true)
        .with_engine_cache_path(&folder)
        .with_engine_cache_prefix("tempest")
        .with_timing_cache(true)
        .with_timing_cache_path(&folder)
}

/// Runs `work`, with a line on `log` before, after, and every `interval` between.
fn reported<T>(what: &str, interval: Duration, mut log: impl Write + Send, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let _ = writeln!(log, "tempest: TensorRT builds an engine: {what}");
    let (done, ended) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                let _ = writeln!(log, "tempest: TensorRT is still building, {:.0} s", started.elapsed().as_secs_f32());
            }
            let _ = writeln!(log, "tempest: TensorRT is done after {:.1} s", started.elapsed().as_secs_f32());
        });
        let result = work();
        drop(done);
        result
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test should panic")]
mod tests {
    use super::{Key, Place, provider, reported, root};
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    fn key() -> Key {
        Key {
            graph: "ab".repeat(32),
            precision: "fp16".into(),
            onnxruntime: "1.31.1".into(),
            tensorrt: Some(101_303),
            gpu: Some("NVIDIA H200 9.0".into()),
            shapes: vec!["blocks i32 [16, 146]".into(), "embeddings f32 [16, 1, 96]".into()],
        }
    }

    #[test]
    fn every_part_of_the_key_names_another_folder() {
        let changes: [fn(&mut Key); 8] = [
            |_| {},
            |key| key.graph.replace_range(..1, "c"),
            |key| key.precision = "bf16".into(),
            |key| key.onnxruntime = "1.31.2".into(),
            |key| key.tensorrt = Some(101_304),
            |key| key.tensorrt = None,
            |key| key.gpu = Some("NVIDIA H100 9.0".into()),
            |key| key.shapes[0] = "blocks i32 [32, 146]".into(),
        ];
        let mut digests: Vec<String> = changes
            .iter()
            .map(|change| {
                let mut key = key();
                change(&mut key);
                key.digest()
            })
            .collect();
        assert!(digests.iter().all(|digest| digest.len() == 32));
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), changes.len());
        assert_eq!(key().digest(), key().digest());
    }

    #[test]
    fn the_cache_is_the_users() {
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(root(path("/cache"), path("/home/me")), path("/cache/tempest/tensorrt"));
        assert_eq!(root(path("relative"), path("/home/me")), path("/home/me/.cache/tempest/tensorrt"));
        assert_eq!(root(None, path("/home/me")), path("/home/me/.cache/tempest/tensorrt"));
        assert_eq!(root(None, None), None);
    }

    #[test]
    fn the_settings_follow_the_graph() {
        let text = |precision: &str| {
            let key = Key { precision: precision.into(), ..key() };
            format!("{:?}", provider(Some(&Place { folder: "/cache/key".into(), key })))
        };
        for (precision, on) in
            [("fp32", ""), ("fp16", "trt_fp16_enable"), ("bf16", "trt_bf16_enable"), ("int8", "trt_int8_enable")]
        {
            let text = text(precision);
            for flag in ["trt_fp16_enable", "trt_bf16_enable", "trt_int8_enable"] {
                assert!(text.contains(&format!("\"{flag}\": \"{}\"", flag == on)), "{text}");
            }
            for setting in
                ["trt_layer_norm_fp32_fallback", "trt_engine_cache_enable", "trt_timing_cache_enable", "/cache/key"]
            {
                assert!(text.contains(setting), "{text}");
            }
        }
    }

    #[test]
    fn a_folder_holds_graph_and_key() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { folder: folder.path().join("a").join("b"), key: key() };
        for graph in [&b"one"[..], b"another", b"another"] {
            place.keep(graph).unwrap();
            assert_eq!(std::fs::read(place.folder.join("graph.onnx")).unwrap(), graph);
        }
        let text = std::fs::read_to_string(place.folder.join("key.json")).unwrap();
        assert!(text.contains("NVIDIA H200 9.0") && text.contains("blocks i32 [16, 146]"), "{text}");
        assert_eq!(std::fs::read_dir(&place.folder).unwrap().count(), 2, "no temporary file is left");
        assert!(!place.is_built());
        std::fs::write(place.folder.join("tempest_1_sm90.engine"), "").unwrap();
        assert!(place.is_built());
        assert_eq!(place.build(Path::to_path_buf), place.folder.join("graph.onnx"));
        let nowhere = Place { folder: PathBuf::from("tempest"), key: key() };
        assert!(nowhere.keep(b"one").unwrap_err().to_string().contains("neither XDG_CACHE_HOME nor HOME"));
    }

    #[test]
    fn building_is_reported_while_it_lasts() {
        let mut log = Vec::new();
        let work = || std::thread::sleep(Duration::from_millis(250));
        reported("fp16 of x", Duration::from_millis(100), &mut log, work);
        let text = String::from_utf8(log).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "tempest: TensorRT builds an engine: fp16 of x");
        assert!(lines.iter().any(|line| line.starts_with("tempest: TensorRT is still building, ")), "{text}");
        assert!(lines.last().unwrap().starts_with("tempest: TensorRT is done after "), "{text}");
    }
}
