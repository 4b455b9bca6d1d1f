use super::Planned;
use crate::outcome::Outcome;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// What is averaged over; every other option makes another row.
const AVERAGED: [&str; 2] = ["seed", "test-fold"];

/// One row a configuration, in the order of the plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// The rows.
    pub rows: Vec<Row>,
    /// Options that tell the rows apart.
    #[serde(skip)]
    columns: Vec<String>,
}

/// A configuration, over its seeds and folds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The name of its `[[run]]`.
    pub run: Option<String>,
    /// Its options, without seed and fold.
    pub options: BTreeMap<String, String>,
    /// Runs planned.
    pub runs: usize,
    /// Runs that ended; figures are theirs.
    pub finished: usize,
    /// Accuracy on the test split, 0..=1.
    pub accuracy: Option<Spread>,
    /// Mean average precision over the labels, 0..=1, where several may be true of a clip.
    pub mean_average_precision: Option<Spread>,
    /// Mean of [`Costs::macs_per_second`](crate::outcome::Costs::macs_per_second).
    pub macs_per_second: Option<f64>,
    /// Mean of [`Costs::macs_per_clip`](crate::outcome::Costs::macs_per_clip).
    pub macs_per_clip: Option<f64>,
    /// Mean of [`Costs::bytes_read_per_block`](crate::outcome::Costs::bytes_read_per_block).
    pub bytes_read_per_block: Option<f64>,
    /// Mean training time.
    pub seconds: Option<f64>,
    /// Of the model, without the decoder.
    pub parameters: Option<usize>,
}

/// Where values lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// How many.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Standard deviation of a sample (n - 1); none of a single value.
    pub deviation: Option<f64>,
    /// The least.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of `values`; none where there are none.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let (n, mean) = (values.len(), mean(values)?);
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (n > 1).then(|| (squares / (n - 1) as f64).sqrt());
        let fold = |least: fn(f64, f64) -> f64| values.iter().copied().reduce(least).unwrap_or(mean);
        Some(Spread { n, mean, deviation, min: fold(f64::min), max: fold(f64::max) })
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

impl Table {
    /// Of planned runs, each with what it ended with where it did.
    #[must_use]
    pub fn of(runs: &[(&Planned, Option<Outcome>)]) -> Self {
        let mut groups: Vec<(Key, Vec<Option<&Outcome>>)> = Vec::new();
        for (planned, outcome) in runs {
            let key = key(planned);
            match groups.iter_mut().find(|(other, _)| *other == key) {
                Some((_, group)) => group.push(outcome.as_ref()),
                None => groups.push((key, vec![outcome.as_ref()])),
            }
        }
        let columns = differing(&groups);
        Table { rows: groups.into_iter().map(|(key, group)| Row::of(key, &group)).collect(), columns }
    }

    /// As Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let figures = ["runs", "million MACs", "bytes of a block", "training, s", "parameters"];
        let ranked = self.rows.iter().any(|row| row.mean_average_precision.is_some());
        let scores = ["test accuracy, %", "mAP, %"].into_iter().take(1 + usize::from(ranked));
        let heads: Vec<String> = self.heads().chain(scores.chain(figures).map(String::from)).collect();
        let mut text = line(heads.iter().cloned());
        text.push_str(&"|---".repeat(heads.len()));
        text.push_str("|\n");
        for row in &self.rows {
            let scores = [&row.accuracy, &row.mean_average_precision].into_iter().take(1 + usize::from(ranked));
            let scores = scores.map(|spread| or_dash(spread.as_ref().map(percent)));
            text.push_str(&line(self.names(row, "default").chain(scores).chain(row.cells())));
        }
        text
    }

    /// As CSV, one column a figure; empty where there is none.
    ///
    /// # Errors
    /// What the writer says.
    pub fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.heads().chain(FIGURES.map(String::from)))?;
        for row in &self.rows {
            writer.write_record(self.names(row, "").chain(row.figures()))?;
        }
        writer.into_inner().map_err(|error| error.into_error().into())
    }

    fn named(&self) -> bool {
        self.rows.iter().any(|row| row.run.is_some())
    }

    fn heads(&self) -> impl Iterator<Item = String> {
        self.named().then(|| "run".to_string()).into_iter().chain(self.columns.iter().cloned())
    }

    fn names(&self, row: &Row, absent: &str) -> impl Iterator<Item = String> {
        let run = self.named().then(|| row.run.clone().unwrap_or_default());
        let value = |option| row.options.get(option).cloned().unwrap_or_else(|| absent.into());
        run.into_iter().chain(self.columns.iter().map(value))
    }
}

