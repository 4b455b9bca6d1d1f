//! `tempest blocks`.

mod extract;
mod json;
mod open;
mod out;
mod plot;
mod progress;
mod summary;
mod table;

use crate::inputs::{Source, sources};
use crate::survey::{Format, Item, Survey, Unit, View};
use anyhow::{Result, bail};
use clap::Args;
use extract::Extract;
use open::{FileError, Opened};
use out::Out;
use plot::Plot;
use progress::Progress;
use std::path::PathBuf;
use std::process::ExitCode;

/// Bytes read at a time.
const CHUNK_BYTES: usize = 1 << 16;

/// Which files of a folder are looked at.
const EXTENSIONS: [&str; 7] = ["mp3", "opus", "ogg", "oga", "jpg", "jpeg", "jpe"];

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tempest blocks samples/tempest.mp3
  tempest blocks --unit granule --all song.mp3 | less
  tempest blocks --json --view fields clip.opus | jq -c 'select(.event == \"block\") | .row'
  curl -s https://radio.example/live.mp3 | tempest blocks --all -
  tempest blocks --unit restart --extract intervals/ photo.jpg
  tempest blocks --plot sizes.svg song.mp3

Exit code: 0 every file was read and is sound, 1 some file could not be read as media (its line on stderr says why) or \
holds damage (its summary says what), 2 nothing could be done.")]
pub(super) struct BlocksArgs {
    /// MP3, Ogg Opus and JPEG files, folders of them, or - for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What to cut into [default: frame of MP3, packet of Ogg Opus, mcu of JPEG]
    #[arg(short, long, value_name = "UNIT")]
    unit: Option<Unit>,
    /// Show every row of the table, not only the first, the last and the damaged
    #[arg(short, long, conflicts_with = "json")]
    all: bool,
    /// One JSON object a line: each block, skipped run and error, then a summary
    #[arg(long)]
    json: bool,
    /// Add to each block its row of numbers
    #[arg(long, value_name = "VIEW", requires = "json")]
    view: Option<View>,
    /// Write each block into a file of this folder
    #[arg(long, value_name = "DIR")]
    extract: Option<PathBuf>,
    /// Files that --extract may write
    #[arg(long, value_name = "N", default_value_t = 100_000, requires = "extract")]
    max_files: u64,
    /// Let --extract write into a folder that is not empty; files of the same name are replaced
    #[arg(long, requires = "extract")]
    force: bool,
    /// Draw block sizes over time into an SVG file, damage marked
    #[arg(long, value_name = "SVG")]
    plot: Option<PathBuf>,
    /// Read as this format whatever the file begins with
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
}

/// Where the items of a file go.
struct Outputs {
    out: Out,
    extract: Option<Extract>,
    plot: Option<Plot>,
}

/// Why a file is not read to its end.
enum Stop {
    /// It is not what it should be: the next one may be.
    File(FileError),
    /// Nothing more can be written.
    Output(anyhow::Error),
}

pub(super) fn run(args: &BlocksArgs) -> Result<ExitCode> {
    let (sources, missing) = sources(&args.files, &EXTENSIONS);
    if sources.len() > 1 && (args.extract.is_some() || args.plot.is_some()) {
        bail!("--extract and --plot take one file, not {}; run once for each", sources.len());
    }
    let mut outputs = Outputs {
        out: Out::new(args.json, args.all),
        extract: args.extract.as_deref().map(|dir| Extract::open(dir, args.max_files, args.force)).transpose()?,
        plot: args.plot.as_deref().map(Plot::open).transpose()?,
    };
    let mut sound = missing.is_empty();
    for source in &sources {
        sound &= survey(source, args, &mut outputs)?;
        if outputs.are_deaf() {
            return Ok(ExitCode::SUCCESS);
        }
    }
    for (file, error) in missing {
        outputs.out.failure(&file, &error)?;
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Surveys one file; whether it is sound.
fn survey(source: &Source, args: &BlocksArgs, outputs: &mut Outputs) -> Result<bool> {
    let file = source.to_string();
    let mut progress = Progress::new(source, outputs.out.is_sparse());
    let read = read(source, args, outputs, &mut progress);
    progress.finish();
    match read {
        Ok(survey) => {
            if let Some(plot) = outputs.plot.take() {
                plot.write(&file, &survey)?;
            }
            outputs.out.summary(&survey)?;
            Ok(!survey.tally().is_damaged())
        }
        Err(Stop::File(error)) => outputs.out.failure(&file, &error.to_string()).map(|()| false),
        Err(Stop::Output(error)) => Err(error),
    }
}

/// Reads a stream to its end and gives every item as soon as it is there.
fn read(source: &Source, args: &BlocksArgs, outputs: &mut Outputs, progress: &mut Progress) -> Result<Survey, Stop> {
    let mut reader = source.open().map_err(FileError::Read)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut head = Vec::new();
    let mut count = open::fill(&mut reader, &mut chunk, &mut head)?;
    let Opened { format, is_known } = open::format(&head, args.format)?;
    let survey = Survey::new(format, args.unit, args.view);
    let mut survey = survey.map_err(|error| open::unfit(error, &head, is_known))?;
    outputs.begin(&source.to_string(), &survey);
    let mut bytes = head.as_slice();
    loop {
        survey.feed(bytes, &mut |item| outputs.item(item)).map_err(Stop::Output)?;
        progress.suspend_if(outputs.out.is_pending(), || outputs.out.flush()).map_err(Stop::Output)?;
        progress.add(bytes.len());
        if outputs.are_deaf() {
            return Ok(survey);
        }
        if survey.tally().cut == 0 && survey.tally().bytes > open::search_bytes(is_known) {
            return Err(open::nothing(&survey, &head, is_known).into());
        }
        if count == 0 {
            break;
        }
        count = open::some(&mut reader, &mut chunk)?;
        bytes = &chunk[..count];
    }
    survey.finish(&mut |item| outputs.item(item)).map_err(Stop::Output)?;
    match survey.tally().cut {
        0 => Err(open::nothing(&survey, &head, is_known).into()),
        _ => Ok(survey),
    }
}

impl Outputs {
    fn begin(&mut self, file: &str, survey: &Survey) {
        self.out.begin(file, survey);
        if let Some(extract) = &mut self.extract {
            extract.begin(survey);
        }
    }

    fn item(&mut self, item: &Item<'_>) -> Result<()> {
        if let (Some(extract), Item::Block(block, content)) = (&self.extract, item) {
            extract.block(block, content)?;
        }
        if let Some(plot) = &mut self.plot {
            plot.item(item);
        }
        self.out.item(item)
    }

    /// Nobody listens any more, and no file is written.
    const fn are_deaf(&self) -> bool {
        self.out.is_closed() && self.extract.is_none() && self.plot.is_none()
    }
}

impl<E: Into<FileError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::File(error.into())
    }
}
