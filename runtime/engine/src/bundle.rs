use crate::bucket::Bucket;
use crate::manifest::{GraphEntry, GraphName, Manifest, sha256_hex};
use crate::{BundleError, Engine, EngineError, GraphIo, LoadOptions, Session, inspect};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use tempest_contract::Contract;

/// The file that makes a folder a bundle.
pub const MANIFEST_FILE: &str = "bundle.json";

/// Largest [`MANIFEST_FILE`] that is read.
pub const MAX_MANIFEST_BYTES: u64 = 1 << 20;

/// Largest graph that is read.
pub const MAX_GRAPH_BYTES: u64 = 256 << 20;

/// A compiled model: a checked manifest, and graphs whose sizes and hashes are the ones it states.
#[derive(Clone, Debug)]
pub struct Bundle {
    manifest: Manifest,
    graphs: BTreeMap<GraphName, Cow<'static, [u8]>>,
    /// Those of the manifest, in its order, or none.
    buckets: Vec<Vec<u8>>,
}

impl Bundle {
    /// Reads the bundle in the folder `dir`, every graph its manifest lists. Sizes are checked before anything is
    /// read, and no file outside `dir` is named.
    ///
    /// # Errors
    /// [`BundleError`] names the file and says what to do.
    pub fn open(dir: &Path) -> Result<Bundle, BundleError> {
        check_dir(dir)?;
        let path = dir.join(MANIFEST_FILE);
        let text = read(&path, MANIFEST_FILE, MAX_MANIFEST_BYTES)?;
        let text = text.ok_or_else(|| BundleError::NoManifest { path: dir.to_path_buf() })?;
        let text = String::from_utf8(text).map_err(|error| {
            let source = std::io::Error::new(ErrorKind::InvalidData, error);
            BundleError::Read { path: path.clone(), source }
        })?;
        let manifest = Manifest::from_json(&text)?;
        let mut graphs = BTreeMap::new();
        for (&name, entry) in &manifest.graphs {
            graphs.insert(name, Cow::Owned(read_graph(dir, name, entry)?));
        }
        let read = |bucket: &Bucket| read_graph(dir, GraphName::Encoder, &bucket.graph);
        let buckets = manifest.buckets.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Bundle { manifest, graphs, buckets })
    }

    /// A bundle from bytes, as for one embedded in an executable. `graphs` may be some of those that `manifest` (the
    /// text of `bundle.json`) lists; the others, and all buckets, are as absent as if they had never been compiled.
    ///
    /// # Errors
    /// As [`Bundle::open`], and [`BundleError::Unlisted`] for a graph that the manifest does not list.
    pub fn from_parts<B: Into<Cow<'static, [u8]>>>(
        manifest: &str,
        graphs: impl IntoIterator<Item = (GraphName, B)>,
    ) -> Result<Bundle, BundleError> {
        let manifest = Manifest::from_json(manifest)?;
        let mut held = BTreeMap::new();
        for (graph, bytes) in graphs {
            let entry = manifest.graphs.get(&graph).ok_or(BundleError::Unlisted { graph })?;
            let bytes = bytes.into();
            check_graph(entry, &bytes)?;
            held.insert(graph, bytes);
        }
        Ok(Bundle { manifest, graphs: held, buckets: vec![] })
    }

    /// What the bundle promises.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What the model reads and answers.
    #[must_use]
    pub fn contract(&self) -> &Contract {
        &self.manifest.contract
    }

    /// ONNX bytes of a graph; `None` where the bundle does not hold it.
    #[must_use]
    pub fn graph(&self, name: GraphName) -> Option<&[u8]> {
        self.graphs.get(&name).map(AsRef::as_ref)
    }

    /// Inputs and output of a graph; `None` where the bundle does not hold it.
    #[must_use]
    pub fn io(&self, name: GraphName) -> Option<&GraphIo> {
        self.graphs.get(&name)?;
        self.manifest.graphs.get(&name).map(|entry| &entry.io)
    }

    /// Loads a graph of the bundle with `engine`.
    ///
    /// # Errors
    /// [`EngineError::NoGraph`] where the bundle does not hold it, [`EngineError::OtherContract`] where the graph was compiled
    /// under another contract than `bundle.json` states; otherwise as [`Engine::load`].
    pub fn session(
        &self,
        name: GraphName,
        engine: &dyn Engine,
        options: &LoadOptions,
    ) -> Result<Box<dyn Session>, EngineError> {
        let (bytes, io) = self.loadable(name)?;
        engine.load(bytes, io, options)
    }

    /// Loads `count` sessions of a graph, which share its weights where `engine` can.
    ///
    /// # Errors
    /// As [`Bundle::session`].
    pub fn sessions(
        &self,
        name: GraphName,
        engine: &dyn Engine,
        options: &LoadOptions,
        count: usize,
    ) -> Result<Vec<Box<dyn Session>>, EngineError> {
        let (bytes, io) = self.loadable(name)?;
        engine.load_many(bytes, io, options, count)
    }

    fn loadable(&self, name: GraphName) -> Result<(&[u8], &GraphIo), EngineError> {
        let held = self.graph(name).zip(self.io(name));
        let (bytes, io) = held.ok_or(EngineError::NoGraph { graph: name })?;
        if !inspect::states(bytes, self.contract()) {
            return Err(EngineError::OtherContract { graph: name });
        }
        Ok((bytes, io))
    }

    /// Lets go of a graph that is not to be run, for the memory it takes.
    pub fn forget(&mut self, name: GraphName) {
        self.graphs.remove(&name);
    }

    /// Loads every [`Bucket`] the bundle holds, ascending by row: `count` sessions of each, as [`Engine::load_many`].
    ///
    /// # Errors
    /// As [`Bundle::session`].
    pub fn buckets(
        &self,
        engine: &dyn Engine,
        options: &LoadOptions,
        count: usize,
    ) -> Result<Vec<Vec<Box<dyn Session>>>, EngineError> {
        let load = |(bucket, bytes): (&Bucket, &Vec<u8>)| match inspect::states(bytes, self.contract()) {
            true => engine.load_many(bytes, &bucket.graph.io, options, count),
            false => Err(EngineError::OtherContract { graph: GraphName::Encoder }),
        };
        self.manifest.buckets.iter().zip(&self.buckets).map(load).collect()
    }
}

