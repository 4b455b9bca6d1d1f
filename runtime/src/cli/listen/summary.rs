//! How the stream went.

use crate::listen::Tally;
use std::time::Duration;

/// Why listening ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The stream did.
    Ended,
    /// `--stop-after`.
    Stopped,
    /// Ctrl-C, `q` or a signal.
    Interrupted,
    /// The source failed for good.
    Failed,
    /// Nobody reads what is told; this neither.
    Unheard,
}

/// How the stream went so far.
#[derive(Clone, Debug)]
pub(super) struct Summary {
    pub(super) reason: Reason,
    /// Why the source failed.
    pub(super) error: Option<String>,
    /// Seconds of the stream.
    pub(super) seconds: f64,
    pub(super) tally: Tally,
    /// Connections made again.
    pub(super) reconnects: u64,
    pub(super) stalls: u64,
    /// Starts, one number per label.
    pub(super) starts: Vec<u64>,
    /// Time spent hearing, not waiting.
    pub(super) busy: Duration,
    pub(super) peak_rss_bytes: Option<u64>,
}

impl Reason {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Reason::Ended => "ended",
            Reason::Stopped => "stopped",
            Reason::Interrupted => "interrupted",
            Reason::Failed => "failed",
            Reason::Unheard => "unheard",
        }
    }
}

impl Summary {
    pub(super) fn new(labels: usize) -> Self {
        Self {
            reason: Reason::Ended,
            error: None,
            seconds: 0.0,
            tally: Tally::default(),
            reconnects: 0,
            stalls: 0,
            starts: vec![0; labels],
            busy: Duration::ZERO,
            peak_rss_bytes: None,
        }
    }

    /// Blocks that went through the encoder.
    pub(super) const fn encoded(&self) -> u64 {
        self.tally.blocks - self.tally.repeated
    }

    /// Mean bit rate of the blocks; none before the first.
    pub(super) fn kbps(&self) -> Option<f64> {
        (self.seconds > 0.0).then(|| self.tally.block_bytes as f64 / 125.0 / self.seconds)
    }

    /// Seconds of work for a second of stream.
    pub(super) fn real_time_factor(&self) -> Option<f64> {
        (self.seconds > 0.0).then(|| self.busy.as_secs_f64() / self.seconds)
    }

    /// For people.
    pub(super) fn lines(&self, labels: &[String]) -> Vec<String> {
        let line = |name: &str, text: String| format!("  {name:<10} {text}");
        let heading = format!("summary: {}", self.reason.name());
        let mut lines = vec![heading, line("heard", self.heard()), line("events", self.events(labels))];
        lines.push(line("stream", self.faults()));
        let factor = self.real_time_factor().map(|factor| format!("real-time factor {factor:.5}"));
        let memory = self.peak_rss_bytes.map(|bytes| format!("peak memory {:.1} MB", bytes as f64 / 1e6));
        let cost: Vec<String> = factor.into_iter().chain(memory).collect();
        if !cost.is_empty() {
            lines.push(line("cost", cost.join(", ")));
        }
        lines
    }

    fn heard(&self) -> String {
        let Summary { tally, .. } = self;
        let repeated = match tally.repeated {
            0 => String::new(),
            repeated => format!(", {repeated} of them not encoded again"),
        };
        let rate = self.kbps().map_or_else(String::new, |kbps| format!(", {kbps:.1} kbit/s"));
        let (blocks, windows) = (counted(tally.blocks, "block"), counted(tally.windows, "window"));
        format!("{:.2} s in {blocks}{repeated}{rate}, {windows}", self.seconds)
    }

    fn events(&self, labels: &[String]) -> String {
        let heard = labels.iter().zip(&self.starts).filter(|(_, count)| **count > 0);
        let heard: Vec<String> = heard.map(|(label, count)| format!("{count} {label}")).collect();
        if heard.is_empty() { "none".into() } else { heard.join(", ") }
    }

    fn faults(&self) -> String {
        let Summary { tally, .. } = self;
        let faults = [
            (tally.gaps, "gap"),
            (tally.foreign_blocks, "block of other media"),
            (tally.lost_blocks, "block without its main data"),
            (self.reconnects, "reconnect"),
            (self.stalls, "stall"),
        ];
        let faults = faults.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} x {what}"));
        let faults: Vec<String> = faults.collect();
        if faults.is_empty() { "whole".into() } else { faults.join(", ") }
    }
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
