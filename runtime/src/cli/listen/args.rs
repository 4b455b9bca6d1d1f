use super::hearing::{Hearing, HearingArgs, above_0};
use crate::detect::Threshold;
use crate::source::{FeedOptions, Origin};
use anyhow::{Result, bail};
use clap::Args;
use std::time::Duration;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tempest listen samples/tempest.mp3
  tempest listen http://radio.example:8000/live.mp3
  ffmpeg -v error -i rtsp://camera/audio -ar 16000 -ac 1 -b:a 32k -f mp3 - | tempest listen --json
  tempest listen -m mine.tempest --labels dog,siren --on 0.9 --min 1 tcp://192.0.2.1:9000
  tempest listen --json stream.mp3 | jq -c 'select(.event == \"end\") | [.label, .from, .to, .score]'

A label is heard (`start`) once its score, its smoothed probability, reaches --on, and until (`end`) it falls below --off. \
Where neither the command line nor the bundle (`tempest calibrate`) says otherwise --on is 0.75, three times as probable as \
all other labels together, and --off 0.5, less probable than they are. A gap, other media and a lost connection end what is \
open.

On a terminal a stream that is no file has a live view; q or Ctrl-C leaves it.

Exit code: 0 the stream ended, or was to be left (--stop-after, Ctrl-C, a reader that went away), 1 it held nothing that \
the model reads, or failed on the way, 2 nothing could be done.")]
pub(in crate::cli) struct ListenArgs {
    /// A file, - for standard input, tcp://HOST:PORT, http:// or https://
    #[arg(value_name = "SOURCE", default_value = "-")]
    source: String,
    #[command(flatten)]
    pub(super) hearing: HearingArgs,
    /// Score that starts a label [default: the bundle's, else 0.75]
    #[arg(long, value_name = "SCORE", value_parser = score)]
    on: Option<f32>,
    /// Score below which it ends [default: the bundle's, else where its odds are a third of those of --on]
    #[arg(long, value_name = "SCORE", value_parser = score)]
    off: Option<f32>,
    /// Tell these labels only
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    labels: Vec<String>,
    /// Tell a source that sends no byte for so long
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = above_0)]
    stall: f64,
    /// Connections made again in a row, at most [default: any number]
    #[arg(long, value_name = "N")]
    reconnect: Option<u32>,
    /// End after so much of the stream
    #[arg(long, value_name = "SECONDS", value_parser = above_0)]
    pub(super) stop_after: Option<f64>,
    /// One JSON object a line
    #[arg(long)]
    pub(super) json: bool,
    /// Tell the scores of every window too
    #[arg(long)]
    pub(super) scores: bool,
    /// Tell the time of day too
    #[arg(long)]
    pub(super) clock: bool,
    /// Lines on a terminal too, no live view
    #[arg(long)]
    pub(super) plain: bool,
}

fn score(text: &str) -> Result<f32, String> {
    let score = text.parse().ok().filter(|score: &f32| *score > 0.0 && *score <= 1.0);
    score.ok_or_else(|| "must be above 0 and at most 1".into())
}

impl ListenArgs {
    pub(super) fn origin(&self) -> Result<Origin> {
        Ok(self.source.parse()?)
    }

    pub(super) fn feed_options(&self) -> FeedOptions {
        let stall = Duration::try_from_secs_f64(self.stall).unwrap_or(Duration::MAX);
        FeedOptions { stall, reconnect: self.reconnect, ..FeedOptions::default() }
    }

    /// The bundle, with what the command line says of thresholds and labels.
    pub(super) fn resolve(&self) -> Result<Hearing> {
        let mut hearing = self.hearing.resolve()?;
        let labels = &hearing.bundle.contract().labels;
        if let Some(label) = self.labels.iter().find(|label| !labels.contains(label)) {
            bail!("--labels: the model has no label '{label}'; it has {}", listed(labels));
        }
        for (label, threshold) in labels.iter().zip(&mut hearing.settings.thresholds) {
            let is_told = self.labels.is_empty() || self.labels.contains(label);
            *threshold = threshold.filter(|_| is_told).map(|threshold| self.threshold(label, threshold)).transpose()?;
        }
        Ok(hearing)
    }

    fn threshold(&self, label: &str, stored: Threshold) -> Result<Threshold> {
        let on = self.on.unwrap_or(stored.on);
        let follows = if self.on.is_some() { Threshold::from_on(on).off } else { stored.off };
        let threshold = Threshold { on, off: self.off.unwrap_or(follows) };
        if !threshold.is_sound() {
            bail!("--off {}: must be at most --on, which is {on} for '{label}'", threshold.off);
        }
        Ok(threshold)
    }
}

/// The first labels of a model, for errors.
pub(in crate::cli) fn listed(labels: &[String]) -> String {
    const SHOWN: usize = 20;
    let more = labels.len().saturating_sub(SHOWN);
    let shown = labels[..labels.len() - more].join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}
