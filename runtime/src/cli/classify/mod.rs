//! `tempest classify`.

mod crew;
mod heatmap;
mod npy;
mod outputs;
mod print;
mod progress;
#[cfg(feature = "lame")]
mod recode;
#[cfg(not(feature = "lame"))]
#[path = "no_recode.rs"]
mod recode;
mod request;
mod table;
mod timeline;
mod work;

use super::model;
use crate::inputs::sources;
use crate::ordered::Ordered;
use anyhow::{Context, Result, bail};
use clap::Args;
use crew::Crew;
use outputs::Outputs;
use recode::Recode;
use request::{Lines, Request, RequestError};
use std::io::{self, BufReader};
use std::path::PathBuf;
use std::process::ExitCode;
use tempest_engine::{ENGINES, engine};
use work::{Pooling, Wanted};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tempest classify samples/tempest.mp3
  tempest classify --json recordings/ | jq -r '[.file, .label] | @tsv'
  curl -s https://radio.example/clip.mp3 | tempest classify -
  tempest classify -m models/zoo/fsdd/bundle --score fsdd-test-mp3
  tempest classify --csv answers.csv --all --embeddings vectors.npy archive/
  tempest classify --plot heard.svg an-hour.mp3
  tempest classify --transcode podcast.flac interview.wav
  tempest classify --bitrates 24,32,40 recordings/
  printf '%s\\n' '{\"file\": \"a.mp3\", \"id\": 7}' b.mp3 | tempest classify --jsonl

A line of --jsonl is a path, or an object with \"file\" or \"bytes_base64\", and \"id\" if you like. Each gets one JSON line, in \
order, as soon as it is known: what --json prints, with the \"id\", or \"error\".

Exit code: 0 all classified (--jsonl: all answered), 1 some file could not be (its line on stderr says why), 2 nothing could be \
done or written.")]
pub(super) struct ClassifyArgs {
    /// Files of the model's format (MP3, Ogg Opus or JPEG), folders of them, or - for standard input
    #[arg(required_unless_present = "jsonl", conflicts_with = "jsonl", value_name = "FILE")]
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
    /// Files classified at once [default: as many as there are cores, divided by --threads; 1 on a card]
    #[arg(short, long, value_name = "N", value_parser = at_least_one)]
    jobs: Option<usize>,
    /// Threads of one run (ONNX Runtime; tract uses one) [default: cores divided by --jobs]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    threads: Option<usize>,
    /// Classify the whole blocks of files whose last one is cut short
    #[arg(long)]
    allow_truncated: bool,
    /// Decode what the model cannot read (wav, flac, Ogg Vorbis, other MP3) and encode it as the model expects
    #[arg(long)]
    transcode: bool,
    /// Encode every file anew at each of these kbit/s and average the answers
    #[arg(long, value_name = "KBPS", value_delimiter = ',', conflicts_with_all = ["embeddings", "plot"])]
    bitrates: Vec<u32>,
    /// Take the folder of each file as its label and print the accuracy
    #[arg(long)]
    score: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    /// Answer requests on standard input, one a line, until it ends
    #[arg(long)]
    jsonl: bool,
    /// Write the answers into a CSV file instead of to standard output (with --json: too)
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Add the probability of each label to --csv
    #[arg(long, requires = "csv")]
    all: bool,
    /// Write the encoder's vectors into a NumPy file: float32, a row for each file that is classified, in their order
    #[arg(long, value_name = "NPY")]
    embeddings: Option<PathBuf>,
    /// What --embeddings has a row of
    #[arg(long, value_name = "WHAT", value_enum, default_value = "files", requires = "embeddings")]
    embeddings_of: Pooling,
    /// Draw the labels of one file over time into an SVG file
    #[arg(long, value_name = "SVG", conflicts_with = "jsonl")]
    plot: Option<PathBuf>,
}

/// What standard output gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// Nothing but the score.
    Silent,
    /// Words.
    People,
    /// JSON lines, failures on standard error, too.
    Json,
    /// JSON lines alone, one for each request.
    Answers,
}

impl ClassifyArgs {
    fn style(&self) -> Style {
        match (self.jsonl, self.json, &self.csv) {
            (true, _, _) => Style::Answers,
            (_, true, _) => Style::Json,
            (_, _, Some(_)) => Style::Silent,
            _ => Style::People,
        }
    }

    fn wanted(&self, recode: Recode) -> Wanted {
        Wanted {
            recode,
            allow_truncated: self.allow_truncated,
            embeddings: self.embeddings.is_some().then_some(self.embeddings_of),
            timeline: self.plot.is_some(),
        }
    }
}

pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "must be a number above 0".into())
}

pub(super) fn run(args: &ClassifyArgs) -> Result<ExitCode> {
    let bundle = model::open(args.model.as_deref())?;
    let contract = bundle.contract();
    let recode = Recode::new(args.transcode, &args.bitrates, contract)?;
    let (requests, count) = requests(args, contract.codec.extensions());
    if args.plot.is_some() && count != Some(1) {
        bail!("--plot takes one file, not {}; run once for each", count.unwrap_or(0));
    }
    let engine = engine(&args.engine)?;
    // A card runs one graph after the other whoever asks; each session more would hold its memory.
    let jobs = args.jobs.or(is_card(engine.name()).then_some(1));
    let crew = Crew::new(jobs, args.threads, count);
    let workers = crew.load(&bundle, &*engine);
    let workers = workers.with_context(|| format!("model '{}'", contract.name))?;
    let embedding = workers.first().map_or(0, |worker| worker.embedding());
    let mut outputs = Outputs::create(args, &contract.labels, embedding, count)?;
    let wanted = args.wanted(recode);
    let work = move |classifier: &mut _, content| wanted.of(classifier, content);
    for (name, outcome) in Ordered::new(requests, workers, 2 * crew.jobs, work) {
        outputs.add(&name, &outcome.unwrap_or_else(|panicked| Err(panicked.into())))?;
        if outputs.are_deaf() {
            return Ok(ExitCode::SUCCESS);
        }
    }
    let whole = outputs.finish()?;
    // A job runner takes the code for its own failure; each request has its answer.
    Ok(if whole || args.jsonl { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn is_card(engine: &str) -> bool {
    engine.ends_with(":cuda") || engine.ends_with(":tensorrt")
}

type Requests = Box<dyn Iterator<Item = Request> + Send>;

/// What is asked, and how much of it where that is known. What names nothing comes last.
fn requests(args: &ClassifyArgs, extensions: &[&str]) -> (Requests, Option<usize>) {
    if args.jsonl {
        return (Box::new(Lines::new(BufReader::new(io::stdin()))), None);
    }
    let recoded: &[&str] = if args.transcode || !args.bitrates.is_empty() { &recode::EXTENSIONS } else { &[] };
    let (sources, missing) = sources(&args.files, &[extensions, recoded].concat());
    let count = sources.len() + missing.len();
    let missing = missing.into_iter().map(|(file, error)| request::of_nothing(file, RequestError::Nothing(error)));
    (Box::new(sources.into_iter().map(request::of_source).chain(missing)), Some(count))
}
