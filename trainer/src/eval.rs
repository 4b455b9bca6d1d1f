//! Accuracy and confusion matrix of a checkpoint, with the same windows and averages as the runtime.

use crate::batch::Batch;
use crate::rows::Rows;
use crate::step::{encode, windows};
use anyhow::Result;
use candle_core::Device;
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use tempest_contract::Contract;
use tempest_models::{Model, Regime, nn};

/// Windows that go through the model together.
const BATCH: usize = 32;

/// How a checkpoint did on labelled clips.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Evaluation {
    /// Clips evaluated.
    pub clips: usize,
    /// Clips whose most probable label is the true one.
    pub correct: usize,
    /// Label names, the order of both axes of `confusion`.
    pub labels: Vec<String>,
    /// `confusion[truth][answer]`: clips.
    pub confusion: Vec<Vec<usize>>,
}

/// What a checkpoint says of one labelled clip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// Index of the true label.
    pub truth: usize,
    /// Index of the most probable label.
    pub answer: usize,
    /// The answer's probability.
    pub probability: f32,
    /// The true label's probability.
    pub truth_probability: f32,
}

impl Evaluation {
    /// Counts `answers`, whose indices are those of `labels`.
    #[must_use]
    pub fn of(labels: &[String], answers: &[Answer]) -> Self {
        let mut confusion = vec![vec![0; labels.len()]; labels.len()];
        for answer in answers {
            confusion[answer.truth][answer.answer] += 1;
        }
        let correct = answers.iter().filter(|answer| answer.truth == answer.answer).count();
        Evaluation { clips: answers.len(), correct, labels: labels.to_vec(), confusion }
    }

    /// Share of correct clips, 0..=1.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.clips.max(1) as f64
    }

    /// Accuracy and confusion matrix for people; rows are the truth.
    #[must_use]
    pub fn table(&self) -> String {
        let width = self.labels.iter().map(String::len).max().unwrap_or(0).max(5);
        let mut text =
            format!("accuracy {:.2} % ({} of {} clips)\n\n", 100.0 * self.accuracy(), self.correct, self.clips);
        let short = |label: &str| label.chars().take(5).collect::<String>();
        let _ = write!(text, "{:>width$} ", "truth");
        for label in &self.labels {
            let _ = write!(text, "{:>6}", short(label));
        }
        text.push_str("  recall\n");
        for (label, row) in self.labels.iter().zip(&self.confusion) {
            let _ = write!(text, "{label:>width$} ");
            for count in row {
                let _ = write!(text, "{:>6}", if *count == 0 { "·".into() } else { count.to_string() });
            }
            let total: usize = row.iter().sum();
            let truth = self.labels.iter().position(|other| other == label).unwrap_or(0);
            let _ = writeln!(text, "  {:5.1} %", 100.0 * row[truth] as f64 / total.max(1) as f64);
        }
        text
    }
}

/// Probabilities of a clip: softmax of every window's logits, averaged over the windows.
/// `tempest classify` computes the same from the same blocks.
///
/// # Errors
/// What candle refuses.
pub fn probabilities(model: &Model, contract: &Contract, rows: &Rows, device: &Device) -> Result<Vec<f32>> {
    let parts: Vec<_> = contract.window.over(rows.len()).collect();
    let mut sum = vec![0.0f64; contract.labels.len()];
    for group in parts.chunks(BATCH) {
        let mut batch = Batch::default();
        for part in group {
            batch.rows.extend(rows.slice(part.clone()).iter().map(|&value| i64::from(value)));
            batch.lengths.push(part.len());
        }
        let (tokens, _) = encode(model, &batch, &Regime::Infer, device)?;
        let (windows, lengths) = windows(&tokens, &batch.lengths)?;
        let probabilities = nn::softmax(&model.classify(&windows, &lengths)?)?.to_device(&Device::Cpu)?;
        for row in probabilities.to_vec2::<f32>()? {
            sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(value));
        }
    }
    Ok(sum.iter().map(|&value| (value / parts.len().max(1) as f64) as f32).collect())
}

/// Answers for `clips` of (rows, true label), in their order.
///
/// # Errors
/// What candle refuses.
pub fn answers<'a>(
    model: &Model,
    contract: &Contract,
    clips: impl IntoIterator<Item = (&'a Rows, usize)>,
    device: &Device,
) -> Result<Vec<Answer>> {
    let mut answers = Vec::new();
    for (rows, truth) in clips {
        let probabilities = probabilities(model, contract, rows, device)?;
        let answer = top(&probabilities);
        let [probability, truth_probability] = [answer, truth].map(|label| probabilities[label]);
        answers.push(Answer { truth, answer, probability, truth_probability });
    }
    Ok(answers)
}

/// Evaluates `clips` of (rows, true label).
///
/// # Errors
/// What candle refuses.
pub fn evaluate<'a>(
    model: &Model,
    contract: &Contract,
    clips: impl IntoIterator<Item = (&'a Rows, usize)>,
    device: &Device,
) -> Result<Evaluation> {
    Ok(Evaluation::of(&contract.labels, &answers(model, contract, clips, device)?))
}

/// Index of the largest value; the first of equal ones.
#[must_use]
pub fn top(values: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}
