//! What a precision costs in answers: the graphs on a labelled set, beside the same checkpoint in float32.

use crate::graphs::Artefacts;
use serde::Serialize;
use std::path::{Path, PathBuf};
use tempest_engine::{Bundle, BundleError, Engine, GraphName, Manifest};
use tempest_runtime::inputs::{self, Source};
use tempest_runtime::{Classifier, ClassifyError, Media};
use thiserror::Error;

/// Points of accuracy that a precision may cost.
pub const MOST_POINTS: f64 = 0.5;

/// Answers on a labelled set.
#[derive(Clone, Debug, Serialize)]
pub struct Labelled {
    /// The folder.
    pub path: PathBuf,
    /// Files whose folder is a label.
    pub files: usize,
    /// The engine that answered.
    pub engine: String,
    /// Share of right answers.
    pub accuracy: f64,
    /// The same of the checkpoint in float32.
    pub fp32_accuracy: f64,
    /// Share of files with the same answer from both.
    pub agreement: f64,
}

/// Why a labelled set does not speak for the graphs.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LabelledError {
    /// The folder cannot be listed.
    #[error("{}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// No file's folder is a label.
    #[error("{}: none of {files} files lies in a folder named as a label", path.display())]
    NoLabels {
        /// The folder.
        path: PathBuf,
        /// Files found.
        files: usize,
    },
    /// A file is not what the model reads.
    #[error("{file}: {reason}")]
    File {
        /// The file.
        file: String,
        /// What it is instead.
        reason: String,
    },
    /// The graphs do not make a bundle; a bug.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The engine does not run them.
    #[error(transparent)]
    Classify(#[from] ClassifyError),
    /// Too many answers are lost.
    #[error(
        "{engine}: {found:.2} % of the labelled files, float32 {fp32:.2} %: more than {MOST_POINTS} points are lost"
    )]
    Accuracy {
        /// The engine.
        engine: String,
        /// Per cent right.
        found: f64,
        /// Per cent right in float32.
        fp32: f64,
    },
}

/// A manifest and its graphs.
pub(crate) struct Candidate<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) graphs: &'a Artefacts,
}

impl Candidate<'_> {
    fn classifier(&self, engine: &dyn Engine) -> Result<Classifier, LabelledError> {
        let names = [GraphName::Encoder, GraphName::Classifier];
        let graphs = names.into_iter().filter_map(|name| Some((name, self.graphs.get(&name.into())?.onnx.clone())));
        let bundle = Bundle::from_parts(&self.manifest.to_json_pretty()?, graphs)?;
        Ok(Classifier::load(&bundle, engine, 1)?)
    }
}

/// Answers every file of `path` with both, on one engine.
///
/// # Errors
/// [`LabelledError`]; [`LabelledError::Accuracy`] where the precision costs more than [`MOST_POINTS`].
pub(crate) fn answer(
    path: &Path,
    engine: &dyn Engine,
    candidate: &Candidate<'_>,
    fp32: &Candidate<'_>,
) -> Result<Labelled, LabelledError> {
    let labels = &candidate.manifest.contract.labels;
    let failed = |source| LabelledError::Folder { path: path.to_owned(), source };
    let sources = inputs::expand(path, candidate.manifest.contract.codec.extensions()).map_err(failed)?;
    let truth = |source: &Source| labels.iter().position(|label| Some(label.as_str()) == source.folder());
    let (mut narrow, mut wide) = (candidate.classifier(engine)?, fp32.classifier(engine)?);
    let (mut files, mut right, mut fp32_right, mut same) = (0, 0, 0, 0);
    for (source, truth) in sources.iter().filter_map(|source| Some((source, truth(source)?))) {
        let answers = (top(&mut narrow, source)?, top(&mut wide, source)?);
        files += 1;
        right += usize::from(answers.0 == Some(truth));
        fp32_right += usize::from(answers.1 == Some(truth));
        same += usize::from(answers.0 == answers.1);
    }
    if files == 0 {
        return Err(LabelledError::NoLabels { path: path.to_owned(), files: sources.len() });
    }
    let share = |count: usize| count as f64 / files as f64;
    let (engine, accuracy, fp32_accuracy) = (engine.name().to_owned(), share(right), share(fp32_right));
    if 100.0 * (fp32_accuracy - accuracy) > MOST_POINTS {
        return Err(LabelledError::Accuracy { engine, found: 100.0 * accuracy, fp32: 100.0 * fp32_accuracy });
    }
    Ok(Labelled { path: path.to_owned(), files, engine, accuracy, fp32_accuracy, agreement: share(same) })
}

fn top(classifier: &mut Classifier, source: &Source) -> Result<Option<usize>, LabelledError> {
    let failed = |reason: String| LabelledError::File { file: source.to_string(), reason };
    let reader = source.open().map_err(|error| failed(error.to_string()))?;
    let media = Media::read(reader, classifier.contract()).map_err(|error| failed(error.to_string()))?;
    Ok(classifier.classify(&media)?.ranked().first().map(|(label, _)| *label))
}
