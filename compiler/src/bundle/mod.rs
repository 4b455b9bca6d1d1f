//! Writes the folder that the runtime reads: three graphs and `bundle.json`.

mod place;

use crate::emit::OPSET;
use crate::graphs::{Artefacts, compiler_version, file_name};
use crate::target::Target;
use crate::{GraphId, Precision};
use place::{Place, place, write_beside, write_whole};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use tempest_contract::Contract;
use tempest_engine::{Bucket, BundleError, GraphEntry, MANIFEST_FILE, MANIFEST_VERSION, Manifest};
use thiserror::Error;

/// Why the bundle was not written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The destination is a file.
    #[error("{}: is a file; a bundle is a folder", path.display())]
    NotAFolder {
        /// The destination.
        path: PathBuf,
    },
    /// The destination holds something that is not part of a bundle.
    #[error("{}: holds '{file}', which is no part of a bundle", path.display())]
    Occupied {
        /// The destination.
        path: PathBuf,
        /// The first such file, by name.
        file: String,
    },
    /// The manifest is not sound; a bug.
    #[error("{0}")]
    Manifest(#[from] BundleError),
}

impl WriteError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            WriteError::Occupied { .. } => {
                Some("choose another -o, or --force to add the bundle's files and leave the others".into())
            }
            WriteError::NotAFolder { .. } => Some("choose another -o".into()),
            _ => None,
        }
    }
}

/// The folder of a model's bundle beside its checkpoint: `NAME.tempest`, what is no letter, digit, `.`, `_` or `-`
/// in the name replaced by `-`.
#[must_use]
pub fn default_output(checkpoint: &Path, contract: &Contract) -> PathBuf {
    checkpoint.with_file_name(format!("{}.tempest", plain_name(contract)))
}

/// The model's name as that of a file.
pub(crate) fn plain_name(contract: &Contract) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = contract.name.trim_start_matches('.').chars().map(plain).collect();
    if name.is_empty() { "model".to_owned() } else { name }
}

/// What `bundle.json` says of these graphs.
///
/// # Errors
/// What [`Manifest::check`] finds.
pub fn manifest(
    contract: &Contract,
    checkpoint_sha256: &str,
    target: &Target,
    precision: Precision,
    graphs: &Artefacts,
) -> Result<Manifest, WriteError> {
    let (mut named, mut buckets) = (BTreeMap::new(), vec![]);
    for (id, graph) in graphs {
        let mut entry = GraphEntry::new(file_name(*id), &graph.onnx, graph.io.clone());
        entry.batches = target.batches(id.name());
        match *id {
            GraphId::Graph(name) => drop(named.insert(name, entry)),
            GraphId::Bucket(row) => buckets.push(Bucket { row, graph: entry }),
        }
    }
    let manifest = Manifest {
        format_version: MANIFEST_VERSION,
        contract: contract.clone(),
        target: target.name.clone(),
        opset: OPSET as u32,
        precision: precision.to_string(),
        compiler: compiler_version(),
        checkpoint_sha256: checkpoint_sha256.to_owned(),
        tolerance: precision.gate(target.tolerance).max_abs,
        graphs: named,
        buckets,
        thresholds: None,
    };
    manifest.check()?;
    Ok(manifest)
}

/// How the graphs are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Three graphs and `bundle.json`, for the runtime.
    #[default]
    Bundle,
    /// A model repository of Triton Inference Server.
    Triton,
}

impl Layout {
    /// Whether a folder with these names is one that this model was written to before, and nothing else.
    fn owns(self, contract: &Contract, names: &[String]) -> Result<(), String> {
        let is_bundle = names.iter().any(|name| name == MANIFEST_FILE);
        let models = crate::triton::models(contract);
        let own = |name: &&String| match self {
            Layout::Bundle => is_bundle && (*name == MANIFEST_FILE || name.ends_with(".onnx")),
            Layout::Triton => models.contains(name),
        };
        names.iter().find(|name| !own(name)).map_or(Ok(()), |foreign| Err(foreign.clone()))
    }
}

/// Checks, before any work, that a bundle can be written to `dir`.
///
/// # Errors
/// [`WriteError`] where `dir` is a file, or a folder with other files and `force` is not given.
pub fn check_destination(dir: &Path, layout: Layout, contract: &Contract, force: bool) -> Result<(), WriteError> {
    place(dir, layout, contract, force).map(|_| ())
}

/// Writes the bundle. A reader of `dir` sees the old bundle or the new one, never half of either; in a shared folder
/// (`force`) that holds for each file, and `bundle.json` comes last.
///
/// # Errors
/// [`WriteError`] names the file; the old bundle is then still there.
pub fn write(
    dir: &Path,
    layout: Layout,
    manifest: &Manifest,
    precision: Precision,
    graphs: &Artefacts,
    force: bool,
) -> Result<(), WriteError> {
    let contract = &manifest.contract;
    let files = match layout {
        Layout::Bundle => bundle_files(manifest, graphs)?,
        Layout::Triton => crate::triton::files(contract, precision, graphs),
    };
    match place(dir, layout, contract, force)? {
        Place::Shared => files.iter().try_for_each(|(name, bytes)| write_beside(&dir.join(name), bytes)),
        Place::Free | Place::Bundle => write_whole(dir, &files),
    }
}

fn bundle_files(manifest: &Manifest, graphs: &Artefacts) -> Result<Vec<(String, Vec<u8>)>, WriteError> {
    let mut files: Vec<(String, Vec<u8>)> =
        graphs.iter().map(|(name, graph)| (file_name(*name), graph.onnx.clone())).collect();
    files.push((MANIFEST_FILE.to_owned(), manifest.to_json_pretty()?.into_bytes()));
    Ok(files)
}
