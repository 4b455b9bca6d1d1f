//! From the command line's data options to rows.

use crate::data::{
    Augment, CodecOptions, Control, Dataset, Format, PrepareOptions, Prepared, PreparedClip, Skipped, Split,
    SplitOptions, cache, prepare,
};
use crate::rows::{Rows, has_block};
use crate::truth::Truth;
use anyhow::{Context, Result, bail};
use clap::Args;
use rayon::prelude::*;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempest_blocks::mp3;
use tempest_contract::Contract;
use tempest_transcode::mp3::RateMode;

/// How far the mean bit rate of a file may lie from that asked for, as a share of it, to be taken for such a stream: as far as
/// those of clips of some seconds do.
const NEAR: f64 = 0.25;

/// How many times the clips of another class a class may have without a word.
const UNBALANCED: usize = 10;

/// Where the recordings are and how they are split.
#[derive(Debug, Args)]
pub(super) struct DataArgs {
    /// Folder of the data set, or the manifest of csv [default: $TEMPEST_DATA/FORMAT]
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// Layout of the folder
    #[arg(long, value_enum)]
    pub format: Format,
    /// ESC: the fold that is the test split [default: 1, or the checkpoint's]
    #[arg(long, value_name = "FOLD")]
    test_fold: Option<u32>,
    /// Share of the training clips taken for validation [default: 0, or the checkpoint's]
    #[arg(long, value_name = "SHARE")]
    validation: Option<f32>,
    /// Folder that keeps encoded clips between runs
    #[arg(long, value_name = "DIR", default_value = ".cache/tempest")]
    pub cache: PathBuf,
    /// Stop at the first unreadable recording instead of skipping it
    #[arg(long)]
    pub strict: bool,
}

impl DataArgs {
    /// The data set, split as the command line says, else as the training record of a checkpoint does.
    pub(super) fn open(&self, record: Option<&Value>) -> Result<Dataset> {
        let options = SplitOptions { test_fold: self.test_fold(record), validation: self.validation(record) };
        let dataset = Dataset::open(&self.root()?, self.format, &options)?;
        if dataset.absent > 0 {
            let (absent, all) = (dataset.absent, dataset.absent + dataset.clips.len());
            let text = format!("{absent} of {all} listed recordings are not there");
            if self.strict {
                bail!("{}: {text}", dataset.name);
            }
            eprintln!("{text} (--strict stops here)");
        }
        Ok(dataset)
    }

    pub(super) fn test_fold(&self, record: Option<&Value>) -> u32 {
        let recorded = record.and_then(|record| record["data"]["test_fold"].as_u64()).map(|fold| fold as u32);
        self.test_fold.or(recorded).unwrap_or(1)
    }

    pub(super) fn validation(&self, record: Option<&Value>) -> f32 {
        let recorded = record.and_then(|record| record["data"]["validation_share"].as_f64()).map(|share| share as f32);
        self.validation.or(recorded).unwrap_or(0.0)
    }

    /// Folder or manifest of the data set: as given, or the format's own below `TEMPEST_DATA`.
    fn root(&self) -> Result<PathBuf> {
        if let Some(data) = &self.data {
            return Ok(data.clone());
        }
        let base =
            std::env::var_os("TEMPEST_DATA").context("give the data set's folder with --data, or TEMPEST_DATA")?;
        let folder = match self.format {
            Format::Wakewords => "wakewords",
            Format::Fsdd => "fsdd",
            Format::Esc => "esc10",
            Format::Mnist => "mnist",
            Format::Csv => "manifest.csv",
            Format::Audioset => "audioset",
            Format::Folder | Format::Unlabelled => "",
        };
        Ok(Path::new(&base).join(folder))
    }

    /// The streams of a split, from the cache or made now on all cores. Skipped recordings are named on stderr.
    pub(super) fn streams(
        &self,
        dataset: &Dataset,
        split: Split,
        codec: &CodecOptions,
        variants: u32,
        augment: Augment,
        seed: u64,
    ) -> Result<Prepared> {
        if dataset.split(split).next().is_none() {
            bail!("{}: the {} split has no clips", dataset.name, format!("{split:?}").to_lowercase());
        }
        let options = PrepareOptions {
            codec: codec.clone(),
            variants,
            augment,
            seed,
            cache_dir: self.cache.clone(),
            strict: self.strict,
        };
        let bar = cache::progress_bar(match split {
            Split::Train => "encoding training clips",
            Split::Validation => "encoding validation clips",
            Split::Test => "encoding test clips",
        });
        let fits = |stream: &[u8]| fits(stream, codec);
        let control = Control { fits: &fits, stop: super::stop_flag(), bar: &bar };
        let prepared = on_all_cores(|| prepare(dataset, split, &options, control))??;
        report(&prepared.skipped, prepared.clips.len());
        Ok(prepared)
    }

    /// Leaves out clips too short for one block, and names them on stderr.
    pub(super) fn leave_out_short(&self, prepared: &mut Prepared, contract: &Contract) -> Result<()> {
        let is_whole = |clip: &PreparedClip| clip.streams.iter().all(|stream| has_block(stream, contract));
        let (whole, short) = std::mem::take(&mut prepared.clips).into_iter().partition(is_whole);
        prepared.clips = whole;
        let reason = format!("too short for one block of {}", contract.media());
        let skipped = |clip: PreparedClip| Skipped { id: clip.id, reason: reason.clone() };
        let short: Vec<Skipped> = Vec::into_iter(short).map(skipped).collect();
        if let (Some(first), true) = (short.first(), self.strict) {
            bail!("{}: {}", first.id, first.reason);
        }
        report(&short, prepared.clips.len());
        prepared.skipped.extend(short);
        Ok(())
    }
}