type Key = (Option<String>, BTreeMap<String, String>);

/// What the row of a run is known by.
fn key(planned: &Planned) -> Key {
    let mut options = planned.options.clone();
    options.retain(|option, _| !AVERAGED.contains(&option.as_str()));
    (planned.entry.clone(), options)
}

fn differing<T>(groups: &[(Key, T)]) -> Vec<String> {
    let all: BTreeSet<&String> = groups.iter().flat_map(|((_, options), _)| options.keys()).collect();
    let differs = |option: &&String| {
        let mut values = groups.iter().map(|((_, options), _)| options.get(*option));
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    all.into_iter().filter(differs).cloned().collect()
}

/// The figures of [`Table::csv`].
const FIGURES: [&str; 12] = [
    "runs",
    "finished",
    "accuracy_mean",
    "accuracy_deviation",
    "accuracy_min",
    "accuracy_max",
    "macs_per_second",
    "macs_per_clip",
    "bytes_read_per_block",
    "seconds",
    "parameters",
    "map_mean",
];

impl Row {
    fn of((run, options): Key, outcomes: &[Option<&Outcome>]) -> Self {
        let ended: Vec<&Outcome> = outcomes.iter().copied().flatten().collect();
        let tested = ended.iter().filter(|outcome| outcome.test.clips > 0);
        let accuracies: Vec<f64> = tested.clone().map(|outcome| outcome.test.accuracy()).collect();
        let precision = |outcome: &&Outcome| outcome.test.ranking.as_ref()?.mean_average_precision;
        let precisions: Vec<f64> = tested.filter_map(precision).collect();
        let average = |figure: fn(&Outcome) -> Option<f64>| {
            mean(&ended.iter().filter_map(|outcome| figure(outcome)).collect::<Vec<_>>())
        };
        Row {
            run,
            options,
            runs: outcomes.len(),
            finished: ended.len(),
            accuracy: Spread::of(&accuracies),
            mean_average_precision: Spread::of(&precisions),
            macs_per_second: average(|outcome| outcome.costs.macs_per_second),
            macs_per_clip: average(|outcome| Some(outcome.costs.macs_per_clip as f64)),
            bytes_read_per_block: average(|outcome| outcome.costs.bytes_read_per_block),
            seconds: average(|outcome| Some(outcome.seconds)),
            parameters: ended.first().map(|outcome| outcome.costs.parameters),
        }
    }

    /// For people.
    fn cells(&self) -> [String; 5] {
        let second = self.macs_per_second.map(|macs| format!("{:.1} a second", macs / 1e6));
        let clip = self.macs_per_clip.map(|macs| format!("{:.1} a clip", macs / 1e6));
        let runs = match self.finished == self.runs {
            true => self.runs.to_string(),
            false => format!("{} of {}", self.finished, self.runs),
        };
        [
            runs,
            or_dash(second.or(clip)),
            or_dash(self.bytes_read_per_block.map(|bytes| format!("{bytes:.1}"))),
            or_dash(self.seconds.map(|seconds| format!("{seconds:.0}"))),
            or_dash(self.parameters.map(|count| count.to_string())),
        ]
    }

    /// For programs, in the order of [`FIGURES`].
    fn figures(&self) -> [String; 12] {
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let accuracy = |part: fn(&Spread) -> Option<f64>| number(self.accuracy.as_ref().and_then(part));
        [
            self.runs.to_string(),
            self.finished.to_string(),
            accuracy(|spread| Some(spread.mean)),
            accuracy(|spread| spread.deviation),
            accuracy(|spread| Some(spread.min)),
            accuracy(|spread| Some(spread.max)),
            number(self.macs_per_second),
            number(self.macs_per_clip),
            number(self.bytes_read_per_block),
            number(self.seconds),
            number(self.parameters.map(|count| count as f64)),
            number(self.mean_average_precision.map(|spread| spread.mean)),
        ]
    }
}

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "–".into())
}

/// `88.25 ± 1.90 (86.25 to 91.25)`.
fn percent(spread: &Spread) -> String {
    let Spread { mean, min, max, .. } = spread;
    let mut text = format!("{:.2}", 100.0 * mean);
    if let Some(deviation) = spread.deviation {
        let _ = write!(text, " ± {:.2} ({:.2} to {:.2})", 100.0 * deviation, 100.0 * min, 100.0 * max);
    }
    text
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
    format!("| {} |\n", cells.join(" | "))
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
