//! One file for each layout of a data set on disk. They find clips and say what each is; [`super::dataset`] does the
//! rest.

pub(super) mod audioset;
pub(super) mod esc;
pub(super) mod folder;
pub(super) mod fsdd;
pub(super) mod idx;
pub(super) mod manifest;
pub(super) mod unlabelled;

use std::fs;
use std::path::{Component, Path, PathBuf};

use tempest_contract::Answers;
use walkdir::WalkDir;

use super::audio::EXTENSIONS;
use super::dataset::{DatasetError, Split};
use super::picture::Picture;
use crate::truth::Truth;

/// What a format found below a root.
pub(super) struct Listing {
    pub(super) name: String,
    pub(super) labels: Vec<String>,
    /// How many of them may be true of a clip.
    pub(super) answers: Answers,
    pub(super) clips: Vec<Found>,
    /// The layout in words, for the case that nothing was found.
    pub(super) expected: &'static str,
    /// Clips that a list names and that are not there.
    pub(super) absent: usize,
}

/// One clip as its format sees it.
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) truth: Truth,
    pub(super) split: Split,
    /// Clips of one group go to validation together; see [`super::split`].
    pub(super) group: String,
    /// Its id, where that is not its path.
    pub(super) id: Option<String>,
    pub(super) picture: Option<Picture>,
}

impl Found {
    /// A recording that has a file to itself.
    pub(super) fn recording(path: PathBuf, truth: impl Into<Truth>, split: Split, group: String) -> Self {
        Found { path, truth: truth.into(), split, group, id: None, picture: None }
    }
}

/// The path of `path` below `root`, with `/` between folders.
pub(super) fn id(root: &Path, path: &Path) -> Result<String, DatasetError> {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let parts = relative.components().filter(|part| matches!(part, Component::Normal(_)));
    let parts: Option<Vec<&str>> = parts.map(|part| part.as_os_str().to_str()).collect();
    Ok(parts.ok_or_else(|| DatasetError::NotUnicode { path: path.to_owned() })?.join("/"))
}

/// The last part of a path as text.
fn file_name(path: &Path) -> Result<&str, DatasetError> {
    path.file_name().and_then(|name| name.to_str()).ok_or_else(|| DatasetError::NotUnicode { path: path.to_owned() })
}

fn is_audio(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    extension.is_some_and(|e| EXTENSIONS.contains(&e.as_str()))
}

/// Files and folders that no data set means as content: `.git`, `_background_noise_`.
fn is_hidden(name: &str) -> bool {
    name.starts_with(['.', '_'])
}

fn io_error(path: &Path) -> impl Fn(std::io::Error) -> DatasetError {
    let path = path.to_owned();
    move |source| DatasetError::Io { path: path.clone(), source }
}

/// The entries of `folder` that are not hidden, sorted by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(io_error(folder))? {
        let path = entry.map_err(io_error(folder))?.path();
        if !is_hidden(file_name(&path)?) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The folders directly in `folder`, sorted by name.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_dir()).collect())
}

/// The recordings directly in `folder`, sorted by name.
fn audio_in(folder: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_file() && is_audio(path)).collect())
}

/// The recordings anywhere below `folder`. Links are followed, hidden files and folders are not entered.
fn audio_below(folder: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let walk = WalkDir::new(folder)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !entry.file_name().to_str().is_some_and(is_hidden));
    let mut paths = Vec::new();
    for entry in walk {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(folder).to_owned();
            DatasetError::Io { path, source: error.into() }
        })?;
        if entry.file_type().is_file() && is_audio(entry.path()) {
            paths.push(entry.into_path());
        }
    }
    Ok(paths)
}
