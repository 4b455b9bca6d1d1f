//! What is claimed of a measurement, as a ratio of times that were measured together.

use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// `SIDE < SIDE`, or `<=`, `>`, `>=`; a side is `[NUMBER *] TIME [/ TIME]` or a number, a time `STAGE[.ENGINE].STAT`.
///
/// Both sides are times, or both are ratios: a claim on milliseconds is one on a machine, and not taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Assertion {
    text: String,
    left: Side,
    comparison: Comparison,
    right: Side,
}

#[derive(Clone, Debug, PartialEq)]
struct Side {
    factor: f64,
    time: Option<Time>,
    over: Option<Time>,
}

/// `STAGE[.ENGINE].STAT`.
#[derive(Clone, Debug, PartialEq)]
struct Time {
    /// `STAGE` or `STAGE.ENGINE`.
    work: String,
    stat: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Why an assertion cannot be read, or decided.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AssertionError {
    /// Not of the form.
    #[error("'{text}': {reason}; write it like 'encode.tract.p50 < 2 * encode.onnxruntime.p50'")]
    Syntax {
        /// The assertion.
        text: String,
        /// What is wrong.
        reason: String,
    },
    /// A time against a number.
    #[error("'{text}' compares a time with a number, which holds on one machine; compare it with another time")]
    Absolute {
        /// The assertion.
        text: String,
    },
    /// Nothing of that name was measured.
    #[error("'{name}' was not measured; measured: {known}")]
    Unknown {
        /// What is asked for.
        name: String,
        /// What there is.
        known: String,
    },
}

/// An assertion against a measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Whether it holds. A comparison with NaN does not.
    pub holds: bool,
    /// Value of the left side: milliseconds, or a ratio.
    pub left: f64,
    /// Value of the right side.
    pub right: f64,
}

impl Assertion {
    /// Decides it; `time` gives the milliseconds of `STAGE[.ENGINE]` and a statistic.
    ///
    /// # Errors
    /// What `time` says of a name it does not know.
    pub fn check<E>(&self, time: impl Fn(&str, &str) -> Result<f64, E>) -> Result<Verdict, E> {
        let (left, right) = (self.left.value(&time)?, self.right.value(&time)?);
        let holds = match self.comparison {
            Comparison::Less => left < right,
            Comparison::LessOrEqual => left <= right,
            Comparison::Greater => left > right,
            Comparison::GreaterOrEqual => left >= right,
        };
        Ok(Verdict { holds, left, right })
    }

    /// What it names, each `STAGE` or `STAGE.ENGINE`.
    pub fn works(&self) -> impl Iterator<Item = &str> {
        let times = [&self.left, &self.right].into_iter().flat_map(|side| [&side.time, &side.over]);
        times.flatten().map(|time| time.work.as_str())
    }

    /// Whether the sides are times, not ratios.
    #[must_use]
    pub fn is_of_times(&self) -> bool {
        self.left.is_time()
    }
}

impl Side {
    fn is_time(&self) -> bool {
        self.time.is_some() && self.over.is_none()
    }

    fn value<E>(&self, time: &impl Fn(&str, &str) -> Result<f64, E>) -> Result<f64, E> {
        let of = |named: &Option<Time>| named.as_ref().map_or(Ok(1.0), |named| time(&named.work, &named.stat));
        Ok(self.factor * of(&self.time)? / of(&self.over)?)
    }
}

impl FromStr for Assertion {
    type Err = AssertionError;

    fn from_str(text: &str) -> Result<Self, AssertionError> {
        let syntax = |reason: String| AssertionError::Syntax { text: text.into(), reason };
        let at = text.find(['<', '>']).ok_or_else(|| syntax("there is no <, <=, > or >=".into()))?;
        let (left, rest) = text.split_at(at);
        let (comparison, right) = [
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ]
        .into_iter()
        .find_map(|(sign, comparison)| Some((comparison, rest.strip_prefix(sign)?)))
        .ok_or_else(|| syntax("there is no <, <=, > or >=".into()))?;
        let (left, right) = (side(left).map_err(syntax)?, side(right).map_err(syntax)?);
        if left.is_time() != right.is_time() {
            return Err(AssertionError::Absolute { text: text.into() });
        }
        if left.time.is_none() && right.time.is_none() {
            return Err(syntax("it names nothing that is measured".into()));
        }
        Ok(Assertion { text: text.trim().into(), left, comparison, right })
    }
}

