//! What keeps a data set from being listed or learnt.

use std::io;
use std::path::PathBuf;

/// Why a data set was not listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// There is no such folder, or manifest.
    #[error("{}: {}", path.display(), if path.exists() { "a file, where the format has a folder; a manifest is --format csv" } else { "no such folder, or manifest of csv" })]
    Missing {
        /// The root given.
        path: PathBuf,
    },
    /// A folder or a list could not be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Nothing in the folder looks like the format.
    #[error("{}: no clips found; expected {expected}", path.display())]
    NoClips {
        /// The root given.
        path: PathBuf,
        /// The layout that was looked for.
        expected: &'static str,
    },
    /// A class without a single recording.
    #[error("{}: the folder of class '{label}' holds no audio (wav, flac, ogg, mp3)", path.display())]
    EmptyClass {
        /// The class.
        label: String,
        /// Its folder.
        path: PathBuf,
    },
    /// A class that cannot be learnt, because it occurs in no training clip: only in the test split, say.
    #[error("label '{label}' has no training clip ({test} for test, {validation} for validation): it cannot be learnt")]
    NoTrainingClip {
        /// The class.
        label: String,
        /// Its test clips.
        test: usize,
        /// Its validation clips.
        validation: usize,
    },
    /// The test fold asked for does not occur.
    #[error("no clip is in fold {fold}; there are folds {folds:?}")]
    NoSuchFold {
        /// The fold asked for.
        fold: u32,
        /// The folds found.
        folds: Vec<u32>,
    },
    /// A file name that does not say what the format needs.
    #[error("{}: the file name is not of the form {expected}", path.display())]
    BadName {
        /// The file.
        path: PathBuf,
        /// The form.
        expected: &'static str,
    },
    /// A line of a list that cannot be used.
    #[error("{}, line {line}: {reason}", path.display())]
    BadLine {
        /// The list.
        path: PathBuf,
        /// Line number from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// An IDX file that is none, or does not hold what it states.
    #[error("{}: {reason}", path.display())]
    BadIdx {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A path that is not Unicode: it cannot become a stable id.
    #[error("{}: the path is not valid Unicode; rename it", path.display())]
    NotUnicode {
        /// The file or folder.
        path: PathBuf,
    },
    /// A validation share outside [0, 1).
    #[error("a validation share of {share} is not possible: take 0 (none) up to, but not including, 1")]
    BadShare {
        /// The share asked for.
        share: f32,
    },
}
