//! How the learning rate goes from step to step.

use crate::optim::learning_rate;
use serde::Serialize;
use std::f64::consts::PI;

/// What `one-cycle` starts at below the peak, and ends at below its start.
const ONE_CYCLE: (f64, f64) = (25.0, 1e4);

/// The course of the learning rate. All rise over the warm-up's share of the steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Rises in a line, then falls to 0 as half a cosine
    #[default]
    Cosine,
    /// From 1/25 of the peak and down to 1/250000, both as half a cosine (Smith and Topin 2018)
    OneCycle,
    /// Rises in a line, then stays
    Constant,
}

impl Schedule {
    /// The rate of `step`, the first being 0, of `total`; `warmup` is a share of the total.
    #[must_use]
    pub fn rate(self, step: usize, warmup: f64, total: usize, peak: f64) -> f64 {
        let warm = ((total as f64 * warmup) as usize).max(1);
        match self {
            Schedule::Cosine => learning_rate(step, warm, total, peak),
            Schedule::Constant => peak * ((step + 1) as f64 / warm as f64).min(1.0),
            Schedule::OneCycle => one_cycle(step, warm, total, peak),
        }
    }
}

fn one_cycle(step: usize, warm: usize, total: usize, peak: f64) -> f64 {
    let (start, end) = (peak / ONE_CYCLE.0, peak / ONE_CYCLE.0 / ONE_CYCLE.1);
    let swing = |from: f64, to: f64, done: f64| to + (from - to) * 0.5 * (1.0 + (PI * done.clamp(0.0, 1.0)).cos());
    if step < warm {
        return swing(start, peak, step as f64 / warm as f64);
    }
    swing(peak, end, (step - warm) as f64 / (total.saturating_sub(warm + 1)).max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(schedule: Schedule) -> Vec<f64> {
        (0..100).map(|step| schedule.rate(step, 0.3, 100, 1.0)).collect()
    }

    #[test]
    fn one_cycle_rises_to_the_peak_and_falls_below_its_start() {
        let rates = course(Schedule::OneCycle);
        assert!((rates[0] - 0.04).abs() < 1e-12 && (rates[30] - 1.0).abs() < 1e-12, "{rates:?}");
        assert!((rates[99] - 4e-6).abs() < 1e-12, "{}", rates[99]);
        assert!(rates[..=30].is_sorted() && rates[30..].is_sorted_by(|a, b| a >= b));
    }

    #[test]
    fn constant_stays_and_cosine_falls() {
        let rates = course(Schedule::Constant);
        assert!(rates[..30].is_sorted() && rates[29..].iter().all(|rate| *rate == 1.0), "{rates:?}");
        let rates = course(Schedule::Cosine);
        assert!(rates[29] == 1.0 && rates[99] < 1e-3, "{rates:?}");
    }
}
