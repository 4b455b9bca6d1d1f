//! `tempest bench`.

use super::classify::at_least_one;
use super::model;
use crate::bench::{Assertion, Clip, Plan, Report, StageReport, Verdict, find, measure, names};
use crate::inputs::sources;
use anyhow::{Context, Result, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use tempest_engine::{ENGINES, Engine, engine};

/// The clip that is measured where none is named.
const SAMPLE: &[u8] = include_bytes!("../../../samples/tempest.mp3");

/// Largest file that is held in memory.
const MAX_FILE_BYTES: u64 = 1 << 30;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tempest bench
  tempest bench --engines tract,onnxruntime --threads 2 -m models/zoo/fsdd/bundle fsdd-test-mp3/
  tempest bench --engines tract,onnxruntime --assert 'encode.tract.p50 < 2 * encode.onnxruntime.p50'
  tempest bench --json --assert 'parse.p50 < 0.1 * end_to_end.p50' | jq .stages

Stages: parse (bytes to rows), encode (rows to embeddings), classify (embeddings to an answer), end_to_end (all of it). Each time \
is that of one round over all clips, from memory; engines take turns within a round.

--assert SIDE OP SIDE: OP is <, <=, > or >=; a side is [NUMBER *] TIME [/ TIME], or a number against a ratio; a TIME is \
STAGE.ENGINE.STAT (the engine may be left out where one is measured, parse has none), STAT one of min, mean, p50, p95, p99. A time \
against a number of milliseconds is refused: it would hold on one machine.

Exit code: 0 measured, and every assertion holds; 1 an assertion does not; 2 nothing could be measured.")]
pub(super) struct BenchArgs {
    /// Files of the model's format, or folders of them [default: a built-in clip of 2.4 s]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Bundle that tempest-compile wrote [default: the built-in wake words]
    #[arg(short, long, value_name = "BUNDLE", env = "TEMPEST_MODEL")]
    model: Option<PathBuf>,
    /// Engines, side by side
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "auto", value_parser = ENGINES)]
    engines: Vec<String>,
    /// Threads of one run (ONNX Runtime; tract uses one)
    #[arg(long, value_name = "N", default_value = "1", value_parser = at_least_one)]
    threads: usize,
    /// Rounds that count
    #[arg(short = 'n', long, value_name = "N", default_value = "100", value_parser = at_least_one)]
    runs: usize,
    /// Rounds before them
    #[arg(long, value_name = "N", default_value_t = 5)]
    warm_up: usize,
    /// Claim that must hold
    #[arg(long = "assert", value_name = "CLAIM")]
    assertions: Vec<Assertion>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &BenchArgs) -> Result<ExitCode> {
    let bundle = model::open(args.model.as_deref())?;
    let engines = engines(&args.engines)?;
    let known = names(&engines.iter().map(|engine| engine.name()).collect::<Vec<_>>());
    args.assertions.iter().flat_map(Assertion::works).try_for_each(|work| find(&known, work).map(drop))?;
    let clips = clips(&args.files, bundle.contract().codec.extensions())?;
    let plan = Plan { runs: args.runs, warm_up: args.warm_up, threads: args.threads };
    let bar = progress(plan.warm_up + plan.runs);
    let report = measure(&bundle, &clips, &engines, plan, || bar.inc(1));
    bar.finish_and_clear();
    let report = report?;
    let check = |claim: &Assertion| Ok((claim.to_string(), claim.check(|work, stat| report.time(work, stat))?));
    let verdicts = args.assertions.iter().map(check).collect::<Result<Vec<_>>>()?;
    print(&if args.json { object(&report, &verdicts)? } else { words(&report, &args.assertions, &verdicts) })?;
    let hold = verdicts.iter().all(|(_, verdict)| verdict.holds);
    Ok(if hold { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Each once, in the order they are named.
fn engines(names: &[String]) -> Result<Vec<Box<dyn Engine>>> {
    let mut engines: Vec<Box<dyn Engine>> = Vec::new();
    for name in names {
        let engine = engine(name)?;
        if !engines.iter().any(|known| known.name() == engine.name()) {
            engines.push(engine);
        }
    }
    Ok(engines)
}

fn clips(files: &[PathBuf], extensions: &[&str]) -> Result<Vec<Clip>> {
    if files.is_empty() {
        return Ok(vec![Clip { name: "the built-in clip".into(), bytes: SAMPLE.into() }]);
    }
    let (sources, missing) = sources(files, extensions);
    if let Some((file, error)) = missing.first() {
        bail!("{file}: {error}");
    }
    let clip = |source: crate::inputs::Source| {
        let name = source.to_string();
        let mut bytes = Vec::new();
        let read = source.open().and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
        read.with_context(|| format!("{name}: cannot read"))?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            bail!("{name}: larger than {MAX_FILE_BYTES} bytes; take a part of it");
        }
        Ok(Clip { name, bytes })
    };
    sources.into_iter().map(clip).collect()
}

fn progress(rounds: usize) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} rounds ETA {eta}");
    ProgressBar::new(rounds as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn object(report: &Report, verdicts: &[(String, Verdict)]) -> Result<String> {
    let mut object = serde_json::to_value(report)?;
    let verdict = |(claim, Verdict { holds, left, right }): &(String, Verdict)| json!({ "assertion": claim, "holds": holds, "left": left, "right": right });
    object["assertions"] = verdicts.iter().map(verdict).collect::<Value>();
    Ok(format!("{object}\n"))
}

fn words(report: &Report, claims: &[Assertion], verdicts: &[(String, Verdict)]) -> String {
    let mut text = String::new();
    let Report { model, precision, clips, blocks, seconds, plan, .. } = report;
    let _ = writeln!(
        text,
        "{model} ({precision}): {blocks} blocks, {seconds:.2} s of audio in {clips} {}; {} rounds after {}, threads {}",
        if *clips == 1 { "clip" } else { "clips" },
        plan.runs,
        plan.warm_up,
        plan.threads,
    );
    for engine in &report.engines {
        let library = engine.library.as_ref().map_or_else(String::new, |path| format!(" ({})", path.display()));
        let _ = writeln!(text, "{} {}{library}: loaded in {:.1} ms", engine.engine, engine.version, engine.load_ms);
    }
    let _ = writeln!(
        text,
        "{:24} {:>10} {:>10} {:>10} {:>10} {:>12} {:>12}",
        "ms a round", "p50", "p95", "p99", "min", "blocks/s", "real time"
    );
    report.stages.iter().for_each(|stage| row(&mut text, stage));
    if let (Some(bytes), Some(threads)) = (report.peak_rss_bytes, report.process_threads) {
        let _ = writeln!(text, "peak memory {:.1} MB, {threads} threads", bytes as f64 / 1e6);
    }
    for (claim, (name, Verdict { holds, left, right })) in claims.iter().zip(verdicts) {
        let unit = if claim.is_of_times() { " ms" } else { "" };
        let verdict = if *holds { "holds" } else { "DOES NOT HOLD" };
        let _ = writeln!(text, "{name}: {verdict} ({left:.3}{unit}, {right:.3}{unit})");
    }
    text
}

fn row(text: &mut String, stage: &StageReport) {
    let StageReport { ms, blocks_per_second, real_time_factor, .. } = stage;
    let _ = writeln!(
        text,
        "{:24} {:10.3} {:10.3} {:10.3} {:10.3} {blocks_per_second:12.0} {:>12}",
        stage.name(),
        ms.p50,
        ms.p95,
        ms.p99,
        ms.min,
        real_time_factor.map_or_else(|| "-".into(), |factor| format!("{factor:.6}")),
    );
}

/// A reader that went away is no error.
fn print(text: &str) -> Result<()> {
    let mut out = io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to standard output"),
    }
}