/// Names the recordings that are left out, and counts them.
fn report(skipped: &[Skipped], kept: usize) {
    for Skipped { id, reason } in skipped {
        eprintln!("skipped {id}: {reason}");
    }
    if !skipped.is_empty() {
        let all = skipped.len() + kept;
        eprintln!("{} of {all} recordings skipped (--strict stops at the first)", skipped.len());
    }
}

/// Says where one class has many times the training clips of another.
pub(super) fn warn_of_imbalance(dataset: &Dataset) {
    let counts = dataset.counts();
    let classes = counts.iter().map(|count| count[Split::Train as usize]).zip(&dataset.labels);
    // A label of another format of a `join` has none.
    let classes = || classes.clone().filter(|(count, _)| *count > 0);
    if let (Some((few, least)), Some((many, most))) = (classes().min(), classes().max_by_key(|(count, _)| *count))
        && many >= UNBALANCED * few
    {
        eprintln!("unbalanced: '{most}' has {many} training clips, '{least}' {few}; rare classes are learnt badly");
    }
}

/// Whether an MP3 file already is what the clips would be encoded to.
fn fits(stream: &[u8], codec: &CodecOptions) -> bool {
    let CodecOptions::Mp3(codec) = codec else { return false };
    let (mut frames, mut sum) = (0, 0);
    let alike = mp3::blocks(stream).all(|block| {
        let header = block.header;
        (frames, sum) = (frames + 1, sum + u64::from(header.bitrate_kbps()));
        (header.sample_rate(), header.channels(), block.truncated) == (codec.sample_rate, 1, false)
            && (codec.mode == RateMode::Abr || header.bitrate_kbps() == codec.bitrate_kbps)
    });
    let mean = sum as f64 / f64::from(frames.max(1));
    let near = (1.0 - NEAR..=1.0 + NEAR).contains(&(mean / f64::from(codec.bitrate_kbps)));
    alike && frames > 0 && near
}

/// The rows of every variant of every clip, with its true labels. Clips too short for one block have been left out.
pub(super) fn rows(clips: &[PreparedClip], contract: &Contract) -> Result<Vec<(Vec<Rows>, Truth)>> {
    let bar = cache::progress_bar("reading clips");
    bar.set_length(clips.len() as u64);
    let read = |clip: &PreparedClip| {
        let rows: Result<Vec<Rows>, _> = clip.streams.iter().map(|stream| Rows::read(stream, contract)).collect();
        bar.inc(1);
        Ok((rows.with_context(|| clip.id.clone())?, clip.truth.clone()))
    };
    let rows = on_all_cores(|| clips.par_iter().map(read).collect())?;
    bar.finish_and_clear();
    rows
}

/// Runs `work` where rayon has a thread for each core. Elsewhere it has one: the products of a shard stay on its own.
pub(super) fn on_all_cores<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().context("cannot start threads")?;
    Ok(pool.install(work))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use tempest_contract::{Codec, FORMAT_VERSION, Opus, Unit, View, ViewKind, Window};
    use tempest_transcode::opus;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        data: DataArgs,
    }

    fn contract() -> Contract {
        let encoder = "none".into();
        let codec = Codec::OggOpus(Opus {
            unit: Unit::Packet,
            packet_samples: 1_920,
            channels: 1,
            bitrates_kbps: vec![29],
            encoder,
        });
        let view = View::of(ViewKind::Bytes, &codec, 8).unwrap();
        Contract {
            format_version: FORMAT_VERSION,
            name: "test".into(),
            labels: vec!["a".into()],
            answers: tempest_contract::Answers::default(),
            codec,
            view,
            window: Window { blocks: 8, hop: 4 },
        }
    }

    #[test]
    fn clips_too_short_for_one_block_are_left_out_or_fatal() {
        let whole = opus::encode(&[0.1; 4_800], &opus::EncodeParams::default()).unwrap();
        let head = whole[..60].to_vec();
        let clip = |id: &str, streams| PreparedClip { id: id.into(), truth: 0.into(), streams };
        let clips = || vec![clip("a", vec![whole.clone()]), clip("b", vec![whole.clone(), head.clone()])];
        let data = |options: &[&str]| Line::parse_from([&["fit", "--format", "folder"], options].concat()).data;
        let mut prepared = Prepared { clips: clips(), ..Prepared::default() };
        data(&[]).leave_out_short(&mut prepared, &contract()).unwrap();
        assert_eq!((prepared.clips.len(), prepared.clips[0].id.as_str()), (1, "a"));
        assert_eq!((prepared.skipped.len(), prepared.skipped[0].id.as_str()), (1, "b"));
        let mut prepared = Prepared { clips: clips(), ..Prepared::default() };
        let error = data(&["--strict"]).leave_out_short(&mut prepared, &contract()).unwrap_err();
        assert!(error.to_string().starts_with("b: too short for one block of Ogg Opus"), "{error}");
    }
}
