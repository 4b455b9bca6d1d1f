//! What a model answered clip by clip: `predictions.jsonl`, one line a clip.

use crate::eval::Answer;
use crate::file;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The file's name in the folder of a run: answers for the test split.
pub const PREDICTIONS: &str = "predictions.jsonl";

/// One clip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Its path below the data set, or its name within.
    pub clip: String,
    /// The true label; several with `;` between, none as nothing.
    pub truth: String,
    /// The most probable label.
    pub answer: String,
    /// Whether the answer is true of the clip.
    pub correct: bool,
    /// The answer's probability.
    pub probability: f32,
    /// The true label's probability, the least of several; 1 where no label is true.
    pub truth_probability: f32,
}

/// Writes a line for each of `clips` and its answer.
///
/// # Errors
/// What writing says, with the path.
pub fn write<'a>(
    path: &Path,
    labels: &[String],
    clips: impl IntoIterator<Item = &'a str>,
    answers: &[Answer],
) -> Result<()> {
    let mut text = String::new();
    for (clip, answer) in clips.into_iter().zip(answers) {
        let (top, truth) = (answer.top(), answer.truth.labels());
        let line = Prediction {
            clip: clip.into(),
            truth: truth.iter().map(|&label| labels[label].as_str()).collect::<Vec<_>>().join(";"),
            answer: labels[top].clone(),
            correct: answer.is_correct(),
            probability: answer.probabilities[top],
            truth_probability: truth.iter().map(|&label| answer.probabilities[label]).fold(1.0, f32::min),
        };
        text.push_str(&serde_json::to_string(&line)?);
        text.push('\n');
    }
    file::replace(path, text.as_bytes())
}
