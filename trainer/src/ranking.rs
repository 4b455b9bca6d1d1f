//! How well probabilities rank clips, where several labels may be true of one: mAP, AUC and d', as AudioSet is measured
//! (Gemmeke et al. 2017; Hershey et al. 2017, section 3).

use crate::eval::Answer;
use serde::{Deserialize, Serialize};
use statrs::function::erf::erf_inv;
use std::fmt::Write;

/// How each label ranks the clips. Means are over the labels that some clip has and some clip lacks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// Mean of the labels' average precision; `None` where no label is true of some clips and untrue of others.
    pub mean_average_precision: Option<f64>,
    /// Mean of the labels' areas under the ROC curve.
    pub auc: Option<f64>,
    /// Distance of two normal distributions of deviation 1 that have that AUC: `sqrt(2) Phi^-1(auc)`; `None` of 0 and 1,
    /// where it is not finite.
    pub d_prime: Option<f64>,
    /// In the order of the model's outputs.
    pub labels: Vec<LabelRanking>,
}

/// How one label ranks the clips.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelRanking {
    /// Clips of which it is true.
    pub clips: usize,
    /// Average precision: the precision at each clip of which it is true, averaged, clips of equal probability together.
    pub average_precision: Option<f64>,
    /// Probability that a clip of which it is true has the higher probability, ties counted as half.
    pub auc: Option<f64>,
}

impl Ranking {
    /// Ranks the clips of `answers` by each of `labels` labels.
    #[must_use]
    pub fn of(labels: usize, answers: &[Answer]) -> Self {
        let labels: Vec<LabelRanking> = (0..labels).map(|label| LabelRanking::of(label, answers)).collect();
        let mean = |value: fn(&LabelRanking) -> Option<f64>| {
            let values: Vec<f64> = labels.iter().filter_map(value).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        let auc = mean(|label| label.auc);
        let d_prime = auc.map(|auc| 2.0 * erf_inv(2.0 * auc - 1.0)).filter(|d_prime| d_prime.is_finite());
        Ranking { mean_average_precision: mean(|label| label.average_precision), auc, d_prime, labels }
    }

    /// The means in one line, then a line for each label; for people.
    #[must_use]
    pub fn table(&self, names: &[String]) -> String {
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(5);
        let shown = |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.4}"));
        let [map, auc, d_prime] = [self.mean_average_precision, self.auc, self.d_prime].map(shown);
        let mut text = format!("mAP {map}, AUC {auc}, d' {d_prime}\n\n{:>width$}   clips      AP     AUC\n", "label");
        for (name, label) in names.iter().zip(&self.labels) {
            let [precision, auc] = [label.average_precision, label.auc].map(shown);
            let _ = writeln!(text, "{name:>width$} {:>7} {precision:>7} {auc:>7}", label.clips);
        }
        text
    }
}

impl LabelRanking {
    fn of(label: usize, answers: &[Answer]) -> Self {
        let mut ranked: Vec<(f32, bool)> =
            answers.iter().map(|answer| (answer.probabilities[label], answer.truth.holds(label))).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let clips = ranked.iter().filter(|(_, holds)| *holds).count();
        let (with, without) = (clips as f64, (ranked.len() - clips) as f64);
        let (mut hits, mut seen, mut precision, mut above) = (0.0, 0.0, 0.0, 0.0);
        for equal in ranked.chunk_by(|a, b| a.0 == b.0) {
            let true_of = equal.iter().filter(|(_, holds)| *holds).count() as f64;
            let untrue_of = equal.len() as f64 - true_of;
            (hits, seen) = (hits + true_of, seen + equal.len() as f64);
            precision += true_of * hits / seen;
            // Every clip above, and half of those beside, for each of which the label is not true.
            above += untrue_of * (hits - true_of / 2.0);
        }
        let ranks = with > 0.0 && without > 0.0;
        LabelRanking {
            clips,
            average_precision: ranks.then(|| precision / with),
            auc: ranks.then(|| above / (with * without)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::truth::Truth;

    /// Clips by one label: (probability, whether it is true).
    fn ranking(clips: &[(f32, bool)]) -> Ranking {
        let answer = |&(probability, holds): &(f32, bool)| Answer {
            truth: holds.then_some(0).into_iter().collect::<Truth>(),
            probabilities: vec![probability],
        };
        Ranking::of(1, &clips.iter().map(answer).collect::<Vec<_>>())
    }

    #[test]
    fn figures_are_those_counted_by_hand() {
        // In order: true, untrue, true, untrue. AP = (1/1 + 2/3) / 2; of 4 pairs 3 stand in order.
        let some = ranking(&[(0.2, false), (0.9, true), (0.5, true), (0.7, false)]);
        assert_eq!(some.mean_average_precision, Some((1.0 + 2.0 / 3.0) / 2.0));
        assert_eq!((some.auc, some.labels[0].clips), (Some(0.75), 2));
        // Phi^-1(0.75) = 0.674490.
        assert!((some.d_prime.unwrap() - 2f64.sqrt() * 0.674_490).abs() < 1e-5);
        // All alike: half of the clips at every threshold there is, and nothing told apart.
        let alike = ranking(&[(0.5, true), (0.5, false), (0.5, false), (0.5, true)]);
        assert_eq!((alike.mean_average_precision, alike.auc, alike.d_prime), (Some(0.5), Some(0.5), Some(0.0)));
        let best = ranking(&[(0.9, true), (0.1, false)]);
        assert_eq!((best.mean_average_precision, best.auc, best.d_prime), (Some(1.0), Some(1.0), None));
    }

    #[test]
    fn a_label_that_is_never_or_always_true_ranks_nothing() {
        for clips in [&[(0.5, true)][..], &[(0.5, false), (0.4, false)], &[]] {
            let none = ranking(clips);
            assert_eq!((none.mean_average_precision, none.auc, none.d_prime), (None, None, None));
            assert!(none.table(&["a".into()]).starts_with("mAP –, AUC –, d' –\n"));
        }
    }
}
