//! How a stream is heard: what `tempest listen` and `tempest calibrate` are told alike, and what a bundle says where
//! they are told nothing.

use crate::detect::{ROUNDING, Settings, Smoothing, Threshold};
use crate::listen::{ListenOptions, Listener};
use anyhow::{Context, Result};
use clap::Args;
use std::path::{Path, PathBuf};
use tempest_engine::{Bundle, ENGINES, GraphName, engine};

/// Where neither the command line nor the bundle says otherwise.
const SMOOTHING: Smoothing = Smoothing::Mean(2);

#[derive(Debug, Args)]
pub(in crate::cli) struct HearingArgs {
    /// Bundle that tempest-compile wrote [default: the built-in wake words]
    #[arg(short, long, value_name = "BUNDLE", env = "TEMPEST_MODEL")]
    model: Option<PathBuf>,
    /// Engine that runs the graphs
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = ENGINES)]
    pub(in crate::cli) engine: String,
    /// Threads of one run (ONNX Runtime; tract uses one)
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
    /// Length of the window that is classified [default: the bundle's, else the model's whole window]
    #[arg(long, value_name = "SECONDS", value_parser = above_0)]
    window: Option<f64>,
    /// From one window to the next [default: the bundle's, else 0.5]
    #[arg(long, value_name = "SECONDS", value_parser = above_0)]
    hop: Option<f64>,
    /// Smooth each label's probabilities: mean of so many hops (`3`), or exponential with a time constant (`1.5s`)
    /// [default: the bundle's, else 2]
    #[arg(long, value_name = "HOPS|TIME", value_parser = smoothing)]
    smooth: Option<Smoothing>,
    /// A label counts once it is heard so long [default: the bundle's, else 0]
    #[arg(long, value_name = "SECONDS", value_parser = not_negative)]
    min: Option<f64>,
    /// A label does not count again so soon after its end [default: the bundle's, else 0]
    #[arg(long, value_name = "SECONDS", value_parser = not_negative)]
    refractory: Option<f64>,
}

/// What is made of them.
pub(in crate::cli) struct Hearing {
    pub(in crate::cli) bundle: Bundle,
    pub(in crate::cli) options: ListenOptions,
    /// Every label has its threshold.
    pub(in crate::cli) settings: Settings,
}

impl HearingArgs {
    /// Folder of the bundle; `None` for the built-in one.
    pub(in crate::cli) fn path(&self) -> Option<&Path> {
        self.model.as_deref().filter(|path| !path.as_os_str().is_empty())
    }

    pub(in crate::cli) fn resolve(&self) -> Result<Hearing> {
        let mut bundle = crate::cli::model::open(self.path())?;
        // A stream runs the two others.
        bundle.forget(GraphName::Clip);
        let stored = bundle.manifest().thresholds.as_ref();
        let options = ListenOptions {
            window: self.window.or(stored.map(|stored| stored.window)),
            hop: self.hop.or(stored.map(|stored| stored.hop)),
            threads: self.threads,
        };
        let of = |label| stored.and_then(|stored| stored.labels.get(label).copied()).unwrap_or(Threshold::DEFAULT);
        let settings = Settings {
            smoothing: self.smooth.or(stored.map(|stored| stored.smoothing)).unwrap_or(SMOOTHING),
            minimum: self.min.or(stored.map(|stored| stored.minimum)).unwrap_or(0.0),
            refractory: self.refractory.or(stored.map(|stored| stored.refractory)).unwrap_or(0.0),
            thresholds: bundle.contract().labels.iter().map(|label| Some(of(label))).collect(),
        };
        Ok(Hearing { bundle, options, settings })
    }
}

impl Hearing {
    /// The bundle's thresholds were found with other settings than these.
    pub(in crate::cli) fn is_other(&self, listener: &Listener) -> bool {
        let Some(stored) = &self.bundle.manifest().thresholds else { return false };
        let Settings { smoothing, minimum, refractory, .. } = self.settings;
        let (window, hop) = seconds(listener);
        let times =
            [(window, stored.window), (hop, stored.hop), (minimum, stored.minimum), (refractory, stored.refractory)];
        smoothing != stored.smoothing || times.iter().any(|(time, stored)| (time - stored).abs() > ROUNDING)
    }

    pub(in crate::cli) fn listener(&self, engine_name: &str) -> Result<Listener> {
        let listener = Listener::load(&self.bundle, &*engine(engine_name)?, &self.options);
        listener.with_context(|| format!("model '{}'", self.bundle.contract().name))
    }
}

/// Seconds of the window and the hop of a listener, which are whole blocks.
pub(in crate::cli) fn seconds(listener: &Listener) -> (f64, f64) {
    let rate = listener.contract().codec.blocks_per_second().unwrap_or(1.0);
    let (window, hop) = listener.window();
    (window as f64 / rate, hop as f64 / rate)
}

fn number(text: &str, is_good: fn(f64) -> bool, what: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number: &f64| number.is_finite() && is_good(*number))
        .ok_or_else(|| format!("must be {what}"))
}

pub(in crate::cli) fn above_0(text: &str) -> Result<f64, String> {
    number(text, |seconds| seconds > 0.0, "a number of seconds above 0")
}

pub(in crate::cli) fn not_negative(text: &str) -> Result<f64, String> {
    number(text, |seconds| seconds >= 0.0, "a number of seconds, 0 or more")
}

fn smoothing(text: &str) -> Result<Smoothing, String> {
    let smoothing = match text.strip_suffix('s') {
        Some(seconds) => seconds.parse().ok().map(Smoothing::Ema),
        None => text.parse().ok().map(Smoothing::Mean),
    };
    let most = tempest_engine::MAX_SMOOTHING_HOPS;
    smoothing
        .filter(Smoothing::is_sound)
        .ok_or_else(|| format!("must be 1 to {most} hops, or a time above 0 as in `1.5s`"))
}
