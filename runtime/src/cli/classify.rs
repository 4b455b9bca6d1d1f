//! `tempest classify`.

use super::print::{Printer, Result as Printed, Score};
use crate::inputs::{Source, sources};
use crate::{Classifier, Media, MediaError, builtin};
use anyhow::{Context, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use tempest_engine::{Bundle, ENGINES, engine};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tempest classify samples/tempest.mp3
  tempest classify --json recordings/ | jq -r '[.file, .label] | @tsv'
  curl -s https://radio.example/clip.mp3 | tempest classify -
  tempest classify -m models/zoo/fsdd/bundle --score fsdd-test-mp3

Exit code: 0 all classified, 1 some file could not be (its line on stderr says why), 2 nothing could be done.")]
pub(super) struct ClassifyArgs {
    /// MP3 files, folders of them, or - for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Bundle that tempest-compile wrote [default: the built-in wake words]
    #[arg(short, long, value_name = "BUNDLE", env = "TEMPEST_MODEL")]
    model: Option<PathBuf>,
    /// Labels to print for each file
    #[arg(short, long, value_name = "K", default_value_t = 3, value_parser = at_least_one)]
    top: usize,
    /// Engine that runs the graphs
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = ENGINES)]
    engine: String,
    /// Threads of one run (ONNX Runtime; tract uses one)
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
    /// Classify the whole blocks of files whose last one is cut short
    #[arg(long)]
    allow_truncated: bool,
    /// Take the folder of each file as its label and print the accuracy
    #[arg(long)]
    score: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "must be a number above 0".into())
}

pub(super) fn run(args: &ClassifyArgs) -> Result<ExitCode> {
    let bundle = match &args.model {
        Some(path) if !path.as_os_str().is_empty() => {
            Bundle::open(path).with_context(|| format!("model {}", path.display()))?
        }
        _ => builtin::bundle()?,
    };
    let mut classifier = Classifier::load(&bundle, &*engine(&args.engine)?, args.threads)
        .with_context(|| format!("model '{}'", bundle.contract().name))?;
    let mut printer = Printer::new(args.json, args.top);
    let mut score = Score::default();
    let mut failed = false;
    let (sources, missing) = sources(&args.files, bundle.contract().codec.extensions());
    let bar = progress_bar(sources.len());
    for source in &sources {
        match classify(&mut classifier, source, args.allow_truncated) {
            Ok(result) => {
                score.add(source, &result, &bundle.contract().labels);
                printer.result(&result, &bundle.contract().labels)?;
            }
            Err(error) => {
                failed = true;
                score.fail();
                bar.suspend(|| printer.failure(&source.to_string(), &format!("{error:#}")))?;
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    for (file, error) in missing {
        failed = true;
        printer.failure(&file, &error)?;
    }
    if args.score {
        printer.score(&score)?;
    }
    Ok(if failed { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Shown where the answers go elsewhere: on a terminal they are the progress.
fn progress_bar(files: usize) -> ProgressBar {
    if io::stdout().is_terminal() || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} files {per_sec} ETA {eta}");
    ProgressBar::new(files as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn classify(classifier: &mut Classifier, source: &Source, allow_truncated: bool) -> Result<Printed> {
    let started = Instant::now();
    let media = Media::read(source.open()?, classifier.contract())?;
    if media.truncated && !allow_truncated {
        return Err(
            MediaError::Truncated { unit: classifier.contract().codec.unit().name(), blocks: media.blocks }.into()
        );
    }
    let answer = classifier.classify(&media)?;
    Ok(Printed { file: source.to_string(), media, answer, elapsed: started.elapsed() })
}
