use serde::{Deserialize, Serialize};

/// How the labels of a model relate, and so how its logits become probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answers {
    /// One label is true: softmax, the probabilities of a window sum to 1.
    #[default]
    OneOf,
    /// Each label is true or not, by itself: the logistic function of each logit.
    AnyOf,
}

impl Answers {
    /// Probabilities of a window, one per label. In float64: those of [`Answers::OneOf`] sum to 1 within its rounding.
    pub fn probabilities(self, logits: &[f32]) -> impl Iterator<Item = f64> + '_ {
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exp = move |logit: &f32| f64::from(logit - largest).exp();
        let total: f64 = logits.iter().map(exp).sum();
        logits.iter().map(move |logit| match self {
            Answers::OneOf => exp(logit) / total,
            Answers::AnyOf => 1.0 / (1.0 + (-f64::from(*logit)).exp()),
        })
    }

    /// Whether this is [`Answers::OneOf`], which is not written.
    #[must_use]
    pub fn is_one_of(&self) -> bool {
        *self == Answers::OneOf
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_sums_to_one_and_any_of_stands_for_itself() {
        let logits = [2.0, -1.0, 200.0];
        let one: Vec<f64> = Answers::OneOf.probabilities(&logits).collect();
        assert!((one.iter().sum::<f64>() - 1.0).abs() < 1e-12 && one[2] > 0.99);
        let any: Vec<f64> = Answers::AnyOf.probabilities(&logits).collect();
        assert!((any[0] - 0.880_797).abs() < 1e-6 && (any[1] - 0.268_941).abs() < 1e-6 && any[2] == 1.0);
    }
}
