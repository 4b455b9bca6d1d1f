//! What the command line names: files, folders, `-` for standard input.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// One thing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl Source {
    /// Opens it for reading.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(&self) -> io::Result<Box<dyn Read>> {
        Ok(match self {
            Source::Stdin => Box::new(io::stdin().lock()),
            Source::File(path) => Box::new(File::open(path)?),
        })
    }

    /// Name of the folder the file lies in, which data sets use as the label.
    #[must_use]
    pub fn folder(&self) -> Option<&str> {
        match self {
            Source::Stdin => None,
            Source::File(path) => path.parent().and_then(Path::file_name).and_then(OsStr::to_str),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Stdin => f.write_str("-"),
            Source::File(path) => path.display().fmt(f),
        }
    }
}

/// The sources that `path` names: itself, or every file below a folder that has one of these extensions, in the order
/// of their names.
///
/// # Errors
/// A folder that cannot be read, or holds no such file.
pub fn expand(path: &Path, extensions: &[&str]) -> io::Result<Vec<Source>> {
    if path == Path::new("-") {
        return Ok(vec![Source::Stdin]);
    }
    if !path.is_dir() {
        return Ok(vec![Source::File(path.into())]);
    }
    let mut sources = Vec::new();
    for entry in WalkDir::new(path).follow_links(true).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) => entry,
            // A part that cannot be read does not hide the others; opening it says why.
            Err(error) => {
                sources.extend(error.path().map(|path| Source::File(path.into())));
                continue;
            }
        };
        let is_media = entry
            .path()
            .extension()
            .is_some_and(|found| extensions.iter().any(|extension| found.eq_ignore_ascii_case(extension)));
        if is_media && entry.file_type().is_file() {
            sources.push(Source::File(entry.into_path()));
        }
    }
    if sources.is_empty() {
        let wanted = extensions.iter().map(|extension| format!(".{extension}")).collect::<Vec<_>>().join(", ");
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("no {wanted} file in this folder")));
    }
    Ok(sources)
}

/// Every source that the arguments name, and the arguments that name none, with the reason.
#[must_use]
pub fn sources(paths: &[PathBuf], extensions: &[&str]) -> (Vec<Source>, Vec<(String, String)>) {
    let (mut sources, mut missing) = (Vec::new(), Vec::new());
    for path in paths {
        match expand(path, extensions) {
            Ok(found) => sources.extend(found),
            Err(error) => missing.push((path.display().to_string(), error.to_string())),
        }
    }
    (sources, missing)
}
