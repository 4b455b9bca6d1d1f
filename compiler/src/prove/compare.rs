use crate::GraphId;
use serde::Serialize;

/// One graph on one engine, within tolerance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// The graph.
    pub graph: GraphId,
    /// The engine.
    pub engine: String,
    /// Blocks (encoder) or windows that were run.
    pub samples: usize,
    /// How far the outputs are from the reference.
    pub difference: Difference,
    /// Largest absolute difference between a sample among others and alone; none for graphs that take one at a time.
    pub alone_max_abs: Option<f64>,
    /// Share of windows whose largest logit is the reference's; none for embeddings.
    pub top1_agreement: Option<f64>,
}

/// How far outputs are from the reference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Largest absolute difference of any output.
    pub max_abs: f64,
    /// Mean absolute difference.
    pub mean_abs: f64,
    /// 99th percentile of the absolute differences.
    pub p99_abs: f64,
    /// Smallest cosine between an output vector and its reference.
    pub min_cosine: f64,
}

/// An output that is NaN or infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct NotFinite {
    pub(super) sample: usize,
    pub(super) index: usize,
    pub(super) value: f32,
}

/// Compares sample by sample; lengths are those of the ports and equal.
pub(super) fn difference<A: AsRef<[f32]>, B: AsRef<[f32]>>(
    expected: &[A],
    found: &[B],
) -> Result<Difference, NotFinite> {
    let mut all = vec![];
    let mut min_cosine = 1_f64;
    for (sample, (expected, found)) in expected.iter().zip(found).enumerate() {
        let (expected, found) = (expected.as_ref(), found.as_ref());
        if let Some(index) = found.iter().position(|value| !value.is_finite()) {
            return Err(NotFinite { sample, index, value: found[index] });
        }
        all.extend(expected.iter().zip(found).map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs()));
        min_cosine = min_cosine.min(cosine(expected, found));
    }
    all.sort_unstable_by(f64::total_cmp);
    let p99 = all.get((all.len() * 99).div_ceil(100).saturating_sub(1)).copied().unwrap_or(0.0);
    Ok(Difference {
        max_abs: all.last().copied().unwrap_or(0.0),
        mean_abs: all.iter().sum::<f64>() / all.len().max(1) as f64,
        p99_abs: p99,
        min_cosine,
    })
}

/// Share of samples whose largest element stands at the same place.
pub(super) fn top1<A: AsRef<[f32]>, B: AsRef<[f32]>>(expected: &[A], found: &[B]) -> f64 {
    let same = expected.iter().zip(found).filter(|(a, b)| largest(a.as_ref()) == largest(b.as_ref())).count();
    same as f64 / expected.len().max(1) as f64
}

fn largest(values: &[f32]) -> Option<usize> {
    (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b]))
}

/// 1 where both are zero vectors.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    let norms = (dot(a, a) * dot(b, b)).sqrt();
    if norms == 0.0 { f64::from(u8::from(a == b)) } else { dot(a, b) / norms }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test should panic")]
mod tests {
    use super::*;

    #[test]
    fn measures_what_it_says() {
        let found = difference(&[[1.0, 2.0], [3.0, 4.0]], &[[1.0, 2.5], [3.0, 4.0]]).unwrap();
        assert_eq!((found.max_abs, found.mean_abs, found.p99_abs), (0.5, 0.125, 0.5));
        assert!(found.min_cosine > 0.99 && found.min_cosine < 1.0);
        assert_eq!(top1(&[[1.0, 2.0], [3.0, 4.0]], &[[1.0, 2.5], [5.0, 4.0]]), 0.5);
    }

    #[test]
    fn a_nan_is_an_error_and_not_a_small_difference() {
        let bad = difference(&[[1.0, 2.0]], &[[1.0, f32::NAN]]).unwrap_err();
        assert_eq!((bad.sample, bad.index), (0, 1));
    }
}
