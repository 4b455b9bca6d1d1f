use crate::BundleError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most hops that a mean is taken over.
pub const MAX_SMOOTHING_HOPS: usize = 4096;

/// When a label counts as heard in a stream: what `tempest calibrate` found, and the settings it found it with. Scores
/// that are made otherwise have other thresholds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Seconds of a window; above 0.
    pub window: f64,
    /// Seconds from one window to the next; above 0.
    pub hop: f64,
    /// How the probabilities of a label become its score.
    pub smoothing: Smoothing,
    /// Seconds that a label must be heard before it counts; 0 or more.
    pub minimum: f64,
    /// Seconds after a label's end in which it does not count again; 0 or more.
    pub refractory: f64,
    /// Of each label that has any; the others have [`Threshold::DEFAULT`].
    pub labels: BTreeMap<String, Threshold>,
}

/// Where a label's score turns it on and off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// A score of at least this turns it on; in 0..=1, above 0.
    pub on: f32,
    /// A score below this turns it off; in 0..=1, at most `on`.
    pub off: f32,
}

/// How the probabilities of a label become its score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Smoothing {
    /// Mean of so many hops, the newest among them; 1..=[`MAX_SMOOTHING_HOPS`]. 1 is none.
    Mean(usize),
    /// Exponential moving average with this time constant in seconds; above 0.
    Ema(f64),
}

impl Threshold {
    /// For a label that nobody calibrated: on where it is three times as probable as all others together, off where it
    /// is less probable than they are.
    pub const DEFAULT: Self = Self { on: 0.75, off: 0.5 };

    /// The pair whose odds (p / (1 - p)) of `off` are a third of those of `on`, as in [`Threshold::DEFAULT`].
    #[must_use]
    pub fn from_on(on: f32) -> Self {
        Self { on, off: on / (3.0 - 2.0 * on) }
    }

    /// Whether it can be used.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.on > 0.0 && self.on <= 1.0 && (0.0..=self.on).contains(&self.off)
    }
}

impl Smoothing {
    /// Whether it can be used.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        match *self {
            Smoothing::Mean(hops) => (1..=MAX_SMOOTHING_HOPS).contains(&hops),
            Smoothing::Ema(seconds) => seconds.is_finite() && seconds > 0.0,
        }
    }
}

impl Thresholds {
    /// Checks numbers, and that every label is one of these.
    pub(crate) fn check(&self, labels: &[String]) -> Result<(), BundleError> {
        let bad =
            |field: &str, reason: String| Err(BundleError::Invalid { field: format!("thresholds.{field}"), reason });
        for (field, seconds) in [("window", self.window), ("hop", self.hop)] {
            if !(seconds.is_finite() && seconds > 0.0) {
                return bad(field, format!("{seconds} is not above 0"));
            }
        }
        for (field, seconds) in [("minimum", self.minimum), ("refractory", self.refractory)] {
            if !(seconds.is_finite() && seconds >= 0.0) {
                return bad(field, format!("{seconds} is not 0 or more"));
            }
        }
        if !self.smoothing.is_sound() {
            return bad(
                "smoothing",
                format!("{:?} is not a mean of 1 hop or more, nor a time above 0", self.smoothing),
            );
        }
        for (label, threshold) in &self.labels {
            if !labels.contains(label) {
                return bad("labels", format!("'{label}' is no label of the contract"));
            }
            if !threshold.is_sound() {
                let Threshold { on, off } = threshold;
                return bad(
                    "labels",
                    format!("'{label}': on {on} and off {off} are not 0 <= off <= on <= 1, on above 0"),
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thresholds() -> Thresholds {
        let labels = [("dog".to_owned(), Threshold { on: 0.9, off: 0.6 })].into();
        let smoothing = Smoothing::Mean(2);
        Thresholds { window: 4.0, hop: 0.5, smoothing, minimum: 0.0, refractory: 1.0, labels }
    }

    fn check(change: impl FnOnce(&mut Thresholds)) -> String {
        let mut thresholds = thresholds();
        change(&mut thresholds);
        thresholds.check(&["dog".into(), "cat".into()]).map_or_else(|error| error.to_string(), |()| "sound".into())
    }

    #[test]
    fn the_default_is_a_third_in_odds() {
        assert_eq!(Threshold::from_on(0.75), Threshold::DEFAULT);
        assert!(Threshold::DEFAULT.is_sound() && Threshold::from_on(1.0).is_sound());
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_name() {
        assert_eq!(check(|_| ()), "sound");
        assert!(check(|t| t.hop = 0.0).contains("thresholds.hop"));
        assert!(check(|t| t.window = f64::NAN).contains("thresholds.window"));
        assert!(check(|t| t.minimum = -1.0).contains("thresholds.minimum"));
        assert!(check(|t| t.smoothing = Smoothing::Mean(0)).contains("thresholds.smoothing"));
        assert!(check(|t| t.smoothing = Smoothing::Ema(0.0)).contains("thresholds.smoothing"));
        let set = |t: &mut Thresholds, label: &str, pair| _ = t.labels.insert(label.into(), pair);
        let pair = |on, off| check(|t| set(t, "dog", Threshold { on, off }));
        assert!(
            [pair(0.5, 0.6), pair(0.0, 0.0), pair(1.1, 0.5), pair(f32::NAN, 0.5)].iter().all(|e| e.contains("'dog'"))
        );
        assert!(check(|t| set(t, "cow", Threshold::DEFAULT)).contains("'cow' is no label"));
    }

    #[test]
    fn the_json_is_plain() {
        let json = serde_json::to_string(&thresholds()).unwrap();
        assert_eq!(
            json,
            r#"{"window":4.0,"hop":0.5,"smoothing":{"mean":2},"minimum":0.0,"refractory":1.0,"labels":{"dog":{"on":0.9,"off":0.6}}}"#
        );
        assert_eq!(serde_json::from_str::<Thresholds>(&json).unwrap(), thresholds());
    }
}
