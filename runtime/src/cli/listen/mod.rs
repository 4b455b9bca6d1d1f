//! `tempest listen`.

mod args;
pub(super) mod hearing;
mod json;
mod live;
mod output;
mod plain;
mod session;
mod summary;
mod told;

pub(super) use args::{ListenArgs, listed};

use crate::detect::Detector;
use crate::source::{Feed, Origin};
use anyhow::{Context, Result, anyhow, bail};
use hearing::Hearing;
use live::{Board, Live};
use output::{Lines, Output};
use session::{Desk, Session};
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use summary::{Reason, Summary};
use told::Told;

pub(super) fn run(args: &ListenArgs) -> Result<ExitCode> {
    let origin = args.origin()?;
    if origin == Origin::Stdin && io::stdin().is_terminal() {
        bail!("standard input is a terminal; give a file, tcp://HOST:PORT or a URL, or pipe a stream into it");
    }
    let hearing = args.resolve()?;
    let listener = hearing.listener(&args.hearing.engine)?;
    if hearing.is_other(&listener) {
        eprintln!(
            "tempest: the bundle's thresholds were found with another window, hop, smoothing, --min or --refractory"
        );
    }
    // The error's text holds its cause.
    let mut feed = Feed::open(&origin, &args.feed_options()).map_err(|error| anyhow!("{error}"))?;
    let interrupted = interruption()?;
    let desk = desk(args, &origin, &hearing)?;
    let mut session = Session { listener, desk, stop_after: args.stop_after, interrupted: &interrupted };
    session.run(&mut feed)?;
    report(session.desk, &origin, args)
}

/// Set by Ctrl-C and by the signals that ask a process to end.
fn interruption() -> Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed)).context("cannot wait for Ctrl-C")?;
    Ok(interrupted)
}

fn desk(args: &ListenArgs, origin: &Origin, hearing: &Hearing) -> Result<Desk> {
    let contract = hearing.bundle.contract();
    let labels = contract.labels.clone();
    let has_view = !args.json && !args.plain && !matches!(origin, Origin::File(_)) && io::stdout().is_terminal();
    let output = if has_view {
        let board = Board::new(origin.to_string(), contract.name.clone(), &labels, &hearing.settings.thresholds);
        Output::Live(Box::new(Live::new(board)?))
    } else {
        Output::Lines(Lines::new(args.json))
    };
    Ok(Desk {
        detector: Detector::new(&hearing.settings)?,
        output,
        expected: contract.media(),
        scores: args.scores,
        clock: args.clock,
        summary: Summary::new(labels.len()),
        events: Vec::with_capacity(labels.len()),
        labels,
    })
}

/// Gives the terminal back, tells the summary, and says what went wrong.
fn report(desk: Desk, origin: &Origin, args: &ListenArgs) -> Result<ExitCode> {
    let Desk { output, labels, summary, expected, .. } = desk;
    if summary.reason == Reason::Unheard {
        return Ok(ExitCode::SUCCESS);
    }
    let mut lines = lines_behind(output)?;
    // A stream that never came has no summary for people.
    let never_came = summary.error.is_some() && summary.tally.blocks == 0;
    if args.json || !never_came {
        lines.tell(&session::moment(summary.seconds, args.clock), &Told::Summary(&summary), &labels)?;
        lines.flush()?;
    }
    let is_empty = summary.reason == Reason::Ended && summary.tally.blocks == 0;
    let nothing = is_empty.then(|| format!("{origin}: no block of {expected} in {} bytes", summary.tally.bytes));
    let Some(error) = summary.error.or(nothing) else { return Ok(ExitCode::SUCCESS) };
    eprintln!("tempest: {error}");
    Ok(ExitCode::from(if never_came { 2 } else { 1 }))
}

/// Standard output, with the lines that the live view told last.
fn lines_behind(output: Output) -> Result<Lines> {
    match output {
        Output::Lines(lines) => Ok(lines),
        Output::Live(live) => {
            let mut lines = Lines::new(false);
            live.leave().iter().try_for_each(|line| lines.write(line))?;
            Ok(lines)
        }
    }
}
