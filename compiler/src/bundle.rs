//! Writes the folder that the runtime reads: three graphs and `bundle.json`.

use crate::Precision;
use crate::emit::OPSET;
use crate::graphs::{Artefacts, compiler_version, file_name};
use crate::target::Target;
use serde::Deserialize;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempest_contract::Contract;
use tempest_engine::{BundleError, GraphEntry, MANIFEST_FILE, MANIFEST_VERSION, Manifest};
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
    let entry = |(name, graph): (&_, &crate::graphs::Artefact)| {
        (*name, GraphEntry::new(file_name(*name), &graph.onnx, graph.io.clone()))
    };
    let manifest = Manifest {
        format_version: MANIFEST_VERSION,
        contract: contract.clone(),
        target: target.name.clone(),
        opset: OPSET as u32,
        precision: precision.to_string(),
        compiler: compiler_version(),
        checkpoint_sha256: checkpoint_sha256.to_owned(),
        tolerance: precision.gate(target.tolerance).max_abs,
        graphs: graphs.iter().map(entry).collect(),
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

/// What stands where a bundle is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Nothing, or an empty folder.
    Free,
    /// A bundle, which is replaced as a whole.
    Bundle,
    /// A folder with other files, which stay.
    Shared,
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

fn place(dir: &Path, layout: Layout, contract: &Contract, force: bool) -> Result<Place, WriteError> {
    let io = |source| WriteError::Io { path: dir.to_owned(), source };
    match fs::metadata(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Place::Free),
        Err(error) => return Err(io(error)),
        Ok(found) if !found.is_dir() => return Err(WriteError::NotAFolder { path: dir.to_owned() }),
        Ok(_) => {}
    }
    let mut names = vec![];
    for entry in fs::read_dir(dir).map_err(io)? {
        names.push(entry.map_err(io)?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    match layout.owns(contract, &names) {
        Ok(()) if names.is_empty() => Ok(Place::Free),
        Ok(()) => Ok(Place::Bundle),
        Err(_) if force => Ok(Place::Shared),
        Err(file) => Err(WriteError::Occupied { path: dir.to_owned(), file }),
    }
}

/// Writes a new folder beside `dir` and puts it in its place.
fn write_whole(dir: &Path, files: &[(String, Vec<u8>)]) -> Result<(), WriteError> {
    let io = |path: &Path, source| WriteError::Io { path: path.to_owned(), source };
    // A link to a folder stays a link: what it points to is replaced.
    let dir = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let (new, old) = (Temporary(sibling(&dir, "new")), sibling(&dir, "old"));
    fs::create_dir_all(&new.0).map_err(|source| io(&new.0, source))?;
    for (name, bytes) in files {
        make_parent(&new.0.join(name))?;
        write_file(&new.0.join(name), bytes)?;
    }
    if dir.exists() {
        fs::rename(&dir, &old).map_err(|source| io(&dir, source))?;
    }
    fs::rename(&new.0, &dir).map_err(|source| {
        // Best effort: the error that matters is the one reported.
        let _ = fs::rename(&old, &dir);
        io(&dir, source)
    })?;
    drop(Temporary(old));
    Ok(())
}

fn write_beside(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    make_parent(path)?;
    let new = Temporary(sibling(path, "new"));
    write_file(&new.0, bytes)?;
    fs::rename(&new.0, path).map_err(|source| WriteError::Io { path: path.to_owned(), source })
}

/// The folder of a file below the bundle's own.
fn make_parent(path: &Path) -> Result<(), WriteError> {
    let Some(parent) = path.parent() else { return Ok(()) };
    fs::create_dir_all(parent).map_err(|source| WriteError::Io { path: parent.to_owned(), source })
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let write = || {
        let mut file = fs::File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|source| WriteError::Io { path: path.to_owned(), source })
}

/// A path that is removed, whatever it is, when it goes out of scope.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0).or_else(|_| fs::remove_file(&self.0));
    }
}

/// A hidden path of this process in the same folder, so that renaming it onto `path` stays on one file system.
fn sibling(path: &Path, role: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.{role}", std::process::id()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test should panic")]
mod tests {
    use super::*;

    fn contract() -> Contract {
        Contract::from_json(include_str!("../tests/data/contract.json")).unwrap()
    }

    fn files(manifest: &str) -> Vec<(String, Vec<u8>)> {
        vec![("encoder.onnx".into(), b"graph".to_vec()), (MANIFEST_FILE.into(), manifest.into())]
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn replaces_a_bundle_as_a_whole_and_leaves_nothing_beside_it() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("new/digits.tempest");
        fs::create_dir_all(dir.parent().unwrap()).unwrap();
        write_whole(&dir, &files("1")).unwrap();
        fs::write(dir.join("stale.onnx"), b"").unwrap();
        assert_eq!(place(&dir, Layout::Bundle, &contract(), false).unwrap(), Place::Bundle);
        write_whole(&dir, &files("2")).unwrap();
        assert_eq!(names(&dir), ["bundle.json", "encoder.onnx"]);
        assert_eq!(fs::read(dir.join(MANIFEST_FILE)).unwrap(), b"2");
        assert_eq!(names(dir.parent().unwrap()), ["digits.tempest"]);
    }

    #[test]
    fn never_replaces_what_is_no_bundle() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(place(root.path(), Layout::Bundle, &contract(), false).unwrap(), Place::Free);
        fs::write(root.path().join("thesis.txt"), b"").unwrap();
        let error = check_destination(root.path(), Layout::Bundle, &contract(), false).unwrap_err();
        assert!(error.to_string().ends_with("holds 'thesis.txt', which is no part of a bundle"), "{error}");
        assert_eq!(place(root.path(), Layout::Bundle, &contract(), true).unwrap(), Place::Shared);
        let file = root.path().join("thesis.txt");
        let error = check_destination(&file, Layout::Bundle, &contract(), true).unwrap_err().to_string();
        assert!(error.ends_with("is a file; a bundle is a folder"), "{error}");
    }

    #[test]
    fn a_folder_of_graphs_without_a_manifest_is_no_bundle() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("mine.onnx"), b"").unwrap();
        assert!(check_destination(root.path(), Layout::Bundle, &contract(), false).is_err());
    }

    #[test]
    fn names_the_default_output_after_the_model() {
        let name = |name: &str| {
            let json = include_str!("../tests/data/contract.json").replace("\"tiny\"", &format!("{name:?}"));
            default_output(Path::new("runs/1/model.safetensors"), &Contract::from_json(&json).unwrap())
        };
        assert_eq!(name("digits"), Path::new("runs/1/digits.tempest"));
        assert_eq!(name("my words!"), Path::new("runs/1/my-words-.tempest"));
        assert_eq!(name(".hidden"), Path::new("runs/1/hidden.tempest"));
        assert_eq!(name("..."), Path::new("runs/1/model.tempest"));
    }
}