fn check_dir(dir: &Path) -> Result<(), BundleError> {
    let path = dir.to_path_buf();
    match std::fs::metadata(dir) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) if dir.extension().is_some_and(|extension| extension == "safetensors") => {
            Err(BundleError::IsCheckpoint { path })
        }
        Ok(_) => Err(BundleError::IsFile { path }),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(BundleError::NotFound { path }),
        Err(source) => Err(BundleError::Read { path, source }),
    }
}

fn read_graph(dir: &Path, graph: GraphName, entry: &GraphEntry) -> Result<Vec<u8>, BundleError> {
    let path = dir.join(&entry.file);
    let bytes = read(&path, &entry.file, MAX_GRAPH_BYTES)?;
    let bytes = bytes.ok_or(BundleError::MissingGraph { graph, path })?;
    check_graph(entry, &bytes)?;
    Ok(bytes)
}

fn check_graph(entry: &GraphEntry, bytes: &[u8]) -> Result<(), BundleError> {
    let file = entry.file.clone();
    if bytes.len() as u64 != entry.bytes {
        return Err(BundleError::Size { file, expected: entry.bytes, found: bytes.len() as u64 });
    }
    let found = sha256_hex(bytes);
    if found != entry.sha256 {
        return Err(BundleError::Hash { file, expected: entry.sha256.clone(), found });
    }
    Ok(())
}

/// The bytes of a regular file of at most `limit` bytes; `None` where there is none.
///
/// The kind is asked before the file is opened, so that a named pipe is refused instead of waited for.
fn read(path: &Path, name: &str, limit: u64) -> Result<Option<Vec<u8>>, BundleError> {
    let failed = |source| BundleError::Read { path: path.to_path_buf(), source };
    let found = match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        found => found.map_err(failed)?,
    };
    if !found.is_file() {
        return Err(failed(std::io::Error::new(ErrorKind::InvalidInput, "not a regular file")));
    }
    let too_large = |found| BundleError::TooLarge { file: name.into(), found, limit };
    if found.len() > limit {
        return Err(too_large(found.len()));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(Some(bytes))
}
