//! Times of repeated work.

use serde::Serialize;

/// What repeated measurements of one piece of work say, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Stats {
    /// Measurements.
    pub runs: usize,
    /// The shortest.
    pub min: f64,
    /// Mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 95 of 100 took at most this long; of fewer than 20 runs the longest.
    pub p95: f64,
    /// 99 of 100 took at most this long; of fewer than 100 runs the longest.
    pub p99: f64,
}

impl Stats {
    /// Of times in milliseconds, in any order; `None` where there is none.
    #[must_use]
    pub fn of(mut times: Vec<f64>) -> Option<Stats> {
        times.sort_by(f64::total_cmp);
        let min = *times.first()?;
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        let at = |percent| percentile(&times, percent);
        Some(Stats { runs: times.len(), min, mean, p50: at(50), p95: at(95), p99: at(99) })
    }

    /// One of them by its name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<f64> {
        Some(match name {
            "min" => self.min,
            "mean" => self.mean,
            "p50" => self.p50,
            "p95" => self.p95,
            "p99" => self.p99,
            _ => return None,
        })
    }
}

/// The least value that at least `percent` of 100 are not above (nearest rank).
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test should panic")]
mod tests {
    use super::Stats;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let stats = Stats::of((1..=200).rev().map(f64::from).collect()).unwrap();
        assert_eq!((stats.min, stats.p50, stats.p95, stats.p99), (1.0, 100.0, 190.0, 198.0));
        assert_eq!((stats.runs, stats.mean), (200, 100.5));
        let few = Stats::of(vec![3.0, 1.0, 2.0]).unwrap();
        assert_eq!((few.p50, few.p95, few.p99), (2.0, 3.0, 3.0));
        assert_eq!(Stats::of(vec![]), None);
    }
}