/// `[NUMBER *] TIME [/ TIME]`, or a number.
fn side(text: &str) -> Result<Side, String> {
    let (factor, times) = match text.split_once('*') {
        Some((factor, times)) => (number(factor).ok_or(format!("'{}' is no number", factor.trim()))?, times),
        None => match number(text) {
            Some(factor) => return Ok(Side { factor, time: None, over: None }),
            None => (1.0, text),
        },
    };
    let (first, over) = match times.split_once('/') {
        Some((first, over)) => (first, Some(time(over)?)),
        None => (times, None),
    };
    Ok(Side { factor, time: Some(time(first)?), over })
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

fn time(text: &str) -> Result<Time, String> {
    let text = text.trim();
    let (work, stat) = text.rsplit_once('.').ok_or(format!("'{text}' is no STAGE.ENGINE.STAT"))?;
    if !work.chars().all(|char| char.is_ascii_alphanumeric() || "._-:".contains(char)) {
        return Err(format!("'{work}' is no STAGE.ENGINE"));
    }
    if !["min", "mean", "p50", "p95", "p99"].contains(&stat) {
        return Err(format!("'{stat}' is none of min, mean, p50, p95, p99"));
    }
    Ok(Time { work: work.into(), stat: stat.into() })
}

impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test should panic")]
mod tests {
    use super::*;

    /// encode.a 4 ms, encode.b 3 ms, parse 1 ms, whatever the statistic.
    fn time(work: &str, _: &str) -> Result<f64, String> {
        [("encode.a", 4.0), ("encode.b", 3.0), ("parse", 1.0)]
            .iter()
            .find_map(|(name, ms)| (*name == work).then_some(*ms))
            .ok_or(work.to_string())
    }

    #[test]
    fn ratios_of_times_are_decided() {
        for (text, holds) in [
            ("encode.a.p50 < 2 * encode.b.p50", true),
            ("encode.a.p50<1.3*encode.b.p50", false),
            ("encode.a.min >= 4 * parse.p99", true),
            ("encode.a.p50 / encode.b.p50 < 1.34", true),
            ("1 > 0.5 * encode.a.p50 / encode.b.mean", true),
            ("encode.b.p95 / parse.p95 <= encode.a.p95 / encode.b.p95", false),
        ] {
            assert_eq!(text.parse::<Assertion>().unwrap().check(time).unwrap().holds, holds, "{text}");
        }
        let verdict = "2 * parse.p50 < encode.a.p50".parse::<Assertion>().unwrap().check(time).unwrap();
        assert_eq!((verdict.left, verdict.right), (2.0, 4.0));
        let works = "1 < parse.p50 / encode.a.p50".parse::<Assertion>().unwrap();
        assert_eq!(works.works().collect::<Vec<_>>(), ["parse", "encode.a"]);
    }

    #[test]
    fn an_absolute_time_is_refused() {
        for text in ["parse.p50 < 5", "3 > encode.a.p50", "encode.a.p50 / encode.b.p50 < parse.p50"] {
            assert!(matches!(text.parse::<Assertion>(), Err(AssertionError::Absolute { .. })), "{text}");
        }
    }

    #[test]
    fn what_is_no_assertion_says_why() {
        for (text, why) in [
            ("encode.a.p50", "no <"),
            ("encode.a.p51 < parse.p50", "'p51' is none of"),
            ("x * parse.p50 < parse.p50", "'x' is no number"),
            ("parse < parse.p50", "'parse' is no"),
            ("1 < 2", "nothing that is measured"),
            ("inf * parse.p50 < parse.p50", "'inf' is no number"),
            ("parse.p50 < parse.p50 < parse.p50", "'parse.p50 < parse' is no STAGE"),
        ] {
            let error = text.parse::<Assertion>().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        assert_eq!("encode.c.p50 < parse.p50".parse::<Assertion>().unwrap().check(time), Err("encode.c".into()));
    }
}
