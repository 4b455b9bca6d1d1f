//! Accuracy and confusion matrix of a checkpoint, with the same windows and averages as the runtime.

use crate::batch::Batch;
use crate::loss::{encode, windows};
use crate::ranking::Ranking;
use crate::rows::Rows;
use crate::truth::Truth;
use anyhow::Result;
use candle_core::Device;
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use tempest_contract::{Answers, Contract};
use tempest_models::{Model, Regime};

/// Windows that go through the model together.
const BATCH: usize = 32;

/// How a checkpoint did on labelled clips.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Evaluation {
    /// Clips evaluated.
    pub clips: usize,
    /// Clips whose most probable label is true.
    pub correct: usize,
    /// Label names, the order of both axes of `confusion`, or of the ranking.
    pub labels: Vec<String>,
    /// `confusion[truth][answer]`: clips. Empty where several labels may be true of a clip.
    pub confusion: Vec<Vec<usize>>,
    /// Where several labels may be true of a clip, how each ranks the clips.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranking: Option<Ranking>,
}

/// What a checkpoint says of one labelled clip.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The true labels.
    pub truth: Truth,
    /// Probability of every label.
    pub probabilities: Vec<f32>,
}

impl Answer {
    /// Index of the most probable label.
    #[must_use]
    pub fn top(&self) -> usize {
        top(&self.probabilities)
    }

    /// Whether the most probable label is true.
    #[must_use]
    pub fn is_correct(&self) -> bool {
        self.truth.holds(self.top())
    }
}

impl Evaluation {
    /// Counts `answers` of a model of `contract`; ranks them where several labels may be true.
    #[must_use]
    pub fn of(contract: &Contract, answers: &[Answer]) -> Self {
        let classes = contract.labels.len();
        let correct = answers.iter().filter(|answer| answer.is_correct()).count();
        let (mut confusion, mut ranking) = (Vec::new(), None);
        match contract.answers {
            Answers::AnyOf => ranking = Some(Ranking::of(classes, answers)),
            Answers::OneOf => {
                confusion = vec![vec![0; classes]; classes];
                let pairs = answers.iter().filter_map(|answer| Some((answer.truth.first()?, answer.top())));
                pairs.for_each(|(truth, answer)| confusion[truth][answer] += 1);
            }
        }
        Evaluation { clips: answers.len(), correct, labels: contract.labels.clone(), confusion, ranking }
    }

    /// Share of correct clips, 0..=1.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.clips.max(1) as f64
    }

    /// Accuracy and confusion matrix, rows the truth, or how each label ranks the clips; for people.
    #[must_use]
    pub fn table(&self) -> String {
        let shares = format!("{:.2} % ({} of {} clips)", 100.0 * self.accuracy(), self.correct, self.clips);
        if let Some(ranking) = &self.ranking {
            return format!("most probable label true of {shares}\n{}", ranking.table(&self.labels));
        }
        let width = self.labels.iter().map(String::len).max().unwrap_or(0).max(5);
        let mut text = format!("accuracy {shares}\n\n");
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

/// Probabilities of a clip: those of every window's logits, averaged over the windows.
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
        for logits in model.classify(&windows, &lengths)?.to_device(&Device::Cpu)?.to_vec2::<f32>()? {
            sum.iter_mut().zip(contract.answers.probabilities(&logits)).for_each(|(sum, value)| *sum += value);
        }
    }
    Ok(sum.iter().map(|&value| (value / parts.len().max(1) as f64) as f32).collect())
}

/// Answers for `clips` of (rows, true labels), in their order.
///
/// # Errors
/// What candle refuses.
pub fn answers<'a>(
    model: &Model,
    contract: &Contract,
    clips: impl IntoIterator<Item = (&'a Rows, &'a Truth)>,
    device: &Device,
) -> Result<Vec<Answer>> {
    let answer = |(rows, truth): (&Rows, &Truth)| {
        Ok(Answer { truth: truth.clone(), probabilities: probabilities(model, contract, rows, device)? })
    };
    clips.into_iter().map(answer).collect()
}

/// Evaluates `clips` of (rows, true labels).
///
/// # Errors
/// What candle refuses.
pub fn evaluate<'a>(
    model: &Model,
    contract: &Contract,
    clips: impl IntoIterator<Item = (&'a Rows, &'a Truth)>,
    device: &Device,
) -> Result<Evaluation> {
    Ok(Evaluation::of(contract, &answers(model, contract, clips, device)?))
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
