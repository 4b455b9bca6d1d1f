//! How the classes of a test split fared.

use super::html;
use crate::eval::Evaluation;
use crate::ranking::{LabelRanking, Ranking};
use std::fmt::Write;

/// A larger matrix nobody reads; the pairs below it say what it would.
const MATRIX_MAX: usize = 100;

/// Pairs of labels shown.
const PAIRS_MAX: usize = 10;

/// The confusion matrix, each cell as dark as its share of the truth's clips.
pub(super) fn confusion(test: &Evaluation) -> String {
    let heading = html::heading(3, "Confusion matrix");
    if test.labels.len() > MATRIX_MAX {
        return heading + &html::note(&format!("Left out: {} classes.", test.labels.len()));
    }
    let mut table = String::from("<table class=\"confusion\">\n<thead>\n<tr><td></td>");
    for label in &test.labels {
        let _ = write!(table, "<th>{}</th>", html::escape(label));
    }
    table.push_str("</tr>\n</thead>\n<tbody>\n");
    for (truth, (label, counts)) in test.labels.iter().zip(&test.confusion).enumerate() {
        let _ = write!(table, "<tr><th class=\"name\">{}</th>", html::escape(label));
        let total: usize = counts.iter().sum();
        for (answer, count) in counts.iter().enumerate() {
            table.push_str(&cell(*count, total, truth == answer));
        }
        table.push_str("</tr>\n");
    }
    table.push_str("</tbody>\n</table>\n");
    heading + &html::note("Rows are the truth, columns the answers.") + &html::scrolling(&table)
}

fn cell(count: usize, total: usize, hit: bool) -> String {
    if count == 0 {
        return "<td></td>".into();
    }
    let class = if hit { "hit" } else { "miss" };
    let share = (100.0 * count as f64 / total.max(1) as f64).round();
    format!("<td class=\"{class}\" style=\"--share: {share}\">{count}</td>")
}

/// How well each label ranks the clips, where several may be true of one.
pub(super) fn ranking(ranking: &Ranking, names: &[String]) -> String {
    let shown = |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.4}"));
    let row = |(name, label): (&String, &LabelRanking)| {
        vec![name.clone(), label.clips.to_string(), shown(label.average_precision), shown(label.auc)]
    };
    let rows: Vec<Vec<String>> = names.iter().zip(&ranking.labels).map(row).collect();
    let [map, auc, d_prime] = [ranking.mean_average_precision, ranking.auc, ranking.d_prime].map(shown);
    let means = html::note(&format!("mAP {map}, AUC {auc}, d' {d_prime}: means over the labels."));
    html::heading(3, "Labels") + &means + &html::table(&["label", "clips", "average precision", "AUC"], 1, &rows)
}

/// Precision, recall and F1 of every class.
pub(super) fn table(test: &Evaluation) -> String {
    let rows: Vec<Vec<String>> = test.labels.iter().enumerate().map(|(label, name)| row(test, label, name)).collect();
    let heads = ["class", "clips", "precision, %", "recall, %", "F1, %"];
    html::heading(3, "Classes") + &html::table(&heads, 1, &rows)
}

fn row(test: &Evaluation, label: usize, name: &str) -> Vec<String> {
    let hits = test.confusion[label][label];
    let clips: usize = test.confusion[label].iter().sum();
    let answers: usize = test.confusion.iter().map(|counts| counts[label]).sum();
    // Of a class that no clip has, or that is never the answer, there is no share.
    let share = |of: usize| (of > 0).then(|| hits as f64 / of as f64);
    let both = clips as f64 + answers as f64;
    let f1 = (both > 0.0).then(|| 2.0 * hits as f64 / both);
    let shares = [share(answers), share(clips), f1].map(html::percent);
    [name.to_string(), clips.to_string()].into_iter().chain(shares).collect()
}

/// What is taken for what, most often first.
pub(super) fn pairs(test: &Evaluation) -> String {
    let mut pairs: Vec<(usize, usize, usize)> = Vec::new();
    for (truth, counts) in test.confusion.iter().enumerate() {
        let wrong = counts.iter().enumerate().filter(|(answer, count)| *answer != truth && **count > 0);
        pairs.extend(wrong.map(|(answer, count)| (*count, truth, answer)));
    }
    if pairs.is_empty() {
        return String::new();
    }
    pairs.sort_by_key(|(count, truth, answer)| (usize::MAX - count, *truth, *answer));
    let row = |&(count, truth, answer): &(usize, usize, usize)| {
        vec![test.labels[truth].clone(), test.labels[answer].clone(), count.to_string()]
    };
    let rows: Vec<Vec<String>> = pairs.iter().take(PAIRS_MAX).map(row).collect();
    html::heading(3, "Most confused classes") + &html::table(&["truth", "taken for", "clips"], 2, &rows)
}
